"""What a person asks of a store as a whole: look now, show the plan, apply it, push now. The same for a running daemon and for a lone command."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from channelsync.engine.channel import Channel
from channelsync.engine.introduce import introduce
from channelsync.engine.loops import Engine
from channelsync.engine.store import Store
from channelsync.errors import ChannelError
from channelsync.ledger import openings, selling
from channelsync.ledger.group import Verb
from channelsync.ledger.openings import Opening, Plan
from channelsync.ledger.planned import NOWHERE, Sink

ROUNDS_MAX = 1_000
STEP = timedelta(milliseconds=50)
PUSH_WAIT = timedelta(seconds=30)


class Operator:
    """opening: the channel whose numbers open the ledger. running: the engine's own loops do the pushing; otherwise it is done here."""

    def __init__(self, engine: Engine, *, opening: int | None, running: bool) -> None:
        self._engine, self._opening, self._running = engine, opening, running
        self._store = engine.store

    async def look(self, only: Iterable[Channel] | None = None) -> dict[str, str]:
        """Read listings, orders and the numbers that were never read. Returns what went wrong, by channel.

        The channel that opens the ledger comes first: its SKUs are what the others' listings are matched with. Then those that own on hand.
        """
        wanted = list(self._store.channels.values() if only is None else only)
        leads = {self._opening, *self._engine.authorities}
        first = sorted((channel for channel in wanted if channel.id in leads), key=lambda channel: channel.id != self._opening)
        rest = [channel for channel in wanted if channel.id not in leads]
        troubles = [await self._look_at(channel) for channel in first]
        troubles += await asyncio.gather(*(self._look_at(channel) for channel in rest))
        return {channel.name: trouble for channel, trouble in zip([*first, *rest], troubles, strict=True) if trouble}

    async def _look_at(self, channel: Channel) -> str | None:
        try:
            await introduce(self._store, channel)
            await self._engine.catalogues[channel.id].refresh()
            if (authority := self._engine.authorities.get(channel.id)) is not None:
                await authority.read()
                return None
            await self._engine.places[channel.id].watch()
            await self._engine.pullers[channel].look()
            reconciler = self._engine.reconcilers[channel.id]
            for _ in range(ROUNDS_MAX):
                if not await reconciler.close_brackets():
                    break
        except ChannelError as error:
            await self._store.troubled(channel, error)
            return str(error)
        return None

    async def plan(self, sink: Sink = NOWHERE) -> Plan:
        """What applying would write, and what would open the ledger, row by row into the sink. Changes nothing."""
        return await self._long(openings.preview, sink)

    async def apply(self, sink: Sink = NOWHERE) -> Plan:
        """Post the opening balances and let the channels be written."""
        applied = await self._long(openings.open_channels, sink)
        self._store.wake()
        return applied

    async def _long(self, verb: Verb[Opening, Plan], sink: Sink) -> Plan:
        try:
            plan = await self._store.ledger.run(verb, self._what(sink))
        except Exception:  # who is cancelled does not end it: the ledger goes on with what it has begun
            self._store.work.end()
            raise
        self._store.work.end()
        return plan

    async def push(self, only: Iterable[Channel] | None = None) -> Mapping[str, int]:
        """Send what is due. Returns how many shelves of each channel still wait afterwards."""
        wanted = list(self._store.channels.values() if only is None else only)
        await asyncio.gather(*(self._push_to(channel) for channel in wanted))
        return {channel.name: await self._store.ledger.read(selling.count_due, channel.id) for channel in wanted}

    async def _push_to(self, channel: Channel) -> None:
        if not self._running:
            try:
                await self._engine.dispatchers[channel.id].run_once()
                if (switching := self._engine.switchings.get(channel.id)) is not None:
                    await switching.run_once()
            except ChannelError as error:
                await self._store.troubled(channel, error)
            return
        channel.due.set()
        channel.switched.set()
        until = self._store.clock.monotonic() + PUSH_WAIT.total_seconds()
        while (
            await self._store.ledger.read(selling.count_due, channel.id) and self._store.clock.monotonic() < until and not channel.trouble
        ):
            await self._store.clock.sleep(STEP.total_seconds())

    def _what(self, sink: Sink) -> Opening:
        return Opening(
            tuple(sorted(self._store.channels)), self._opening, tuple(sorted(self._engine.switchings)), _Moving(sink, self._store)
        )


@dataclass(frozen=True, slots=True)
class _Moving:
    """A sink that notes with every row that the work comes on: the first plan of a very large shop keeps the ledger for minutes."""

    sink: Sink
    store: Store

    def begin(self) -> None:
        self.store.work.move()
        self.sink.begin()

    def add(self, section: str, row: Any) -> None:
        self.store.work.move()
        self.sink.add(section, row)

    def moved(self) -> None:
        self.store.work.move()
        self.sink.moved()

    def end(self) -> None:
        self.store.work.move()
        self.sink.end()
