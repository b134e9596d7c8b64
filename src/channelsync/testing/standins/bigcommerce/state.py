"""What a BigCommerce store remembers: catalogue, stock rows, orders, hooks and the dials of the stand-in. Values only, no rules."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from channelsync.clock import Clock
from channelsync.testing.standins.base import Change, TrueOrder
from channelsync.testing.standins.refusing import Refusing, none_refused

Raw = dict[str, Any]
DEFAULT_LOCATION = 1  # every store has it; it cannot be deleted
SCOPES = (
    "store_inventory",
    "store_locations_read_only",
    "store_v2_orders_read_only",
    "store_v2_products_read_only",
    "store_v2_information_read_only",
)
STATUSES = {
    0: "Incomplete",
    1: "Pending",
    2: "Shipped",
    3: "Partially Shipped",
    4: "Refunded",
    5: "Cancelled",
    6: "Declined",
    7: "Awaiting Payment",
    8: "Awaiting Pickup",
    9: "Awaiting Shipment",
    10: "Completed",
    11: "Awaiting Fulfillment",
    12: "Manual Verification Required",
    13: "Disputed",
    14: "Partially Refunded",
}


@dataclass(slots=True)
class Dials:
    """What differs from store to store, and what no document says. Every field may be turned while the store is running.

    apply_seconds: from the 200 of an adjustment until the number moves. partial_on_422: whether the items before the bad one are applied.
    untracked: what an adjustment of an uncounted product answers, "422" or "accepted" (and does nothing).
    placed_statuses: which statuses count as placed for `update_stock_behavior = "order_placed"`. unpaid_status: of an order bought unpaid.
    partial_shipment_lowers: under `order_completed_or_shipped`, whether shipped units of a partly shipped order are taken at once.
    inclusive: whether min/max_date_modified include the second they name. refunds_bump: whether a refund changes date_modified.
    lists_archived: whether lists show archived orders. visibility_lag: a change of an order reaches lists after up to this.
    signs: Standard Webhooks headers. rows_for_all: inventory shows a row of zeros for items that never had a number.
    skew_seconds: how far the store's clock is ahead. quota per window_seconds; quota_headers: whether answers tell it.
    """

    apply_seconds: float = 0.3
    partial_on_422: bool = False
    untracked: str = "422"
    update_stock_behavior: str = "order_placed"
    edit_order_stock_adjustment: bool = True
    refund_order_stock_adjustment: bool = True
    placed_statuses: tuple[int, ...] = (1, 2, 3, 7, 8, 9, 10, 11, 12, 13, 14)
    unpaid_status: int = 7
    partial_shipment_lowers: bool = False
    inclusive: bool = True
    refunds_bump: bool = False
    lists_archived: bool = False
    visibility_lag: float = 0.0
    signs: bool = True
    rows_for_all: bool = False
    scopes: tuple[str, ...] = SCOPES
    webhook_seconds: float = 0.05
    skew_seconds: float = 0.0
    quota: int = 150
    window_seconds: float = 30.0
    quota_headers: bool = True
    hang_seconds: float = 30.0
    any_destination: bool = False
    domain: str = ""


@dataclass(slots=True)
class Variant:
    """sku_id: the legacy id of webhooks; None for the base variant of a product without options."""

    id: int
    product_id: int
    sku: str
    sku_id: int | None = None
    option: str = ""


@dataclass(slots=True)
class Product:
    """tracking: none, product or variant. variants: one base variant, or one per option value."""

    id: int
    name: str
    sku: str
    tracking: str
    modified: datetime
    variants: list[Variant] = field(default_factory=list)
    options: bool = False


@dataclass(slots=True)
class Row:
    """Stock of one item at one location. The row exists from the first absolute adjustment on. safety: the store's own buffer."""

    on_hand: int
    safety: int = 0

    @property
    def available(self) -> int:
        return self.on_hand - self.safety


@dataclass(slots=True)
class Location:
    id: int
    code: str
    label: str
    enabled: bool = True


@dataclass(slots=True)
class Line:
    """took: units the store has out of its own number now. refunded_unshipped and returned: the truth behind `refunded`, not shown."""

    id: int
    variant_id: int
    product_id: int
    sku: str
    name: str
    quantity: int
    shipped: int = 0
    refunded: int = 0
    refunded_unshipped: int = 0
    returned: int = 0
    took: int = 0
    type: str = "physical"


@dataclass(slots=True)
class Refund:
    id: int
    order_id: int
    created: datetime
    items: list[tuple[str, int, int]]  # item type, order-product id, units


@dataclass(slots=True)
class View:
    """An order as lists show it from `visible_at` (monotonic) on."""

    visible_at: float
    modified: datetime
    status: int
    shown: Raw


@dataclass(slots=True)
class Order:
    """pickup: the location of a pickup consignment; None: it is shipped."""

    id: int
    status: int
    created: datetime
    modified: datetime
    lines: list[Line] = field(default_factory=list)
    shipped_at: datetime | None = None
    external_order_id: str = ""
    pickup: int | None = None
    archived: bool = False
    channel_id: int = 1
    address: Raw = field(default_factory=dict)
    views: list[View] = field(default_factory=list)


@dataclass(slots=True)
class Hook:
    id: int
    scope: str
    destination: str
    headers: dict[str, str]
    created: int
    is_active: bool = True


@dataclass(slots=True)
class Pending:
    """An accepted adjustment that is not applied yet. items: (item, location, quantity)."""

    due: float
    relative: bool
    items: list[tuple[str, int, int]]
    write: str | None


@dataclass(slots=True)
class State:
    """One store. Items are named "p:<product id>" or "v:<variant id>", as the product's tracking mode says."""

    clock: Clock
    random: random.Random
    dials: Dials
    store_hash: str
    token: str
    client_id: str
    client_secret: str
    refusing: Refusing = none_refused
    products: dict[int, Product] = field(default_factory=dict)
    variants: dict[int, Variant] = field(default_factory=dict)
    rows: dict[tuple[str, int], Row] = field(default_factory=dict)
    locations: dict[int, Location] = field(default_factory=lambda: {1: Location(1, "BC-LOCATION-1", "Default location")})
    orders: dict[int, Order] = field(default_factory=dict)
    refunds: list[Refund] = field(default_factory=list)
    hooks: dict[int, Hook] = field(default_factory=dict)
    blocked: dict[str, float] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    truth: dict[str, TrueOrder] = field(default_factory=dict)
    queue: list[Pending] = field(default_factory=list)
    events: list[tuple[str, Raw]] = field(default_factory=list)
    last: dict[str, int] = field(
        default_factory=lambda: {"product": 110, "variant": 70, "sku": 300, "order": 100, "line": 10, "refund": 0, "hook": 18048000}
    )

    def next_id(self, kind: str) -> int:
        self.last[kind] += 1
        return self.last[kind]

    def now(self) -> datetime:
        """The store's clock, in whole seconds."""
        return (self.clock.now() + timedelta(seconds=self.dials.skew_seconds)).replace(microsecond=0)

    def announce(self, scope: str, data: Raw) -> None:
        self.events.append((scope, data))
