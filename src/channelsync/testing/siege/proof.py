"""What must be true whatever was done to the daemon: every acknowledged delivery is kept, the ledger adds up, and it agrees with the shops."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, make_url, select

from channelsync.ledger.audit import audit
from channelsync.ledger.database import open_database, reading
from channelsync.ledger.schema import attempts, channels, inbox, order_lines, orders, push_calls, skus
from channelsync.testing.demo import measure
from channelsync.testing.siege.town import Delivered, Town, digest
from channelsync.testing.standins.base import TrueOrder

OPEN_WRITES_SHOWN = 20

State = tuple[int, int]
"""Of one SKU in one order: units that are still owed to the customer, units that have left."""

Sold = dict[tuple[str, str, str], State]
"""By channel, order and SKU."""


@contextmanager
def looking(url: str) -> Iterator[Connection]:
    """One snapshot of the ledger. Of an SQLite file a copy is opened, with its log: whoever comes next shall do the recovery himself."""
    with tempfile.TemporaryDirectory(prefix="channelsync-proof-") as folder:
        engine = open_database(_copied(url, Path(folder)))
        try:
            with reading(engine).connect() as conn, conn.begin():
                yield conn
        finally:
            engine.dispose()


@contextmanager
def beside(url: str) -> Iterator[Connection]:
    """One snapshot of the ledger while a daemon works on it."""
    engine = open_database(url)
    try:
        with reading(engine).connect() as conn, conn.begin():
            yield conn
    finally:
        engine.dispose()


def _copied(url: str, folder: Path) -> str:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return url
    file = Path(str(parsed.database))
    for suffix in ("", "-wal"):
        if (part := file.with_name(file.name + suffix)).exists():
            shutil.copy(part, folder / (file.name + suffix))
    return f"sqlite:///{folder / file.name}"


def missing(conn: Connection, acknowledged: Mapping[Delivered, int]) -> list[str]:
    """Deliveries that were answered 2xx and are not in the inbox."""
    query = select(channels.c.name, inbox.c.body).join(channels, channels.c.id == inbox.c.channel_id).where(inbox.c.body.is_not(None))
    kept = {(row.name, digest(row.body)) for row in conn.execute(query)}
    return [f"{channel}: a delivery that was answered 2xx is not in the inbox ({body[:12]})" for channel, body in set(acknowledged) - kept]


def ledger_differences(conn: Connection) -> list[str]:
    """Where the ledger does not add up, at any moment; and where its file is broken."""
    found = [f"{each.check}: {each.where}: {each.found} instead of {each.expected}" for each in audit(conn)]
    if conn.dialect.name == "sqlite":
        found += [f"quick_check: {row[0]}" for row in conn.exec_driver_sql("PRAGMA quick_check") if row[0] != "ok"]
    return found


def town_differences(conn: Connection, town: Town, taken: Mapping[str, int]) -> list[str]:
    """Where ledger and shops differ: orders, what is left, the numbers that shops show. Nothing, once everything has settled. taken: of each SKU, by others."""
    told, true = _told(conn), _true(town)
    found = [
        f"order {key}: ledger {told.get(key)}, shop {true.get(key)}"
        for key in sorted(told.keys() | true.keys())
        if told.get(key) != true.get(key)
    ]
    free, left = measure.available(conn), _left(town, taken)
    found += [f"{sku}: ledger {free.get(sku)}, really {left[sku]}" for sku in town.skus if free.get(sku) != left[sku]]
    for shelf in measure.unsettled(measure.shelves_now(conn), town.shops):
        shows = town.shops[shelf.channel].shows(shelf.sku)
        found.append(f"{shelf.channel} shows {shows} of {shelf.sku}, target {shelf.target}{', busy' if shelf.busy else ''}")
    return found + (_open_writes(conn) if found else [])


def _open_writes(conn: Connection) -> list[str]:
    """What keeps a shelf busy: each write without a known end, and how far its call came."""
    call = push_calls.c
    query = (
        select(channels.c.name, attempts.c.shelf_id, attempts.c.state, attempts.c.reason)
        .add_columns(call.sends, call.first_sent_at, call.last_sent_at, call.lease_version, channels.c.lease_version.label("lease_now"))
        .join(push_calls, call.key == attempts.c.call_key)
        .join(channels, channels.c.id == call.channel_id)
        .where(attempts.c.state.in_(["armed", "sent", "unknown"]))
        .limit(OPEN_WRITES_SHOWN)
    )
    return [
        f"{row.name}: a write of shelf {row.shelf_id} is {row.state}{row.reason and ': '}{row.reason}; {row.sends} sends, from {row.first_sent_at} to "
        f"{row.last_sent_at}, under lease {row.lease_version}, now {row.lease_now}"
        for row in conn.execute(query)
    ]


def _told(conn: Connection) -> Sold:
    line = order_lines.c
    query = (
        select(channels.c.name, orders.c.ref, skus.c.sku, line.soft + line.hard, line.shipped)
        .join(orders, orders.c.id == line.order_id)
        .join(channels, channels.c.id == orders.c.channel_id)
        .join(skus, skus.c.id == line.sku_id)
    )
    sold: Sold = {}
    for channel, ref, sku, owed, shipped in conn.execute(query):
        before = sold.get((channel, ref, sku), (0, 0))
        sold[channel, ref, sku] = (before[0] + owed, before[1] + shipped)
    return sold


def _true(town: Town) -> Sold:
    sold: Sold = {}
    for channel, shop in town.shops.items():
        for ref, order in shop.orders.items():
            for sku, state in _states(order).items():
                sold[channel, ref, sku] = state
    return sold


def _states(order: TrueOrder) -> dict[str, State]:
    owed: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for line in order.lines:
        owed[line.sku] += line.open
        left[line.sku] += line.shipped
    return {sku: (owed[sku], left[sku]) for sku in owed}


def _left(town: Town, taken: Mapping[str, int]) -> dict[str, int]:
    """What is there and unsold. Everything that is cancelled or comes back goes on sale again."""
    left = {sku: town.units - taken[sku] for sku in town.skus}
    for shop in town.shops.values():
        for order in shop.orders.values():
            for line in order.lines:
                left[line.sku] -= line.quantity - line.cancelled - line.returned
    return left
