"""Returns that nobody inspects: the alert is told once, over with the inspection, and told again when others wait too long."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from channelsync.config import ConfigError, load
from channelsync.ledger.returns import pages
from channelsync.ledger.returns.inspecting import Outcome
from channelsync.ledger.returns.pages import Filter, Waiting
from channelsync.ledger.schema import alerts
from channelsync.registry import Registry
from channelsync.shell.alert_wiring import rules_of
from channelsync.testing import config_file
from support.alerts import RULES, look, queued, told
from support.returning import arrive, cancel, expect, inspect, of_order
from support.selling import line, open_shop, order
from support.stock import NOW, open_locations, put

DAY = timedelta(hours=24)
MINUTE = timedelta(minutes=1)
LATE = NOW + DAY + MINUTE
RESTOCK = Outcome.RESTOCK


@pytest.fixture
def _places(conn: Connection) -> None:
    open_locations(conn, "main", "annex")
    put(conn, "A", 40)


@pytest.mark.usefixtures("_places")
def test_it_is_told_once_and_over_with_the_inspection(conn: Connection) -> None:
    number = expect(conn, {"A": 2})
    look(conn, now=LATE)
    assert told(conn) == [], "what has not arrived waits for nobody"
    arrive(conn, number)
    for at in (NOW, NOW + DAY):
        assert look(conn, now=at) == 0
    assert look(conn, now=LATE) == 1
    assert look(conn, now=LATE + DAY) == 0
    assert told(conn) == [("return-waiting", "open")]
    inspect(conn, number, ("A", 1, RESTOCK))
    look(conn, now=LATE)
    assert told(conn) == [("return-waiting", "open")], "one unit waits still"
    inspect(conn, number, rest=RESTOCK)
    look(conn, now=LATE)
    assert told(conn) == [("return-waiting", "over")]
    assert queued(conn, "event", "kind") == [("opened", "return-waiting"), ("resolved", "return-waiting")]


@pytest.mark.usefixtures("_places")
def test_what_arrives_later_has_an_age_of_its_own(conn: Connection) -> None:
    number = expect(conn, {"A": 2})
    arrive(conn, number, {"A": 1})
    look(conn, now=LATE)
    inspect(conn, number, rest=RESTOCK)
    arrive(conn, number, {"A": 1}, at=LATE)
    look(conn, now=LATE + MINUTE)
    assert told(conn) == [("return-waiting", "over")]
    look(conn, now=LATE + DAY + MINUTE)
    assert told(conn) == [("return-waiting", "over"), ("return-waiting", "open")]


@pytest.mark.usefixtures("_places")
def test_the_hours_are_those_of_the_config(conn: Connection) -> None:
    arrive(conn, expect(conn, {"A": 1}))
    hour = replace(RULES, inspect_after=timedelta(hours=1))
    assert look(conn, hour, NOW + timedelta(hours=2)) == 1
    look(conn, RULES, NOW + timedelta(hours=2))
    assert told(conn) == [("return-waiting", "over")], "more patience: it does not wait too long any more"


def test_it_names_the_order_the_place_and_the_units(conn: Connection) -> None:
    shop = open_shop(conn)
    shop.see(order(line("a", 2, shipped=2), number="#1001"))
    arrive(conn, of_order(conn, {"A": 2}, location="annex", reference="RMA-9"))
    look(conn, now=LATE)
    row = conn.execute(select(alerts)).one()
    assert row.title == "RET-1 of order #1001 at annex: 2 units have waited to be inspected since 2026-01-15T12:00+00:00"
    assert (row.severity, row.data["return"], row.data["reference"], row.data["units"]) == ("warning", 1, "RMA-9", 2)
    assert row.data["locations"] == ["annex"]


@pytest.mark.usefixtures("_places")
def test_what_waits_is_listed_and_counted(conn: Connection) -> None:
    first, second, third, fourth = (expect(conn, {"A": 2}) for _ in range(4))
    arrive(conn, first)
    arrive(conn, second, {"A": 1}, at=NOW + DAY)
    arrive(conn, third)
    inspect(conn, third, rest=RESTOCK)
    cancel(conn, fourth)
    rows = pages.return_rows(conn, Filter(waiting=True))
    assert [(row.number, row.waiting, row.to_come, row.waiting_since) for row in rows] == [(second, 1, 1, NOW + DAY), (first, 2, 0, NOW)]
    assert [row.waiting_since for row in pages.return_rows(conn, Filter(state="inspected"))] == [None]
    assert pages.waiting_now(conn, DAY, LATE) == Waiting(2, 3, NOW, 1)
    assert pages.waiting_now(conn, 2 * DAY, LATE) == Waiting(2, 3, NOW, 0)


def test_the_config_says_how_long_they_may_wait(tmp_path: Path) -> None:
    def hours(**alerts: float) -> timedelta:
        tables = {
            "store": {"id": "test", "database": f"sqlite:///{tmp_path}/ledger.db"},
            "locations": {"main": {"name": "Main"}},
            "alerts": alerts,
        }
        return rules_of(load(config_file.write(tmp_path / "test.toml", tables), Registry.installed()), {}).inspect_after

    assert hours() == timedelta(hours=24)
    assert hours(inspect_hours=1.5) == timedelta(minutes=90)
    with pytest.raises(ConfigError, match="inspect_hours"):
        hours(inspect_hours=0)
