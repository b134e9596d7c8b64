"""What a probe found out about a channel: kept, and laid over what its connector declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from channelsync.contract import Traits
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.schema import channels, inbox, listing_aliases, listings, measurements, shelves, skus

MARGIN = 1.5
"""One measurement is no bound: what it took once it may take half as long again."""

SECONDS = ("visibility_lag", "write_visible_after")


@dataclass(frozen=True, slots=True)
class Measured:
    """values: by name, in seconds, or 1 and 0 for yes and no."""

    channel_id: int
    values: Mapping[str, float]


def keep(conn: Connection, items: Sequence[Measured], now: datetime) -> list[int]:
    """Store what was measured; what was measured before under the same name is replaced. Returns how many values."""
    for item in items:
        for name, value in sorted(item.values.items()):
            statement = insert_into(conn, measurements).values(channel_id=item.channel_id, name=name, value=value, at=now)
            changed = {"value": statement.excluded.value, "at": statement.excluded.at}
            conn.execute(statement.on_conflict_do_update(index_elements=["channel_id", "name"], set_=changed))
    return [len(item.values) for item in items]


def of_channel(conn: Connection, channel_id: int) -> dict[str, float]:
    query = select(measurements.c.name, measurements.c.value).where(measurements.c.channel_id == channel_id)
    return {row.name: row.value for row in conn.execute(query)}


def laid_over(traits: Traits, measured: Mapping[str, float]) -> Traits:
    """The traits to plan with. A measurement makes us more careful, never less: what is declared stays the least."""
    longer = {name: timedelta(seconds=measured[name] * MARGIN) for name in SECONDS if name in measured}
    if not traits.write_visible_after and measured.get("write_visible_after", 0.0) <= 2.0:
        longer.pop("write_visible_after", None)  # an answer and the reading after it: no sign of a shop that applies later
    return replace(traits, **{name: max(value, getattr(traits, name)) for name, value in longer.items()})


@dataclass(frozen=True, slots=True)
class Candidate:
    """A listing that could be probed. names: its ref and aliases. locations: the channel's own, where its numbers are."""

    channel_id: int
    ref: str
    names: tuple[str, ...]
    locations: tuple[str, ...]
    linked_to: str | None


def candidates(conn: Connection, channel: str, sku_text: str) -> list[Candidate]:
    """The channel's live listings that carry this SKU text."""
    query = (
        select(listings.c.id, listings.c.channel_id, listings.c.ref, skus.c.sku)
        .join(channels, channels.c.id == listings.c.channel_id)
        .outerjoin(skus, skus.c.id == listings.c.sku_id)
        .where(channels.c.name == channel, listings.c.sku_text == sku_text, listings.c.removed_at.is_(None))
        .order_by(listings.c.id)
    )
    return [
        Candidate(row.channel_id, row.ref, (row.ref, *_aliases(conn, row.id)), _locations(conn, row.id), row.sku)
        for row in conn.execute(query)
    ]


def _aliases(conn: Connection, listing_id: int) -> list[str]:
    return list(conn.scalars(select(listing_aliases.c.alias).where(listing_aliases.c.listing_id == listing_id)))


def _locations(conn: Connection, listing_id: int) -> tuple[str, ...]:
    return tuple(conn.scalars(select(shelves.c.location).where(shelves.c.listing_id == listing_id).order_by(shelves.c.id)))


def heard_since(conn: Connection, channel_id: int, since: datetime) -> bool:
    """Whether a delivery of this channel has come since then (by our clock)."""
    query = select(inbox.c.id).where(inbox.c.channel_id == channel_id, inbox.c.received_at >= since).limit(1)
    return conn.execute(query).first() is not None
