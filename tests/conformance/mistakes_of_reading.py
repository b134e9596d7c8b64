"""Memory connectors that each make one mistake in what they read, or in how they fail. Real connectors have made them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

from channelsync.contract import (
    Context,
    Cursor,
    Effect,
    Gone,
    Identity,
    Listing,
    OrderLine,
    OrderSnapshot,
    Page,
    Reading,
    ShelfRef,
    ShipTo,
)
from channelsync.errors import Misunderstood, Unauthorized, Unavailable
from channelsync_memory import MemoryConnector, Settings


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
        except (Misunderstood, Unavailable) as error:
            raise KeyError("id") from error


class TellsTheVeryHouse(MemoryConnector):
    """Coordinates as the shop has them: whoever reads the ledger finds the door."""

    async def order(self, ref: str) -> OrderSnapshot | Gone:
        found = await super().order(ref)
        if isinstance(found, Gone) or found.ship_to is None:
            return found
        return replace(found, ship_to=replace(found.ship_to, latitude=52.530812, longitude=13.384567))


class TakesTheRegionForTheCountry(MemoryConnector):
    async def order(self, ref: str) -> OrderSnapshot | Gone:
        found = await super().order(ref)
        return found if isinstance(found, Gone) or found.ship_to is None else replace(found, ship_to=ShipTo(found.ship_to.region))
