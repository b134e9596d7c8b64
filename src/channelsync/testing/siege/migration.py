"""kill -9 of `channelsync db upgrade` half way through the way from the oldest schema: the next one finds everything as it was, and ends it; or the
daemon is just started on what the kill left, and does the same. Either way it comes up.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, func, insert, select

from channelsync.ledger.audit import audit
from channelsync.ledger.database import open_database, reading
from channelsync.ledger.upgrade import Schema, check, upgrade
from channelsync.testing import config_file
from channelsync.testing.siege.process import COMMAND, NotUp, Process, environment

OLDEST = "0001"
ROWS = 20_000
NOW = 1_767_225_600_000_000  # as the ledger keeps times: microseconds

Kept = dict[str, tuple[int, int]]
"""By table: how many rows, and the sum of their numbers."""


@dataclass(frozen=True, slots=True)
class Migration:
    """untouched, complete: what the kills found or left: the oldest schema as it was, or the newest. started: how often `channelsync run` came up
    and ended in order: after the next upgrade, or, every other time, without one. differences: anything else, in words.
    """

    kills: int
    untouched: int
    complete: int
    started: int
    upgrade_seconds: float
    differences: tuple[str, ...]


def kill_upgrades(home: Path, kills: int, *, new_database: Callable[[], str], rows: int = ROWS, seed: int = 1) -> Migration:
    """Each kill on a database of its own. new_database: an empty one."""
    source = random.Random(seed)
    home.mkdir(parents=True, exist_ok=True)
    took = _whole(home, new_database(), rows)
    untouched = started = 0
    differences: list[str] = []
    for turn in range(kills):
        url = new_database()
        before = _fill(url, rows)
        with subprocess.Popen(_command(home, url), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()) as child:
            time.sleep(source.uniform(0.4, 1.0) * took)
            child.kill()
        untouched += _state(url) == OLDEST
        found = _upgrade(home, url) if turn % 2 == 0 else []
        refused = asyncio.run(_start(home, url, home / f"run-{turn}.log"))
        started += not refused
        differences += [*found, *refused, *_look(url, before)]
    return Migration(kills, untouched, kills - untouched, started, round(took, 2), tuple(differences))


def _whole(home: Path, url: str, rows: int) -> float:
    """How long it takes if nobody disturbs it."""
    _fill(url, rows)
    began = time.monotonic()
    subprocess.run(_command(home, url), check=True, capture_output=True, env=environment())
    return time.monotonic() - began


def _upgrade(home: Path, url: str) -> list[str]:
    """The next upgrade, and what is wrong with it."""
    done = subprocess.run(_command(home, url), check=False, capture_output=True, text=True, env=environment())
    return [f"the next upgrade ended with {done.returncode}: {done.stderr[-500:]}"] if done.returncode else []


async def _start(home: Path, url: str, log: Path) -> list[str]:
    """The daemon comes up, and ends in order when it is told to; else what it said."""
    with Process(_config(home, url), log) as daemon:
        daemon.start()
        try:
            await daemon.up()
        except NotUp as problem:
            return [f"the daemon did not come up: {problem}"]
        status = await daemon.stop()
        return [] if status == 0 else [f"the daemon ended with {status}: {daemon.said()}"]


def _look(url: str, before: Kept) -> list[str]:
    """What is wrong with the ledger in the end."""
    engine = open_database(url, durable=False)
    try:
        with reading(engine).connect() as conn, conn.begin():
            after = _kept(conn, list(before))
            found = [f"{each.check}: {each.where}: {each.found} instead of {each.expected}" for each in audit(conn)]
        state = check(engine).schema
    finally:
        engine.dispose()
    if state is not Schema.CURRENT:
        found.append(f"the schema is {state}")
    return found + [f"{table}: {after[table]} instead of {kept}" for table, kept in before.items() if after[table] != kept]


def _state(url: str) -> str | None:
    engine = open_database(url, durable=False)
    try:
        return check(engine).found
    finally:
        engine.dispose()


def _command(home: Path, url: str) -> tuple[str, ...]:
    return (*COMMAND, "db", "upgrade", "-c", str(_config(home, url)))


def _config(home: Path, url: str) -> Path:
    listen = {"public": {"port": 0}, "private": {"port": 0}}
    return config_file.write(home / "old.toml", {"store": {"id": "siege", "database": url}, "listen": listen})


# -- the old database --------------------------------------------------------------------------------------------------------------------------


def _fill(url: str, rows: int) -> Kept:
    """A ledger of the oldest schema with so many SKUs, each of them received once, and as many deliveries."""
    engine = open_database(url, durable=False)
    try:
        upgrade(engine, OLDEST)
        tables = _insert(engine, rows)
        with reading(engine).connect() as conn, conn.begin():
            return _kept(conn, tables)
    finally:
        engine.dispose()


def _insert(engine: Engine, rows: int) -> list[str]:
    meta = MetaData()
    meta.reflect(engine)
    ids = range(1, rows + 1)
    content: dict[str, list[dict[str, Any]]] = {
        "locations": [{"id": 1, "code": "main", "name": "Main", "kind": "warehouse"}],
        "skus": [{"id": each, "sku": f"SKU-{each}", "counted": True, "created_at": NOW} for each in ids],
        "stock_levels": [{"sku_id": each, "location_id": 1, "on_hand": each % 7} for each in ids],
        "movements": [
            {"id": each, "sku_id": each, "location_id": 1, "type": "receive", "on_hand": each % 7, "occurred_at": NOW, "recorded_at": NOW}
            for each in ids
        ],
        "inbox": [{"id": each, "channel_id": 1, "key": f"key-{each}", "headers": {}, "body": b"{}", "received_at": NOW} for each in ids],
    }
    with engine.begin() as conn:
        for name, values in content.items():
            table = meta.tables[name]
            known = [{key: value for key, value in row.items() if key in table.c} for row in values]
            conn.execute(insert(table), known)
    return list(content)


def _kept(conn: Connection, tables: list[str]) -> Kept:
    meta = MetaData()
    meta.reflect(conn, only=tables)
    kept = {}
    for name in tables:
        table = meta.tables[name]
        number = table.c.get("on_hand", table.c.get("id"))
        assert number is not None
        count, total = conn.execute(select(func.count(), func.coalesce(func.sum(number), 0)).select_from(table)).one()
        kept[name] = (int(count), int(total))
    return kept
