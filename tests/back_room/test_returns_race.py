"""Two processes at one return at the same moment: nothing is decided twice, and what a shop tells meanwhile counts once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select

from channelsync.ledger import orders
from channelsync.ledger.audit import audit
from channelsync.ledger.orders import Sighting
from channelsync.ledger.returns import receiving
from channelsync.ledger.returns.receiving import Receive
from channelsync.ledger.schema import return_lines
from support.racing import together
from support.returning import arrive, expect, of_order, state_of
from support.selling import MINUTE, line, open_shop, order
from support.stock import NOW, assert_adds_up, level, open_locations, put

INSPECTOR = """
import json, sys
from datetime import datetime
from channelsync.ledger.database import open_database
from channelsync.ledger.returns.inspecting import Decision, Inspect, Outcome, inspect
url, number, quantity, key, now = sys.argv[1:]
engine = open_database(url, durable=False)
print("ready", flush=True)
sys.stdin.readline()
with engine.begin() as conn:
    asked = Inspect(int(number), (Decision("A", int(quantity), Outcome.RESTOCK),), key=key or None)
    (answer,) = inspect(conn, [asked], datetime.fromisoformat(now))
print(json.dumps([getattr(answer, "code", "inspected"), getattr(answer, "repeat", None)]), flush=True)
"""


def ten_wait(conn: Connection) -> int:
    open_locations(conn, "main", "annex")
    put(conn, "A", 5)
    number = expect(conn, {"A": 10})
    arrive(conn, number)
    return number


def both(url: str, number: int, quantity: int, *keys: str) -> list[Any]:
    """What two processes are answered that begin together; without a key for an empty one."""
    return together(INSPECTOR, *([url, str(number), str(quantity), key, NOW.isoformat()] for key in keys))


def after(engine: Engine) -> tuple[int, int]:
    """On hand and quarantined."""
    with engine.connect() as conn:
        assert audit(conn) == []
        assert_adds_up(conn)
        return level(conn, "A").on_hand, level(conn, "A").quarantined


@pytest.mark.parametrize(
    ("quantity", "keys", "answers", "held"),
    [
        (4, ("k", "k"), [["inspected", False], ["inspected", True]], (9, 6)),
        (6, ("", ""), [["inspected", False], ["more_than_waits", None]], (11, 4)),
        (5, ("one", "two"), [["inspected", False], ["inspected", False]], (15, 0)),
    ],
)
def test_two_inspect_the_same_return(
    engine: Engine, database_url: str, quantity: int, keys: tuple[str, str], answers: list[Any], held: tuple[int, int]
) -> None:
    with engine.begin() as conn:
        number = ten_wait(conn)
    assert both(database_url, number, quantity, *keys) == answers
    assert after(engine) == held
    with engine.connect() as conn:
        assert state_of(conn, number) == ("inspected" if held[1] == 0 else "received")


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
@pytest.mark.parametrize("first", ["shop", "return"])
def test_a_shop_that_tells_and_a_parcel_that_arrives_wait_for_each_other(engine: Engine, first: str) -> None:
    """In two transactions at the same time, each before it sees the other: the order's row is what they wait for."""
    with engine.begin() as conn:
        shop = open_shop(conn, on_hand=10, shows=10)
        shop.see(order(line("a", 4, shipped=4)))
        number = of_order(conn, {"A": 2})
    told = Sighting(shop.channel, order(line("a", 4, took=2, shipped=4, restocked=2), at=NOW + MINUTE), 9)

    def tell(conn: Connection) -> Any:
        return orders.apply(conn, [told], NOW)

    def take(conn: Connection) -> Any:
        return receiving.receive(conn, [Receive(number)], NOW)

    one, two = (tell, take) if first == "shop" else (take, tell)

    def other() -> Any:
        with engine.begin() as conn:
            return two(conn)

    with engine.connect() as conn, ThreadPoolExecutor(1) as pool:
        with conn.begin():
            one(conn)
            waits = pool.submit(other)
            assert wait_for([waits], timeout=0.5).not_done, "it did not wait"
        waits.result(timeout=20)
    assert after(engine) == (6, 2)
    with engine.connect() as conn:
        assert conn.scalar(select(return_lines.c.told)) == 2
