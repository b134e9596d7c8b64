"""Which location ships what of an order: its fulfillment orders and parcels. Numbers of stock are moved elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from channelsync.testing.standins.shopify.parcels import Fulfillment, FulfillmentLineItem, FulfillmentOrder, FulfillmentOrderLineItem
from channelsync.testing.standins.shopify.records import Ids, LineItem, Location, Order

OPEN = ("OPEN", "ON_HOLD")


class Shipping:
    def __init__(self, ids: Ids, seconds: Callable[[], datetime]) -> None:
        self.ids, self.seconds = ids, seconds

    def assign(self, order: Order, line: LineItem, location: Location, units: int) -> None:
        """More units of a line are to be shipped from a location."""
        part = next((each for each in order.parts if each.location is location and each.status in OPEN), None)
        now = self.seconds()
        if part is None:
            part = FulfillmentOrder(self.ids.next("FulfillmentOrder"), location, now, now, [])
            order.parts.append(part)
        row = next((each for each in part.parts if each.line_item is line), None)
        if row is None:
            row = FulfillmentOrderLineItem(self.ids.next("FulfillmentOrderLineItem"), line, 0, 0)
            part.parts.append(row)
        row.total_quantity += units
        row.remaining_quantity += units
        part.updated_at = now

    def waiting(self, order: Order, line: LineItem | None = None, location: Location | None = None) -> list[tuple[LineItem, Location, int]]:
        """What still is to be shipped, and from where."""
        return [
            (row.line_item, part.location, row.remaining_quantity)
            for part in order.parts
            for row in part.parts
            if row.remaining_quantity and (line is None or row.line_item is line) and (location is None or part.location is location)
        ]

    def take(self, order: Order, line: LineItem, location: Location, units: int) -> None:
        """Units leave a location's part of the order: shipped, removed or moved. A part without any left is closed, its totals stay."""
        for part in [each for each in order.parts if each.location is location]:
            for row in [each for each in part.parts if each.line_item is line]:
                taken = min(units, row.remaining_quantity)
                row.remaining_quantity -= taken
                units -= taken
            if not any(row.remaining_quantity for row in part.parts):
                part.status = "CLOSED"
            part.updated_at = self.seconds()

    def pack(self, order: Order, location: Location, shipped: list[tuple[LineItem, int]]) -> Fulfillment:
        rows = [FulfillmentLineItem(self.ids.next("FulfillmentLineItem"), line, units) for line, units in shipped]
        parcel = Fulfillment(self.ids.next("Fulfillment"), location, self.seconds(), rows)
        order.parcels.append(parcel)
        return parcel
