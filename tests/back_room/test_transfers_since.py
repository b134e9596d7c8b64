"""What transfers do to what a unit costs, and to numbers that are told late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from channelsync.ledger import skus, stats, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.refusals import NotAllowed
from channelsync.ledger.stats import By
from channelsync.ledger.transfers import pages
from support import purchasing
from support.documents import proven
from support.purchasing import cost_of, only, refused, say_cost
from support.stock import NOW, assert_adds_up, open_locations, put
from support.transfers import arrive, close, here, shipped

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _places(conn: Connection) -> None:
    open_locations(conn, "main", "annex", "shop")
    put(conn, "A", 10)
    put(conn, "B", 4)


# -- what a unit costs -----------------------------------------------------------------------------------------------------------------------


def moving(conn: Connection, by: By = By.SKU, name: str = "A") -> tuple[Any, ...]:
    (row,) = [row for row in stats.stats(conn, by, NOW - timedelta(days=30)) if row.name == name]
    return row.on_hand, row.value, row.in_transit, row.in_transit_value


def test_no_cost_changes_by_a_transfer_and_the_value_lies_on_it(conn: Connection) -> None:
    say_cost(conn, "A", "2.5")
    number = shipped(conn, {"A": 4, "B": 1})
    assert moving(conn) == (6, "15.00", 4, "10.00")
    assert moving(conn, name="B") == (3, None, 1, None), "nobody has said what it costs"
    assert moving(conn, By.LOCATION, "annex") == (0, "0.00", 5, "10.00")
    assert moving(conn, By.LOCATION, "main") == (9, "15.00", 0, "0.00")
    detail = pages.one_transfer(conn, number)
    assert (detail.transfer.value, [line.cost for line in detail.lines]) == ("10.00", ["2.50", None])
    arrive(conn, number, {"A": 3})
    assert (cost_of(conn, "A"), moving(conn), moving(conn, By.LOCATION, "annex")[:2]) == ("2.50", (9, "22.50", 1, "2.50"), (3, "7.50"))
    close(conn, number)
    assert (moving(conn), cost_of(conn, "A")) == ((9, "22.50", 0, "0.00"), "2.50")
    row = pages.one_transfer(conn, number).transfer
    assert (row.value, row.missing_value) == ("0.00", "2.50")


def test_a_purchase_averages_in_what_is_in_transit(conn: Connection) -> None:
    say_cost(conn, "A", "1")
    number = shipped(conn, {"A": 5})
    purchasing.arrive(conn, purchasing.ordered(conn, {"A": (10, "2")}))
    assert cost_of(conn, "A") == "1.50", "10 at 1.00, wherever they are, and 10 at 2.00"
    assert moving(conn) == (15, "22.50", 5, "7.50"), "30.00 in all, as paid"
    assert pages.one_transfer(conn, number).transfer.value == "5.00", "at what they cost when they were shipped"
    arrive(conn, number)
    assert (moving(conn), cost_of(conn, "A")) == ((20, "30.00", 0, "0.00"), "1.50")


# -- numbers of the past ---------------------------------------------------------------------------------------------------------------------


def test_a_late_count_knows_what_was_moved_since(conn: Connection) -> None:
    number = shipped(conn, {"A": 4}, at=NOW + 4 * HOUR, occurred_at=NOW + 2 * HOUR)
    arrive(conn, number, at=NOW + 5 * HOUR, occurred_at=NOW + 3 * HOUR)

    def counted(location: str, units: int, hour: int) -> int:
        with conn.begin_nested() as savepoint:
            done = only(stock.count(conn, [stock.Change("A", location, units, occurred_at=NOW + hour * HOUR)], NOW + 6 * HOUR))
            assert_adds_up(conn)
            assert audit(conn) == []
            savepoint.rollback()
        return int(done.on_hand)

    assert counted("main", 9, 1) == 5, "nine before four of them left"
    assert counted("main", 5, 2) == 5, "at the moment at which they left"
    assert counted("annex", 0, 1) == 4
    assert counted("annex", 7, 2) == 11, "in transit they were at neither place"
    assert counted("annex", 4, 3) == 4


def test_a_level_that_a_transfer_reached_is_not_opened_on_top_of_it(conn: Connection) -> None:
    """Three lay there all the time, and nobody had said so."""
    arrive(conn, shipped(conn, {"A": 4}))
    why = refused(stock.seed(conn, [stock.Change("A", "annex", 7)], NOW))
    assert isinstance(why, NotAllowed)
    assert "use count" in str(why)
    late = stock.Change("A", "annex", 3, occurred_at=NOW - HOUR)
    assert only(stock.count(conn, [late], NOW)).on_hand == 7
    assert here(conn, "A", "annex") == (7, 7, 0)
    proven(conn)


def test_a_level_may_be_opened_while_a_transfer_is_on_its_way_there(conn: Connection) -> None:
    number = shipped(conn, {"A": 4})
    put(conn, "A", 3, "annex")
    arrive(conn, number)
    assert here(conn, "A", "annex") == (7, 7, 0)
    proven(conn)


def test_what_has_never_been_counted_can_come_and_go(conn: Connection) -> None:
    """Units that came back from a customer before anybody counted the SKU."""
    skus.ensure(conn, ["X"], NOW)
    only(stock.take_back(conn, [stock.Change("X", "main", 2)], NOW))
    only(stock.restock(conn, [stock.Change("X", "main", 2)], NOW))
    number = shipped(conn, {"X": 2})
    assert isinstance(refused(stock.seed(conn, [stock.Change("X", "main", 9)], NOW)), NotAllowed), "the two would be lost or twice"
    assert only(stock.count(conn, [stock.Change("X", "main", 9)], NOW)).on_hand == 9
    arrive(conn, number)
    assert here(conn, "X", "annex") == (2, 2, 0)
    proven(conn)
