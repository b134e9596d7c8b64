"""Memory connectors with one mistake each: what the kit must find. Each is a mistake that real connectors have made or nearly made."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from channelsync.contract import (
    Call,
    Connector,
    Context,
    Cursor,
    Delivery,
    Effect,
    Gone,
    Identity,
    Listing,
    OrderLine,
    OrderSnapshot,
    Outcome,
    Page,
    Parsed,
    Reading,
    ShelfRef,
    Subscription,
    WriteResult,
)
from channelsync.errors import BadDelivery, ChannelError, Misunderstood, NotReached, RateLimited, Unauthorized, Unavailable
from channelsync_memory import MemoryConnector, Settings


@dataclass(frozen=True)
class Kind:
    """A `ConnectorType` that makes the mistaken connector."""

    mistaken: type[MemoryConnector]
    name: str = "memory"
    settings: type[BaseModel] = Settings

    def connect(self, settings: Any, context: Context) -> Connector:
        return self.mistaken(settings, context)


class OpenLowerBound(MemoryConnector):
    def _overlap(self) -> timedelta:
        return timedelta(seconds=-1)


class NoOverlap(MemoryConnector):
    def _overlap(self) -> timedelta:
        return timedelta(0)


class IgnoresWiden(MemoryConnector):
    async def orders(self, cursor: Cursor, *, widen: timedelta = timedelta(0)) -> AsyncIterator[Page[OrderSnapshot]]:
        async for page in super().orders(cursor):
            yield page


class HighWaterOnTheFirstPage(MemoryConnector):
    async def orders(self, cursor: Cursor, *, widen: timedelta = timedelta(0)) -> AsyncIterator[Page[OrderSnapshot]]:
        async for page in super().orders(cursor, widen=widen):
            yield replace(page, resume=None, high_water=page.high_water or self._clock_mark())

    def _clock_mark(self) -> str:
        return "2026-01-01T00:00:00+00:00"


class ForgetsWhereTheRunBegan(MemoryConnector):
    """After a break the run is taken for a new one, and its end for the mark of everything before."""

    async def orders(self, cursor: Cursor, *, widen: timedelta = timedelta(0)) -> AsyncIterator[Page[OrderSnapshot]]:
        if cursor.resume:
            since, _, after = cursor.resume.split("|", 2)
            cursor = Cursor(resume=f"{since}||{after}")
        async for page in super().orders(cursor, widen=widen):
            yield page


class FirstPageOnly(MemoryConnector):
    async def listings(self, cursor: Cursor) -> AsyncIterator[Page[Listing]]:
        async for page in super().listings(cursor):
            yield replace(page, resume=None, high_water=page.high_water or "2026-01-01T00:00:00+00:00")
            return


class SwallowsATruncatedPage(MemoryConnector):
    async def orders(self, cursor: Cursor, *, widen: timedelta = timedelta(0)) -> AsyncIterator[Page[OrderSnapshot]]:
        try:
            async for page in super().orders(cursor, widen=widen):
                yield page
        except Misunderstood:
            yield Page((), high_water="2026-01-01T00:00:00+00:00")


class SkuInsteadOfRef(MemoryConnector):
    async def listings(self, cursor: Cursor) -> AsyncIterator[Page[Listing]]:
        async for page in super().listings(cursor):
            yield replace(page, items=tuple(replace(listing, ref=str(listing.sku)) for listing in page.items))


class ForgetsAliases(MemoryConnector):
    async def listings(self, cursor: Cursor) -> AsyncIterator[Page[Listing]]:
        async for page in super().listings(cursor):
            yield replace(page, items=tuple(replace(listing, aliases=()) for listing in page.items))


class GoneByStatus(MemoryConnector):
    async def order(self, ref: str) -> OrderSnapshot | Gone:
        try:
            return await super().order(ref)
        except Misunderstood as error:
            if "404" in str(error):
                return Gone(ref)
            raise


class _OtherLines(MemoryConnector):
    """Changes every line of every order read directly."""

    async def order(self, ref: str) -> OrderSnapshot | Gone:
        found = await super().order(ref)
        return found if isinstance(found, Gone) else replace(found, lines=tuple(self.line(line, found) for line in found.lines))

    def line(self, line: OrderLine, order: OrderSnapshot) -> OrderLine:
        raise NotImplementedError


class CancelledCountsAsRestocked(_OtherLines):
    def line(self, line: OrderLine, order: OrderSnapshot) -> OrderLine:
        return replace(line, cancelled=0, restocked=line.restocked + line.cancelled)


class EverythingCancelledIsBackOnSale(_OtherLines):
    def line(self, line: OrderLine, order: OrderSnapshot) -> OrderLine:
        return replace(line, cancelled=line.cancelled + line.quarantined, quarantined=0)


class EffectsAtTheTimeOfTheOrder(_OtherLines):
    def line(self, line: OrderLine, order: OrderSnapshot) -> OrderLine:
        return replace(line, effects=tuple(Effect(effect.units, order.created_at) for effect in line.effects))


class EffectsFromTheStatus(_OtherLines):
    """The shop took what was ordered, it is thought; it took less."""

    def line(self, line: OrderLine, order: OrderSnapshot) -> OrderLine:
        return replace(line, effects=(Effect(line.quantity, order.modified_at + timedelta(seconds=1)),))


class SeesNothingWithheld(_OtherLines):
    def line(self, line: OrderLine, order: OrderSnapshot) -> OrderLine:
        return replace(line, withheld=0)


class AbsentReadsAsZero(MemoryConnector):
    async def stock(self, shelves: Sequence[ShelfRef]) -> Sequence[Reading]:
        found = {reading.shelf: reading for reading in await super().stock(shelves)}
        now = self._context.clock.now()
        return [found.get(shelf, Reading(shelf, 0, now)) for shelf in shelves]

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings, context)
        self._context = context


class UncountedReadsAsZero(MemoryConnector):
    async def stock(self, shelves: Sequence[ShelfRef]) -> Sequence[Reading]:
        return [replace(reading, shows=reading.shows or 0) for reading in await super().stock(shelves)]


class OneBatchOnly(MemoryConnector):
    async def stock(self, shelves: Sequence[ShelfRef]) -> Sequence[Reading]:
        return await super().stock(shelves[: self.traits.readings_per_call])


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


class VerifiesParsedJson(MemoryConnector):
    def verify(self, delivery: Delivery) -> str:
        try:
            body = json.dumps(json.loads(delivery.body)).encode()
        except ValueError as error:
            raise BadDelivery("not JSON") from error
        return super().verify(replace(delivery, body=body))


class ComparesSignaturesInTheOpen(MemoryConnector):
    def verify(self, delivery: Delivery) -> str:
        secret = self._settings.webhook_secrets[0].get_secret_value().encode()
        signature = base64.b64encode(hmac.digest(secret, delivery.body, hashlib.sha256)).decode()
        if delivery.headers.get("x-memory-signature") != signature:
            raise BadDelivery("the signature does not fit the body")
        return hashlib.sha256(delivery.body).hexdigest()


class TakesUnsignedDeliveries(MemoryConnector):
    def verify(self, delivery: Delivery) -> str:
        if not delivery.headers.get("x-memory-signature"):
            return hashlib.sha256(delivery.body).hexdigest()
        return super().verify(delivery)


class KeyFromTheTimeOfArrival(MemoryConnector):
    def verify(self, delivery: Delivery) -> str:
        return f"{super().verify(delivery)}-{delivery.received_at.isoformat()}"


class OneKeyPerTopic(MemoryConnector):
    def verify(self, delivery: Delivery) -> str:
        super().verify(delivery)
        return str(json.loads(delivery.body)["topic"])


class TrustsTheShapeOfADelivery(MemoryConnector):
    def parse(self, delivery: Delivery) -> Sequence[Parsed]:
        content = json.loads(delivery.body)
        assert content["topic"]
        return super().parse(delivery)


class SubscribesAgainAndAgain(MemoryConnector):
    async def subscribe(self, url: str) -> Sequence[Subscription]:
        await super().subscribe(f"{url}?")
        request = self._request("POST", "/hooks", content={"topic": "order.changed", "url": url})
        await self._http.write(request, lambda response: response.status)
        return await super().subscribe(url)


class LeavesHooksSwitchedOff(MemoryConnector):
    async def subscribe(self, url: str) -> Sequence[Subscription]:
        ours = [hook for hook in await self.subscriptions() if hook.url == url]
        return ours or await super().subscribe(url)


class RetryStorm(MemoryConnector):
    async def check(self) -> Identity:
        for _ in range(20):
            try:
                return await super().check()
            except Unavailable:
                continue
        return await super().check()


class WrongCredentialsAreAnOutage(MemoryConnector):
    async def check(self) -> Identity:
        try:
            return await super().check()
        except Unauthorized as error:
            raise Unavailable(str(error)) from error


class LetsForeignErrorsOut(MemoryConnector):
    async def check(self) -> Identity:
        try:
            return await super().check()
        except Misunderstood as error:
            raise KeyError("id") from error
