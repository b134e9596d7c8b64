"""The plan of a large shop takes its time: what else happens meanwhile, and what becomes of the ledger where its rows cannot be put down."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select

from channelsync.errors import ChannelsyncError
from channelsync.ledger import bundling, group, levels, locations, openings, skus, stock
from channelsync.ledger import planned as plans
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.database import open_database
from channelsync.ledger.group import Call, run_group
from channelsync.ledger.levels import Level
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.openings import Opening
from channelsync.ledger.schema import skus as sku_rows
from channelsync.ledger.stock import Change
from ledger.test_openings import read
from support.planning import Kept
from support.selling import Shop, line, order
from support.stock import NOW, level, open_channel

LATER = NOW + timedelta(minutes=1)


class Full(Kept):
    """A sink that has no room for rows of one section."""

    def __init__(self, section: str) -> None:
        super().__init__()
        self.section = section

    def add(self, section: str, row: Any) -> None:
        if section == self.section:
            raise ChannelsyncError("no room")


class Meanwhile(Kept):
    """Something happens when the first SKU has been seeded."""

    def __init__(self, happens: Callable[[], None]) -> None:
        super().__init__()
        self.happens: Callable[[], None] | None = happens

    def add(self, section: str, row: Any) -> None:
        super().add(section, row)
        if section == "balances" and self.happens is not None:
            happens, self.happens = self.happens, None
            happens()


def shop(engine: Engine, listings: dict[str, str | None], *bundles: Define) -> int:
    """A channel that shows 5 of everything and is not open; its number."""

    def made(conn: Connection, _items: Sequence[object], _now: datetime) -> list[int]:
        locations.ensure(conn, [LocationSpec("main"), LocationSpec("annex")], NOW)
        skus.ensure(conn, [sku for sku in listings.values() if sku and sku not in {each.sku for each in bundles}], NOW)
        bundling.define(conn, bundles, NOW)
        channel = open_channel(conn)
        read(conn, channel, listings, shows=5)
        return [channel]

    [answer] = run_group(engine, [Call(made, None)], NOW)
    assert answer.error is None
    return int(answer.value)


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "PAGE", 2)
    monkeypatch.setattr(openings, "PAGE", 1)


@pytest.mark.parametrize("section", ["balances", "writes", "blocked"])
@pytest.mark.parametrize("verb", [openings.preview, openings.open_channels])
def test_rows_that_find_no_room_change_nothing_and_leave_nothing_open(engine: Engine, verb: Any, section: str) -> None:
    """A cursor that outlived its transaction would be closed in somebody else's, and take that one with it."""
    six = {f"l{number}": f"S{number}" for number in range(6)}
    kits = {f"k{number}": f"K{number}" for number in range(6)}  # more than is there: they are written
    made = [Define(kit, (Part("S0", 3),)) for kit in kits.values()]
    channel = shop(engine, {**six, **kits, **{f"n{number}": None for number in range(6)}}, *made)
    [failed] = run_group(engine, [Call(verb, Opening((channel,), channel, (), Full(section)))], NOW)
    assert str(failed.error) == "no room"
    held = [failed]
    del failed

    def stored(conn: Connection, _items: Sequence[object], _now: datetime) -> list[str]:
        skus.ensure(conn, ["NEW"], NOW)
        held.clear()
        gc.collect()
        return ["stored"]

    [answer] = run_group(engine, [Call(stored, None)], NOW)
    assert (answer.value, answer.error) == ("stored", None)
    with engine.connect() as conn, conn.begin():
        assert set(conn.scalars(select(sku_rows.c.sku).where(sku_rows.c.counted))) == set(), "nothing was opened"
        assert conn.scalar(select(sku_rows.c.id).where(sku_rows.c.sku == "NEW")) is not None


def test_a_statement_that_failed_unheard_is_never_taken_for_stored(engine: Engine) -> None:
    """PostgreSQL answers the COMMIT with a ROLLBACK, and nobody raises."""

    def hushed(conn: Connection, _items: Sequence[object], _now: datetime) -> list[str]:
        skus.ensure(conn, ["NEW"], NOW)
        if conn.dialect.name == "postgresql":
            connection = conn.connection.driver_connection
            assert connection is not None
            with pytest.raises(Exception, match="division by zero"):
                connection.execute("SELECT 1 / 0")
        return ["stored"]

    [answer] = run_group(engine, [Call(hushed, None)], NOW)
    with engine.connect() as conn, conn.begin():
        there = conn.scalar(select(sku_rows.c.id).where(sku_rows.c.sku == "NEW")) is not None
    assert there == (answer.value == "stored")
    assert there == (engine.dialect.name == "sqlite")


@pytest.mark.parametrize("dialect", ["postgresql"])
@pytest.mark.parametrize("when", ["after another SKU was seeded", "between the books and the lock"])
def test_an_order_that_another_node_applies_meanwhile_is_counted(
    engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """What the shop took for it is on the floor, whether the plan came before the order or after it."""
    channel = shop(engine, {"a": "A", "b": "B"})
    other, sink = open_database(database_url, durable=False), Meanwhile(lambda: None)

    def sells(conn: Connection, _items: Sequence[object], _now: datetime) -> list[None]:
        Shop(conn, channel).see(order(line("b", 3, at=LATER), at=LATER, created_at=LATER))
        return [None]

    def sold() -> None:
        _well(run_group(other, [Call(sells, None)], LATER))

    if when == "after another SKU was seeded":
        sink.happens = sold
    else:
        monkeypatch.setattr(openings, "PAGE", 10)
        monkeypatch.setattr(openings, "levels", _Selling(sold))
    _well(run_group(engine, [Call(openings.open_channels, Opening((channel,), channel, (), sink))], LATER))
    other.dispose()
    with engine.connect() as conn, conn.begin():
        assert level(conn, "B") == Level(on_hand=5, hard=3)
    assert [(each.sku, each.shows, each.taken) for each in sink.rows["balances"]] == [("A", 5, 0), ("B", 2, 3)]


class _Selling:
    """The levels, of which the first are read just after something is sold."""

    def __init__(self, sells: Callable[[], None]) -> None:
        self.sells: Callable[[], None] | None = sells
        self.write = levels.write

    def read(self, conn: Connection, keys: Any, **how: Any) -> Any:
        if self.sells is not None:
            sells, self.sells = self.sells, None
            sells()
        return levels.read(conn, keys, **how)


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_who_writes_a_part_meanwhile_waits_and_nobody_starts_over(
    engine: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shelf of a bundle is locked for one part while the level of the other is still to be: levels come first, in everybody's order."""
    channel = shop(engine, {"a": "A", "b": "B", "k": "K"}, Define("K", (Part("A"), Part("B"))))
    problems: list[Exception] = []
    judge = group.must_start_over

    def noted(problem: Exception) -> bool:
        problems.append(problem)
        return judge(problem)

    monkeypatch.setattr(group, "must_start_over", noted)
    other, begun = open_database(database_url, durable=False), threading.Event()

    def received(conn: Connection, _items: Sequence[object], _now: datetime) -> list[None]:
        ids = dict(conn.execute(select(sku_rows.c.sku, sku_rows.c.id)).all())
        levels.read(conn, [(ids["B"], 1)], lock=True)
        begun.set()
        time.sleep(0.5)  # the plan comes to this level meanwhile, and waits
        stock.receive(conn, [Change("B", "main", 3)], NOW)
        return [None]

    answers: list[Any] = []
    writer = threading.Thread(target=lambda: answers.extend(run_group(other, [Call(received, None)], NOW)))

    def starts() -> None:
        writer.start()
        assert begun.wait(10)

    _well(run_group(engine, [Call(openings.preview, Opening((channel,), channel, (), Meanwhile(starts)))], NOW))
    writer.join(30)
    _well(answers)
    other.dispose()
    assert problems == []


def _well(answers: Sequence[Any]) -> None:
    assert [answer.error for answer in answers] == [None] * len(answers)
    assert answers
