"""What a WooCommerce shop remembers: products, orders, webhooks and the dials of the stand-in. Values only: no rules and no dialect here."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from channelsync.clock import Clock
from channelsync.testing.standins.base import Change, TrueOrder
from channelsync.testing.standins.refusing import Refusing, none_refused

Meta = list[dict[str, Any]]
"""Meta data as the REST API shows it: [{"id", "key", "value"}]."""

CORE_STATUSES = ("auto-draft", "pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "checkout-draft")


@dataclass(slots=True)
class Dials:
    """What differs from shop to shop. Every field may be turned while the shop is running.

    delta_race_seconds: between reading the base of an `inventory_delta` and writing the sum (it is not atomic in WooCommerce).
    cron_seconds: how often the webhook queue runs (60 in a real shop). visibility_lag: an order's change appears in lists after up to this.
    html_page: what a firewall in front of the shop answers instead of it. cache_age: a cache in front of it answers, so many seconds late.
    plain_permalinks: the web server knows no /wp-json.
    hang_seconds: how long a request that the fault dial dropped stays open. hold_stock_minutes: how long an unpaid checkout withholds its units. restores_on_failed: True from the release with pull request 66256 on.
    """

    timezone: str = "Europe/Berlin"
    hold_stock_minutes: int = 60
    manage_stock: bool = True
    delta_race_seconds: float = 0.01
    request_seconds: float = 0.0
    cron_seconds: float = 0.05
    hang_seconds: float = 30.0
    visibility_lag: float = 0.0
    maintenance: bool = False
    php_noise: float = 0.0
    permissions: str = "read_write"
    restores_on_failed: bool = False
    knows_delta: bool = True
    extra_statuses: tuple[str, ...] = ()
    version: str = "10.0.2"
    hpos: bool = True
    wp_cron: bool = True
    plain_permalinks: bool = False
    html_page: str = ""
    cache_age: int = 0
    home: str = ""


@dataclass(slots=True)
class Product:
    """stock counts only if `managed`; a variation that is not managed shows its parent's number if that one is. extra: captured fields."""

    id: int
    type: str
    name: str
    sku: str
    created: datetime
    modified: datetime
    parent: int = 0
    status: str = "publish"
    managed: bool = False
    stock: int = 0
    stock_status: str = "instock"
    backorders: str = "no"
    price: str = ""
    meta: Meta = field(default_factory=list)
    attributes: list[Any] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Line:
    """One order line. refunded: units refunded before they were shipped; returned: shipped units that came back (the truth, not shown)."""

    id: int
    product_id: int
    variation_id: int
    quantity: int
    name: str
    sku: str
    price: Decimal
    meta: Meta = field(default_factory=list)
    refunded: int = 0
    returned: int = 0
    removed: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def sells(self) -> int:
        return self.variation_id or self.product_id


@dataclass(slots=True)
class Refund:
    id: int
    amount: Decimal
    created: datetime
    reason: str = ""
    lines: dict[int, int] = field(default_factory=dict)  # order line id -> units


@dataclass(slots=True)
class View:
    """An order as lists show it from `visible_at` (monotonic) on. shown: empty means as it is now."""

    visible_at: float
    modified: datetime
    status: str
    shown: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Order:
    """stock_reduced: WooCommerce's own flag. hold: units withheld per stock-keeping product until `hold_until` (monotonic)."""

    id: int
    status: str
    created_via: str
    created: datetime
    modified: datetime
    paid: datetime | None = None
    completed: datetime | None = None
    stock_reduced: bool = False
    lines: list[Line] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    meta: Meta = field(default_factory=list)
    hold: dict[int, int] = field(default_factory=dict)
    hold_until: float = 0.0
    trashed_from: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    views: list[View] = field(default_factory=list)

    @property
    def total(self) -> Decimal:
        return sum((line.price * line.quantity for line in self.lines if not line.removed), Decimal(0))


@dataclass(slots=True)
class Webhook:
    """failures: consecutive failed deliveries, never shown by REST. pinged: a ping was answered; until then each save pings again."""

    id: int
    name: str
    topic: str
    delivery_url: str
    secret: str
    created: datetime
    status: str = "active"
    failures: int = 0
    pinged: bool = False


@dataclass(slots=True)
class State:
    """One shop. skus: product ids by SKU in lower case. held: the orders that withhold units (see `Order.hold`).

    `queue` holds one entry per (webhook, object) with its time of entry; `pings` the webhooks to be pinged.
    """

    clock: Clock
    random: random.Random
    dials: Dials
    key: str
    secret: str
    refusing: Refusing = none_refused
    products: dict[int, Product] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    webhooks: dict[int, Webhook] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    truth: dict[str, TrueOrder] = field(default_factory=dict)
    skus: dict[str, int] = field(default_factory=dict)
    held: dict[int, Order] = field(default_factory=dict)
    queue: dict[tuple[int, int], float] = field(default_factory=dict)
    pings: list[int] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=lambda: {"post": 9, "line": 0, "meta": 0, "webhook": 0})

    def next_id(self, kind: str) -> int:
        """Products, orders and refunds share one sequence ("post"), as in WordPress."""
        self.last[kind] += 1
        return self.last[kind]

    def saw_id(self, kind: str, number: int) -> None:
        self.last[kind] = max(self.last[kind], number)

    def now(self) -> datetime:
        """WooCommerce keeps whole seconds."""
        return self.clock.now().replace(microsecond=0)

    def offset(self, at: datetime) -> timedelta:
        return at.astimezone(ZoneInfo(self.dials.timezone)).utcoffset() or timedelta(0)

    def announce(self, topic: str, number: int) -> None:
        """Queue a delivery. One that already waits for the same webhook and object is not doubled."""
        for webhook in self.webhooks.values():
            if webhook.topic == topic and webhook.status == "active":
                self.queue.setdefault((webhook.id, number), self.clock.monotonic())


def meta_value(meta: Meta, key: str) -> Any:
    return next((row["value"] for row in meta if row["key"] == key), None)


def put_meta(state: State, meta: Meta, key: str, value: Any) -> None:
    for row in meta:
        if row["key"] == key:
            row["value"] = value
            return
    meta.append({"id": state.next_id("meta"), "key": key, "value": value})


def drop_meta(meta: Meta, key: str) -> None:
    meta[:] = [row for row in meta if row["key"] != key]
