"""Two buyers, one unit: one wins. Sixteen callers at a time through the real door, also with two writers on one PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import Engine

from channelsync.clock import SystemClock
from channelsync.ledger import policies, reservations, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.database import open_database
from channelsync.ledger.door import Ledger
from channelsync.ledger.fulfilment import Fulfil, Shipped, fulfil
from channelsync.ledger.holds import Which
from channelsync.ledger.policies import SetPolicy
from channelsync.ledger.refusals import AlreadyResolved, InsufficientStock
from channelsync.ledger.reservations import Line, Release, Released, Reserve, Reserved
from channelsync.ledger.skus import Backorder
from channelsync.ledger.stock import Change
from support.stock import NOW, assert_adds_up, open_locations

CALLERS = 16
SKUS = [f"S{number:02}" for number in range(50)]


def stock_up(engine: Engine, *locations: str) -> None:
    with engine.begin() as conn:
        open_locations(conn, *locations)
        stock.seed(conn, [Change(sku, "main", 1) for sku in SKUS], NOW)


async def reserve(ledger: Ledger, item: Reserve) -> str | None:
    """The winner's reference, or None."""
    try:
        answer = await ledger.run(reservations.reserve, item)
    except InsufficientStock:
        return None
    assert isinstance(answer, Reserved)
    return answer.reference


async def everybody_wants_everything(ledgers: Sequence[Ledger], location_of: Sequence[str]) -> dict[str, list[str]]:
    """Each caller goes through the SKUs in its own order, half of them with two SKUs per request; the winners per SKU."""

    async def caller(number: int) -> list[tuple[str, str]]:
        won = []
        shift = number * 7 % len(SKUS)
        for sku in SKUS[shift:] + SKUS[:shift]:
            line = Line(sku, location_of[number % len(location_of)], 1)
            reference = await reserve(ledgers[number % len(ledgers)], Reserve(f"caller {number}", (line,), kind="hard"))
            if reference is not None:
                won.append((sku, reference))
        return won

    for ledger in ledgers:
        await ledger.start()
    try:
        results = await asyncio.gather(*(caller(number) for number in range(CALLERS)))
    finally:
        for ledger in ledgers:
            await ledger.close()
    winners: dict[str, list[str]] = {sku: [] for sku in SKUS}
    for won in results:
        for sku, reference in won:
            winners[sku].append(reference)
    return winners


def test_of_sixteen_callers_exactly_one_gets_the_last_unit(engine: Engine) -> None:
    stock_up(engine, "main")
    winners = asyncio.run(everybody_wants_everything([Ledger(engine, SystemClock())], ["main"]))
    assert {sku: len(won) for sku, won in winners.items()} == dict.fromkeys(SKUS, 1)
    with engine.connect() as conn:
        assert_adds_up(conn)


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_with_two_writers_it_is_still_exactly_one(engine: Engine, database_url: str) -> None:
    stock_up(engine, "main")
    other = open_database(database_url, durable=False)
    try:
        ledgers = [Ledger(engine, SystemClock()), Ledger(other, SystemClock())]
        winners = asyncio.run(everybody_wants_everything(ledgers, ["main"]))
    finally:
        other.dispose()
    assert {sku: len(won) for sku, won in winners.items()} == dict.fromkeys(SKUS, 1)
    with engine.connect() as conn:
        assert_adds_up(conn)


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_backorder_limit_over_two_locations_holds_with_two_writers(engine: Engine, database_url: str) -> None:
    """One unit at main, one more may be promised anywhere: main and annex together never grant more than two."""
    stock_up(engine, "main", "annex")
    with engine.begin() as conn:
        policies.set_policy(conn, [SetPolicy(sku, Backorder.ALLOW, 1) for sku in SKUS], NOW)
    other = open_database(database_url, durable=False)
    try:
        ledgers = [Ledger(engine, SystemClock()), Ledger(other, SystemClock())]
        winners = asyncio.run(everybody_wants_everything(ledgers, ["main", "annex", "annex"]))
    finally:
        other.dispose()
    assert all(1 <= len(won) <= 2 for won in winners.values())
    assert any(len(won) == 2 for won in winners.values())
    with engine.connect() as conn:
        assert_adds_up(conn)


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_the_same_request_sent_to_two_writers_is_applied_once(engine: Engine, database_url: str) -> None:
    stock_up(engine, "main")
    other = open_database(database_url, durable=False)

    async def send() -> list[object]:
        ledgers = [Ledger(engine, SystemClock()), Ledger(other, SystemClock())]
        for ledger in ledgers:
            await ledger.start()
        items = [Change(sku, "main", 1, key=f"receive {sku}") for sku in SKUS]
        answers = await asyncio.gather(*(ledger.run(stock.receive, item) for item in items for ledger in ledgers), return_exceptions=True)
        for ledger in ledgers:
            await ledger.close()
        return list(answers)

    answers = asyncio.run(send())
    other.dispose()
    assert [answer for answer in answers if isinstance(answer, BaseException)] == []
    assert sum(isinstance(answer, stock.Posted) and answer.repeat for answer in answers) == len(SKUS)
    with engine.connect() as conn:
        assert_adds_up(conn)


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_claim_that_is_released_here_and_shipped_there_ends_once(engine: Engine, database_url: str) -> None:
    stock_up(engine, "main")
    with engine.begin() as conn:
        reservations.reserve(conn, [Reserve(sku, (Line(sku, "main", 1),), kind="hard") for sku in SKUS], NOW)
    other = open_database(database_url, durable=False)

    async def both() -> list[tuple[object, object]]:
        here, there = Ledger(engine, SystemClock()), Ledger(other, SystemClock())
        await here.start()
        await there.start()

        async def end(sku: str) -> tuple[object, object]:
            which = Which(reference=sku)
            released = here.run(reservations.release, Release(which))
            shipped = there.run(fulfil, Fulfil(which))
            first, second = await asyncio.gather(released, shipped, return_exceptions=True)
            return first, second

        ends = await asyncio.gather(*(end(sku) for sku in SKUS))
        await here.close()
        await there.close()
        return ends

    for released, shipped in asyncio.run(both()):
        assert isinstance(released, Released)
        if released.units:
            assert isinstance(shipped, AlreadyResolved)
            assert shipped.state == "released"
        else:
            assert released.already == "fulfilled"
            assert shipped == Shipped(1, 0, 0)
    other.dispose()
    with engine.connect() as conn:
        assert audit(conn) == []
