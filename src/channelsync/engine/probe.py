"""Measuring what differs from shop to shop with a throw-away SKU: does a write apply, how late do orders show, what does a cancel give back.

Only the connector is used, never the ledger: the SKU is linked to nothing. What people must do in the shop (place an order, cancel it) they are
asked for, one step at a time; a step that nobody does within its time is left out, and nothing is concluded from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from channelsync.clock import Clock
from channelsync.contract import Call, Carrier, Connector, Cursor, OrderSnapshot, OrderState, Outcome, ShelfRef, Write
from channelsync.errors import ChannelsyncError

Ask = Callable[[str], Awaitable[bool]]
"""Ask a person to do something in the shop and wait until it is done. False: they will not, or cannot."""

STEP_SECONDS = 1.0
PAGES_MAX = 1000


class ProbeFailed(ChannelsyncError):
    """The probe cannot go on; the text says what to do."""


@dataclass(slots=True)
class Findings:
    """None: not measured. Times in seconds, from the event to the moment we saw it (so a little too long, never too short).

    write_applies: a write of ours really moved the number. lowers_on: the step at which the shop's own number fell. restores_on_cancel: whether a
    cancelled order's unit came back to the number.
    """

    write_applies: bool | None = None
    write_visible_after: float | None = None
    visibility_lag: float | None = None
    webhook_after: float | None = None
    lowers_on: str | None = None
    restores_on_cancel: bool | None = None
    notes: list[str] = field(default_factory=list)


class Probe:
    """names: every name under which order lines may mean the listing. heard: whether a webhook of this channel has come since a moment (by our
    clock). patience: how long to wait for anything to show.
    """

    def __init__(
        self,
        connector: Connector,
        clock: Clock,
        new_key: Callable[[], UUID],
        ask: Ask,
        *,
        names: Collection[str],
        heard: Callable[[datetime], Awaitable[bool]],
        patience: float = 300.0,
    ) -> None:
        self._connector, self._clock, self._new_key, self._ask, self._patience = connector, clock, new_key, ask, patience
        self._names, self._heard = frozenset(names), heard
        self.found = Findings()

    async def run(self, shelf: ShelfRef) -> Findings:
        """All steps. Raises ProbeFailed if the number cannot be read, and the channel's own errors."""
        start = await self._shows(shelf)
        await self._write(shelf, start)
        await self._order(shelf, await self._shows(shelf))
        return self.found

    # -- a write, there and back -----------------------------------------------------------------------------------------------------------------

    async def _write(self, shelf: ShelfRef, start: int) -> None:
        if self._connector.traits.carrier is Carrier.NONE:
            self.found.notes.append("this channel has no number that can be written")
            return
        self.found.write_visible_after = await self._move(shelf, start, 1)
        self.found.write_applies = self.found.write_visible_after is not None
        if self.found.write_applies:
            await self._move(shelf, start + 1, -1)

    async def _move(self, shelf: ShelfRef, shows: int, delta: int) -> float | None:
        """Write, and how long it took until a reading showed it; None if it never did."""
        key = str(self._new_key())
        results = await self._connector.push(Call(key, (Write(f"{key}.0", shelf, shows + delta, shows, delta),)))
        for result in results:
            if result.outcome not in (Outcome.OK, Outcome.UNKNOWN):
                self.found.notes.append(f"a write was not accepted: {result.outcome.value} {result.reason}".rstrip())
                return None
        return await self._until(lambda: self._is(shelf, shows + delta))

    # -- an order, and its end -------------------------------------------------------------------------------------------------------------------

    async def _order(self, shelf: ShelfRef, before: int) -> None:
        mark, began = await self._mark(), self._clock.now()
        if not await self._ask(f"place an order for 1 unit of {shelf.listing} in the shop, do not ship it"):
            self.found.notes.append("no order was placed: lag, lowering and restoring are not measured")
            return
        at_once = not await self._is(shelf, before)
        listed, heard = await asyncio.gather(self._until(lambda: self._listed(mark, shelf)), self._until(lambda: self._heard(began)))
        self.found.visibility_lag, self.found.webhook_after = listed, heard
        if listed is None:
            self.found.notes.append(f"the order did not appear in the order list within {self._patience:.0f} s")
            return
        if heard is None:
            self.found.notes.append("no webhook came; is the daemon running, and can the shop reach it?")
        if not at_once and await self._until(lambda: self._is(shelf, before - 1)) is None:
            self.found.notes.append("the shop did not lower its number for an unshipped order")
            return
        self.found.lowers_on = "placed"
        await self._cancel(shelf, before)

    async def _cancel(self, shelf: ShelfRef, before: int) -> None:
        if not await self._ask("cancel that order in the shop, with restocking if it asks"):
            self.found.notes.append("the order was not cancelled: what a cancel restores is not measured")
            return
        self.found.restores_on_cancel = await self._until(lambda: self._is(shelf, before)) is not None

    # -- looking -----------------------------------------------------------------------------------------------------------------------------------

    async def _until(self, seen: Callable[[], Awaitable[bool]]) -> float | None:
        """Seconds until it was seen; None if it never was."""
        began = self._clock.monotonic()
        while self._clock.monotonic() - began <= self._patience:
            if await seen():
                return self._clock.monotonic() - began
            await self._clock.sleep(STEP_SECONDS)
        return None

    async def _is(self, shelf: ShelfRef, number: int) -> bool:
        return await self._shows(shelf) == number

    async def _shows(self, shelf: ShelfRef) -> int:
        for reading in await self._connector.stock([shelf]):
            if reading.shelf == shelf and reading.shows is not None:
                return reading.shows
        raise ProbeFailed(f"the shop does not count {shelf.listing}: switch tracking on for the test product and give it a few units")

    async def _mark(self) -> Cursor:
        """Where the order list ends now."""
        cursor = Cursor()
        async for page in self._connector.orders(cursor):
            cursor = Cursor(page.high_water, page.resume)
        return cursor

    async def _listed(self, since: Cursor, shelf: ShelfRef) -> bool:
        pages = 0
        async for page in self._connector.orders(since, widen=timedelta(0)):
            if any(self._sells(order, shelf) for order in page.items):
                return True
            pages += 1
            if page.high_water is not None or pages >= PAGES_MAX:
                break
        return False

    def _sells(self, order: OrderSnapshot, shelf: ShelfRef) -> bool:
        open_now = order.state in (OrderState.OPEN, OrderState.PENDING)
        return open_now and any(line.listing in self._names and line.outstanding for line in order.lines)
