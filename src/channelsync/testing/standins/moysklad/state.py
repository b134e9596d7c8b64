"""What a Moysklad account remembers: goods, stores, documents, webhooks and the dials of the stand-in. Values only: no rules and no dialect here."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from channelsync.clock import Clock
from channelsync.testing.standins.base import Change, TrueOrder

MSK = timezone(timedelta(hours=3))
WEIGHTS = {"solution": 1, "draft": 4, "user": 3}


@dataclass(slots=True)
class Dials:
    """What differs from account to account. Every field may be turned while it is running.

    Not written down by the platform, so not assumed: reserve_in_changed (`changedSince` with stockType=reserve also tells goods of which
    only the reserve changed), unposted_reserves (an unposted order holds its reserve), consignment_rows (batches have rows of their own
    beside their good's), trashed_sync (a create with the syncId of a trashed document: "conflict", "returns" it, or "creates" a second one),
    trash_updates and shipment_updates (trashing, and posting a linked shipment, move the order's `updated`), audit_tells (the audit event of
    a deletion names the fields of what was deleted).

    hook_seconds: from an event to its webhook. stock_hook_seconds: between two stock webhooks (60 to 300 in a real account). list_lag_seconds:
    how long a change stays out of lists that ask for changes. recalculated_seconds: how long after a movement the short reports cannot tell
    its good's numbers.
    """

    credential: str = "user"
    units: int = 45
    window_seconds: float = 3.0
    parallel: int = 5
    request_seconds: float = 0.0
    hang_seconds: float = 30.0
    hook_seconds: float = 0.0
    stock_hook_seconds: float = 0.2
    list_lag_seconds: float = 0.0
    recalculated_seconds: float = 0.0
    reserve_in_changed: bool = False
    unposted_reserves: bool = False
    consignment_rows: bool = False
    trashed_sync: str = "conflict"
    trash_updates: bool = False
    shipment_updates: bool = True
    audit_tells: bool = True
    recycle_bin: bool = True
    check_shipping_stock: bool = False
    admin: bool = True
    stock_permission: bool = True
    paid_plan: bool = True
    clock_skew_seconds: float = 0.0
    report_rows: int = 100_000


@dataclass(slots=True)
class Good:
    """kind: product, variant, bundle, service or consignment. moved: some document has named it, so that reports know it."""

    id: str
    kind: str
    name: str
    code: str
    external: str
    updated: datetime
    article: str = ""
    barcode: str = ""
    parent: str = ""
    components: dict[str, float] = field(default_factory=dict)
    archived: bool = False
    serial: bool = False
    marked: bool = False
    moved: bool = False

    @property
    def counted(self) -> bool:
        return self.kind in {"product", "variant", "consignment"}


@dataclass(slots=True)
class Store:
    id: str
    name: str
    parent: str = ""
    archived: bool = False


@dataclass(slots=True)
class Position:
    id: str
    good: str
    quantity: float
    reserve: float = 0.0
    shipped: float = 0.0


Place = tuple[str, str, str | None]
"""What a document moves: ("stock" or "reserve", good, store; None where a reserve names no store)."""


@dataclass(slots=True)
class Document:
    """Any document. order, demand: the documents it is linked to. posted: what it has moved so far; own: made by the account's own people."""

    id: str
    kind: str
    name: str
    external: str
    created: datetime
    updated: datetime
    sync_id: str = ""
    store: str = ""
    state: str = ""
    applicable: bool = True
    deleted: datetime | None = None
    description: str = ""
    organization: str = ""
    agent: str = ""
    sales_channel: str = ""
    address: dict[str, Any] | None = None
    order: str = ""
    demand: str = ""
    positions: list[Position] = field(default_factory=list)
    posted: dict[Place, float] = field(default_factory=dict)
    own: bool = False
    returned_unstocked: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Hook:
    """entity "": a stock webhook, whose action is its report type."""

    id: str
    url: str
    entity: str
    action: str
    enabled: bool = True


@dataclass(slots=True)
class Deletion:
    """One entry of the audit."""

    id: str
    moment: datetime
    document: Document


@dataclass(slots=True)
class State:
    """One account. changed: when a number of a report last moved. recalculating: until when (monotonic) a good's rows are being computed.
    lost_answers: so many of the next writes are done, and nobody hears of it.
    """

    clock: Clock
    random: random.Random
    dials: Dials
    token: str
    login: str
    password: str
    account: str = ""
    organization: str = ""
    agent: str = ""
    states: dict[str, tuple[str, str]] = field(default_factory=dict)
    goods: dict[str, Good] = field(default_factory=dict)
    stores: dict[str, Store] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    numbers: dict[Place, float] = field(default_factory=dict)
    changed: dict[Place, datetime] = field(default_factory=dict)
    recalculating: dict[str, float] = field(default_factory=dict)
    hooks: dict[str, Hook] = field(default_factory=dict)
    deletions: list[Deletion] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    truth: dict[str, TrueOrder] = field(default_factory=dict)
    events: list[tuple[str, str, str, tuple[str, ...]]] = field(default_factory=list)
    stock_moved: datetime | None = None
    lost_answers: int = 0
    serial: int = 0

    def new_id(self) -> str:
        """As the platform makes them: a time-like UUID whose end counts up."""
        self.serial += 1
        return f"{self.random.getrandbits(32):08x}-{self.random.getrandbits(16):04x}-11ef-ac12-000f{self.serial:08d}"

    def now(self) -> datetime:
        """The platform keeps milliseconds."""
        now = self.clock.now() + timedelta(seconds=self.dials.clock_skew_seconds)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    @property
    def main_store(self) -> str:
        return next(iter(self.stores))

    def announce(self, kind: str, action: str, document: str, muted: tuple[str, ...] = ()) -> None:
        """muted: address prefixes that must not hear of it."""
        self.events.append((kind, action, document, muted))


def msk(at: datetime) -> str:
    return at.astimezone(MSK).strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03d}"


def from_msk(text: str) -> datetime:
    """Raises ValueError. Seconds and milliseconds may be missing; a zone, a T or a Z are not understood."""
    for form in ("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=MSK).astimezone(UTC)
        except ValueError:
            continue
    raise ValueError(text)
