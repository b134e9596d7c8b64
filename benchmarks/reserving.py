"""Reserving through the ledger's door, against the same three rows written by the database alone: one transaction for each, nothing around it."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, func, insert, select

from benchmarks.side_by_side import Comparison, Figure, quantile
from channelsync.clock import SystemClock
from channelsync.ledger import reservations
from channelsync.ledger.database import open_database
from channelsync.ledger.door import Ledger
from channelsync.ledger.reservations import Line, Reserve
from channelsync.ledger.schema import BUCKETS, locations, movements, skus, stock_levels
from channelsync.ledger.schema import reservations as table
from channelsync.ledger.upgrade import upgrade
from channelsync.testing.postgres import PostgresServer

SKUS = 10_000
PLENTY = 1_000_000_000
SECONDS = 3.0

SCHEMA = """
CREATE TABLE stock (id integer PRIMARY KEY, on_hand bigint NOT NULL, held bigint NOT NULL DEFAULT 0, CHECK (held BETWEEN 0 AND on_hand));
CREATE TABLE holds (key text PRIMARY KEY, stock_id integer NOT NULL, units integer NOT NULL);
CREATE TABLE moves (id {key} PRIMARY KEY, stock_id integer NOT NULL, units integer NOT NULL, reference text NOT NULL);
"""
FILL = "INSERT INTO stock (id, on_hand) SELECT n, {plenty} FROM generate_series(1, {skus}) AS n"
SUMS = "SELECT (SELECT SUM(held) FROM stock), (SELECT SUM(units) FROM holds), (SELECT SUM(units) FROM moves)"
SCRIPT = r"""
\set number random(1, 9000000000000000000)
\set sku {sku}
BEGIN;
INSERT INTO holds (key, stock_id, units) VALUES ('cart-' || (:number)::text, :sku, 1) ON CONFLICT DO NOTHING;
INSERT INTO moves (stock_id, units, reference) VALUES (:sku, 1, 'cart-' || (:number)::text);
UPDATE stock SET held = held + 1 WHERE id = :sku AND on_hand - held >= 1;
COMMIT;
"""


def comparisons(server: PostgresServer, seconds: float = SECONDS) -> Iterator[Comparison]:
    yield Comparison(
        "reserve",
        "reserve through the ledger's door, 8 callers",
        "pgbench, three statements, 8 clients",
        "reserves/s",
        0.6,
        lambda: on_postgres(server, 8, SKUS, seconds),
        lambda: by_pgbench(server, 8, SKUS, seconds),
    )
    yield Comparison(
        "hot",
        "the same on one SKU, 16 callers",
        "pgbench on one row, 16 clients",
        "reserves/s",
        4.0,
        lambda: on_postgres(server, 16, 1, seconds),
        lambda: by_pgbench(server, 16, 1, seconds),
    )
    yield Comparison(
        "hot-uniform",
        "reserve on one SKU, 16 callers",
        "reserve over 10,000 SKUs, 16 callers",
        "reserves/s",
        0.6,
        lambda: on_postgres(server, 16, 1, seconds),
        lambda: on_postgres(server, 16, SKUS, seconds),
    )
    yield Comparison(
        "sqlite",
        "reserve on SQLite, 32 callers",
        "SQLite, one commit for each reserve",
        "reserves/s",
        1.5,
        lambda: on_sqlite(32, seconds),
        lambda: by_sqlite(seconds),
    )


# -- ours ------------------------------------------------------------------------------------------------------------------------------------

_serial = itertools.count(1)


def on_postgres(server: PostgresServer, callers: int, skus_: int, seconds: float) -> Figure:
    name = f"ledger_{next(_serial)}"
    engine = open_database(server.create_database(name))
    try:
        return _reserved(engine, callers, skus_, seconds)
    finally:
        engine.dispose()
        server.drop_database(name)


def on_sqlite(callers: int, seconds: float) -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{folder}/ledger.db")
        try:
            return _reserved(engine, callers, SKUS, seconds)
        finally:
            engine.dispose()


def _reserved(engine: Engine, callers: int, among: int, seconds: float) -> Figure:
    upgrade(engine)
    _stock(engine)
    figure, done = asyncio.run(_call(engine, callers, among, seconds))
    with engine.connect() as conn, conn.begin():
        held = conn.scalar(select(func.sum(stock_levels.c.soft)))
        granted = conn.scalar(select(func.sum(table.c.open)))
        moved = conn.scalar(select(func.sum(movements.c.soft)))
    if not held == granted == moved == done:
        raise AssertionError(f"it does not add up: {done} answered, {held} held, {granted} granted, {moved} moved")
    return figure


def _stock(engine: Engine) -> None:
    now = SystemClock().now()
    with engine.connect() as conn, conn.begin():
        conn.execute(insert(locations), [{"id": 1, "code": "main", "name": "Main", "kind": "warehouse"}])
        ids = range(1, SKUS + 1)
        conn.execute(insert(skus), [{"id": n, "sku": f"SKU-{n}", "counted": True, "created_at": now} for n in ids])
        conn.execute(insert(stock_levels), [{"sku_id": n, "location_id": 1, "on_hand": PLENTY} for n in ids])
        rest = dict.fromkeys(BUCKETS, 0) | {"on_hand": PLENTY}
        conn.execute(
            insert(movements),
            [{"sku_id": n, "location_id": 1, "type": "seed", **rest, "occurred_at": now, "recorded_at": now} for n in ids],
        )
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.exec_driver_sql("VACUUM ANALYZE")


async def _call(engine: Engine, callers: int, among: int, seconds: float) -> tuple[Figure, int]:
    ledger = Ledger(engine, SystemClock())
    await ledger.start()
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def caller(number: int) -> None:
        dice = random.Random(number)
        for turn in itertools.count():
            began = time.perf_counter()
            if began >= until:
                return
            reference = f"cart-{number}-{turn}"
            line = Line(f"SKU-{dice.randint(1, among)}", "main", 1)
            await ledger.run(reservations.reserve, Reserve(reference, (line,), key=reference))
            took.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    await asyncio.gather(*(caller(number) for number in range(callers)))
    lasted = time.perf_counter() - began
    await ledger.close()
    return Figure(len(took) / lasted, quantile(took, 0.5), quantile(took, 0.99)), len(took)


# -- what the databases do alone -------------------------------------------------------------------------------------------------------------


def by_pgbench(server: PostgresServer, clients: int, among: int, seconds: float) -> Figure:
    name = f"anchor_{next(_serial)}"
    server.create_database(name)
    try:
        with _file(SCHEMA.format(key="bigint GENERATED ALWAYS AS IDENTITY")) as schema, _file(_script(among)) as script:
            server.shell(f"psql -qX -v ON_ERROR_STOP=1 -d {name} -f {schema}")
            fill = FILL.format(plenty=PLENTY, skus=SKUS)
            server.shell(f'psql -qX -v ON_ERROR_STOP=1 -d {name} -c "{fill}" -c "VACUUM ANALYZE"')
            options = f"-n -M prepared -c {clients} -j 1 -T {max(1, round(seconds))} -f {script}"
            told = server.shell(f"pgbench {options} {name} 2>&1")
            sums = server.shell(f'psql -qXAt -d {name} -c "{SUMS}"').strip().split("|")
    finally:
        server.drop_database(name)
    if len(set(sums)) != 1:
        raise AssertionError(f"the anchor does not add up: {sums}")
    rate = re.search(r"tps = ([0-9.]+)", told)
    assert rate is not None, told
    return Figure(float(rate[1]))


def _script(among: int) -> str:
    return SCRIPT.format(sku=f"random(1, {among})" if among > 1 else "1")


@contextmanager
def _file(text: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.sql"
        path.write_text(text)
        Path(folder).chmod(0o755)
        path.chmod(0o644)
        yield path


def by_sqlite(seconds: float) -> Figure:
    """One connection, WAL, every commit on the disk before the next begins."""
    with tempfile.TemporaryDirectory() as folder:
        conn = sqlite3.connect(f"{folder}/anchor.db", isolation_level=None)
        try:
            return _one_by_one(conn, seconds)
        finally:
            conn.close()


def _one_by_one(conn: sqlite3.Connection, seconds: float) -> Figure:
    for setting in ("journal_mode = WAL", "synchronous = FULL"):
        conn.execute(f"PRAGMA {setting}")
    conn.executescript(SCHEMA.format(key="integer"))
    conn.execute("BEGIN")
    conn.executemany("INSERT INTO stock (id, on_hand) VALUES (?, ?)", [(n, PLENTY) for n in range(1, SKUS + 1)])
    conn.execute("COMMIT")
    dice, took, began = random.Random(1), list[float](), time.perf_counter()
    while (start := time.perf_counter()) < began + seconds:
        sku, key = dice.randint(1, SKUS), f"cart-{len(took)}"
        conn.execute("BEGIN IMMEDIATE")
        conn.execute("INSERT INTO holds (key, stock_id, units) VALUES (?, ?, 1) ON CONFLICT DO NOTHING", (key, sku))
        conn.execute("INSERT INTO moves (stock_id, units, reference) VALUES (?, 1, ?)", (sku, key))
        conn.execute("UPDATE stock SET held = held + 1 WHERE id = ? AND on_hand - held >= 1", (sku,))
        conn.execute("COMMIT")
        took.append((time.perf_counter() - start) * 1000)
    lasted = time.perf_counter() - began
    sums = conn.execute(SUMS).fetchone()
    if len({*sums, len(took)}) != 1:
        raise AssertionError(f"the anchor does not add up: {sums}, {len(took)}")
    return Figure(len(took) / lasted, quantile(took, 0.5), quantile(took, 0.99))
