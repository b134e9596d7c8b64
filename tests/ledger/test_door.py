"""The door: many callers, few commits, nobody disturbed by anybody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

import pytest
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, Table, event, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from channelsync.ledger.database import open_database
from channelsync.ledger.door import Door, InlineLedger, Ledger, LedgerClosed
from channelsync.ledger.refusals import NotAllowed, Refusal
from support.clock import ManualClock

T = TypeVar("T")
sales = Table("sales", MetaData(), Column("id", Integer, primary_key=True), Column("unit", Integer, unique=True))


@pytest.fixture
def engine(engine: Engine) -> Iterator[Engine]:
    sales.create(engine)
    yield engine
    sales.drop(engine)


@pytest.fixture(params=["grouped", "inline"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def opened(door: Door) -> AsyncIterator[Door]:
    await door.start()
    try:
        yield door
    finally:
        await door.close()


def make(kind: str, engine: Engine, clock: ManualClock) -> Door:
    return Ledger(engine, clock) if kind == "grouped" else InlineLedger(engine, clock)


def sell(conn: Connection, items: Sequence[int], now: datetime) -> Sequence[datetime | Refusal]:
    """Even units sell, odd ones are refused, 13 is a bug."""
    if 13 in items:
        raise RuntimeError("unlucky")
    rows = [{"unit": unit} for unit in items if unit % 2 == 0]
    if rows:
        conn.execute(insert(sales), rows)
    return [now if unit % 2 == 0 else NotAllowed(f"unit {unit} is odd") for unit in items]


def sold(conn: Connection, above: int = -1) -> int:
    return conn.execute(select(func.count()).select_from(sales).where(sales.c.unit > above)).scalar_one()


def play(story: Callable[[], Awaitable[T]]) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(60):
            return await story()

    return asyncio.run(bounded())


def test_a_value_a_refusal_and_a_bug_reach_their_own_caller(kind: str, engine: Engine, clock: ManualClock) -> None:
    async def story() -> None:
        async with opened(make(kind, engine, clock)) as door:
            assert await door.run(sell, 2) == clock.now()
            with pytest.raises(NotAllowed, match="unit 3"):
                await door.run(sell, 3)
            with pytest.raises(RuntimeError, match="unlucky"):
                await door.run(sell, 13)
            assert await door.read(sold) == 1
            assert await door.read(sold, above=2) == 0

    play(story)


def test_many_callers_share_few_commits(engine: Engine, clock: ManualClock) -> None:
    commits: list[Connection] = []
    event.listen(engine, "commit", commits.append)

    async def story() -> list[datetime | BaseException]:
        async with opened(Ledger(engine, clock, waiting=100)) as door:
            return await asyncio.gather(*(door.run(sell, unit) for unit in range(600)), return_exceptions=True)

    answers = play(story)
    kinds = [type(answer) for answer in answers]
    assert kinds == [RuntimeError if unit == 13 else NotAllowed if unit % 2 else datetime for unit in range(600)]
    with engine.connect() as conn:
        assert sold(conn) == 300
    assert len(commits) < 100


def test_waves_of_callers_each_see_their_own_write(engine: Engine, clock: ManualClock) -> None:
    async def story() -> None:
        async with opened(Ledger(engine, clock, batch=8)) as door:

            async def caller(number: int) -> None:
                for turn in range(5):
                    unit = 2 * (number * 5 + turn)
                    await door.run(sell, unit)
                    assert await door.read(sold, above=unit - 1) >= 1

            await asyncio.gather(*(caller(number) for number in range(16)))
            assert await door.read(sold) == 80

    play(story)


class Gate:
    """A verb that holds the writer until the test lets it go."""

    def __init__(self) -> None:
        self.entered, self.released = threading.Event(), threading.Event()
        self.batches: list[int] = []

    def __call__(self, conn: Connection, items: Sequence[int], now: datetime) -> Sequence[int]:
        self.batches.append(len(items))
        self.entered.set()
        assert self.released.wait(30)
        return items


def test_calls_that_pile_up_during_a_commit_are_one_batch_of_bounded_size(engine: Engine, clock: ManualClock) -> None:
    async def story() -> list[int]:
        gate = Gate()
        async with opened(Ledger(engine, clock, batch=4)) as door:
            calls = [asyncio.create_task(door.run(gate, 0))]
            await asyncio.to_thread(gate.entered.wait, 30)
            calls += [asyncio.create_task(door.run(gate, number)) for number in range(1, 7)]
            await asyncio.sleep(0)
            gate.released.set()
            assert await asyncio.gather(*calls) == list(range(7))
        return gate.batches

    assert play(story) == [1, 4, 2]


def test_a_cancelled_caller_takes_back_what_is_queued_and_disturbs_nobody(engine: Engine, clock: ManualClock) -> None:
    async def story() -> None:
        gate = Gate()
        async with opened(Ledger(engine, clock, waiting=3)) as door:
            first = asyncio.create_task(door.run(gate, 0))
            await asyncio.to_thread(gate.entered.wait, 30)
            cancelled, kept, blocked = (asyncio.create_task(door.run(sell, unit)) for unit in (2, 4, 6))
            await asyncio.sleep(0)
            first.cancel()
            cancelled.cancel()
            gate.released.set()
            await asyncio.gather(kept, blocked)
            assert first.cancelled()
            assert cancelled.cancelled()
            assert await door.read(sold) == 2
            await asyncio.gather(*(door.run(sell, unit) for unit in range(10, 30, 2)))  # no room was lost

    play(story)


def test_close_finishes_what_is_queued_and_refuses_what_comes_later(engine: Engine, clock: ManualClock) -> None:
    async def story() -> None:
        gate = Gate()
        door = Ledger(engine, clock, waiting=3)
        with pytest.raises(LedgerClosed):
            await door.run(sell, 0)
        await door.start()
        calls = [asyncio.create_task(door.run(gate, 0))]
        await asyncio.to_thread(gate.entered.wait, 30)
        calls += [asyncio.create_task(door.run(gate, number)) for number in (1, 2)]
        late = asyncio.create_task(door.run(gate, 3))  # still waiting for room
        await asyncio.sleep(0)
        closing = asyncio.create_task(door.close())
        await asyncio.sleep(0)
        gate.released.set()
        await closing
        assert await asyncio.gather(*calls) == [0, 1, 2]
        for attempt in (late, door.run(sell, 2), door.read(sold)):
            with pytest.raises(LedgerClosed):
                await attempt
        await door.close()

    play(story)


def write_in_a_read(conn: Connection) -> None:
    conn.execute(insert(sales), {"unit": 2})


def test_a_read_cannot_write(kind: str, engine: Engine, clock: ManualClock) -> None:
    async def story() -> None:
        async with opened(make(kind, engine, clock)) as door:
            with pytest.raises(DBAPIError, match="(?i)read-?only"):
                await door.read(write_in_a_read)
            await door.run(sell, 2)
            assert await door.read(sold) == 1

    play(story)


def test_a_read_sees_one_snapshot_while_others_write(engine: Engine, clock: ManualClock) -> None:
    def twice(conn: Connection, between: threading.Event, go_on: threading.Event) -> tuple[int, int]:
        before = sold(conn)
        between.set()
        assert go_on.wait(30)
        return before, sold(conn)

    async def story() -> None:
        between, go_on = threading.Event(), threading.Event()
        async with opened(Ledger(engine, clock)) as door:
            reader = asyncio.create_task(door.read(twice, between, go_on))
            await asyncio.to_thread(between.wait, 30)
            await door.run(sell, 2)
            go_on.set()
            assert await reader == (0, 0)
            assert await door.read(sold) == 1

    play(story)


def test_an_in_memory_database_is_for_the_inline_ledger(clock: ManualClock) -> None:
    engine = open_database("sqlite://")
    with pytest.raises(ValueError, match="InlineLedger"):
        Ledger(engine, clock)

    async def story() -> None:
        async with opened(InlineLedger(engine, clock)) as door:
            await door.run(sell, 2)
            with pytest.raises(DBAPIError):
                await door.read(write_in_a_read)
            await door.run(sell, 4)
            assert await door.read(sold) == 2

    sales.create(engine)
    play(story)
    engine.dispose()


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_two_ledgers_on_one_database_do_not_lose_each_others_writes(engine: Engine, database_url: str, clock: ManualClock) -> None:
    """Two daemons update the same rows in opposite order: deadlocks happen and are retried."""
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE counters (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)"))
        conn.execute(text("INSERT INTO counters VALUES (1, 0), (2, 0)"))

    def bump(conn: Connection, items: Sequence[tuple[int, int]], now: datetime) -> Sequence[None]:
        for pair in items:
            for counter in pair:
                conn.execute(text("UPDATE counters SET n = n + 1 WHERE id = :id"), {"id": counter})
        return [None] * len(items)

    async def story() -> None:
        other = open_database(database_url, durable=False)
        async with opened(Ledger(engine, clock, batch=4)) as here, opened(Ledger(other, clock, batch=4)) as there:
            await asyncio.gather(*(door.run(bump, pair) for _ in range(40) for door, pair in ((here, (1, 2)), (there, (2, 1)))))
        other.dispose()

    play(story)
    with engine.connect() as conn:
        assert list(conn.execute(text("SELECT n FROM counters ORDER BY id")).scalars()) == [80, 80]
