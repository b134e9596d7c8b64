"""The words that pass between a connector and the engine: frozen values, in channelsync's terms, never in a platform's.

Times are timezone-aware UTC by the *shop's* clock unless a field says otherwise. Quantities are integers in the listing's own units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from channelsync.contract.destination import ShipTo

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the shop says it is. `shop` never changes while it is the same shop (domain, store hash, account id)."""

    shop: str
    name: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)  # API version, time zone, scopes: for `check`, never for decisions


@dataclass(frozen=True, slots=True)
class ShelfRef:
    """One number that customers of this channel see. `location` is "" where the platform keeps one number per listing."""

    listing: str
    location: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """One sellable thing on the channel.

    ref: the channel's own id; stable while the listing lives.
    aliases: other ids under which order lines or webhooks name it (Shopify: the variant beside the inventory item).
    stock_ref: the listing whose number this one shows (a variation on its parent's stock); None: its own.
    tracked: False where the shop does not count it; such a listing is never written.
    problem: why it cannot be written or linked (bundle parent, gift card), in words for people; None if nothing is wrong.
    locations: channel locations that keep a number for it; ("",) where there is one number per listing.
    sells_below_zero: the shop goes on selling it at 0, by a switch of its own; None: it does not tell. Shown to people where the ledger's policy differs,
    and turned where the channel's settings ask for it (`TurnsSwitches`).
    """

    ref: str
    sku: str | None
    title: str = ""
    aliases: tuple[str, ...] = ()
    stock_ref: str | None = None
    tracked: bool = True
    problem: str | None = None
    locations: tuple[str, ...] = ("",)
    barcode: str | None = None
    sells_below_zero: bool | None = None


class OrderState(StrEnum):
    PENDING = "pending"  # an unpaid checkout: a soft claim until `hold_until`
    OPEN = "open"  # placed; holds what is not shipped
    CANCELLED = "cancelled"
    DELETED = "deleted"  # the channel itself says it is gone


@dataclass(frozen=True, slots=True)
class Effect:
    """What the shop itself did to its own number for a line: `units` > 0 taken out, < 0 given back.

    at: the latest instant it can have happened. Where the platform does not tell, a later time is the safe one.
    """

    units: int
    at: datetime


@dataclass(frozen=True, slots=True)
class OrderLine:
    """What one line looks like *now*, in absolute numbers of the listing's units.

    quantity: units ever ordered. Of these: `shipped` left the house; `cancelled` will not ship and the shop put them back on sale;
    `quarantined` will not ship and the shop did not put them back. What remains is held while the order is open.
    restocked: shipped units that came back and are on sale again (<= shipped).
    effects: every change the shop made to its own number for this line; their sum is `channel_took`.
    withheld: units the shop subtracts by itself from what it sells *without* lowering its number (WooCommerce's pending checkouts).
    location: whose number the shop sells it from. assigned: the shop itself has it shipped from there; False: it only took it out of that number.
    stocked: False for lines without stock (gift cards, services, custom lines); they are kept for people and move nothing.
    """

    ref: str
    listing: str | None
    quantity: int
    sku: str | None = None
    title: str = ""
    shipped: int = 0
    cancelled: int = 0
    quarantined: int = 0
    restocked: int = 0
    effects: tuple[Effect, ...] = ()
    withheld: int = 0
    location: str | None = None
    stocked: bool = True
    assigned: bool = True

    @property
    def channel_took(self) -> int:
        return sum(effect.units for effect in self.effects)

    @property
    def outstanding(self) -> int:
        return self.quantity - self.shipped - self.cancelled - self.quarantined

    def adds_up(self) -> bool:
        parts = (self.quantity, self.shipped, self.cancelled, self.quarantined, self.restocked, self.withheld)
        return all(part >= 0 for part in parts) and self.outstanding >= 0 and self.restocked <= self.shipped


@dataclass(frozen=True, slots=True)
class OrderSnapshot:
    """What the channel says an order looks like now. A line that vanished from the order must still be listed, or be absent for good.

    ship_to: of the address only what the choice of a location needs (`contract.ship_to` makes it); None: the shop does not tell.
    """

    ref: str
    state: OrderState
    modified_at: datetime
    created_at: datetime
    lines: tuple[OrderLine, ...] = ()
    number: str = ""
    hold_until: datetime | None = None  # PENDING only: when the shop's own hold ends by itself
    reservation_ref: str | None = None  # the storefront reservation this order came from
    test: bool = False
    ship_to: ShipTo | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """The answer of `order(ref)` when the channel itself says that there is no such order (never a guess from an empty list).

    sees_back: how old an order may be at most for us to be shown it; None: any. That an older one is not shown does not say that it is gone.
    """

    ref: str
    sees_back: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the channel says a shelf shows. None: the channel does not count it (untracked, not stocked there). Never a stand-in for 0."""

    shelf: ShelfRef
    shows: int | None
    at: datetime  # the shop's clock when it answered


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a stream was read; the strings are the connector's own and opaque to everybody else."""

    high_water: str | None = None  # where the last complete run ended
    resume: str | None = None  # where a broken run goes on


@dataclass(frozen=True, slots=True)
class Page(Generic[T_co]):
    """One page of a stream. Exactly one mark is set: `resume` if there is more, `high_water` on the last page of a run.

    A page that was cut short must raise, never pretend to be the last. `refused` lists items that were there but could not be
    understood, as (ref, reason, raw text): the engine sets them aside and goes on. Of orders and documents it keeps no raw text.
    """

    items: tuple[T_co, ...]
    resume: str | None = None
    high_water: str | None = None
    refused: tuple[tuple[str, str, str], ...] = ()


class Carrier(StrEnum):
    """How a difference travels to the shop."""

    COMPARE_AND_SET = "compare_and_set"  # shows == compare -> value, else STALE; compared in the step that writes, or it is a SET
    ADJUST = "adjust"  # shows += delta
    SET = "set"  # shows = value; last writer wins
    NONE = "none"  # the platform has no shelf to write


@dataclass(frozen=True, slots=True)
class Write:
    """One shelf's part of a call. `value` = the number it should show; `compare` = what it must show now; `delta` = value - base.

    Only the fields of the channel's carrier matter: COMPARE_AND_SET compare+value, ADJUST delta, SET value.
    """

    id: str
    shelf: ShelfRef
    value: int
    compare: int
    delta: int


@dataclass(frozen=True, slots=True)
class Call:
    """Writes that travel together: all lower or all raise. `key` is the idempotency key; a repeat carries the identical list."""

    key: str
    writes: tuple[Write, ...]


class Outcome(StrEnum):
    OK = "ok"  # applied, and the shop said so; where `Traits.write_visible_after` is not 0: accepted, and it will take effect
    STALE = "stale"  # compare failed; nothing changed
    REFUSED = "refused"  # this shelf is not writable; nothing changed
    UNKNOWN = "unknown"  # it may or may not have been applied, now or later
    NOT_SENT = "not_sent"  # certainly nothing happened; try again later


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of one Write. `shows`: the number the answer carried, if it did."""

    id: str
    outcome: Outcome
    reason: str = ""
    shows: int | None = None


@dataclass(frozen=True, slots=True)
class Switch:
    """What a listing's own backorder switch should say: whether the shop goes on selling it at 0."""

    listing: str
    sells_on: bool


@dataclass(frozen=True, slots=True)
class SwitchResult:
    """What became of one Switch. sells_on: what the shop's answer says of it now; None: it says nothing, and `reason` why."""

    listing: str
    sells_on: bool | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook call exactly as it arrived. Header names are lower case; of repeated headers the last one counts.

    Two more headers tell the address, for shops that cannot sign: `x-channelsync-query`, the query as it came, and in `verify` alone
    `x-channelsync-path-secret`, what stood behind the channel's name. A caller cannot set them. Others that begin so are what the shop was told
    to send: `verify` alone sees them.
    """

    channel: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime  # our clock


@dataclass(frozen=True, slots=True)
class OrderHint:
    """Read this order again: the webhook's body is late, partial or unversioned."""

    ref: str


@dataclass(frozen=True, slots=True)
class ShelfHint:
    """The listing's number moved. `shows` is what the webhook said, if it said so: a hint to look, never a base for arithmetic."""

    listing: str
    location: str | None = None
    shows: int | None = None


@dataclass(frozen=True, slots=True)
class ListingHint:
    """A listing was created, changed or deleted."""

    ref: str


@dataclass(frozen=True, slots=True)
class StockHint:
    """Something moved, and the webhook does not say what: read now, instead of at the next turn."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A genuine delivery that has nothing to say to a stock ledger (a ping)."""

    why: str


Parsed = OrderSnapshot | OrderHint | ShelfHint | ListingHint | StockHint | Ignored


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook as the shop knows it. `active` False: the shop has switched it off and it must be armed again."""

    ref: str
    topic: str
    url: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class Traits:
    """What this shop does, as facts the engine plans with. Checked by the conformance kit against the stand-in.

    carrier: how numbers are written. atomic: False if another writer can slip inside one write (WooCommerce's `inventory_delta` and every
    SET): such writes are verified afterwards. key_memory: how long the shop remembers an idempotency key, failures too; None = no keys.
    write_visible_after: 0 if an OK answer means the number is there; otherwise each OK is UNKNOWN until read back.
    write_drains_within (D): an unanswered write takes effect by then or never.
    visibility_lag (L): how long a stock effect can stay out of the order list.
    lowers_stock_on / restores_on_cancel: documentation of the shop's own effects (the truth per line is `Effect`).
    withholds: the shop subtracts pending checkouts by itself.
    writes_per_call, readings_per_call: batch limits. readings_in_bulk: from so many shelves on, one `stock()` reads the whole shop at once, at a
    cost that does not grow with them; None: it has no such way. serial_writes: at most one write call in flight.
    """

    carrier: Carrier
    atomic: bool = True
    key_memory: timedelta | None = None
    write_visible_after: timedelta = timedelta(0)
    write_drains_within: timedelta = timedelta(seconds=60)
    visibility_lag: timedelta = timedelta(seconds=60)
    lowers_stock_on: str = "placed"
    restores_on_cancel: str = "per order"
    withholds: bool = False
    writes_per_call: int = 100
    readings_per_call: int = 100
    readings_in_bulk: int | None = None
    serial_writes: bool = True
