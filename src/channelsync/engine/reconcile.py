"""Looking: the sweep that reads every shelf in turn, and the closed brackets that end what only a reading can end.

A bracket is read, wait until every effect before the first reading can be seen in the order list, pull, read again. While it waits, lowers go on;
a shelf that moved meanwhile simply does not close and is looked at again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from channelsync.contract import Reading, ShelfRef
from channelsync.engine import onlooker
from channelsync.engine.channel import Channel
from channelsync.engine.poll import Puller
from channelsync.engine.steady import JUMP_SECONDS
from channelsync.engine.store import Store
from channelsync.ledger import brackets, channels, first_books, to_read
from channelsync.ledger.brackets import Bracket, Closing, EditPolicy, OnEdit, Seen
from channelsync.ledger.first_books import FirstReadings
from channelsync.ledger.to_read import ShelfState

log = structlog.get_logger(__name__)

SHELVES_PER_ROUND = 500
BULK_ROUND_MAX = 250_000
Readings = Mapping[ShelfRef, Reading]
LOOKING_ON = OnEdit(EditPolicy.OVERWRITE, EditPolicy.OVERWRITE)


class Reconciler:
    def __init__(self, store: Store, channel: Channel, puller: Puller) -> None:
        self._store, self._channel, self._puller = store, channel, puller
        self._bulk_next = False

    @property
    def _drains_within(self) -> timedelta:
        """Counted from the release. A request may wait for the rate limit before it leaves, and A-DRAIN begins when its time-out ends."""
        return self._channel.settings.timeout + self._channel.traits.write_drains_within

    @property
    def _on_edit(self) -> OnEdit:
        """Of a shop that we only look on, nobody is asked about another tool's numbers, and none of them becomes ours."""
        return self._channel.settings.on_edit if self._channel.settings.live else LOOKING_ON

    async def close_brackets(self) -> int:
        """One round over the shelves that need one. Returns how many were closed. Raises the channel's errors."""
        store, channel = self._store, self._channel
        if not store.time.steady(max(JUMP_SECONDS, self._drains_within.total_seconds())):
            return 0  # the wall clock cannot say how long ago a request left
        wanted = await self._wanting_bracket()
        if not wanted:
            return 0
        first_at = store.clock.now()
        first = await self._read(wanted)
        await store.clock.sleep(channel.traits.visibility_lag.total_seconds())
        await self._puller.look()
        second = await self._read(wanted)
        closed = await self._open_books([state for state in wanted if state.book is None], first, second)
        known = [state for state in wanted if state.book is not None]
        closings = await asyncio.gather(*(self._close(state, first.get(state.shelf), second.get(state.shelf), first_at) for state in known))
        closed += sum(closing is not Closing.OPEN for closing in closings)
        if closed:
            store.wake()
        return closed

    async def _wanting_bracket(self) -> list[ShelfState]:
        """The shelves of the next round. Where the shop tells all its numbers at once, all that have no book yet are one round; it takes its
        time, so what waits for an answer to a write goes first, every other time.
        """
        ledger, channel_id, bulk = self._store.ledger, self._channel.id, self._channel.traits.readings_in_bulk
        now, limit = self._store.clock.now(), BULK_ROUND_MAX if bulk else SHELVES_PER_ROUND
        drained, visible = now - self._drains_within, now - self._channel.traits.write_visible_after
        wanted = await ledger.read(to_read.wanting_bracket, channel_id, drained, limit, visible_before=visible)
        if bulk is None:
            return wanted
        known = [state for state in wanted if state.book is not None]
        self._bulk_next = len(wanted) - len(known) >= bulk and not (known and self._bulk_next)
        return wanted if self._bulk_next else (known + [state for state in wanted if state.book is None])[:SHELVES_PER_ROUND]

    async def _open_books(self, states: Sequence[ShelfState], first: Readings, second: Readings) -> int:
        """The shelves without a book, a batch at a time. One that the shop does not know is read, and last in the queue again."""
        opened = 0
        for start in range(0, len(states), SHELVES_PER_ROUND):
            version = await self._store.ledger.read(channels.lease_version, self._channel.id)
            seen = tuple(_twice(state, first, second, self._store.clock.now()) for state in states[start : start + SHELVES_PER_ROUND])
            opened += await self._store.ledger.run(first_books.open_books, FirstReadings(self._channel.id, version, seen))
        return opened

    async def _close(self, state: ShelfState, first: Reading | None, second: Reading | None, first_at: datetime) -> Closing:
        """A shelf the shop does not know counts like one it does not count: read, and last in the queue again."""
        version = await self._store.ledger.read(channels.lease_version, self._channel.id)
        bracket = Bracket(
            state,
            first.shows if first else None,
            second.shows if second else None,
            first_at,
            first.at if first else first_at,
            self._on_edit,
            self._drains_within,
            version,
        )
        closing = await self._store.ledger.run(brackets.close, bracket)
        if closing in (Closing.OVERWRITE, Closing.ADOPTED, Closing.ASKED):
            log.info(
                "drift",
                channel=self._channel.name,
                listing=state.shelf.listing,
                book=state.book,
                shows=second and second.shows,
                handled=closing.value,
            )
        return closing

    async def sweep(self) -> int:
        """Read the shelves that were not read for a while. What does not fit is suspended and bracketed next."""
        store, channel = self._store, self._channel
        stale = store.clock.now() - channel.settings.sweep
        wanted = await store.ledger.read(to_read.wanting_look, channel.id, stale, SHELVES_PER_ROUND)
        return await self._note(wanted)

    async def look_at(self, moved: Mapping[str, int | None]) -> int:
        """A webhook said that these listings moved, and perhaps what they show. An echo of what we believe costs one comparison; the rest is read.

        Of a shop that we only look on all are read: a number that comes back to what it was says that somebody wrote it.
        """
        if not moved:
            return 0
        states = await self._store.ledger.read(to_read.of_listings, self._channel.id, sorted(moved))
        everything = not self._channel.settings.live
        return await self._note([state for state in states if everything or not self._is_echo(moved[state.shelf.listing], state)])

    @staticmethod
    def _is_echo(shows: int | None, state: ShelfState) -> bool:
        return shows is not None and shows == state.book

    async def _note(self, wanted: list[ShelfState]) -> int:
        if not wanted:
            return 0
        readings = await self._read(wanted)
        seen = [Seen(state, told.shows if (told := readings.get(state.shelf)) else None) for state in wanted]
        found = await asyncio.gather(*(self._store.ledger.run(brackets.note_readings, one) for one in seen))
        if brackets.Found.GAP in found:
            self._channel.look.set()
            self._channel.due.set()
        return len(wanted)

    async def _read(self, wanted: Sequence[ShelfState]) -> dict[ShelfRef, Reading]:
        readings = await self._channel.connector.stock([state.shelf for state in wanted])
        self._channel.hear(readings, self._store.clock.monotonic())
        self._store.read[self._channel.id]["numbers"] += len(readings)
        by_shelf = {reading.shelf: reading for reading in readings}
        await onlooker.keep(self._store, self._channel, wanted, by_shelf)
        return by_shelf


def _twice(state: ShelfState, first: Readings, second: Readings, now: datetime) -> tuple[ShelfState, int | None, int | None, datetime]:
    """Both readings of a shelf, and the shop's clock with the first."""
    one, two = first.get(state.shelf), second.get(state.shelf)
    return state, one.shows if one else None, two.shows if two else None, one.at if one else now
