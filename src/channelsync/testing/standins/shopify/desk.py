"""What shoppers and staff do to orders, and what the shop then does to its own quantities. No GraphQL, no HTTP.

Placing an order moves units from available to committed. Shipping lowers committed only. A cancel or refund puts units back into
available only when it restocks; units that were not shipped leave committed either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from channelsync.testing.standins.base import SoldOut, TrueLine, TrueOrder
from channelsync.testing.standins.shopify import payloads
from channelsync.testing.standins.shopify.hooks import Hooks
from channelsync.testing.standins.shopify.records import (
    Ids,
    InventoryLevel,
    LineItem,
    Location,
    Order,
    ProductVariant,
    Refund,
    RefundLineItem,
)
from channelsync.testing.standins.shopify.search import OrderIndex
from channelsync.testing.standins.shopify.shipping import Shipping


class Stockroom(Protocol):
    """What the desk needs of the shop around it. stocked: its locations that keep numbers, in the order in which they serve shoppers."""

    location: Location
    orders: dict[str, TrueOrder]

    @property
    def stocked(self) -> list[Location]: ...

    def variant(self, sku: str) -> ProductVariant: ...

    def level(self, sku: str, location: Location | None = None) -> InventoryLevel: ...

    def place_of(self, location: Location) -> str: ...

    def seconds(self) -> datetime: ...

    def change(
        self,
        level: InventoryLevel,
        available: int,
        cause: str,
        *,
        order: str | None = None,
        write: str | None = None,
        event: UUID | None = None,
    ) -> None: ...

    def true_order(self, ref: str) -> TrueOrder: ...


class OrderDesk:
    """Every verb is one action of one person: one event id, one second of the shop's clock."""

    def __init__(self, shop: Stockroom, ids: Ids, hooks: Hooks, index: OrderIndex) -> None:
        self.shop, self.ids, self.hooks, self.index = shop, ids, hooks, index
        self.shipping = Shipping(ids, shop.seconds)
        self.by_number: dict[int, Order] = {}
        self.by_ref: dict[str, Order] = {}

    def place(self, basket: Mapping[str, int], *, paid: bool, attributes: Mapping[str, str]) -> str:
        self._check_stock(basket)
        now = self.shop.seconds()
        number = self.ids.next("Order")
        lines = [self._line(sku, units) for sku, units in basket.items()]
        order = Order(
            number, f"#{1000 + len(self.shop.orders) + 1}", now, now, lines, "PAID" if paid else "PENDING", attributes=dict(attributes)
        )
        self.by_number[number] = self.by_ref[order.id] = order
        self.shop.true_order(order.id)
        event = self.hooks.event()
        for line in lines:
            self._take_from_stock(order, line, line.quantity, event)
        self._changed(order, event, "ORDERS_CREATE")
        return order.id

    def pay(self, ref: str) -> None:
        order = self.by_ref[ref]
        order.display_financial_status = "PAID"
        self._changed(order, self.hooks.event(), "ORDERS_PAID")

    def ship(self, ref: str, location: Location | None = None, units: Mapping[str, int] | None = None) -> None:
        """One parcel per location. location: only what it ships. units: only so many of these SKUs."""
        order, event = self.by_ref[ref], self.hooks.event()
        parcels: dict[str, list[tuple[LineItem, int]]] = {}
        left = dict(units) if units is not None else None
        for line, place, waiting in self.shipping.waiting(order, location=location):
            many = waiting if left is None else min(waiting, left.get(line.sku or "", 0))
            if not many:
                continue
            if left is not None:
                left[line.sku or ""] -= many
            line.fulfilled += many
            self.shipping.take(order, line, place, many)
            self._true_line(order, line, place).shipped += many
            self._move(line.sku, order, place, committed=-many, event=event)
            parcels.setdefault(place.id, []).append((line, many))
        if not parcels:
            return
        if order.display_financial_status == "PAID" and not any(line.unfulfilled_quantity for line in order.lines):
            order.closed_at = self.shop.seconds()  # Shopify archives what is paid and fulfilled
        for place_ref, shipped in parcels.items():
            self._parcel(order, next(each for each in self.shop.stocked if each.id == place_ref), shipped, event)
        self._changed(order, event, "ORDERS_FULFILLED")

    def _parcel(self, order: Order, place: Location, shipped: list[tuple[LineItem, int]], event: UUID) -> None:
        parcel = self.shipping.pack(order, place, shipped)
        payload = payloads.fulfillment(order, parcel.number, shipped, parcel.created_at)
        self.hooks.fire("FULFILLMENTS_CREATE", lambda: payload, event)

    def cancel(self, ref: str, *, restock: bool) -> None:
        """Cancels the whole order. Shopify cancels no order with a shipment; what is open of such a one is refunded instead."""
        order, event = self.by_ref[ref], self.hooks.event()
        waiting = self.shipping.waiting(order)
        if not waiting:
            return
        if not any(line.fulfilled for line in order.lines):
            order.cancelled_at, order.cancel_reason = self.shop.seconds(), "CUSTOMER"
            order.display_financial_status = "REFUNDED" if order.display_financial_status == "PAID" else "VOIDED"
        self._refund(order, [self._remove(order, line, place, units, restock, event) for line, place, units in waiting], event)
        self._changed(order, event, *(["ORDERS_CANCELLED"] if order.cancelled_at else []))

    def refund(self, ref: str, sku: str, units: int, *, restock: bool, location: Location | None = None) -> None:
        """Refunds units that have not shipped first, then shipped ones. Raises ValueError for more than there are.

        location: where shipped units are put back, if not where they came from.
        """
        order, event = self.by_ref[ref], self.hooks.event()
        line = next(each for each in order.lines if each.sku == sku)
        if not 0 < units <= line.current_quantity:
            raise ValueError(f"{units} units of {sku} cannot be refunded, {line.current_quantity} are left")
        unshipped = min(units, line.unfulfilled_quantity)
        lines = self._remove_some(order, line, unshipped, restock, event)
        for place, many in self._shipped_from(order, line, units - unshipped):
            lines.append(self._take_back(order, line, place, location or place, many, restock, event))
        self._refund(order, lines, event)
        order.display_financial_status = "PARTIALLY_REFUNDED" if any(each.current_quantity for each in order.lines) else "REFUNDED"
        self._changed(order, event)

    def edit(self, ref: str, sku: str, delta: int, *, restock: bool) -> None:
        """Staff add units to a line (checked against stock as a sale is) or take unshipped ones out, which shows up as a refund."""
        order, event = self.by_ref[ref], self.hooks.event()
        line = next((each for each in order.lines if each.sku == sku), None)
        if delta > 0:
            self._check_stock({sku: delta})
            if line is None:
                line = self._line(sku, 0)
                order.lines.append(line)
            line.quantity += delta
            self._take_from_stock(order, line, delta, event)
        elif line is None or -delta > line.unfulfilled_quantity:
            raise ValueError(f"{-delta} units of {sku} cannot be taken out of {order.name}")
        else:
            self._refund(order, self._remove_some(order, line, -delta, restock, event), event)
        order.edited = True
        number, at, changed = self.ids.next("OrderEdit"), self.shop.seconds(), line
        self.hooks.fire("ORDERS_EDITED", lambda: payloads.order_edit(order, number, changed, delta, at), event)
        self._changed(order, event)

    def send_to(self, ref: str, address: dict[str, Any]) -> None:
        """Staff correct the shipping address."""
        order = self.by_ref[ref]
        order.shipping_address = address
        self._changed(order, self.hooks.event())

    def delete(self, ref: str) -> None:
        """Staff archive and delete an order: only a webhook tells, no list shows it again, and its units go nowhere."""
        order = self.by_ref.pop(ref)
        del self.by_number[order.number]
        for line in self.shop.orders[ref].lines:
            line.cancelled += line.open
        self.index.forget(order)
        self.hooks.fire("ORDERS_DELETE", lambda: {"id": order.number}, self.hooks.event())

    def _check_stock(self, basket: Mapping[str, int]) -> None:
        for sku, units in basket.items():
            variant = self.shop.variant(sku)
            left = sum(self.shop.level(sku, place).available for place in self.shop.stocked if self.shop.level(sku, place).is_active)
            if variant.inventory_item.tracked and variant.inventory_policy == "DENY" and left < units:
                raise SoldOut(f"{sku}: {units} wanted, {left} left")

    def _line(self, sku: str, units: int) -> LineItem:
        variant = self.shop.variant(sku)
        gift = variant.product.is_gift_card
        return LineItem(
            self.ids.next("LineItem"), variant, units, sku, variant.product.title, is_gift_card=gift, requires_shipping=not gift
        )

    def _take_from_stock(self, order: Order, line: LineItem, units: int, event: UUID) -> None:
        for place, part in self._serve(line.sku or "", units):
            self.shipping.assign(order, line, place, part)
            self._true_line(order, line, place).quantity += part
            self._move(line.sku, order, place, available=-part, committed=part, cause="sale", event=event)

    def _serve(self, sku: str, units: int) -> list[tuple[Location, int]]:
        """The first location that has them all, else split; what nobody has comes from the first."""
        places = [place for place in self.shop.stocked if self.shop.level(sku, place).is_active]
        whole = next((place for place in places if self.shop.level(sku, place).available >= units), None)
        if whole or not places or not self.shop.variant(sku).inventory_item.tracked:
            return [(whole or self.shop.location, units)]
        parts = {}
        left = units
        for place in places:
            parts[place.id] = min(left, max(0, self.shop.level(sku, place).available))
            left -= parts[place.id]
        parts[places[0].id] += left
        return [(place, parts[place.id]) for place in places if parts[place.id]]

    def _remove_some(self, order: Order, line: LineItem, units: int, restock: bool, event: UUID) -> list[RefundLineItem]:
        """Unshipped units of a line, from the last location that holds some."""
        removed = []
        for _, place, waiting in reversed(self.shipping.waiting(order, line)):
            if many := min(units, waiting):
                removed.append(self._remove(order, line, place, many, restock, event))
                units -= many
        return removed

    def _remove(self, order: Order, line: LineItem, place: Location, units: int, restock: bool, event: UUID) -> RefundLineItem:
        """Unshipped units leave the order."""
        line.removed += units
        self.shipping.take(order, line, place, units)
        self._true_line(order, line, place).cancelled += units
        self._move(line.sku, order, place, available=units if restock else 0, committed=-units, cause="restore", event=event)
        return self._refund_line(line, units, "CANCEL" if restock else "NO_RESTOCK", place)

    def _shipped_from(self, order: Order, line: LineItem, units: int) -> list[tuple[Location, int]]:
        """Where `units` of what has left the house had been, as far as they are not back yet."""
        found = []
        for place in self.shop.stocked:
            true = self._true_line(order, line, place)
            if many := min(units, true.shipped - true.returned):
                found.append((place, many))
                units -= many
        return found

    def _take_back(
        self, order: Order, line: LineItem, place: Location, to: Location, units: int, restock: bool, event: UUID
    ) -> RefundLineItem:
        """Shipped units come back to a location."""
        line.returned += units
        self._true_line(order, line, place).returned += units
        self._move(line.sku, order, to, available=units if restock else 0, cause="restore", event=event)
        return self._refund_line(line, units, "RETURN" if restock else "NO_RESTOCK", to)

    def _refund_line(self, line: LineItem, units: int, kind: str, location: Location) -> RefundLineItem:
        return RefundLineItem(self.ids.next("RefundLineItem"), line, units, kind, None if kind == "NO_RESTOCK" else location)

    def _refund(self, order: Order, lines: list[RefundLineItem], event: UUID) -> None:
        refund = Refund(self.ids.next("Refund"), order, self.shop.seconds(), lines)
        order.order_refunds.append(refund)
        self.hooks.fire("REFUNDS_CREATE", lambda: payloads.refund(refund), event)

    def _move(
        self,
        sku: str | None,
        order: Order,
        place: Location,
        *,
        available: int = 0,
        committed: int = 0,
        cause: str = "",
        event: UUID | None = None,
    ) -> None:
        assert sku is not None
        if not self.shop.variant(sku).inventory_item.tracked:
            return
        level = self.shop.level(sku, place)
        level.committed += committed
        if available:
            self.shop.change(level, level.available + available, cause, order=order.id, event=event)

    def _changed(self, order: Order, event: UUID, *topics: str) -> None:
        order.updated_at = self.shop.seconds()
        self.index.changed(order)
        for topic in (*topics, "ORDERS_UPDATED"):
            self.hooks.fire(topic, lambda: payloads.order(order), event)

    def _true_line(self, order: Order, line: LineItem, place: Location) -> TrueLine:
        """The truth about a line at a location, made when it is first asked for."""
        rows, at = self.shop.orders[order.id].lines, self.shop.place_of(place)
        found = next((each for each in rows if each.sku == line.sku and each.location == at), None)
        if found is None:
            found = TrueLine(line.sku or "", 0, location=at)
            rows.append(found)
        return found
