"""Mistakes with backorder switches, each in a memory connector that is sound but for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from channelsync.contract import Call, Cursor, ShelfRef, Switch, SwitchResult, Write
from channelsync.errors import Refused
from channelsync_memory import MemoryConnector


class SaysWhatItWasTold(MemoryConnector):
    async def turn(self, switches: Sequence[Switch]) -> Sequence[SwitchResult]:
        return [SwitchResult(switch.listing, switch.sells_on) for switch in switches]


class TurnsAllOfThem(MemoryConnector):
    async def turn(self, switches: Sequence[Switch]) -> Sequence[SwitchResult]:
        refs = [listing.ref async for page in self.listings(Cursor()) for listing in page.items]
        told = await super().turn([Switch(ref, switches[0].sells_on) for ref in refs])
        return [result for result in told if result.listing in {switch.listing for switch in switches}]


class TouchesTheNumber(MemoryConnector):
    async def turn(self, switches: Sequence[Switch]) -> Sequence[SwitchResult]:
        for reading in await self.stock([ShelfRef(switch.listing) for switch in switches]):
            shows = reading.shows or 0
            await self.push(Call("k", (Write("w", reading.shelf, shows + 1, shows, 1),)))
        return await super().turn(switches)


class Toggles(MemoryConnector):
    """A switch that says it already is turned the other way."""

    async def turn(self, switches: Sequence[Switch]) -> Sequence[SwitchResult]:
        says = {item.ref: item.sells_below_zero async for page in self.listings(Cursor()) for item in page.items}
        return await super().turn([replace(switch, sells_on=not says.get(switch.listing)) for switch in switches])


class OneUnknownSpoilsAll(MemoryConnector):
    async def turn(self, switches: Sequence[Switch]) -> Sequence[SwitchResult]:
        known = {listing.ref async for page in self.listings(Cursor()) for listing in page.items}
        if strange := {switch.listing for switch in switches} - known:
            raise Refused(f"{strange} is not known")
        return await super().turn(switches)
