"""Low and out of stock: once per crossing, armed again by a real recovery, per SKU and per location."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, event, insert, select

from channelsync.ledger import bundling, reorder_levels
from channelsync.ledger.alert_rules import Rules
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownLocation, UnknownSku
from channelsync.ledger.reorder_levels import SetReorder
from channelsync.ledger.schema import alert_marks, movements
from support.alerts import ALL, RULES, give_back, look, low, queued, receive, sell, stocked, told
from support.stock import NOW, open_locations, put


@pytest.fixture(autouse=True)
def _places(conn: Connection) -> None:
    open_locations(conn, "main", "annex")


def policy(conn: Connection, sku: str, units: int | None, location: str | None = None, reorder: int | None = None) -> None:
    (answer,) = reorder_levels.set_reorder(conn, [SetReorder(sku, location, units, reorder)], NOW)
    assert not isinstance(answer, Refusal), answer


def test_a_crossing_is_told_once(conn: Connection) -> None:
    stocked(conn, 10)
    sell(conn, "A", 4)
    assert look(conn) == 0, "6 are not low"
    sell(conn, "A", 1)
    assert look(conn) == 1
    sell(conn, "A", 1)
    assert look(conn) == 0
    assert told(conn) == [("low-stock", "open")]
    assert queued(conn) == [("phone", "opened", "low-stock", "waiting")]
    (row,) = low(conn)
    assert (row.sku, row.available, row.level, row.location, row.out) == ("A", 4, 5, None, False)


def test_a_hundred_wobbles_inside_the_band_are_one_alert(conn: Connection) -> None:
    """The level is 20, so the margin is 4: from 20 to 24 nothing is armed again."""
    rules = Rules(low=20, routes=(ALL,))
    stocked(conn, 30, rules=rules)
    sell(conn, "A", 6)
    assert look(conn, rules) == 0, "24 are above the level"
    opened = 0
    for _ in range(100):
        cart = sell(conn, "A", 4)
        opened += look(conn, rules)
        give_back(conn, cart)
        opened += look(conn, rules)
    assert opened == 1
    assert len(queued(conn)) == 1


def test_the_last_unit_that_comes_and_goes_is_one_alert(conn: Connection) -> None:
    stocked(conn, 6)
    sell(conn, "A", 5)
    look(conn)
    opened = 0
    for _ in range(20):
        cart = sell(conn, "A", 1)
        opened += look(conn)
        give_back(conn, cart)
        opened += look(conn)
    assert opened == 1
    assert told(conn) == [("low-stock", "open"), ("out-of-stock", "open")]


def test_a_recovery_ends_the_alert_and_arms_the_next(conn: Connection) -> None:
    stocked(conn, 6)
    sell(conn, "A", 1)
    look(conn)
    receive(conn, "A", 1)
    look(conn)
    assert told(conn) == [("low-stock", "open")], "6 = level + margin is still inside the band"
    receive(conn, "A", 1)
    look(conn)
    assert told(conn) == [("low-stock", "over")]
    assert low(conn) == []
    sell(conn, "A", 2)
    assert look(conn) == 1
    assert queued(conn, "event", "state") == [("opened", "waiting"), ("resolved", "waiting"), ("opened", "waiting")]


def test_what_is_empty_is_not_told_to_be_low_as_well(conn: Connection) -> None:
    stocked(conn, 10)
    sell(conn, "A", 10)
    assert look(conn) == 1
    assert told(conn) == [("out-of-stock", "open")]
    assert [(row.available, row.out) for row in low(conn)] == [(0, True)]
    receive(conn, "A", 4)
    look(conn)
    assert told(conn) == [("out-of-stock", "over")]
    assert [(row.available, row.out) for row in low(conn)] == [(4, False)], "it is low, and was not above the level since"
    sell(conn, "A", 4)
    look(conn)
    assert told(conn) == [("out-of-stock", "over"), ("out-of-stock", "open")]


def test_a_number_that_is_low_from_its_first_day_is_listed_and_not_told(conn: Connection) -> None:
    stocked(conn, 3, 0)
    assert told(conn) == []
    assert [(row.sku, row.out) for row in low(conn)] == [("A", False), ("B", True)]
    sell(conn, "A", 3)
    look(conn)
    assert told(conn) == [("out-of-stock", "open")]


def test_a_level_of_its_own_counts_and_a_changed_one_is_no_crossing(conn: Connection) -> None:
    stocked(conn, 10)
    policy(conn, "A", 8, reorder=24)
    sell(conn, "A", 1)
    look(conn)
    assert low(conn) == [], "9"
    sell(conn, "A", 1)
    assert look(conn) == 1
    assert [(row.level, row.reorder) for row in low(conn)] == [(8, 24)]
    policy(conn, "A", None)
    look(conn)
    assert low(conn) == [], "8 are more than 5 and its margin"
    assert told(conn) == [("low-stock", "over")]
    policy(conn, "A", 9)
    assert look(conn) == 0, "it is listed; nothing has fallen"
    assert [row.level for row in low(conn)] == [9]


def test_a_level_of_zero_tells_only_of_the_end(conn: Connection) -> None:
    rules = Rules(low=0, routes=(ALL,))
    stocked(conn, 2, rules=rules)
    sell(conn, "A", 1)
    assert look(conn, rules) == 0
    sell(conn, "A", 1)
    look(conn, rules)
    assert told(conn) == [("out-of-stock", "open")]


def test_a_location_with_a_level_is_watched_for_itself(conn: Connection) -> None:
    stocked(conn, 10)
    put(conn, "A", 10, "annex")
    look(conn)
    policy(conn, "A", 3, "annex")
    look(conn)
    sell(conn, "A", 7, "annex")
    look(conn)
    assert told(conn) == [("low-stock", "open")]
    (row,) = low(conn)
    assert (row.location, row.available, row.level) == ("annex", 3, 3), "13 over both are plenty"
    assert low(conn, "main") == []
    assert [r.sku for r in low(conn, "annex")] == ["A"]


def test_the_config_may_have_levels_for_locations(conn: Connection) -> None:
    rules = Rules(low=2, low_at=(("annex", 4),), routes=(ALL,))
    stocked(conn, 10, 10, rules=rules)
    put(conn, "A", 10, "annex")
    look(conn, rules)
    sell(conn, "A", 6, "annex")
    sell(conn, "B", 6)
    assert look(conn, rules) == 1
    assert [(row.sku, row.location) for row in low(conn)] == [("A", "annex")]


def test_low_over_all_locations_counts_at_each_where_it_lies(conn: Connection) -> None:
    stocked(conn, 4)
    assert [row.sku for row in low(conn, "main")] == ["A"]
    assert low(conn, "annex") == []
    with pytest.raises(UnknownLocation):
        low(conn, "moon")


def test_a_new_level_in_the_config_is_held_against_everything(conn: Connection) -> None:
    stocked(conn, 8, 20)
    assert low(conn) == []
    look(conn, Rules(low=10))
    assert [row.sku for row in low(conn)] == ["A"]
    look(conn, Rules(low=3))
    assert low(conn) == []
    assert told(conn) == []


def test_a_bundle_with_a_level_goes_low_with_its_parts(conn: Connection) -> None:
    stocked(conn, 20)
    (made,) = bundling.define(conn, [Define("SET", (Part("A", 2),))], NOW)
    assert not isinstance(made, Refusal), made
    policy(conn, "SET", 3)
    look(conn)
    sell(conn, "A", 13)
    look(conn)
    assert [(row.sku, row.available) for row in low(conn)] == [("SET", 3)]
    assert told(conn) == [("low-stock", "open")]
    (refused,) = reorder_levels.set_reorder(conn, [SetReorder("SET", "main", 3)], NOW)
    assert isinstance(refused, NotAllowed)


def test_a_policy_for_what_is_not_there_is_refused(conn: Connection) -> None:
    stocked(conn, 1)
    items = [SetReorder("NO", None, 1), SetReorder("A", "moon", 1), SetReorder("A", None, -1)]
    assert [type(each) for each in reorder_levels.set_reorder(conn, items, NOW)] == [UnknownSku, UnknownLocation, NotAllowed]


def test_only_what_has_moved_is_looked_at(conn: Connection) -> None:
    """A store of many SKUs costs no more per look than a small one."""
    stocked(conn, *([10] * 8))
    read: list[str] = []

    def note(_c: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if "FROM stock_levels" in statement:
            read.append(str(parameters))

    sell(conn, "B", 1)
    event.listen(conn, "before_cursor_execute", note)
    look(conn)
    event.remove(conn, "before_cursor_execute", note)
    assert len(read) == 1 if conn.dialect.name == "sqlite" else read
    if conn.dialect.name == "sqlite":
        read.clear()
        event.listen(conn, "before_cursor_execute", note)
        look(conn)
        event.remove(conn, "before_cursor_execute", note)
        assert read == [], "nothing has moved"


def test_a_long_backlog_is_taken_in_steps(conn: Connection) -> None:
    stocked(conn, 100)
    mark = conn.scalar(select(alert_marks.c.value).where(alert_marks.c.name == "movements"))
    assert mark is not None
    sell(conn, "A", 96)
    row = conn.execute(select(movements).order_by(movements.c.id.desc()).limit(1)).mappings().one()
    conn.execute(insert(movements).values({**row, "id": row["id"] + 20_000, "soft": 0}))
    assert look(conn) == 1
    assert told(conn) == [("low-stock", "open")]


def test_the_margin_is_a_part_of_the_level_and_at_least_one_unit() -> None:
    assert [RULES.margin(level) for level in (0, 1, 5, 6, 20)] == [1, 1, 1, 2, 4]
