"""Two processes ship or receive at the same moment: no unit leaves or arrives twice, and of a buyer and a transfer that want the last one, one gets it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from channelsync.ledger.audit import audit
from channelsync.ledger.transfers import receiving, shipping
from channelsync.ledger.transfers.receiving import MoreThanShipped, Receive, Received
from channelsync.ledger.transfers.shipping import NotThere, Ship
from support import purchasing, racing
from support.stock import NOW, assert_adds_up, level, open_locations, put
from support.transfers import draft, in_transit, shipped, units

WORKER = """
import json, sys
from datetime import datetime
from channelsync.ledger import reservations
from channelsync.ledger.database import open_database
from channelsync.ledger.documents.lines import Line
from channelsync.ledger.transfers import receiving, shipping
url, now, asked = sys.argv[1:]
verb, number, quantity, key = json.loads(asked)
engine = open_database(url, durable=False)
do, item = {
    "ship": (shipping.ship, shipping.Ship(number, key=key)),
    "receive": (receiving.receive, receiving.Receive(number, (Line("A", quantity),), key=key)),
    "reserve": (reservations.reserve, reservations.Reserve("cart", (reservations.Line("A", "main", quantity),), "hard")),
}[verb]
print("ready", flush=True)
sys.stdin.readline()
with engine.begin() as conn:
    (answer,) = do(conn, [item], datetime.fromisoformat(now))
print(json.dumps([getattr(answer, "code", "done"), getattr(answer, "repeat", None)]), flush=True)
"""


def together(url: str, *asked: tuple[str, int, int, str | None]) -> list[Any]:
    """What processes are answered that begin together, each with one verb: (verb, number, quantity, key)."""
    return racing.together(WORKER, *([url, NOW.isoformat(), json.dumps(each)] for each in asked))


def stocked(conn: Connection) -> None:
    open_locations(conn, "main", "annex", "shop")
    put(conn, "A", 10)


def after(engine: Engine) -> tuple[int, int, int, int]:
    """On hand and available at main, on hand at the annex, in transit."""
    with engine.connect() as conn:
        assert audit(conn) == []
        assert_adds_up(conn)
        here = level(conn, "A")
        return here.on_hand, here.available, level(conn, "A", "annex").on_hand, in_transit(conn)


def test_a_draft_leaves_once(engine: Engine, database_url: str) -> None:
    with engine.begin() as conn:
        stocked(conn)
        number = draft(conn, {"A": 4}).number
    assert together(database_url, ("ship", number, 0, None), ("ship", number, 0, None)) == [["done", False], ["wrong_state", None]]
    assert after(engine) == (6, 6, 0, 4)


def test_with_the_same_key_both_are_told_the_same(engine: Engine, database_url: str) -> None:
    with engine.begin() as conn:
        stocked(conn)
        number = draft(conn, {"A": 4}).number
    assert together(database_url, ("ship", number, 0, "k"), ("ship", number, 0, "k")) == [["done", False], ["done", True]]
    assert together(database_url, ("receive", number, 3, "r"), ("receive", number, 3, "r")) == [["done", False], ["done", True]]
    assert after(engine) == (6, 6, 3, 1)


def test_of_two_transfers_that_want_the_same_units_one_leaves(engine: Engine, database_url: str) -> None:
    with engine.begin() as conn:
        stocked(conn)
        one, two = (draft(conn, {"A": 6}, "main", place).number for place in ("annex", "shop"))
    told = together(database_url, ("ship", one, 0, None), ("ship", two, 0, None))
    assert [each[0] for each in told] == ["done", "insufficient_stock"]
    assert after(engine) == (4, 4, 0, 6)


def test_of_a_buyer_and_a_transfer_that_want_the_last_unit_one_gets_it(engine: Engine, database_url: str) -> None:
    with engine.begin() as conn:
        stocked(conn)
        number = draft(conn, {"A": 10}).number
    told = together(database_url, ("ship", number, 0, None), ("reserve", 0, 1, None))
    assert [each[0] for each in told] == ["done", "insufficient_stock"]
    assert after(engine) in {(0, 0, 0, 10), (10, 9, 0, 0)}


def test_no_more_arrives_than_was_shipped(engine: Engine, database_url: str) -> None:
    with engine.begin() as conn:
        stocked(conn)
        number = shipped(conn, {"A": 10})
    told = together(database_url, ("receive", number, 6, None), ("receive", number, 6, None))
    assert [each[0] for each in told] == ["done", "more_than_shipped"]
    assert after(engine) == (0, 0, 6, 4)


def test_two_receipts_that_both_fit_both_arrive(engine: Engine, database_url: str) -> None:
    with engine.begin() as conn:
        stocked(conn)
        number = shipped(conn, {"A": 10})
    assert [each[0] for each in together(database_url, ("receive", number, 5, "one"), ("receive", number, 5, "two"))] == ["done", "done"]
    assert after(engine) == (0, 0, 10, 0)


def test_there_and_back_at_once(engine: Engine, database_url: str) -> None:
    """Each takes the levels that the other takes, in the one order that lets both through."""
    with engine.begin() as conn:
        stocked(conn)
        put(conn, "A", 5, "annex")
        there, back = draft(conn, {"A": 5}).number, draft(conn, {"A": 5}, "annex", "main").number
    assert [each[0] for each in together(database_url, ("ship", there, 0, None), ("ship", back, 0, None))] == ["done", "done"]
    assert after(engine) == (5, 5, 0, 10)


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("key", "kind"), [("k", Received), (None, MoreThanShipped)])
def test_the_second_receipt_waits_for_the_first(engine: Engine, key: str | None, kind: type[Any]) -> None:
    """While the first one's transaction is open."""
    with engine.begin() as conn:
        stocked(conn)
        number = shipped(conn, {"A": 10})
    asked = Receive(number, units({"A": 6}), key=key)

    def ask() -> Any:
        with engine.begin() as conn:
            return receiving.receive(conn, [asked], NOW)[0]

    with engine.connect() as conn, ThreadPoolExecutor(1) as pool:
        with conn.begin():
            (first,) = receiving.receive(conn, [asked], NOW)
            other = pool.submit(ask)
            assert wait_for([other], timeout=0.5).not_done, "it did not wait"
        second = other.result(timeout=20)
    assert isinstance(first, Received)
    assert isinstance(second, kind)
    assert after(engine) == (0, 0, 6, 4)


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_the_second_transfer_of_a_sku_waits_for_the_first(engine: Engine) -> None:
    with engine.begin() as conn:
        stocked(conn)
        one, two = (draft(conn, {"A": 6}, "main", place).number for place in ("annex", "shop"))

    def ask() -> Any:
        with engine.begin() as conn:
            return shipping.ship(conn, [Ship(two)], NOW)[0]

    with engine.connect() as conn, ThreadPoolExecutor(1) as pool:
        with conn.begin():
            shipping.ship(conn, [Ship(one)], NOW)
            other = pool.submit(ask)
            assert wait_for([other], timeout=0.5).not_done, "it did not wait"
        assert isinstance(other.result(timeout=20), NotThere)
    assert after(engine) == (4, 4, 0, 6)


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_purchase_counts_what_is_just_leaving_once(engine: Engine) -> None:
    """The average is made of units on hand and in transit: a transfer that is being shipped is in neither of them twice, nor in none."""
    with engine.begin() as conn:
        stocked(conn)
        purchasing.say_cost(conn, "A", "1")
        number, order = draft(conn, {"A": 10}).number, purchasing.ordered(conn, {"A": (10, "2")}, "shop")

    def buy() -> Any:
        with engine.begin() as conn:
            return purchasing.arrive(conn, order)

    with engine.connect() as conn, ThreadPoolExecutor(1) as pool:
        with conn.begin():
            shipping.ship(conn, [Ship(number)], NOW)
            other = pool.submit(buy)
            assert wait_for([other], timeout=0.5).not_done, "it did not wait"
        other.result(timeout=20)
    with engine.connect() as conn:
        assert purchasing.cost_of(conn, "A") == "1.50"
    assert after(engine) == (0, 0, 0, 10)
