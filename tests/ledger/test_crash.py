"""The database dies under load, or its disk is full: what was answered is stored, what was not says so, and the ledger goes on afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import DBAPIError

from channelsync.clock import SystemClock
from channelsync.ledger import inbox, schema
from channelsync.ledger.database import open_database
from channelsync.ledger.door import InlineLedger, Ledger
from channelsync.ledger.group import CommitUnknown, NotStored
from channelsync.ledger.inbox import Arrived
from channelsync.ledger.upgrade import upgrade
from channelsync.testing.postgres import PostgresServer, available
from support.clock import ManualClock

CALLERS = 8
CRASHES = 2


@pytest.fixture
def durable_postgres() -> Iterator[PostgresServer]:
    if not available():
        pytest.skip("no PostgreSQL binaries: install the test extra")
    server = PostgresServer(durable=True)
    server.start()
    yield server
    server.stop()


def arrived(key: str, size: int = 10) -> Arrived:
    return Arrived(1, key, {}, b"x" * size, ManualClock().now())


def test_what_was_answered_survives_crashes_of_the_database(durable_postgres: PostgresServer) -> None:
    engine = open_database(durable_postgres.create_database("crash"))
    upgrade(engine)
    answered: set[str] = set()
    failures: list[Exception] = []
    news: asyncio.Queue[int] = asyncio.Queue()

    async def caller(ledger: Ledger, name: int, enough: asyncio.Event) -> None:
        turn = 0
        while not enough.is_set():
            try:
                await ledger.run(inbox.store, arrived(f"{name}-{turn}"))
            except (NotStored, CommitUnknown) as failure:  # as a shop does: the same delivery again
                failures.append(failure)
                await asyncio.sleep(0.02)
            else:
                answered.add(f"{name}-{turn}")
                news.put_nowait(turn)
                turn += 1

    async def progress() -> None:
        for _ in range(10 * CALLERS):
            await news.get()

    async def story() -> None:
        enough = asyncio.Event()
        ledger = Ledger(engine, SystemClock())
        await ledger.start()
        callers = [asyncio.create_task(caller(ledger, name, enough)) for name in range(CALLERS)]
        for _ in range(CRASHES):
            await progress()
            await asyncio.to_thread(durable_postgres.kill)
            await asyncio.to_thread(durable_postgres.start)
        await progress()
        enough.set()
        await asyncio.gather(*callers)
        await ledger.close()

    asyncio.run(asyncio.wait_for(story(), 60))
    engine.dispose()  # its connections are from before the crashes
    with engine.connect() as conn:
        stored = set(conn.execute(select(schema.inbox.c.key)).scalars())
    engine.dispose()
    assert failures
    assert answered == stored


def test_a_full_disk_is_refused_and_recovered_from(tmp_path: Path) -> None:
    pages = 400

    def limit(dbapi_connection: object, _record: object) -> None:
        dbapi_connection.execute(f"PRAGMA max_page_count = {pages}").close()  # type: ignore[attr-defined]

    engine = open_database(f"sqlite:///{tmp_path / 'store.db'}")
    upgrade(engine)
    engine.dispose()
    event.listen(engine, "connect", limit)
    ledger = InlineLedger(engine, ManualClock())

    async def story() -> list[str]:
        nonlocal pages
        stored = []
        with pytest.raises((DBAPIError, NotStored), match="full|gave up"):
            for n in range(1000):
                await ledger.run(inbox.store, arrived(f"{n:04}", size=10_000))
                stored.append(f"{n:04}")
        pages = 10_000
        engine.dispose()
        await ledger.run(inbox.store, arrived("9999"))
        return [*stored, "9999"]

    stored = asyncio.run(story())
    assert len(stored) > 1
    with engine.connect() as conn:
        assert list(conn.execute(select(schema.inbox.c.key).order_by(schema.inbox.c.key)).scalars()) == stored
    engine.dispose()
