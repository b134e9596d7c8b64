"""A large shop without the hours it takes to grow: SKUs with stock at one location, each listed on two channels, written by one statement per table.

Every row is what the verbs would have left, so the audit and the verifier find nothing amiss: `prove` asks both.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from channelsync.clock import SystemClock
from channelsync.config import Config, load
from channelsync.ledger.audit import audit
from channelsync.ledger.database import reading
from channelsync.ledger.door import InlineLedger
from channelsync.ledger.types import Utc
from channelsync.ledger.upgrade import upgrade
from channelsync.ledger.verifier import verify
from channelsync.registry import Registry
from channelsync.shell.assemble import bring_up, enrol
from channelsync.testing import config_file

CHANNELS: Final = ("east", "west")
UNITS: Final = 1_000
"""Of each SKU, at the start; every shelf shows as many."""

SERIES: Final = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :last)"
"""Both databases know it."""

OPENED: Final = (
    "UPDATE channels SET opened_at = :now",
    f"INSERT INTO skus (id, sku, counted, created_at) {SERIES} SELECT i, 'SKU-' || i, TRUE, :now FROM n",
    f"INSERT INTO stock_levels (sku_id, location_id, on_hand) {SERIES} SELECT i, 1, :units FROM n",
    f"""INSERT INTO movements (sku_id, location_id, type, on_hand, reference, reason, actor, occurred_at, recorded_at)
    {SERIES} SELECT i, 1, 'seed', :units, 'opening', 'read from the shop', 'daemon', :now, :now FROM n""",
)
SOLD: Final = (
    f"""INSERT INTO listings (id, channel_id, ref, sku_text, title, sku_id, tracked, sells_below_zero, seen_at, linked_at, linked_text)
    {SERIES} SELECT :before + i, :channel, 'item-' || i, 'SKU-' || i, 'Article ' || i, i, TRUE, FALSE, :now, :now, 'SKU-' || i FROM n""",
    f"INSERT INTO listing_aliases (channel_id, alias, listing_id) {SERIES} SELECT :channel, 'variant-' || i, :before + i FROM n",
    f"""INSERT INTO shelves (id, listing_id, channel_id, book, target, version, reading, read_at)
    {SERIES} SELECT :before + i, :before + i, :channel, :units, :units, 2, :units, :now FROM n""",
    f"INSERT INTO shelf_feeds (shelf_id, location_id) {SERIES} SELECT :before + i, 1 FROM n",
    f"INSERT INTO book_entries (shelf_id, kind, delta, at) {SERIES} SELECT :before + i, 'opening', :units, :now FROM n",
    """INSERT INTO cursors (channel_id, stream, high_water, looked_at, updated_at)
    SELECT :channel, name, :mark, :now, :now FROM (SELECT 'orders' AS name UNION ALL SELECT 'listings') AS streams""",
)
MOVED: Final = f"""
INSERT INTO movements (sku_id, location_id, type, on_hand, reference, reason, actor, channel_id, occurred_at, recorded_at)
{SERIES} SELECT 1 + (i - 1) / 2 % :skus, 1, CASE i % 2 WHEN 1 THEN 'receive' ELSE 'fulfil' END, CASE i % 2 WHEN 1 THEN 1 ELSE -1 END,
'east/' || i, '', 'channel', 1, :now, :now FROM n"""
"""Each unit that came has gone again: the levels stay as they are."""


def write_config(
    folder: Path, url: str, shops: dict[str, dict[str, Any]] | None = None, *, lease_seconds: float = 60.0, **tables: Any
) -> Config:
    """A store with two channels; without `shops` they have an address that nobody answers at."""
    nobody = {name: {"connector": "memory", "url": "http://127.0.0.1:9", "token": "t", "webhook_secrets": ["s"]} for name in CHANNELS}
    lasting = {"poll_seconds": 60.0, "allow_private_hosts": True}
    channels = {name: {**lasting, "mode": "live", **shop} for name, shop in (shops or nobody).items()}
    file = config_file.write(
        folder / "bench.toml", {"store": {"id": "bench", "database": url, "lease_seconds": lease_seconds}, **tables, "channels": channels}
    )
    return load(file, Registry.installed(), environ={})


async def fill(engine: Engine, config: Config, skus: int, now: datetime) -> None:
    """An empty database becomes a store that has run for a day: `skus` SKUs, twice as many shelves, nothing due."""
    upgrade(engine)
    ids = enrol(engine, config, now)
    assert (list(ids.locations.values()), list(ids.channels.values())) == ([1], [1, 2]), ids
    await bring_up(InlineLedger(engine, SystemClock()), config, ids)
    about = {"last": skus, "units": UNITS}
    with engine.connect() as conn, conn.begin():
        _run(conn, OPENED, about, now)
        for number in ids.channels.values():
            _run(conn, SOLD, about | {"channel": number, "before": (number - 1) * skus}, now)
        if conn.dialect.name == "postgresql":
            for table in ("skus", "listings", "shelves"):
                conn.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT MAX(id) FROM {table}))"))
    gather(engine)


def move(engine: Engine, skus: int, movements: int, now: datetime) -> None:
    """So many more movements (an even number), which change no level in sum."""
    with engine.connect() as conn, conn.begin():
        _run(conn, [MOVED], {"last": movements, "skus": skus}, now)
    gather(engine)


def gather(engine: Engine) -> None:
    """PostgreSQL learns what its tables have grown to. It does so by itself after a minute, a server for tests never."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("VACUUM ANALYZE")


def prove(engine: Engine, now: datetime) -> None:
    """Raises AssertionError if the ledger does not add up, by its own audit or by the code that shares nothing with it."""
    with reading(engine).connect() as conn:
        differences = audit(conn)
        assert not differences, differences[:3]
        mismatches = verify(conn, now + timedelta(minutes=1)).mismatches
        assert not mismatches, mismatches[:3]


def size(engine: Engine) -> int:
    """Of the whole database, in bytes."""
    with reading(engine).connect() as conn:
        if conn.dialect.name == "postgresql":
            return int(conn.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
        return int(conn.execute(text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")).scalar_one())


def _run(conn: Connection, statements: Sequence[str], about: dict[str, Any], now: datetime) -> None:
    bound = about | {"now": Utc().process_bind_param(now, conn.dialect), "mark": now.isoformat()}
    for statement in statements:
        conn.execute(text(statement), {name: value for name, value in bound.items() if f":{name}" in statement})
