"""What Shopify answers about orders, validated. Unknown fields and unknown enum values are tolerated."""

from __future__ import annotations

from pydantic import Field

from channelsync_shopify.shapes import Connection, Gid, Moment, Ref, Shape, Units

# Orders


class TrackedItem(Shape):
    id: Gid
    tracked: bool


class LineVariant(Shape):
    id: Gid
    inventory_item: TrackedItem


class Line(Shape):
    id: Gid
    quantity: Units
    unfulfilled_quantity: Units
    non_fulfillable_quantity: Units
    is_gift_card: bool
    variant: LineVariant | None = None
    sku: str | None = None
    title: str = ""


class RefundLine(Shape):
    quantity: Units
    restock_type: str
    line_item: Ref
    location: Ref | None = None


class Refund(Shape):
    id: Gid
    created_at: Moment | None
    refund_line_items: Connection[RefundLine]


class Attribute(Shape):
    key: str
    value: str | None = None


class Destination(Shape):
    """Of the shipping address only this is asked for, and only if the settings say so."""

    country_code_v2: str | None = Field(None, alias="countryCodeV2")
    province_code: str | None = None
    zip: str | None = None
    latitude: float | None = None
    longitude: float | None = None


class Order(Shape):
    id: Gid
    name: str
    created_at: Moment
    updated_at: Moment
    cancelled_at: Moment | None
    confirmed: bool
    edited: bool
    test: bool
    return_status: str
    line_items: Connection[Line]
    refunds: tuple[Refund, ...]
    retail_location: Ref | None = None
    shipping_address: Destination | None = None
    custom_attributes: tuple[Attribute, ...] = ()


class OrderPart(Shape):
    """One more page of an order's lines."""

    updated_at: Moment
    line_items: Connection[Line]


class RefundStub(Shape):
    id: Gid
    created_at: Moment | None


class RefundStubs(Shape):
    updated_at: Moment
    refunds: tuple[RefundStub, ...]


class RefundPart(Shape):
    refund_line_items: Connection[RefundLine]


# Where an order is shipped from, and what came back


class AssignedLocation(Shape):
    location: Ref | None


class PartLine(Shape):
    total_quantity: Units
    remaining_quantity: Units
    line_item: Ref


class FulfillmentOrder(Shape):
    status: str
    updated_at: Moment
    assigned_location: AssignedLocation
    line_items: Connection[PartLine]


class ParcelLine(Shape):
    quantity: Units | None
    line_item: Ref


class Fulfillment(Shape):
    status: str
    location: Ref | None
    fulfillment_line_items: Connection[ParcelLine]


class OrderPlaces(Shape):
    id: Gid
    updated_at: Moment
    fulfillment_orders: Connection[FulfillmentOrder]
    fulfillments: tuple[Fulfillment, ...]


class PlacesPart(Shape):
    updated_at: Moment
    fulfillment_orders: Connection[FulfillmentOrder]


class Shipments(Shape):
    updated_at: Moment
    fulfillments: tuple[Fulfillment, ...]


class Disposition(Shape):
    type: str
    quantity: Units
    created_at: Moment
    location: Ref | None


class ShippedLine(Shape):
    line_item: Ref


class ReverseLine(Shape):
    dispositions: tuple[Disposition, ...]
    fulfillment_line_item: ShippedLine | None


class ReverseOrder(Shape):
    line_items: Connection[ReverseLine]


class Return(Shape):
    refunds: Connection[Ref]
    reverse_fulfillment_orders: Connection[ReverseOrder]


class ReturnsPart(Shape):
    updated_at: Moment
    returns: Connection[Return]
