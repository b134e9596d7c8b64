"""Two nodes on one PostgreSQL database change the same cart."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Engine

from channelsync.clock import SystemClock
from channelsync.ledger import policies, reservations
from channelsync.ledger.amending import Amend, Amended, amend
from channelsync.ledger.database import open_database
from channelsync.ledger.door import Ledger
from channelsync.ledger.policies import SetPolicy
from channelsync.ledger.skus import Backorder
from support.stock import NOW, assert_adds_up, level, open_locations, put, want


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_two_nodes_that_set_the_same_line_claim_it_once(engine: Engine, database_url: str) -> None:
    with engine.connect() as conn, conn.begin():
        open_locations(conn, "main")
        for number in range(20):
            put(conn, f"S{number}", 3)
    other = open_database(database_url, durable=False)

    async def send() -> list[object]:
        nodes = [Ledger(engine, SystemClock()), Ledger(other, SystemClock())]
        for node in nodes:
            await node.start()
        items = [Amend("cart", f"S{number}", "main", 2) for number in range(20)]
        answers = await asyncio.gather(*(node.run(amend, item) for item in items for node in nodes), return_exceptions=True)
        for node in nodes:
            await node.close()
        return list(answers)

    try:
        answers = asyncio.run(send())
    finally:
        other.dispose()
    assert sorted(answer.change for answer in answers if isinstance(answer, Amended)) == [0] * 20 + [2] * 20
    with engine.connect() as conn:
        assert {level(conn, f"S{number}").soft for number in range(20)} == {2}
        assert_adds_up(conn)


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_purchase_limit_holds_with_two_nodes_and_two_locations(engine: Engine, database_url: str) -> None:
    with engine.connect() as conn, conn.begin():
        open_locations(conn, "main", "annex")
        for number in range(10):
            put(conn, f"S{number}", 9)
            put(conn, f"S{number}", 9, "annex")
            policies.set_policy(conn, [SetPolicy(f"S{number}", Backorder.DENY, per_reference=2)], NOW)
    other = open_database(database_url, durable=False)

    async def send() -> None:
        nodes = [Ledger(engine, SystemClock()), Ledger(other, SystemClock())]
        for node in nodes:
            await node.start()
        wanted = [want(f"S{number}", 1, "cart", place) for number in range(10) for place in ("main", "annex")]
        await asyncio.gather(*(node.run(reservations.reserve, each) for each in wanted for node in nodes), return_exceptions=True)
        for node in nodes:
            await node.close()

    try:
        asyncio.run(send())
    finally:
        other.dispose()
    with engine.connect() as conn:
        claimed = {f"S{n}": level(conn, f"S{n}").soft + level(conn, f"S{n}", "annex").soft for n in range(10)}
        assert claimed == dict.fromkeys(claimed, 2)
