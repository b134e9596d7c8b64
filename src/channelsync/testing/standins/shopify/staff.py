"""What staff do with orders beyond selling, shipping and refunding: tills, moves to another location, holds, goods taken in without a refund."""

from __future__ import annotations

from collections.abc import Mapping

from channelsync.testing.standins.shopify.desk import OrderDesk
from channelsync.testing.standins.shopify.parcels import Disposition, Return
from channelsync.testing.standins.shopify.records import Location, Order


class StaffDesk(OrderDesk):
    """The desk with its back room."""

    def sell_at_till(self, basket: Mapping[str, int], location: Location) -> str:
        """A sale in a shop's own rooms: it arrives shipped, and nothing of it ever shows as committed."""
        now = self.shop.seconds()
        number = self.ids.next("Order")
        lines = [self._line(sku, units) for sku, units in basket.items()]
        name = f"#{1000 + len(self.shop.orders) + 1}"
        order = Order(number, name, now, now, lines, "PAID", retail_location=location, source_name="pos", closed_at=now)
        self.by_number[number] = self.by_ref[order.id] = order
        self.shop.true_order(order.id)
        event = self.hooks.event()
        for line in lines:
            line.fulfilled = line.quantity
            self._true_line(order, line, location).quantity += line.quantity
            self._true_line(order, line, location).shipped += line.quantity
            self._move(line.sku, order, location, available=-line.quantity, cause="sale", event=event)
        self.shipping.pack(order, location, [(line, line.quantity) for line in lines])
        self._changed(order, event, "ORDERS_CREATE")
        return order.id

    def move(self, ref: str, location: Location, source: Location | None = None) -> None:
        """Staff have another location ship what is open (of `source`, or anywhere): the commitment follows."""
        order, event = self.by_ref[ref], self.hooks.event()
        waiting = [row for row in self.shipping.waiting(order, location=source) if row[1] is not location]
        if not waiting:
            return
        for line, place, units in waiting:
            self.shipping.take(order, line, place, units)
            self.shipping.assign(order, line, location, units)
            self._true_line(order, line, place).quantity -= units
            self._true_line(order, line, location).quantity += units
            self._move(line.sku, order, place, available=units, committed=-units, cause="restore", event=event)
            self._move(line.sku, order, location, available=-units, committed=units, cause="sale", event=event)
        self._changed(order, event)

    def hold(self, ref: str) -> None:
        """Staff hold an order back. Shopify does not touch the order's own time for that."""
        for part in self.by_ref[ref].parts:
            part.status = "ON_HOLD" if part.status == "OPEN" else part.status

    def replace_parts(self, ref: str) -> None:
        """Staff cancel the fulfillment orders: Shopify makes new ones for what is open, the cancelled ones stay in the list."""
        order = self.by_ref[ref]
        waiting = self.shipping.waiting(order)
        for line, place, units in waiting:
            self.shipping.take(order, line, place, units)
        for part in order.parts:
            part.status = "CANCELLED" if part.status == "CLOSED" else part.status
        for line, place, units in waiting:
            self.shipping.assign(order, line, place, units)
        self._changed(order, self.hooks.event())

    def take_in(self, ref: str, sku: str, units: int, location: Location | None = None, *, restock: bool = True) -> None:
        """Shipped units come back and are put on the shelf; nothing is refunded."""
        order, event = self.by_ref[ref], self.hooks.event()
        line = next(each for each in order.lines if each.sku == sku)
        now = self.shop.seconds()
        made = Return(self.ids.next("Return"), now, [])
        for place, many in self._shipped_from(order, line, units):
            at = location or place
            kind = "RESTOCKED" if restock else "NOT_RESTOCKED"
            made.dispositions.append(Disposition(self.ids.next("ReverseFulfillmentOrderDisposition"), line, many, kind, at, now))
            self._true_line(order, line, place).returned += many
            self._move(sku, order, at, available=many if restock else 0, cause="restore", event=event)
        line.taken_in += units
        order.order_returns.append(made)
        self._changed(order, event)

    def refund_return(self, ref: str) -> None:
        """The money of what was taken in goes back later: a refund that names its units again and moves no stock."""
        order, event = self.by_ref[ref], self.hooks.event()
        made = order.order_returns[-1]
        lines = []
        for each in made.dispositions:
            each.line_item.taken_in -= each.quantity
            each.line_item.returned += each.quantity
            kind = "RETURN" if each.type == "RESTOCKED" else "NO_RESTOCK"
            lines.append(self._refund_line(each.line_item, each.quantity, kind, each.location))
        self._refund(order, lines, event)
        made.made_refunds.append(order.order_refunds[-1])
        self._changed(order, event)
