"""The warehouse, where Moysklad owns the stock: goods come in, orders are shipped by its documents, returns go back on the shelf, and the wholesale
people reserve goods for customers of their own. The ledger hears of all this by readings and documents only.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping

from channelsync.clock import Clock
from channelsync.testing.standins.base import StandIn
from channelsync.testing.standins.moysklad import MoyskladStandIn
from channelsync.testing.standins.moysklad.state import Document

Moved = Callable[[str, int], None]
"""Units of a SKU can be sold from now on (> 0) or not any more (< 0)."""

OURS = "cs:"
RESERVE_EVERY, RESERVED_FOR = 5.0, 6.0
RECALCULATE_EVERY, RECALCULATED_FOR = 6.0, 1.5
LATE_WITHIN = 3.0
STEP = 0.2


class Warehouse:
    """moved: tells the truth what came and went here otherwise than for our shops' orders."""

    def __init__(self, clock: Clock, source: random.Random, account: MoyskladStandIn, shops: Mapping[str, StandIn], moved: Moved) -> None:
        self._clock, self._random, self._account, self._shops, self._moved = clock, source, account, shops, moved
        self._reserved: list[tuple[str, str]] = []  # (document, SKU)
        self._returned: dict[tuple[str, str], Counter[str]] = {}

    async def run(self, skus: list[str]) -> None:
        """Other people's work, for as long as it is not cancelled."""
        await asyncio.gather(self._reserve(skus), self._recalculate(skus), self._dispatch())

    def receive(self, sku: str, units: int) -> None:
        self._account.receive(sku, units)
        self._moved(sku, units)

    async def finish(self) -> None:
        """Everything that is still to be written down is: shipments, returns, and what was reserved is let go."""
        for document, sku in self._reserved:
            self._account.release(document)
            self._moved(sku, 1)
        self._reserved.clear()
        while not self._write_down(late=False):
            await self._clock.sleep(STEP)

    def ship_first(self, shop: str, order: str) -> None:
        """The parcel leaves and is written down here before the shop is told, if the order has arrived here already."""
        if document := self._document(shop, order):
            wanted = Counter({line.sku: line.quantity - line.cancelled for line in self._shops[shop].orders[order].lines})
            self._demand(document, wanted)

    def came_back(self, shop: str, order: str, sku: str, units: int) -> None:
        """A customer's parcel has come back and goes on the shelf; it is written down once its shipment is."""
        self._returned.setdefault((shop, order), Counter())[sku] += units

    # -- shipments and returns --------------------------------------------------------------------------------------------------------------------

    async def _dispatch(self) -> None:
        """What the shops say was shipped is written down here, some time later."""
        while True:
            await self._clock.sleep(self._random.uniform(0.5, LATE_WITHIN))
            self._write_down(late=True)

    def _write_down(self, *, late: bool) -> bool:
        """True if nothing is left to write down. late: some of it stays for the next time."""
        done = True
        for shop, standin in self._shops.items():
            for ref, order in standin.orders.items():
                shipped = Counter({line.sku: line.shipped for line in order.lines})
                if not +shipped:
                    continue
                if late and self._random.random() < 0.5:
                    continue
                document = self._document(shop, ref)
                done = done and document is not None
                if document is not None:
                    self._demand(document, shipped)
                    self._return(document, self._returned.get((shop, ref), {}))
        return done

    def _document(self, shop: str, order: str) -> Document | None:
        wanted = f"{OURS}{shop}/{order}"
        found = (document for document in self._account.state.documents.values() if document.kind == "customerorder")
        return next((document for document in found if document.external == wanted and document.deleted is None), None)

    def _demand(self, document: Document, shipped: Mapping[str, int]) -> None:
        before = self._counted("demand", lambda each: each.order == document.id)
        missing = {sku: units - before[sku] for sku, units in shipped.items() if units > before[sku]}
        if missing:
            self._account.demand(document.id, missing)

    def _return(self, document: Document, back: Mapping[str, int]) -> None:
        demands = {each.id for each in self._account.state.documents.values() if each.kind == "demand" and each.order == document.id}
        before = self._counted("salesreturn", lambda each: each.demand in demands)
        missing = {sku: units - before[sku] for sku, units in back.items() if units > before[sku]}
        if missing:
            self._account.salesreturn(document.id, missing)

    def _counted(self, kind: str, mine: Callable[[Document], bool]) -> Counter[str]:
        units: Counter[str] = Counter()
        for document in self._account.state.documents.values():
            if document.kind == kind and document.deleted is None and mine(document):
                for position in document.positions:
                    units[self._account.state.goods[position.good].code] += int(position.quantity)
        return units

    # -- other people ------------------------------------------------------------------------------------------------------------------------------

    async def _reserve(self, skus: list[str]) -> None:
        while True:
            await self._clock.sleep(RESERVE_EVERY * self._random.uniform(0.5, 1.5))
            sku = self._random.choice(skus)
            if self._account.sellable(sku) > 0:
                self._reserved.append((self._account.foreign_reserve(sku, 1), sku))
                self._moved(sku, -1)
            if len(self._reserved) > RESERVED_FOR / RESERVE_EVERY:
                document, other = self._reserved.pop(0)
                self._account.release(document)
                self._moved(other, 1)

    async def _recalculate(self, skus: list[str]) -> None:
        """Now and then the account cannot tell some numbers for a while."""
        while True:
            await self._clock.sleep(RECALCULATE_EVERY * self._random.uniform(0.5, 1.5))
            for sku in self._random.sample(skus, min(3, len(skus))):
                self._account.recalculate(sku, RECALCULATED_FOR)
