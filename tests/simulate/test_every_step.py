"""The daemon is hit at one place of its life after the other. A stride of 1 takes every place; a failure names the command that shows it again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import pytest
from sqlalchemy import Connection, text

from channelsync.ledger.door import InlineLedger
from channelsync.ledger.group import NotStored
from channelsync.testing.simulation import database
from channelsync.testing.simulation.every_step import Hit, Point, every, hit
from channelsync.testing.simulation.points import PLACES, Kind, Place, Points
from channelsync.testing.simulation.quiet import quiet
from channelsync.testing.simulation.scenarios import SCENARIOS
from channelsync.testing.simulation.steps import Crash, FailingLedger, Steps
from channelsync.testing.simulation.world import World
from channelsync.testing.virtual_clock import VirtualClock
from simulate import broken

STRIDE = int(os.environ.get("CHANNELSYNC_STRIDE", "449"))
FIRST = int(os.environ.get("CHANNELSYNC_FIRST_PLACE", "101"))
BETWEEN_ANSWER_AND_COMMIT = 564
"""A place of the first world where a delivery that was answered too early is not stored yet."""


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_place_breaks_a_rule(scenario: str, kind: Kind) -> None:
    *places, beyond = [hit(point) for point in every(scenario, kind, stride=STRIDE, first=FIRST)]
    assert [done.point for done in places if not done.place] == [], "nothing failed there, although the daemon passes it"
    assert beyond.place == "", "there are more places than were counted"
    failed = [done for done in (*places, beyond) if done.problems]
    assert not failed, "\n".join(_told(done) for done in failed)


def _told(done: Hit) -> str:
    return "\n".join([f"{done.place}; replay: {done.point.replay}", *done.problems])


def test_the_worlds_pass_places_of_every_sort_and_are_numbered_the_same_each_time() -> None:
    for kind in (Kind.DEATH, Kind.ERROR):
        points = [Points(kind) for _ in range(2)]
        for each in points:
            with quiet():
                World(SCENARIOS["warehouse"], points=each).run()
        assert all(one.passed == other.passed for one, other in pairwise(points))
        assert points[0].count == points[0].passed.total() > 500
        assert set(points[0].passed) == PLACES[kind]


def put(conn: Connection, items: Sequence[int], _now: datetime) -> list[None]:
    """A verb of two statements."""
    for item in items:
        conn.execute(text("INSERT INTO things VALUES (:item), (:item)"), {"item": item})
        conn.execute(text("UPDATE things SET number = number + 1"))
    return [None for _ in items]


@pytest.mark.parametrize(("kind", "told"), [(Kind.DEATH, Crash), (Kind.ERROR, NotStored)])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_place_inside_a_transaction_leaves_nothing_of_it(at: int, kind: Kind, told: type[BaseException]) -> None:
    """At its first statement, its second, its commit."""
    engine, points, clock = database.fresh(), Points(kind, at + (kind is Kind.ERROR)), VirtualClock()  # an error may also come at BEGIN
    with engine.connect() as conn, conn.begin():
        conn.execute(text("CREATE TABLE things (number INTEGER)"))
    points.watch(engine)
    sound = InlineLedger(engine, clock)
    steps = Steps(None, lambda: None, points)
    with pytest.raises(told):
        asyncio.run(FailingLedger(sound, steps, points).run(put, 1))
    assert points.hit == (Place.COMMIT if at == 3 else Place.STATEMENT)
    assert steps.dead is (kind is Kind.DEATH)
    asyncio.run(sound.run(put, 5))
    assert asyncio.run(sound.read(lambda conn: list(conn.scalars(text("SELECT number FROM things"))))) == [6, 6]
    engine.dispose()


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_locked_database_has_the_transaction_run_again(at: int) -> None:
    engine, points = database.fresh(), Points(Kind.LOCKED, at)
    with engine.connect() as conn, conn.begin():
        conn.execute(text("CREATE TABLE things (number INTEGER)"))
    points.watch(engine)
    ledger = FailingLedger(InlineLedger(engine, VirtualClock()), Steps(None, lambda: None, points), points)
    asyncio.run(ledger.run(put, 1))
    assert points.hit
    assert asyncio.run(ledger.read(lambda conn: list(conn.scalars(text("SELECT number FROM things"))))) == [2, 2]
    engine.dispose()


def test_a_delivery_that_is_answered_before_its_commit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Point("shops", Kind.DEATH, BETWEEN_ANSWER_AND_COMMIT)
    assert hit(place).problems == ()
    broken.answers_before_commit(monkeypatch)
    assert any("was answered 2xx and is not stored" in problem for problem in hit(place).problems)
