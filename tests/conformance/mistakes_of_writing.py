"""Memory connectors that each make one mistake in `push`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace

from channelsync.contract import (
    Call,
    Context,
    Outcome,
    WriteResult,
)
from channelsync.errors import ChannelError, NotReached, RateLimited, Unavailable
from channelsync_memory import MemoryConnector, Settings


class BlindCompareAndSet(MemoryConnector):
    """Reads first and compares with what it read: the comparison always succeeds, and a sale is undone."""

    async def push(self, call: Call) -> Sequence[WriteResult]:
        shows = {reading.shelf: reading.shows or 0 for reading in await self.stock([write.shelf for write in call.writes])}
        writes = tuple(replace(write, compare=shows.get(write.shelf, 0)) for write in call.writes)
        return await super().push(replace(call, writes=writes))


class RepeatsInsidePush(MemoryConnector):
    async def push(self, call: Call) -> Sequence[WriteResult]:
        try:
            return await super().push(call)
        except ChannelError:
            return await super().push(call)


class OkOnTimeOut(MemoryConnector):
    async def push(self, call: Call) -> Sequence[WriteResult]:
        try:
            return await super().push(call)
        except (RateLimited, NotReached):
            raise
        except Unavailable:
            return [WriteResult(write.id, Outcome.OK) for write in call.writes]


class NotSentAfterAnError(MemoryConnector):
    async def push(self, call: Call) -> Sequence[WriteResult]:
        try:
            return await super().push(call)
        except Unavailable as error:
            if "502" in str(error):
                return [WriteResult(write.id, Outcome.NOT_SENT) for write in call.writes]
            raise


class EveryFailureIsUnknown(MemoryConnector):
    """Also a refused connection, which proves that nothing happened."""

    async def push(self, call: Call) -> Sequence[WriteResult]:
        try:
            return await super().push(call)
        except ChannelError:
            return [WriteResult(write.id, Outcome.UNKNOWN) for write in call.writes]


class ResultsByPosition(MemoryConnector):
    async def push(self, call: Call) -> Sequence[WriteResult]:
        results = await super().push(call)
        return [replace(result, id=write.id) for write, result in zip(call.writes, results, strict=False)]


class OneBadWriteSpoilsTheReport(MemoryConnector):
    """If any write was refused, all are reported as refused."""

    async def push(self, call: Call) -> Sequence[WriteResult]:
        results = await super().push(call)
        if any(result.outcome is Outcome.REFUSED for result in results):
            return [replace(result, outcome=Outcome.REFUSED) for result in results]
        return results


class NewKeyForEachTry(MemoryConnector):
    async def push(self, call: Call) -> Sequence[WriteResult]:
        return await super().push(replace(call, key=str(uuid.UUID(int=next(self._serial)))))

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings, context)
        self._serial = iter(range(1, 1000))
