"""Mistakes with locations and with diagnoses, each in a memory connector that is sound but for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from channelsync.contract import (
    Call,
    ChannelLocation,
    Cursor,
    Diagnosis,
    Gone,
    Listing,
    OrderSnapshot,
    Page,
    Reading,
    Setup,
    ShelfRef,
    WriteResult,
)
from channelsync.errors import ChannelError
from channelsync_memory import MemoryConnector

MAIN = "main"


class TellsItsLocations(MemoryConnector):
    """Sound: every location that a listing names."""

    async def locations(self) -> Sequence[ChannelLocation]:
        refs = dict.fromkeys([ref async for page in self.listings(Cursor()) for listing in page.items for ref in listing.locations])
        return [ChannelLocation(ref, ref.title()) for ref in refs] or [ChannelLocation(MAIN), ChannelLocation("annex")]


class TellsOneLocation(TellsItsLocations):
    async def locations(self) -> Sequence[ChannelLocation]:
        return (await super().locations())[:1]


class ListsTheFirstLocation(MemoryConnector):
    async def listings(self, cursor: Cursor) -> AsyncIterator[Page[Listing]]:
        async for page in super().listings(cursor):
            yield replace(page, items=tuple(replace(item, locations=item.locations[:1]) for item in page.items))


class ReadsTheFirstLocation(MemoryConnector):
    async def stock(self, shelves: Sequence[ShelfRef]) -> Sequence[Reading]:
        found = await super().stock([replace(shelf, location=MAIN) for shelf in shelves])
        return [replace(reading, shelf=shelf) for reading, shelf in zip(found, shelves, strict=True)]


class WritesTheFirstLocation(MemoryConnector):
    async def push(self, call: Call) -> Sequence[WriteResult]:
        return await super().push(replace(call, writes=tuple(replace(w, shelf=replace(w.shelf, location=MAIN)) for w in call.writes)))


class LinesWithoutALocation(MemoryConnector):
    async def order(self, ref: str) -> OrderSnapshot | Gone:
        found = await super().order(ref)
        return (
            replace(found, lines=tuple(replace(line, location=None) for line in found.lines)) if isinstance(found, OrderSnapshot) else found
        )


class DatesAMoveAtTheOrder(MemoryConnector):
    async def order(self, ref: str) -> OrderSnapshot | Gone:
        found = await super().order(ref)
        if isinstance(found, Gone):
            return found
        lines = (replace(line, effects=tuple(replace(effect, at=found.created_at) for effect in line.effects)) for line in found.lines)
        return replace(found, lines=tuple(lines))


class RaisesOnWrongCredentials(MemoryConnector):
    async def diagnose(self, setup: Setup) -> Sequence[Diagnosis]:
        await self.check()
        return await super().diagnose(setup)


class AnOutageIsHealth(MemoryConnector):
    async def diagnose(self, setup: Setup) -> Sequence[Diagnosis]:
        try:
            return await super().diagnose(setup)
        except ChannelError:
            return ()


class RepairsWhileItLooks(MemoryConnector):
    async def diagnose(self, setup: Setup) -> Sequence[Diagnosis]:
        await self.subscribe("https://elsewhere.test/hook")
        return await super().diagnose(setup)


class CriesWolf(MemoryConnector):
    async def diagnose(self, setup: Setup) -> Sequence[Diagnosis]:
        found = await super().diagnose(replace(setup, webhook_url="https://elsewhere.test/hook"))
        return [each for each in found if each.code]
