"""Two processes receive the same purchase order at the same moment: nothing arrives twice that arrived once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from channelsync.ledger.audit import audit
from channelsync.ledger.purchasing import receiving
from channelsync.ledger.purchasing.receiving import Arrived, MoreThanOrdered, Receive, Received
from support.purchasing import cost_of, ordered, say_cost
from support.racing import together
from support.stock import NOW, assert_adds_up, level, open_locations, put

RECEIVER = """
import json, sys
from datetime import datetime
from channelsync.ledger.database import open_database
from channelsync.ledger.purchasing.receiving import Arrived, Receive, receive
url, number, quantity, key, now = sys.argv[1:]
engine = open_database(url, durable=False)
print("ready", flush=True)
sys.stdin.readline()
with engine.begin() as conn:
    asked = Receive(int(number), (Arrived("A", int(quantity)),), key=key or None)
    (answer,) = receive(conn, [asked], datetime.fromisoformat(now))
code = getattr(answer, "code", "received")
print(json.dumps([code, getattr(answer, "repeat", None), getattr(answer, "incoming", None)]), flush=True)
"""


def ten_on_their_way(conn: Connection) -> int:
    open_locations(conn, "main", "annex")
    put(conn, "A", 10)
    say_cost(conn, "A", "1")
    return ordered(conn, {"A": (10, "2")})


def both(url: str, number: int, quantity: int, *keys: str) -> list[Any]:
    """What two processes are answered that begin together; without a key for an empty one."""
    return together(RECEIVER, *([url, str(number), str(quantity), key, NOW.isoformat()] for key in keys))


def after(engine: Engine) -> tuple[int, int, str | None]:
    with engine.connect() as conn:
        assert audit(conn) == []
        assert_adds_up(conn)
        return level(conn, "A").on_hand, level(conn, "A").incoming, cost_of(conn, "A")


def test_with_the_same_key_it_arrives_once(engine: Engine, database_url: str) -> None:
    with engine.begin() as conn:
        number = ten_on_their_way(conn)
    assert both(database_url, number, 4, "k", "k") == [["received", False, 6], ["received", True, 6]]
    assert after(engine) == (14, 6, "1.2857")


def test_without_a_key_each_receipt_is_one_and_no_more_than_was_ordered(engine: Engine, database_url: str) -> None:
    with engine.begin() as conn:
        number = ten_on_their_way(conn)
    first, second = both(database_url, number, 6, "", "")
    assert [first[0], second[0]] == ["more_than_ordered", "received"]
    assert after(engine) == (16, 4, "1.375")


def test_two_receipts_that_both_fit_are_both_in_the_cost(engine: Engine, database_url: str) -> None:
    with engine.begin() as conn:
        number = ten_on_their_way(conn)
    assert [each[0] for each in both(database_url, number, 5, "one", "two")] == ["received", "received"]
    assert after(engine) == (20, 0, "1.50")


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("key", "kind"), [("k", Received), (None, MoreThanOrdered)])
def test_the_second_waits_for_the_first(engine: Engine, key: str | None, kind: type[Any]) -> None:
    """While the first one's transaction is open."""
    with engine.begin() as conn:
        number = ten_on_their_way(conn)
    asked = Receive(number, (Arrived("A", 6),), key=key)

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
    assert after(engine) == (16, 4, "1.375")


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_receipts_of_one_sku_at_two_places_are_both_in_its_cost(engine: Engine) -> None:
    """Other heads and other levels: the SKU's own row is what they wait for."""
    with engine.begin() as conn:
        one, two = ten_on_their_way(conn), ordered(conn, {"A": (20, "4")}, "annex")

    def ask() -> Any:
        with engine.begin() as conn:
            return receiving.receive(conn, [Receive(two)], NOW)[0]

    with engine.connect() as conn, ThreadPoolExecutor(1) as pool:
        with conn.begin():
            receiving.receive(conn, [Receive(one)], NOW)
            other = pool.submit(ask)
            assert wait_for([other], timeout=0.5).not_done, "it did not wait"
        assert isinstance(other.result(timeout=20), Received)
    assert after(engine) == (20, 0, "2.75")
