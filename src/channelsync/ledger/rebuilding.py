"""Orders applied once more, from nothing: each stored snapshot goes through the same door into an empty ledger in memory, and what that posts must
be what is stored.

A snapshot is absolute, so the way an order came here (webhooks, polls, edits, repeats) must leave no trace. Not compared, because they rightly
depend on that way: lines that moved to another SKU or place, that an authority's documents ship before the shop does, and checkouts whose hold has ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Table, func, insert, select, update

from channelsync.contract import OrderSnapshot, OrderState
from channelsync.ledger import order_json, order_rows, orders
from channelsync.ledger.database import open_database
from channelsync.ledger.net_effect import Posted
from channelsync.ledger.order_rows import LineRow
from channelsync.ledger.orders import Sighting
from channelsync.ledger.schema import (
    bundle_parts,
    channel_locations,
    channels,
    listing_aliases,
    listings,
    locations,
    metadata,
    order_lines,
    order_routes,
    shelf_feeds,
    shelves,
    skus,
)
from channelsync.ledger.schema import orders as order_table

PAGE: Final = 200
NEWEST: Final = 1_000
"""So many of the newest orders are rebuilt: each takes as long as it took to apply. Older ones have been through it before."""

WORLD: Final = (locations, skus, channels, channel_locations, bundle_parts, listings, listing_aliases, shelves, shelf_feeds)
"""What an order is applied with, parents first."""

Key = tuple[int, str, str]
"""(channel id, order, line)"""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """of: how many orders are stored. lines: compared. left_out: lines that rightly depend on their way. differences: (where, stored, rebuilt)."""

    orders: int
    of: int
    lines: int
    left_out: int
    differences: tuple[tuple[str, str, str], ...]


def rebuild(conn: Connection, now: datetime) -> Rebuilt:
    """Reads the ledger, writes only in memory."""
    of = int(conn.scalar(select(func.count()).select_from(order_table)) or 0)
    count, lines, left_out = 0, 0, 0
    found: list[tuple[str, str, str]] = []
    with _empty_ledger(conn) as scratch:
        for page in _pages(conn):
            snapshots = {key: snapshot for key, snapshot in page.items() if snapshot is not None}
            wanted = _applied(scratch, snapshots, _routes(conn, snapshots), now)
            count += len(snapshots)
            for key, rows in _lines(conn, snapshots).items():
                compared = _compare(snapshots[key[:2]], rows, wanted.get(key, []))
                lines, left_out = lines + (compared is not None), left_out + (compared is None)
                if compared:
                    where = f"order {key[1]!r} of channel {key[0]}, line {key[2]!r}"
                    found.append((where, *compared))
    return Rebuilt(count, of, lines, left_out, tuple(found))


@contextmanager
def _empty_ledger(conn: Connection) -> Iterator[Connection]:
    """The same shops, listings and places, and no stock, order or book."""
    engine = open_database("sqlite://", durable=False)
    try:
        metadata.create_all(engine)
        with engine.connect() as scratch, scratch.begin():
            for table in WORLD:
                _copy(conn, scratch, table)
            scratch.execute(update(shelves).values(book=None, due=False))
            yield scratch
    finally:
        engine.dispose()


def _copy(conn: Connection, scratch: Connection, table: Table) -> None:
    rows = [dict(row) for row in conn.execute(select(table)).mappings()]
    if rows:
        scratch.execute(insert(table), rows)


def _pages(conn: Connection) -> Iterator[dict[tuple[int, str], OrderSnapshot | None]]:
    """(channel id, ref) -> snapshot of the newest orders; None where it cannot be read (the audit says so)."""
    newest = select(order_table.c.id).order_by(order_table.c.id.desc()).limit(1).offset(NEWEST)
    after = conn.scalar(newest) or 0
    query = select(order_table.c.id, order_table.c.channel_id, order_table.c.ref, order_table.c.snapshot).order_by(order_table.c.id)
    while page := conn.execute(query.where(order_table.c.id > after).limit(PAGE)).all():
        after = page[-1].id
        yield {(row.channel_id, row.ref): order_json.read(row.snapshot) for row in page}


def _applied(
    scratch: Connection, snapshots: Mapping[tuple[int, str], OrderSnapshot], routed: Mapping[tuple[int, str], dict[str, int]], now: datetime
) -> dict[Key, list[LineRow]]:
    """`again`: no hold ends by the clock meanwhile."""
    sightings = [Sighting(key[0], each, 1, again=True, routes=routed.get(key, {})) for key, each in snapshots.items()]
    orders.apply(scratch, sightings, now)
    return _lines(scratch, snapshots)


def _routes(conn: Connection, snapshots: Mapping[tuple[int, str], OrderSnapshot]) -> dict[tuple[int, str], dict[str, int]]:
    """Where lines are shipped from is decided by the stock of its moment, so it is taken over: the last route of each."""
    query = (
        select(order_table.c.channel_id, order_table.c.ref, order_routes.c.line_ref, order_routes.c.location_id)
        .join(order_table, order_table.c.id == order_routes.c.order_id)
        .where(order_table.c.ref.in_({ref for _, ref in snapshots}))
        .order_by(order_routes.c.id)
    )
    found: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
    for row in conn.execute(query):
        found[row.channel_id, row.ref][row.line_ref] = row.location_id
    return found


def _lines(conn: Connection, snapshots: Mapping[tuple[int, str], OrderSnapshot]) -> dict[Key, list[LineRow]]:
    """The rows of the lines that the snapshots have."""
    present = {(*key, line.ref) for key, snapshot in snapshots.items() for line in snapshot.lines}
    query = (
        select(order_lines, order_table.c.channel_id, order_table.c.ref)
        .join(order_table, order_table.c.id == order_lines.c.order_id)
        .where(order_table.c.ref.in_({ref for _, ref in snapshots}))
        .order_by(order_lines.c.id)
    )
    found: dict[Key, list[LineRow]] = defaultdict(list)
    for row in conn.execute(query).mappings():
        key = row["channel_id"], row["ref"], row["line_ref"]
        if key in present:
            found[key].append(order_rows.line_row(dict(row)))
    return found


def _compare(snapshot: OrderSnapshot, rows: Sequence[LineRow], rebuilt: Sequence[LineRow]) -> tuple[str, str] | tuple[()] | None:
    """What differs, as told of both sides; nothing; or None where it cannot be compared."""
    shipped = {_place(row): row.posted.shipped for row in rebuilt}
    if {_place(row) for row in rows} != shipped.keys() or any(row.documented > shipped[_place(row)] for row in rows):
        return None
    ended = snapshot.state is OrderState.PENDING and all(row.hold_until is None for row in rows)
    sides = [{_place(row): _posted(row.posted, ended=ended) for row in side} for side in (rebuilt, rows)]
    return () if sides[0] == sides[1] else (_told(sides[0]), _told(sides[1]))


def _place(row: LineRow) -> tuple[Any, ...]:
    return row.at.sku_id, row.at.location_id, row.at.pack, row.at.bundle_id


def _posted(posted: Posted, *, ended: bool) -> Posted:
    return replace(posted, soft=0, withheld=0) if ended else posted


def _told(side: Mapping[tuple[Any, ...], Posted]) -> str:
    return "; ".join(f"SKU {place[0]} at location {place[1]}: {posted}" for place, posted in sorted(side.items(), key=str))
