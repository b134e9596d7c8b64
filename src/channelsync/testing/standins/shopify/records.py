"""What the stand-in shop remembers: catalogue, stock levels, orders, refunds. Plain records; what happens to them is decided elsewhere.

Attribute names are the GraphQL field names in snake case, so that the default resolver finds them.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from channelsync.testing.standins.shopify.parcels import Fulfillment, FulfillmentOrder, Return


class Ids:
    """Growing numeric ids per kind. Inventory items start above 2^53: a client that reads ids as floats must notice here."""

    FIRST = {"InventoryItem": 9_007_199_254_740_993, "Order": 6_106_214_007_002}

    def __init__(self) -> None:
        self._counters: dict[str, itertools.count[int]] = {}

    def next(self, kind: str) -> int:
        if kind not in self._counters:
            self._counters[kind] = itertools.count(self.FIRST.get(kind, 40_118_650_044_000 + 1_000_000 * len(self._counters)), 7)
        return next(self._counters[kind])


class Numbered:
    """A record with a numeric id and the GID made from it."""

    number: int

    @property
    def id(self) -> str:
        return f"gid://shopify/{type(self).__name__}/{self.number}"

    @property
    def legacy_resource_id(self) -> int:
        return self.number


@dataclass(slots=True, eq=False)
class Location(Numbered):
    number: int
    name: str
    is_active: bool = True
    fulfills_online_orders: bool = True
    is_fulfillment_service: bool = False


@dataclass(slots=True, eq=False)
class InventoryLevel:
    """The quantities of one item at one location. `available` may be negative; on_hand = available + committed."""

    number: int
    item: InventoryItem
    location: Location
    created_at: datetime
    updated_at: datetime
    available: int = 0
    committed: int = 0
    is_active: bool = True

    @property
    def id(self) -> str:
        return f"gid://shopify/InventoryLevel/{self.number}?inventory_item_id={self.item.number}"

    def quantity(self, name: str) -> int | None:
        """One inventory state by name; None for a name Shopify does not have."""
        known = {"available": self.available, "committed": self.committed, "on_hand": self.available + self.committed}
        return known.get(name, 0 if name in OTHER_STATES else None)


OTHER_STATES = frozenset({"incoming", "reserved", "damaged", "safety_stock", "quality_control"})


@dataclass(slots=True, eq=False)
class InventoryItem(Numbered):
    number: int
    sku: str | None
    created_at: datetime
    updated_at: datetime
    tracked: bool = True
    requires_shipping: bool = True
    requires_components: bool = False  # a bundle's parent: its number is derived and refuses writes
    duplicate_sku_count: int = 0
    levels: dict[str, InventoryLevel] = field(default_factory=dict)  # by location GID


@dataclass(slots=True, eq=False)
class Product(Numbered):
    number: int
    title: str
    status: str = "ACTIVE"
    is_gift_card: bool = False


@dataclass(slots=True, eq=False)
class ProductVariant(Numbered):
    number: int
    product: Product
    inventory_item: InventoryItem
    created_at: datetime
    updated_at: datetime
    inventory_policy: str = "DENY"
    barcode: str | None = None

    @property
    def sku(self) -> str | None:
        return self.inventory_item.sku

    @property
    def title(self) -> str:
        return "Default Title"

    @property
    def display_name(self) -> str:
        return f"{self.product.title} - {self.title}"

    @property
    def requires_components(self) -> bool:
        return self.inventory_item.requires_components

    @property
    def inventory_quantity(self) -> int:
        return sum(level.available for level in self.inventory_item.levels.values() if level.is_active)


@dataclass(slots=True, eq=False)
class LineItem(Numbered):
    """quantity counts every unit ever ordered; `removed` units were refunded or edited away before they shipped, `returned` after."""

    number: int
    variant: ProductVariant | None
    quantity: int
    sku: str | None
    title: str
    fulfilled: int = 0
    removed: int = 0
    returned: int = 0
    taken_in: int = 0  # came back and was not refunded (yet)
    is_gift_card: bool = False
    requires_shipping: bool = True

    @property
    def name(self) -> str:
        return self.title

    @property
    def unfulfilled_quantity(self) -> int:
        return self.quantity - self.fulfilled - self.removed

    @property
    def non_fulfillable_quantity(self) -> int:
        return self.removed

    @property
    def current_quantity(self) -> int:
        return self.quantity - self.removed - self.returned

    @property
    def refundable_quantity(self) -> int:
        return self.current_quantity


@dataclass(slots=True, eq=False)
class RefundLineItem(Numbered):
    number: int
    line_item: LineItem
    quantity: int
    restock_type: str
    location: Location | None

    @property
    def restocked(self) -> bool:
        return self.restock_type != "NO_RESTOCK"


@dataclass(slots=True, eq=False)
class Refund(Numbered):
    number: int
    order: Order
    created_at: datetime
    lines: list[RefundLineItem]
    note: str | None = None

    @property
    def updated_at(self) -> datetime:
        return self.created_at

    @property
    def processed_at(self) -> datetime:
        return self.created_at


@dataclass(slots=True, eq=False)
class Order(Numbered):
    number: int
    name: str
    created_at: datetime
    updated_at: datetime
    lines: list[LineItem]
    display_financial_status: str
    order_refunds: list[Refund] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    closed_at: datetime | None = None
    edited: bool = False
    confirmed: bool = True
    test: bool = False
    retail_location: Location | None = None
    shipping_address: dict[str, Any] | None = None
    source_name: str = "web"
    parts: list[FulfillmentOrder] = field(default_factory=list)
    parcels: list[Fulfillment] = field(default_factory=list)
    order_returns: list[Return] = field(default_factory=list)

    @property
    def processed_at(self) -> datetime:
        return self.created_at

    @property
    def display_fulfillment_status(self) -> str:
        fulfilled = sum(line.fulfilled for line in self.lines)
        if not fulfilled:
            return "UNFULFILLED"
        return "PARTIALLY_FULFILLED" if any(line.unfulfilled_quantity for line in self.lines) else "FULFILLED"

    @property
    def return_status(self) -> str:
        return "RETURNED" if self.order_returns or any(line.returned for line in self.lines) else "NO_RETURN"

    @property
    def shipping(self) -> str:
        """The value of the search filter `fulfillment_status`."""
        return {"UNFULFILLED": "unshipped", "PARTIALLY_FULFILLED": "partial"}.get(self.display_fulfillment_status, "shipped")

    @property
    def status(self) -> str:
        """The value of the search filter `status`."""
        if self.cancelled_at:
            return "cancelled"
        return "closed" if self.closed_at else "open"
