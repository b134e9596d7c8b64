"""What holds units over all SKUs, and since when: claims, and orders that are not shipped. A claim that nobody ends makes a SKU look sold out for ever.
Reads only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Select, String, case, func, literal, null, select, text, union_all

from channelsync.ledger.schema import channels, locations, order_lines, orders, reservations, skus

LIMIT = 1_000

_OPEN = text("reservations.state = 'open'")  # literal, like the partial index it must match
_HELD = text("(order_lines.soft > 0 OR order_lines.hard > 0)")
_UNITS = order_lines.c.soft + order_lines.c.hard
_NUMBER = func.coalesce(func.nullif(orders.c.number, ""), orders.c.ref)


@dataclass(frozen=True, slots=True)
class Held:
    """by: reservation (its reference) or order (its channel and number). since: when it was claimed or ordered. until: a soft claim's end."""

    by: str
    reference: str
    channel: str | None
    sku: str
    location: str
    kind: str
    units: int
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Holds of one kind that stand for long. first: the reference of the oldest."""

    count: int
    units: int
    first: str


def oldest(conn: Connection, before: datetime, *, limit: int = LIMIT) -> list[Held]:
    """What has held units since before then, the oldest first."""
    both = union_all(_claims(before), _orders(before)).subquery()
    query = select(both).order_by(both.c.since, both.c.reference, both.c.sku, both.c.location, both.c.kind).limit(limit)
    return [Held(*row) for row in conn.execute(query)]


def standing_claims(conn: Connection, before: datetime) -> Standing | None:
    """Hard claims, which nothing ends but a person or a shop front."""
    claim = reservations.c
    query = select(func.count(), func.sum(claim.open), func.min(claim.id))
    count, units, first = conn.execute(query.where(_OPEN, claim.kind == "hard", claim.created_at < before)).one()
    return Standing(count, int(units), conn.scalars(select(claim.reference).where(claim.id == first)).one()) if count else None


def standing_orders(conn: Connection, channel_id: int, before: datetime) -> Standing | None:
    """Orders of a channel that were placed before then and still hold units."""
    query = select(func.count(orders.c.id.distinct()), func.sum(_UNITS), func.min(orders.c.id)).join(
        order_lines, order_lines.c.order_id == orders.c.id
    )
    count, units, first = conn.execute(query.where(_HELD, orders.c.channel_id == channel_id, orders.c.placed_at < before)).one()
    return Standing(count, int(units), conn.scalars(select(_NUMBER).where(orders.c.id == first)).one()) if count else None


def _claims(before: datetime) -> Select[tuple[object, ...]]:
    claim = reservations.c
    return (
        select(
            literal("reservation").label("by"),
            claim.reference.label("reference"),
            null().cast(String).label("channel"),
            skus.c.sku.label("sku"),
            locations.c.code.label("location"),
            claim.kind.label("kind"),
            claim.open.label("units"),
            claim.created_at.label("since"),
            claim.expires_at.label("until"),
        )
        .join(skus, skus.c.id == claim.sku_id)
        .join(locations, locations.c.id == claim.location_id)
        .where(_OPEN, claim.created_at < before)
    )


def _orders(before: datetime) -> Select[tuple[object, ...]]:
    line = order_lines.c
    return (
        select(
            literal("order"),
            _NUMBER,
            channels.c.name,
            skus.c.sku,
            locations.c.code,
            case((line.hard > 0, "hard"), else_="soft"),
            _UNITS,
            orders.c.placed_at,
            line.hold_until,
        )
        .join(orders, orders.c.id == line.order_id)
        .join(channels, channels.c.id == orders.c.channel_id)
        .join(skus, skus.c.id == line.sku_id)
        .join(locations, locations.c.id == line.location_id)
        .where(_HELD, orders.c.placed_at < before)
    )
