"""What writes are asked with, and the ledger's requests they become. Ranges that are no rule of stock are checked here, the rest by the ledger."""

from __future__ import annotations

import datetime as dt
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from channelsync.ledger import costs
from channelsync.ledger.amending import Amend
from channelsync.ledger.costs import SetCost
from channelsync.ledger.fulfilment import Fulfil
from channelsync.ledger.holds import Which
from channelsync.ledger.policies import RELEASE_DELAY_MAX, SetPolicy
from channelsync.ledger.reorder_levels import SetReorder
from channelsync.ledger.reservations import Extend, Harden, Line, Release, Reserve
from channelsync.ledger.skus import Backorder
from channelsync.ledger.stock import Change, WriteOff
from channelsync.shell.api.models import LocationCode, Model, SkuName

UNITS_MAX = 1_000_000_000
DAY = 86_400

Some = Annotated[int, Field(ge=1, le=UNITS_MAX, description="SKU units.", examples=[2])]
Absolute = Annotated[int, Field(ge=0, le=UNITS_MAX, description="SKU units that are there.", examples=[12])]
Reference = Annotated[str, Field(max_length=255, description="What it is for: a cart, an order, a delivery note.", examples=["cart-4711"])]
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _thinkable(instant: datetime) -> datetime:
    if not EARLIEST <= instant < LATEST:
        raise ValueError("an instant between the years 2000 and 2200 is meant")
    return instant.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_thinkable)]
"""With its offset. Years in which nothing can have happened are mistakes, and some of them no database can give back."""
Ttl = Annotated[int, Field(ge=1, le=365 * DAY, description="Seconds that a soft claim lives.", examples=[1800])]


class _Change(Model):
    sku: SkuName
    location: LocationCode
    reference: Reference = ""
    reason: Annotated[str, Field(max_length=255, description="Why, for the log: a reason code.", examples=["broken"])] = ""
    occurred_at: Annotated[Instant | None, Field(description="When it happened; now, if left out.")] = None

    def item(self, actor: str, key: str | None) -> Change:
        return Change(**self._fields(), actor=actor, key=key)

    def _fields(self) -> dict[str, Any]:
        return self.model_dump()


class SetIn(_Change):
    """Seed and count."""

    quantity: Absolute


class MoreIn(_Change):
    """Receive, return and restock."""

    quantity: Some


class AdjustIn(_Change):
    quantity: Annotated[int, Field(ge=-UNITS_MAX, le=UNITS_MAX, description="SKU units more, or fewer if negative.", examples=[-2])]
    reason: Annotated[str, Field(min_length=1, max_length=255, description="Why, for the log: a reason code.", examples=["broken"])]


class WriteOffIn(_Change):
    quantity: Some
    reason: Annotated[str, Field(min_length=1, max_length=255, description="Why, for the log: a reason code.", examples=["broken"])]
    bucket: Annotated[Literal["on_hand", "quarantined", "damaged"], Field(description="Where the units are now.")] = "quarantined"

    def item(self, actor: str, key: str | None) -> WriteOff:
        return WriteOff(**self._fields(), actor=actor, key=key)


class LineIn(Model):
    sku: SkuName
    location: LocationCode
    quantity: Some


class ReserveIn(Model):
    """All lines or none."""

    reference: Annotated[
        str, Field(min_length=1, max_length=255, description="A cart, an order: claims are found by it.", examples=["cart-4711"])
    ]
    lines: Annotated[list[LineIn], Field(min_length=1, max_length=1_000)]
    kind: Annotated[Literal["soft", "hard"], Field(description="Soft claims end by themselves, hard ones stay.")] = "soft"
    ttl_seconds: Ttl | None = None

    def item(self, actor: str, key: str | None, ttl: timedelta) -> Reserve:
        lines = tuple(Line(line.sku, line.location, line.quantity) for line in self.lines)
        seconds = ttl if self.ttl_seconds is None else timedelta(seconds=self.ttl_seconds)
        return Reserve(self.reference, lines, self.kind, seconds, actor, key=key)


class AmendIn(Model):
    """From now on the reference claims so many units of the SKU at the location."""

    reference: Annotated[str, Field(min_length=1, max_length=255, description="The cart or order.", examples=["cart-4711"])]
    sku: SkuName
    location: LocationCode
    quantity: Annotated[int, Field(ge=0, le=UNITS_MAX, description="SKU units claimed from now on; 0: none.", examples=[3])]
    kind: Annotated[Literal["soft", "hard"], Field(description="Of a claim that is new; an old one keeps its own.")] = "soft"
    ttl_seconds: Annotated[
        int | None, Field(ge=1, le=365 * DAY, description="Soft claims live at least so long from now.", examples=[1800])
    ] = None

    def item(self, actor: str, key: str | None, ttl: timedelta) -> Amend:
        seconds = ttl if self.ttl_seconds is None else timedelta(seconds=self.ttl_seconds)
        return Amend(self.reference, self.sku, self.location, self.quantity, self.kind, seconds, actor, key=key)


class PolicyIn(Model):
    """The whole policy: what is left out is taken back."""

    backorder: Annotated[
        Backorder,
        Field(
            description="deny: no more than is there. allow, preorder: beyond it; they differ in what the public is told.",
            examples=["allow"],
        ),
    ] = Backorder.DENY
    limit: Annotated[
        int | None,
        Field(ge=0, le=UNITS_MAX, description="Units that may be promised beyond what is available; null: no limit.", examples=[10]),
    ] = None
    text: Annotated[str, Field(max_length=128, description="For customers: when what is not there comes.", examples=["5-7 days"])] = ""
    date: Annotated[dt.date | None, Field(description="The same as a date.", examples=["2026-12-24"])] = None
    per_reference: Annotated[
        int | None, Field(ge=1, le=UNITS_MAX, description="Units that one cart or order may claim in all; null: no limit.", examples=[2])
    ] = None
    release_delay: Annotated[
        int,
        Field(
            ge=0,
            le=RELEASE_DELAY_MAX,
            description="Minutes that a claim outlives its end while more is promised at its location than is there.",
            examples=[2880],
        ),
    ] = 0

    def item(self, sku: str, key: str | None) -> SetPolicy:
        return SetPolicy(sku, self.backorder, self.limit, self.text, self.date, self.per_reference, self.release_delay, key=key)


def _by(this: str, type_: str, that: str) -> JsonDict:
    """One of the two ways, for the document; `_one_of_two` holds requests to it."""
    return {"required": [this], "properties": {this: {"type": type_}, that: {"type": "null"}}}


class _Which(Model):
    """Which claims: one by its id, or all with a reference; of these only a SKU's or a location's, if named."""

    reservation: Annotated[int | None, Field(ge=1, le=2**62, description="The claim's id.", examples=[815])] = None
    reference: Annotated[
        str | None, Field(min_length=1, max_length=255, description="All claims that were made for it.", examples=["cart-4711"])
    ] = None
    sku: Annotated[str | None, Field(max_length=255, description="Only this SKU's; a bundle's are its parts.", examples=["MUG-01"])] = None
    location: Annotated[str | None, Field(max_length=64, description="Only at this location.", examples=["main"])] = None

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [_by("reservation", "integer", "reference"), _by("reference", "string", "reservation")]}
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> _Which:
        if (self.reservation is None) == (self.reference is None):
            raise ValueError("name the claim either by its `reservation` id or by its `reference`, and not by both")
        return self

    def which(self) -> Which:
        return Which(self.reservation, self.reference, self.sku, self.location)


class ReleaseIn(_Which):
    quantity: Annotated[int | None, Field(ge=1, le=UNITS_MAX, description="Only so many units, oldest claims first. All, if left out.")] = (
        None
    )
    keep: Annotated[int, Field(ge=0, le=UNITS_MAX, description="All but so many units; may be repeated without a key.")] = 0
    reason: Annotated[str, Field(max_length=255, description="Why, for the log.", examples=["left the cart"])] = ""

    def item(self, actor: str, key: str | None) -> Release:
        return Release(self.which(), self.quantity, self.keep, self.reason, actor, key=key)


class ExtendIn(_Which):
    ttl_seconds: Ttl = 1800

    def item(self, actor: str, key: str | None) -> Extend:
        return Extend(self.which(), timedelta(seconds=self.ttl_seconds), key=key)


class HardenIn(_Which):
    def item(self, actor: str, key: str | None) -> Harden:
        return Harden(self.which(), actor, key=key)


class FulfilIn(_Which):
    quantity: Annotated[int | None, Field(ge=1, le=UNITS_MAX, description="Only so many units, oldest claims first. All, if left out.")] = (
        None
    )
    occurred_at: Annotated[Instant | None, Field(description="When it was shipped; now, if left out.")] = None

    def item(self, actor: str, key: str | None) -> Fulfil:
        return Fulfil(self.which(), self.quantity, actor, self.occurred_at, key=key)


class ReorderIn(Model):
    sku: SkuName
    location: Annotated[LocationCode | None, Field(description="Null: the SKU over all locations.")] = None
    low: Annotated[
        int | None, Field(ge=0, le=UNITS_MAX, description="With so many left or fewer it is low. Null: as the config says.", examples=[5])
    ] = None
    reorder: Annotated[int | None, Field(ge=0, le=UNITS_MAX, description="How many to order then.", examples=[24])] = None

    def item(self, actor: str, key: str | None) -> SetReorder:
        return SetReorder(self.sku, self.location, self.low, self.reorder, actor, key=key)


Cost = Annotated[
    str | None,
    Field(
        pattern=costs.PATTERN,
        description="Of one unit, as exact decimal text in the store's currency, up to four places; null: it is not known.",
        examples=["12.50"],
    ),
]


class CostIn(Model):
    cost: Cost

    def item(self, sku: str, key: str | None) -> SetCost:
        return SetCost(sku, self.cost, key=key)


class SkuCostIn(Model):
    sku: SkuName
    cost: Cost

    def item(self, _actor: str, key: str | None) -> SetCost:
        return SetCost(self.sku, self.cost, key=key)
