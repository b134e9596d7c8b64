"""What shoppers and staff do to orders, and what the shop then does to its own quantities. No GraphQL, no HTTP.

Placing an order moves units from available to committed. Shipping lowers committed only. A cancel or refund puts units back into
available only when it restocks; units that were not shipped leave committed either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
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


class Stockroom(Protocol):
    """What the desk needs of the shop around it."""

    location: Location
    orders: dict[str, TrueOrder]

    def variant(self, sku: str) -> ProductVariant: ...

    def level(self, sku: str) -> InventoryLevel: ...

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
        true = self.shop.true_order(order.id)
        true.lines = [TrueLine(sku, units) for sku, units in basket.items()]
        event = self.hooks.event()
        for sku, units in basket.items():
            self._move(sku, order, available=-units, committed=units, cause="sale", event=event)
        self._changed(order, event, "ORDERS_CREATE")
        return order.id

    def pay(self, ref: str) -> None:
        order = self.by_ref[ref]
        order.display_financial_status = "PAID"
        self._changed(order, self.hooks.event(), "ORDERS_PAID")

    def ship(self, ref: str) -> None:
        order, event = self.by_ref[ref], self.hooks.event()
        shipped = [(line, line.unfulfilled_quantity) for line in order.lines if line.unfulfilled_quantity]
        if not shipped:
            return
        for line, units in shipped:
            line.fulfilled += units
            self._true_line(order, line).shipped += units
            self._move(line.sku, order, committed=-units, event=event)
        if order.display_financial_status == "PAID":
            order.closed_at = self.shop.seconds()  # Shopify archives what is paid and fulfilled
        number, at = self.ids.next("Fulfillment"), self.shop.seconds()
        self.hooks.fire("FULFILLMENTS_CREATE", lambda: payloads.fulfillment(order, number, shipped, at), event)
        self._changed(order, event, "ORDERS_FULFILLED")

    def cancel(self, ref: str, *, restock: bool) -> None:
        """Cancels the whole order. Shopify cancels no order with a shipment; what is open of such a one is refunded instead."""
        order, event = self.by_ref[ref], self.hooks.event()
        open_lines = [(line, line.unfulfilled_quantity) for line in order.lines if line.unfulfilled_quantity]
        if not open_lines:
            return
        if not any(line.fulfilled for line in order.lines):
            order.cancelled_at, order.cancel_reason = self.shop.seconds(), "CUSTOMER"
            order.display_financial_status = "REFUNDED" if order.display_financial_status == "PAID" else "VOIDED"
        self._refund(order, [self._remove(order, line, units, restock, event) for line, units in open_lines], event)
        self._changed(order, event, *(["ORDERS_CANCELLED"] if order.cancelled_at else []))

    def refund(self, ref: str, sku: str, units: int, *, restock: bool) -> None:
        """Refunds units that have not shipped first, then shipped ones. Raises ValueError for more than there are."""
        order, event = self.by_ref[ref], self.hooks.event()
        line = next(each for each in order.lines if each.sku == sku)
        if not 0 < units <= line.current_quantity:
            raise ValueError(f"{units} units of {sku} cannot be refunded, {line.current_quantity} are left")
        unshipped = min(units, line.unfulfilled_quantity)
        lines = [self._remove(order, line, unshipped, restock, event)] if unshipped else []
        if units > unshipped:
            lines.append(self._take_back(order, line, units - unshipped, restock, event))
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
                self.shop.orders[ref].lines.append(TrueLine(sku, 0))
            line.quantity += delta
            self._true_line(order, line).quantity += delta
            self._move(sku, order, available=-delta, committed=delta, cause="sale", event=event)
        elif line is None or -delta > line.unfulfilled_quantity:
            raise ValueError(f"{-delta} units of {sku} cannot be taken out of {order.name}")
        else:
            self._refund(order, [self._remove(order, line, -delta, restock, event)], event)
        order.edited = True
        number, at, changed = self.ids.next("OrderEdit"), self.shop.seconds(), line
        self.hooks.fire("ORDERS_EDITED", lambda: payloads.order_edit(order, number, changed, delta, at), event)
        self._changed(order, event)

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
            if variant.inventory_item.tracked and variant.inventory_policy == "DENY" and self.shop.level(sku).available < units:
                raise SoldOut(f"{sku}: {units} wanted, {self.shop.level(sku).available} left")

    def _line(self, sku: str, units: int) -> LineItem:
        variant = self.shop.variant(sku)
        gift = variant.product.is_gift_card
        return LineItem(
            self.ids.next("LineItem"), variant, units, sku, variant.product.title, is_gift_card=gift, requires_shipping=not gift
        )

    def _remove(self, order: Order, line: LineItem, units: int, restock: bool, event: UUID) -> RefundLineItem:
        """Unshipped units leave the order."""
        line.removed += units
        self._true_line(order, line).cancelled += units
        self._move(line.sku, order, available=units if restock else 0, committed=-units, cause="restore", event=event)
        return self._refund_line(line, units, "CANCEL" if restock else "NO_RESTOCK")

    def _take_back(self, order: Order, line: LineItem, units: int, restock: bool, event: UUID) -> RefundLineItem:
        """Shipped units come back."""
        line.returned += units
        self._true_line(order, line).returned += units
        self._move(line.sku, order, available=units if restock else 0, cause="restore", event=event)
        return self._refund_line(line, units, "RETURN" if restock else "NO_RESTOCK")

    def _refund_line(self, line: LineItem, units: int, kind: str) -> RefundLineItem:
        return RefundLineItem(self.ids.next("RefundLineItem"), line, units, kind, None if kind == "NO_RESTOCK" else self.shop.location)

    def _refund(self, order: Order, lines: list[RefundLineItem], event: UUID) -> None:
        refund = Refund(self.ids.next("Refund"), order, self.shop.seconds(), lines)
        order.order_refunds.append(refund)
        self.hooks.fire("REFUNDS_CREATE", lambda: payloads.refund(refund), event)

    def _move(
        self, sku: str | None, order: Order, *, available: int = 0, committed: int = 0, cause: str = "", event: UUID | None = None
    ) -> None:
        assert sku is not None
        if not self.shop.variant(sku).inventory_item.tracked:
            return
        level = self.shop.level(sku)
        level.committed += committed
        if available:
            self.shop.change(level, level.available + available, cause, order=order.id, event=event)

    def _changed(self, order: Order, event: UUID, *topics: str) -> None:
        order.updated_at = self.shop.seconds()
        self.index.changed(order)
        for topic in (*topics, "ORDERS_UPDATED"):
            self.hooks.fire(topic, lambda: payloads.order(order), event)

    def _true_line(self, order: Order, line: LineItem) -> TrueLine:
        return next(each for each in self.shop.orders[order.id].lines if each.sku == line.sku)
