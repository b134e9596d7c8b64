"""The ledger through a real PgBouncer in transaction mode, where the machine has one: clients outnumber its connections, which change hands after
every transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError

from channelsync.clock import SystemClock
from channelsync.ledger import leases, reservations, seals
from channelsync.ledger.audit import audit
from channelsync.ledger.database import UnusableDatabase, open_database, reading
from channelsync.ledger.door import Ledger
from channelsync.ledger.leases import LeaseRequest
from channelsync.ledger.reservations import Line, Reserve
from channelsync.ledger.schema import reservations as claims
from channelsync.ledger.schema import stock_levels
from channelsync.ledger.seals import Seal
from channelsync.ledger.upgrade import Schema, upgrade
from channelsync.ledger.verifier import verify
from channelsync.testing import pgbouncer
from channelsync.testing.pgbouncer import PgBouncer
from channelsync.testing.postgres import PostgresServer
from support.stock import NOW, open_channel, open_locations, put
from support.story import live_a_day

pytestmark = pytest.mark.skipif(not pgbouncer.available(), reason="no PgBouncer on this machine: apt-get install pgbouncer")

CONNECTIONS = 3
DOORS, CALLERS, TURNS = 3, 8, 10


@pytest.fixture
def dialect() -> str:
    return "postgresql"


@pytest.fixture
def bouncer(postgres: PostgresServer) -> Iterator[PgBouncer]:
    with PgBouncer(postgres, connections=CONNECTIONS) as running:
        yield running


@pytest.fixture
def pooled(bouncer: PgBouncer, engine: Engine) -> Iterator[Engine]:
    """The test's ledger, by way of the bouncer."""
    assert engine.url.database is not None
    through = open_database(bouncer.url(engine.url.database), durable=False, pooled=True)
    yield through
    through.dispose()


def test_whoever_does_not_say_so_is_told_what_to_write(bouncer: PgBouncer) -> None:
    with pytest.raises(UnusableDatabase, match="write `pooled = true` under"):
        open_database(bouncer.url("postgres"), durable=False)


def test_a_ledger_is_made_lives_a_day_and_is_sealed(bouncer: PgBouncer, postgres: PostgresServer) -> None:
    postgres.create_database("bounced")
    engine = open_database(bouncer.url("bounced"), durable=False, pooled=True)
    assert upgrade(engine).schema is Schema.CURRENT
    assert upgrade(engine).schema is Schema.CURRENT
    with engine.begin() as conn:
        live_a_day(conn)
    with engine.begin() as conn:
        (sealed,) = seals.seal(conn, [Seal(1_000)], NOW)
        assert {each.log for each in sealed} == set(seals.LOGS)
    with reading(engine).connect() as conn:
        assert not [each for each in audit(conn) if each.check == "levels"]
        assert not [each for each in verify(conn, NOW + timedelta(days=1)).mismatches if "seal" in str(each)]
        with pytest.raises(DBAPIError, match="read-only"):
            conn.execute(text("DELETE FROM skus"))
    engine.dispose()
    postgres.drop_database("bounced")


def test_several_doors_share_few_connections_and_nothing_is_lost(pooled: Engine) -> None:
    """More statements than psycopg runs before it would prepare one, on connections that another client has had meanwhile."""
    with pooled.begin() as conn:
        open_locations(conn, "main")
        put(conn, "A", DOORS * CALLERS * TURNS - 5)

    async def caller(door: Ledger, name: str) -> int:
        granted = 0
        for turn in range(TURNS):
            claim = Reserve(f"{name}-{turn}", (Line("A", "main", 1),), key=f"{name}-{turn}")
            try:
                await door.run(reservations.reserve, claim)
                granted += 1
            except Exception as refused:
                assert "A" in str(refused)  # noqa: PT017  the last five find nothing left
            await door.read(_held)
        return granted

    async def story() -> int:
        doors = [Ledger(pooled, SystemClock()) for _ in range(DOORS)]
        for door in doors:
            await door.start()
        granted = await asyncio.gather(*(caller(door, f"{n}-{c}") for n, door in enumerate(doors) for c in range(CALLERS)))
        for door in doors:
            await door.close()
        return sum(granted)

    granted = asyncio.run(story())
    with reading(pooled).connect() as conn:
        assert granted == DOORS * CALLERS * TURNS - 5 == conn.scalar(select(func.sum(claims.c.open))) == _held(conn)
        assert audit(conn) == []


def _held(conn: object) -> int:
    found: int = conn.scalar(select(func.sum(stock_levels.c.soft)))  # type: ignore[attr-defined]
    return found


def test_a_lease_is_one_nodes_alone(pooled: Engine) -> None:
    with pooled.begin() as conn:
        channel = open_channel(conn)
    versions = []
    for owner in ("one", "two"):
        with pooled.begin() as conn:
            versions += leases.take_lease(conn, [LeaseRequest(channel, owner, 60.0)], NOW)
    assert versions == [1, None]


def test_nothing_that_was_set_stays_for_the_next_client(pooled: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer waits for a lock for a while only, and that is set for its transaction alone."""
    monkeypatch.setattr("channelsync.ledger.database.LOCK_MILLISECONDS", 200)
    with pooled.begin() as conn:
        open_locations(conn, "main")
    with pooled.begin() as first, pooled.connect() as second:
        first.exec_driver_sql("UPDATE locations SET name = 'first'")
        with pytest.raises(DBAPIError, match="lock timeout"), second.begin():
            second.exec_driver_sql("UPDATE locations SET name = 'second'")
    with pooled.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        for _ in range(4 * CONNECTIONS):
            assert conn.exec_driver_sql("SHOW lock_timeout").scalar_one() == "0"
            assert conn.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar_one() == "0"
