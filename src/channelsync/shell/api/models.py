"""What answers about stock look like. Quantities are whole SKU units; instants are ISO 8601 in UTC."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from channelsync.ledger.stock_pages import LevelRow, SkuRow

Units = Annotated[int, Field(description="SKU units.", examples=[12])]
Version = Annotated[int, Field(description="Changes whenever the level does; also the ETag.", examples=[4711])]
SkuName = Annotated[str, Field(description="The SKU, exactly as the ledger spells it.", examples=["MUG-01"])]
LocationCode = Annotated[str, Field(description="The ledger location's code.", examples=["main"])]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LevelOut(Model):
    """What lies at one location. `available = on_hand - soft - hard - pending_debit - held_elsewhere`; it may be negative."""

    location: LocationCode
    on_hand: Annotated[int, Field(description="Units that are physically there and fit for sale.", examples=[12])]
    soft: Annotated[int, Field(description="Held for a while (carts).", examples=[2])]
    hard: Annotated[int, Field(description="Held until shipped or cancelled (orders).", examples=[3])]
    incoming: Annotated[int, Field(description="On the way to us.", examples=[0])]
    quarantined: Annotated[int, Field(description="Came back and wait for inspection.", examples=[1])]
    damaged: Annotated[int, Field(description="Given up.", examples=[0])]
    pending_debit: Annotated[int, Field(description="Shipped by us, not yet out of the authority's own number.", examples=[0])]
    held_elsewhere: Annotated[int, Field(description="Held by the authority for others.", examples=[0])]
    available: Annotated[int, Field(description="What may be promised now.", examples=[7])]
    version: Version

    @classmethod
    def of(cls, row: LevelRow) -> LevelOut:
        level = row.level
        return cls(
            location=row.location,
            on_hand=level.on_hand,
            soft=level.soft,
            hard=level.hard,
            incoming=level.incoming,
            quarantined=level.quarantined,
            damaged=level.damaged,
            pending_debit=level.pending_debit,
            held_elsewhere=level.held_elsewhere,
            available=level.available,
            version=row.version,
        )


class SkuLevelOut(LevelOut):
    sku: SkuName

    @classmethod
    def of(cls, row: LevelRow) -> SkuLevelOut:
        return cls(sku=row.sku, **LevelOut.of(row).model_dump())


ReleaseDelay = Annotated[
    int, Field(description="Minutes that a claim outlives its end while more is promised at its location than is there.", examples=[2880])
]


class SkuOut(Model):
    """A SKU over all its locations."""

    sku: SkuName
    title: Annotated[str, Field(examples=["Mug, blue"])]
    available: Annotated[int, Field(description="Over all locations; of a bundle, how many can be put together.", examples=[7])]
    incoming: Annotated[int, Field(description="On the way to all locations.", examples=[24])]
    incoming_on: Annotated[dt.date | None, Field(description="The earliest day a purchase order names for it.", examples=["2026-12-24"])]
    backorder: Annotated[str, Field(description="deny, allow or preorder.", examples=["deny"])]
    backorder_limit: Annotated[int | None, Field(description="How far `available` may fall below zero; null: no limit.")]
    expected_text: Annotated[str, Field(description="For customers: when what is not there comes.", examples=["5-7 days"])]
    expected_on: Annotated[dt.date | None, Field(description="The same as a date.", examples=["2026-12-24"])]
    reference_limit: Annotated[int | None, Field(description="What one cart or order may claim in all; null: no limit.")]
    unit_cost: Annotated[
        str | None,
        Field(description="Of one unit, in the store's currency; null: not known, and always so for a bundle.", examples=["12.50"]),
    ]
    release_delay: ReleaseDelay
    levels: list[LevelOut]
    parts: Annotated[dict[str, int], Field(description="Of a bundle: SKU -> units in one. Empty for others.", examples=[{"TEE-S": 2}])]
    version: Version

    @classmethod
    def of(cls, row: SkuRow) -> SkuOut:
        return cls(
            sku=row.sku,
            title=row.title,
            available=row.available,
            incoming=row.incoming,
            incoming_on=row.incoming_on,
            backorder=row.backorder,
            backorder_limit=row.backorder_limit,
            expected_text=row.expected_text,
            expected_on=row.expected_on,
            reference_limit=row.reference_limit,
            unit_cost=row.unit_cost,
            release_delay=row.release_delay,
            levels=[LevelOut.of(level) for level in row.levels],
            parts=dict(row.parts),
            version=row.version,
        )


class PostedOut(Model):
    """The level after a change of physical units."""

    sku: SkuName
    location: LocationCode
    on_hand: Units
    available: Units
    quarantined: Units
    damaged: Units
    repeat: Annotated[bool, Field(description="This is the first answer again; nothing was done now.", examples=[False])]


class ReorderOut(Model):
    """What holds now."""

    sku: SkuName
    location: LocationCode | None
    low: int | None
    reorder: int | None
    repeat: Annotated[bool, Field(description="This is the first answer again; nothing was done now.", examples=[False])]


class CostOut(Model):
    """What holds now."""

    sku: SkuName
    cost: Annotated[str | None, Field(description="Of one unit, in the store's currency; null: not known.", examples=["12.50"])]
    repeat: Annotated[bool, Field(description="This is the first answer again; nothing was done now.", examples=[False])]


class ClaimOut(Model):
    """One granted reservation."""

    reservation: Annotated[int, Field(description="Its id.", examples=[815])]
    sku: SkuName
    location: LocationCode
    quantity: Units
    available: Annotated[int, Field(description="What is left for others; negative where a backorder was promised.", examples=[5])]


class ReservedOut(Model):
    reference: Annotated[str, Field(examples=["cart-4711"])]
    claims: list[ClaimOut]
    expires_at: Annotated[datetime | None, Field(description="Null for hard claims: they stay.")]
    repeat: bool


class AmendedOut(Model):
    """A claim with its new quantity."""

    reference: Annotated[str, Field(examples=["cart-4711"])]
    sku: SkuName
    location: LocationCode
    quantity: Annotated[int, Field(description="Claimed now.", examples=[3])]
    change: Annotated[int, Field(description="Units more than before, or fewer if negative.", examples=[1])]
    expires_at: Annotated[datetime | None, Field(description="The earliest end of its soft claims; null if there are none.")]
    repeat: bool


class PolicyOut(Model):
    """How a SKU may be sold."""

    sku: SkuName
    backorder: Annotated[str, Field(examples=["allow"])]
    limit: int | None
    text: str
    date: dt.date | None
    per_reference: int | None
    release_delay: ReleaseDelay
    repeat: bool


class ReleasedOut(Model):
    units: Annotated[int, Field(description="Let go by this request.", examples=[2])]
    held: Annotated[int, Field(description="Still claimed.", examples=[0])]
    already: Annotated[
        str | None,
        Field(description="There was nothing to let go: the claim had ended as this, or is `unknown`.", examples=["released"]),
    ]
    repeat: bool


class ExtendedOut(Model):
    units: Annotated[int, Field(description="In the extended claims.", examples=[2])]
    expires_at: Annotated[datetime, Field(description="The earliest end among them.")]
    repeat: bool


class HardenedOut(Model):
    units: Annotated[int, Field(description="Made hard by this request; 0 if all of them were hard already.", examples=[2])]
    hard: Annotated[int, Field(description="Claimed hard now.", examples=[2])]
    repeat: bool


class ShippedOut(Model):
    units: Annotated[int, Field(description="Shipped by this request.", examples=[2])]
    held: Annotated[int, Field(description="Still claimed.", examples=[0])]
    shortage: Annotated[int, Field(description="Among the shipped: units the ledger had never been told about.", examples=[0])]
    repeat: bool


class MovementOut(Model):
    """One entry of the log: the deltas of one (SKU, location)."""

    id: Annotated[int, Field(examples=[4711])]
    at: Annotated[datetime, Field(description="When it was recorded.")]
    occurred_at: Annotated[datetime, Field(description="When it happened.")]
    location: LocationCode
    type: Annotated[str, Field(examples=["receive"])]
    on_hand: int
    soft: int
    hard: int
    incoming: int
    quarantined: int
    damaged: int
    pending_debit: int
    held_elsewhere: int
    reference: str
    reason: str
    actor: str
    channel: Annotated[str | None, Field(description="The channel whose order it was, if any.")]
