"""Records of what happens to an order after it was placed: which location ships what, what left, and what came back without a refund."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from channelsync.testing.standins.shopify.records import LineItem, Location, Numbered, Refund


@dataclass(slots=True, eq=False)
class FulfillmentOrderLineItem(Numbered):
    """remaining: units that still are to be shipped from here."""

    number: int
    line_item: LineItem
    total_quantity: int
    remaining_quantity: int


@dataclass(slots=True, eq=False)
class FulfillmentOrder(Numbered):
    """The part of an order that one location ships."""

    number: int
    location: Location
    created_at: datetime
    updated_at: datetime
    parts: list[FulfillmentOrderLineItem]
    status: str = "OPEN"

    @property
    def assigned_location(self) -> dict[str, object]:
        return {"name": self.location.name, "location": self.location}


@dataclass(slots=True, eq=False)
class FulfillmentLineItem(Numbered):
    number: int
    line_item: LineItem
    quantity: int


@dataclass(slots=True, eq=False)
class Fulfillment(Numbered):
    """One parcel that left one location."""

    number: int
    location: Location
    created_at: datetime
    parts: list[FulfillmentLineItem]
    status: str = "SUCCESS"

    @property
    def updated_at(self) -> datetime:
        return self.created_at


@dataclass(slots=True, eq=False)
class Disposition(Numbered):
    """What was done with units that came back, without any refund."""

    number: int
    line_item: LineItem
    quantity: int
    type: str
    location: Location
    created_at: datetime


@dataclass(slots=True, eq=False)
class Return(Numbered):
    """dispositions: as `reverseFulfillmentOrders { lineItems { dispositions } }` tells them. refunds: those made for this return."""

    number: int
    created_at: datetime
    dispositions: list[Disposition]
    made_refunds: list[Refund] = field(default_factory=list)
    status: str = "CLOSED"
