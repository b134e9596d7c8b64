"""The rows behind an order: what its lines are mapped to and what is posted for them. No rules here; `ledger.orders` decides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, tuple_, update

from channelsync.contract import Effect, OrderLine, OrderSnapshot, OrderState
from channelsync.ledger import fitting
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.net_effect import Posted
from channelsync.ledger.schema import POSTED, channels, listing_aliases, listings, order_lines, orders, shelf_feeds, shelves


@dataclass(frozen=True, slots=True)
class Source:
    """Where a line's units come from. shelf_id: whose number the shop moved by itself."""

    sku_id: int
    location_id: int
    pack: int
    shelf_id: int | None


@dataclass(frozen=True, slots=True)
class LineRow:
    """One stored part of a line."""

    id: int
    line_ref: str
    at: Source
    posted: Posted
    hold_until: datetime | None


@dataclass(frozen=True, slots=True)
class StoredOrder:
    id: int
    modified_at: datetime
    read_seq: int
    digest: str
    state: OrderState
    before_opening: bool


@dataclass(frozen=True, slots=True)
class ChannelRow:
    id: int
    location_id: int | None
    opened_at: datetime | None


def channel_rows(conn: Connection, ids: Iterable[int]) -> dict[int, ChannelRow]:
    query = select(channels.c.id, channels.c.location_id, channels.c.opened_at).where(channels.c.id.in_(set(ids)))
    return {row.id: ChannelRow(row.id, row.location_id, row.opened_at) for row in conn.execute(query)}


def find_order(conn: Connection, channel_id: int, ref: str) -> StoredOrder | None:
    """The order's row, locked until the transaction ends."""
    query = select(orders).where(orders.c.channel_id == channel_id, orders.c.ref == ref).with_for_update()
    row = conn.execute(query).mappings().first()
    if row is None:
        return None
    return StoredOrder(row["id"], row["modified_at"], row["read_seq"], row["digest"], OrderState(row["state"]), row["before_opening"])


def save_order(conn: Connection, order_id: int | None, channel_id: int, values: dict[str, Any], now: datetime) -> int | None:
    """The order's id; None: it was to be new, and somebody else has just stored it."""
    if order_id is not None:
        conn.execute(update(orders).where(orders.c.id == order_id).values(**values, applied_at=now))
        return order_id
    statement = insert_into(conn, orders).values(**values, channel_id=channel_id, first_seen_at=now, applied_at=now)
    made: int | None = conn.execute(statement.on_conflict_do_nothing().returning(orders.c.id)).scalar_one_or_none()
    return made


def lines_of(conn: Connection, order_id: int) -> list[LineRow]:
    """Locked until the transaction ends: a hold may be ending by the clock at this moment."""
    query = select(order_lines).where(order_lines.c.order_id == order_id).order_by(order_lines.c.id).with_for_update()
    return [line_row(dict(row)) for row in conn.execute(query).mappings()]


def line_row(row: Mapping[str, Any]) -> LineRow:
    at = Source(row["sku_id"], row["location_id"], row["pack"], row["shelf_id"])
    posted = Posted(**{name: row[name] for name in POSTED}, took=row["took"], withheld=row["withheld"])
    return LineRow(row["id"], row["line_ref"], at, posted, row["hold_until"])


def save_line(
    conn: Connection,
    order_id: int,
    line_ref: str,
    at: Source,
    posted: Posted,
    *,
    row_id: int | None,
    quantity: int,
    hold_until: datetime | None,
) -> None:
    values = {
        **{name: getattr(posted, name) for name in POSTED},
        "took": posted.took,
        "withheld": posted.withheld,
        "hold_until": hold_until,
        "quantity": quantity,
    }
    if row_id is not None:
        conn.execute(update(order_lines).where(order_lines.c.id == row_id).values(**values))
        return
    key = {"order_id": order_id, "line_ref": line_ref, "sku_id": at.sku_id, "location_id": at.location_id}
    conn.execute(insert(order_lines).values(**key, shelf_id=at.shelf_id, pack=at.pack, **values))


# -- from listing refs to SKUs, locations and shelves ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Target:
    """What a listing ref of a channel stands for: the SKU and pack, and its shelves by channel location with the ledger location of each."""

    sku_id: int | None
    pack: int
    shelves: Mapping[str, tuple[int, int | None]]

    def at(self, channel: ChannelRow, location: str | None) -> Source | None:
        """The mapping for a line at a channel location (None or unknown: the channel's default). None: no SKU or no location is known."""
        if self.sku_id is None:
            return None
        shelf_id, location_id = self._shelf(location)
        place = location_id if location_id is not None else channel.location_id
        return None if place is None else Source(self.sku_id, place, self.pack, shelf_id)

    def _shelf(self, location: str | None) -> tuple[int | None, int | None]:
        if location is not None and location in self.shelves:
            return self.shelves[location]
        return next(iter(self.shelves.values()), (None, None))


def resolve(conn: Connection, wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], Target]:
    """(channel_id, listing ref or alias) -> what it stands for. A listing on its parent's stock resolves to the parent."""
    keys = sorted({(channel_id, ref) for channel_id, ref in wanted if fitting.storable(ref) == ref})  # no other can be ours
    rows = _listing_rows(conn, keys)
    parents = {key: (row["channel_id"], row["stock_ref"]) for key, row in rows.items() if row["stock_ref"]}
    parent_rows = _listing_rows(conn, sorted(set(parents.values())))
    rows |= {key: parent_rows[parent] for key, parent in parents.items() if parent in parent_rows}
    places = _shelves_of(conn, {row["id"] for row in rows.values()})
    return {key: Target(row["sku_id"], row["pack"], places.get(row["id"], {})) for key, row in rows.items()}


def _listing_rows(conn: Connection, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], Any]:
    found: dict[tuple[int, str], Any] = {}
    for start in range(0, len(keys), 400):
        chunk = keys[start : start + 400]
        columns = (listings.c.id, listings.c.channel_id, listings.c.sku_id, listings.c.pack, listings.c.stock_ref)
        by_alias = (
            select(*columns, listing_aliases.c.alias.label("name"))
            .join(listing_aliases, listing_aliases.c.listing_id == listings.c.id)
            .where(tuple_(listing_aliases.c.channel_id, listing_aliases.c.alias).in_(chunk))
        )
        by_ref = select(*columns, listings.c.ref.label("name")).where(tuple_(listings.c.channel_id, listings.c.ref).in_(chunk))
        for query in (by_alias, by_ref):  # the ref wins over another listing's alias
            for row in conn.execute(query).mappings():
                found[row["channel_id"], row["name"]] = row
    return found


def _shelves_of(conn: Connection, listing_ids: Iterable[int]) -> dict[int, dict[str, tuple[int, int | None]]]:
    query = (
        select(shelves.c.id, shelves.c.listing_id, shelves.c.location, shelf_feeds.c.location_id)
        .outerjoin(shelf_feeds, shelf_feeds.c.shelf_id == shelves.c.id)
        .where(shelves.c.listing_id.in_(set(listing_ids)))
        .order_by(shelves.c.id, shelf_feeds.c.location_id)
    )
    places: dict[int, dict[str, tuple[int, int | None]]] = {}
    for row in conn.execute(query):
        places.setdefault(row.listing_id, {}).setdefault(row.location, (row.id, row.location_id))
    return places


# -- snapshots as stored -------------------------------------------------------------------------------------------------------------------


def to_json(snapshot: OrderSnapshot) -> dict[str, Any]:
    """The normalised snapshot as plain JSON: no personal data is in it by construction."""
    return {
        "ref": snapshot.ref,
        "state": snapshot.state.value,
        "modified_at": snapshot.modified_at.isoformat(),
        "created_at": snapshot.created_at.isoformat(),
        "number": snapshot.number,
        "hold_until": snapshot.hold_until and snapshot.hold_until.isoformat(),
        "reservation_ref": snapshot.reservation_ref,
        "test": snapshot.test,
        "lines": [
            {
                **{name: getattr(line, name) for name in _LINE_FIELDS},
                "effects": [[effect.units, effect.at.isoformat()] for effect in line.effects],
            }
            for line in snapshot.lines
        ],
    }


_LINE_FIELDS = (
    "ref",
    "listing",
    "quantity",
    "sku",
    "title",
    "shipped",
    "cancelled",
    "quarantined",
    "restocked",
    "withheld",
    "location",
    "stocked",
)


def from_json(data: Mapping[str, Any]) -> OrderSnapshot:
    lines = tuple(
        OrderLine(**{name: line[name] for name in _LINE_FIELDS}, effects=tuple(Effect(units, _time(at)) for units, at in line["effects"]))
        for line in data["lines"]
    )
    return OrderSnapshot(
        ref=data["ref"],
        state=OrderState(data["state"]),
        modified_at=_time(data["modified_at"]),
        created_at=_time(data["created_at"]),
        lines=lines,
        number=data["number"],
        hold_until=data["hold_until"] and _time(data["hold_until"]),
        reservation_ref=data["reservation_ref"],
        test=data["test"],
    )


def digest(snapshot: OrderSnapshot) -> str:
    """Equal for snapshots that say the same."""
    return hashlib.sha256(json.dumps(to_json(snapshot), sort_keys=True).encode()).hexdigest()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
