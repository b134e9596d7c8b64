"""Webhooks in: the daemon's own listener, which verifies and stores before its 200, against a bare receiver that does no more than that.

The engine does not run beside it: how fast deliveries are applied is another question than how fast they are safe.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import closing
from pathlib import Path

import psycopg
from sqlalchemy import select

from benchmarks import bare, scene
from benchmarks.deliveries import SECRET, SHOP, TOPIC, Posted
from benchmarks.side_by_side import Comparison, Figure
from channelsync.cli.loop import run_loop
from channelsync.ledger.database import open_database
from channelsync.ledger.schema import inbox
from channelsync.shell.inlet import Inlets
from channelsync.shell.serve import App, serving
from channelsync.testing.postgres import PostgresServer

CONNECTIONS = 32
CHANNEL = {"connector": "shopify", "shop": SHOP, "access_token": "never-used", "webhook_secrets": [SECRET]}


def comparisons(server: PostgresServer, seconds: float) -> Iterator[Comparison]:
    yield Comparison(
        "intake-sqlite",
        f"signed webhooks, SQLite, {CONNECTIONS} connections",
        "bare receiver, sqlite3, group commit",
        "deliveries/s",
        0.7,
        lambda: on_sqlite(seconds),
        lambda: bare_on_sqlite(seconds),
    )
    yield Comparison(
        "intake-postgres",
        f"signed webhooks, PostgreSQL, {CONNECTIONS} connections",
        "bare receiver, psycopg, group commit",
        "deliveries/s",
        0.7,
        lambda: on_postgres(server, seconds),
        lambda: bare_on_postgres(server, seconds),
    )


_serial = itertools.count(1)

# -- ours ------------------------------------------------------------------------------------------------------------------------------------


def on_sqlite(seconds: float) -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        return _received(Path(folder), f"sqlite:///{folder}/bench.db", seconds)


def on_postgres(server: PostgresServer, seconds: float) -> Figure:
    name = f"intake_{next(_serial)}"
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _received(Path(folder), server.create_database(name), seconds)
    finally:
        server.drop_database(name)


def _received(folder: Path, url: str, seconds: float) -> Figure:
    posted = run_loop(_listen(folder, url, seconds))
    engine = open_database(url)
    try:
        with engine.connect() as conn, conn.begin():
            return _figure(posted, {key.removeprefix(f"{TOPIC}:") for key in conn.scalars(select(inbox.c.key))})
    finally:
        engine.dispose()


async def _listen(folder: Path, url: str, seconds: float) -> Posted:
    async with scene.store(folder, url, CHANNEL) as assembly:
        app: App = Inlets(assembly.engine).receiver()
        async with serving(app, "127.0.0.1", 0) as address:
            return await _post(address.port, seconds)


# -- what the database and the server do alone -----------------------------------------------------------------------------------------------


def bare_on_sqlite(seconds: float) -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/bare.db"
        with bare.sqlite_store(file) as store:
            posted = run_loop(_listen_bare(store, seconds))
        with closing(sqlite3.connect(file)) as conn:
            return _figure(posted, {key for (key,) in conn.execute(bare.IDS)})


def bare_on_postgres(server: PostgresServer, seconds: float) -> Figure:
    name = f"bare_{next(_serial)}"
    url = server.create_database(name)
    try:
        with bare.postgres_store(url) as store:
            posted = run_loop(_listen_bare(store, seconds))
        with psycopg.connect(url) as conn:
            return _figure(posted, {key for (key,) in conn.execute(bare.IDS)})
    finally:
        server.drop_database(name)


async def _listen_bare(store: bare.Store, seconds: float) -> Posted:
    async with bare.receiver(store) as port:
        return await _post(port, seconds)


# -- both ------------------------------------------------------------------------------------------------------------------------------------


async def _post(port: int, seconds: float) -> Posted:
    """By another process, so that whoever asks does not slow down who answers."""
    command = (sys.executable, "-m", "benchmarks.deliveries", str(port), str(CONNECTIONS), str(seconds))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    told, _ = await process.communicate()
    if process.returncode != 0:
        raise AssertionError("not every delivery was answered with 200; the lines above say more")
    return Posted.read(told)


def _figure(posted: Posted, stored: AbstractSet[str]) -> Figure:
    """Raises if a delivery was answered and is not there, or if nothing came."""
    answered = posted.ids()
    if not answered or len(stored) < len(answered) or not answered <= stored:
        raise AssertionError(
            f"it does not add up: {len(answered)} answered, {len(stored)} stored, {len(answered - stored)} of them missing"
        )
    return Figure(len(answered) / posted.seconds, posted.p50_ms, posted.p99_ms)
