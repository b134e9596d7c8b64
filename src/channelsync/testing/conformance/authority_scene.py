"""The small moves that promises of a stock authority are made of, and what must happen in the warehouse for them. The promises stand beside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, cast

from channelsync.contract import Claim, Claimed, ClaimLine, Cursor, HasLocations, Physical, ShelfRef, StockAuthority
from channelsync.testing.conformance.world import World, drain


class Warehouse(Protocol):
    """What happens in a warehouse. `document` is the ref that an export answered."""

    def receive(self, sku: str, units: float) -> str: ...

    def demand(self, document: str, lines: Mapping[str, float]) -> str:
        """Its people ship an order of ours."""

    def foreign_reserve(self, sku: str, units: float) -> str:
        """Somebody else reserves; a ref to release it by."""

    def release(self, order: str) -> None: ...

    def recalculate(self, sku: str, seconds: float) -> None:
        """For so long it cannot tell this good's numbers."""

    def trash(self, document: str) -> None: ...

    def hard_delete(self, document: str) -> None: ...


class Scene:
    """The small moves that these promises are made of."""

    def __init__(self, world: World) -> None:
        assert isinstance(world.connector, StockAuthority)
        self.world, self.authority = world, world.connector
        self.warehouse = cast("Warehouse", world.shop)
        self.place, self.refs = "", dict[str, str]()

    async def sell(self, *skus: str, shows: int = 10) -> None:
        self.world.sell(*skus, shows=shows)
        connector = self.world.connector
        if isinstance(connector, HasLocations):
            self.place = next(location.ref for location in await connector.locations() if location.active)
        self.refs = {listing.sku or "": listing.ref for listing in await self.world.listings()}

    async def run(self, cursor: Cursor | None = None, *, full: bool = False) -> tuple[dict[str, Physical], Cursor]:
        """What a complete run says, by SKU; of a good that comes twice the last word counts."""
        rows, mark = await drain(lambda at: self.authority.physical(at, full=full), cursor)
        names = {ref: sku for sku, ref in self.refs.items()}
        return {names[row.listing]: row for row in rows if row.location == self.place}, mark

    async def now(self, sku: str) -> Physical:
        (row,) = await self.authority.physical_of([self.shelf(sku)])
        return row

    def shelf(self, sku: str) -> ShelfRef:
        return ShelfRef(self.refs[sku], self.place)

    def claim(self, key: str, held: Mapping[str, int], *, ordered: Mapping[str, int] | None = None, document: str | None = None) -> Claim:
        """One line per SKU; it holds all that was ordered unless told otherwise."""
        lines = [ClaimLine(f"line-{sku}", self.refs[sku], self.place, (ordered or held)[sku], units) for sku, units in held.items()]
        return Claim(key, f"#{key}", tuple(lines), document)

    async def claims(self, cursor: Cursor | None = None) -> tuple[dict[str, Claimed], Cursor]:
        found, mark = await drain(self.authority.claims, cursor)
        return {claimed.key: claimed for claimed in found}, mark
