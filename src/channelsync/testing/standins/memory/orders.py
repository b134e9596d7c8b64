"""The memory shop's orders: what shoppers and staff do to them, and what that does to the numbers. The list of orders is in `index`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from channelsync.clock import Clock
from channelsync.testing.standins.base import SoldOut, TrueLine, TrueOrder
from channelsync.testing.standins.memory.dials import Dials
from channelsync.testing.standins.memory.shelves import Product, Shelves


@dataclass(slots=True)
class Line:
    """`true` counts what happened to the units; here stands what the shop made of it. effects: (units taken out or given back, when)."""

    ref: str
    sku: str
    location: str
    true: TrueLine
    product: Product
    restocked: int = 0
    cancelled: int = 0
    quarantined: int = 0
    withheld: int = 0
    effects: list[tuple[int, datetime]] = field(default_factory=list)

    @property
    def taken(self) -> int:
        return sum(units for units, _ in self.effects)


@dataclass(slots=True)
class Order:
    """state: pending (an unpaid checkout), open, cancelled. hold_due: monotonic time at which a pending order ends by itself."""

    ref: str
    state: str
    created_at: datetime
    modified_at: datetime
    true: TrueOrder
    lines: list[Line] = field(default_factory=list)
    paid: bool = False
    reservation_ref: str | None = None
    hold_until: datetime | None = None
    hold_due: float = 0.0
    address: dict[str, Any] | None = None


class Orders:
    """`changed` hears of every change of an order, after its numbers have moved."""

    def __init__(
        self, clock: Clock, dials: Dials, shelves: Callable[[], Shelves], truth: dict[str, TrueOrder], changed: Callable[[Order], None]
    ) -> None:
        self._clock, self._dials, self._shelves, self._truth, self._changed = clock, dials, shelves, truth, changed
        self.by_ref: dict[str, Order] = {}
        self._pending: dict[str, Order] = {}
        self._serial = 1000

    def withheld(self, sku: str) -> int:
        return sum(line.withheld for order in self._pending.values() for line in order.lines if line.sku == sku and not line.product.gone)

    def next_expiry(self) -> float | None:
        return min((order.hold_due for order in self._pending.values()), default=None)

    def buy(self, basket: Mapping[str, int], *, paid: bool, reservation_ref: str | None) -> Order:
        shelves = self._shelves()
        for sku, units in basket.items():
            if units < 1:
                raise ValueError(f"a shopper buys at least one {sku!r}, not {units}")
            if shelves.products[sku].gone:
                raise SoldOut(sku)
            product = shelves.products[sku]
            sells_on = self._dials.backorders if product.sells_on is None else product.sells_on
            limited = product.tracked and not sells_on
            if limited and shelves.sellable(sku) < units:
                raise SoldOut(sku)
        order = self._new(paid, reservation_ref)
        for sku, units in basket.items():
            for location, part in shelves.serve(sku, units):
                line = Line(
                    f"{order.ref}-{len(order.lines) + 1}", sku, location, TrueLine(sku, part, location=location), shelves.products[sku]
                )
                order.lines.append(line)
                order.true.lines.append(line.true)
        if order.state == "pending":
            for line in order.lines:
                line.withheld = line.true.quantity
        elif paid or self._dials.lowers_stock_on == "placed":
            self._lower(order, "placed", "paid")
        self._changed(order)
        return order

    def _new(self, paid: bool, reservation_ref: str | None) -> Order:
        self._serial += 1
        ref, now = f"order-{self._serial}", self._clock.now()
        second = now.replace(microsecond=0)
        order = Order(ref, "open", second, second, TrueOrder(ref, now, self._clock.monotonic()), paid=paid, reservation_ref=reservation_ref)
        if self._dials.withholds and not paid:
            order.state, order.true.pending = "pending", True
            order.hold_until = now + timedelta(seconds=self._dials.hold_seconds)
            order.hold_due = self._clock.monotonic() + self._dials.hold_seconds
            self._pending[ref] = order
        self.by_ref[ref] = order
        self._truth[ref] = order.true
        return order

    def pay(self, ref: str) -> None:
        order = self.by_ref[ref]
        if order.paid or order.state == "cancelled":
            return
        order.paid = True
        self._end_hold(order, "open")
        self._lower(order, "placed", "paid")
        self._changed(order)

    def cancel(self, ref: str, *, restock: bool) -> None:
        order = self.by_ref[ref]
        if order.state == "cancelled":
            return
        self._end_hold(order, "cancelled")
        for line in order.lines:
            self._drop(order, line, line.true.open, restock=restock)
        self._changed(order)

    def ship(self, ref: str) -> None:
        order = self.by_ref[ref]
        if order.state == "cancelled":
            return
        self.pay(ref)
        self._lower(order, "shipped")
        for line in order.lines:
            line.true.shipped += line.true.open
        self._changed(order)

    def refund(self, ref: str, sku: str, units: int, *, restock: bool) -> None:
        """First the units that have not left yet, then a return. Raises ValueError if the order does not have so many."""
        order = self.by_ref[ref]
        lines = [line for line in order.lines if line.sku == sku]
        if sum(line.true.open + line.true.shipped - line.true.returned for line in lines) < units:
            raise ValueError(f"{ref} has not {units} of {sku!r} left to refund")
        for line in lines:
            unsent = min(units, line.true.open)
            self._drop(order, line, unsent, restock=restock)
            back = min(units - unsent, line.true.shipped - line.true.returned)
            self._take_back(order, line, back, restock=restock)
            units -= unsent + back
        self._changed(order)

    def amend(self, ref: str, sku: str, units: int) -> None:
        """The line's quantity itself changes. What is taken out and does not come back on sale is put aside, as on a cancel."""
        order = self.by_ref[ref]
        living = (line for line in order.lines if line.sku == sku and not line.product.gone)
        line = next((line for line in living if line.true.open > max(0, -units)), None)
        if line is None or order.state != "open":
            raise ValueError(f"{ref} has no line of {sku!r} that {units:+} units could change")
        if units > 0 and self._shelves().level(sku, line.location) - self.withheld(sku) < units:
            raise SoldOut(sku)
        if units < 0 and line.taken and not self._restores(line, restock=True):
            self._drop(order, line, -units, restock=False)
        else:
            line.true.quantity += units
            if line.effects:
                self._effect(order, line, units)
        self._changed(order)

    def move(self, ref: str, location: str) -> None:
        """Staff have another location ship what is open. A line of which something has shipped stays where it is."""
        order = self.by_ref[ref]
        for line in order.lines:
            if not line.true.open or line.true.shipped or line.location == location or line.product.gone:
                continue
            before, line.location, line.true.location = line.location, location, location
            if not line.taken:
                continue
            self._shelves().move(line.sku, before, line.taken, "restore", order=order.ref)
            self._shelves().move(line.sku, location, -line.taken, "sale", order=order.ref)
            line.effects = [(line.taken, self._clock.now())]
        self._changed(order)

    def send_to(self, ref: str, address: dict[str, Any]) -> None:
        self.by_ref[ref].address = address
        self._changed(self.by_ref[ref])

    def delete(self, ref: str) -> None:
        """Gone for good, as if it had never been; its units stay where they are."""
        order = self.by_ref.pop(ref)
        self._end_hold(order, "cancelled")
        del self._truth[ref]

    def expire(self) -> None:
        now = self._clock.monotonic()
        for order in [order for order in self._pending.values() if order.hold_due <= now]:
            self.cancel(order.ref, restock=True)

    def _lower(self, order: Order, *events: str) -> None:
        """Take out what the lines still owe, if this is one of the events on which the shop does that."""
        if self._dials.lowers_stock_on not in events:
            return
        for line in order.lines:
            if line.product.tracked and not line.product.gone and not line.effects and line.true.open:
                self._effect(order, line, line.true.open)
        order.true.placed_at, order.true.monotonic = self._clock.now(), self._clock.monotonic()

    def _drop(self, order: Order, line: Line, units: int, *, restock: bool) -> None:
        """Units that will not ship: back on sale (where they were never taken out, they are anyhow), or aside."""
        line.true.cancelled += units
        if line.taken and units and not self._restores(line, restock):
            line.quarantined += units
            return
        line.cancelled += units
        if line.taken and units:
            self._effect(order, line, -units)

    def _take_back(self, order: Order, line: Line, units: int, *, restock: bool) -> None:
        if line.product.gone and not line.taken:
            return  # of a deleted article that was never counted out nothing comes back
        line.true.returned += units
        if units and line.taken and self._restores(line, restock):
            line.restocked += units
            self._effect(order, line, -units)

    def _restores(self, line: Line, restock: bool) -> bool:
        """Nothing comes back to a listing that was deleted."""
        return not line.product.gone and {"yes": True, "no": False, "per order": restock}[self._dials.restores_on_cancel]

    def _effect(self, order: Order, line: Line, units: int) -> None:
        line.effects.append((units, self._clock.now()))
        self._shelves().move(line.sku, line.location, -units, "sale" if units > 0 else "restore", order=order.ref)

    def _end_hold(self, order: Order, state: str) -> None:
        order.state = state
        order.true.pending = False
        order.hold_until = None
        self._pending.pop(order.ref, None)
        for line in order.lines:
            line.withheld = 0
