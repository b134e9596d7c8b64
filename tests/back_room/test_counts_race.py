"""Two processes apply the same count sheet at the same moment, or sell while one is applied: the difference is posted once, and is right."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from channelsync.ledger import fulfilment, reservations
from channelsync.ledger.audit import audit
from channelsync.ledger.counts.applying import Apply, apply_sheet
from channelsync.ledger.counts.entering import Counted, Enter, enter_counts
from channelsync.ledger.fulfilment import Fulfil
from channelsync.ledger.holds import Which
from support.counts import HOUR, applied, enter, logged, opened
from support.purchasing import only
from support.racing import together
from support.stock import NOW, assert_adds_up, level, open_locations, put, want

APPLIER = """
import json, sys
from datetime import datetime
from channelsync.ledger.database import open_database
from channelsync.ledger.counts.applying import Apply, apply_sheet
url, number, key, now = sys.argv[1:]
engine = open_database(url, durable=False)
print("ready", flush=True)
sys.stdin.readline()
with engine.begin() as conn:
    (answer,) = apply_sheet(conn, [Apply(int(number), key=key or None)], datetime.fromisoformat(now))
print(json.dumps([getattr(answer, "code", "applied"), getattr(answer, "repeat", None)]), flush=True)
"""


def nine_of_ten(conn: Connection) -> int:
    open_locations(conn, "main", "annex")
    put(conn, "A", 10)
    number = opened(conn).number
    enter(conn, number, {"A": 9}, NOW, NOW)
    return number


def both(url: str, number: int, *keys: str) -> list[Any]:
    """What two processes are answered that begin together; without a key for an empty one."""
    return together(APPLIER, *([url, str(number), key, (NOW + HOUR).isoformat()] for key in keys))


def after(engine: Engine, number: int) -> tuple[int, list[tuple[str, int]]]:
    with engine.connect() as conn:
        assert audit(conn) == []
        assert_adds_up(conn)
        return level(conn, "A").on_hand, logged(conn, number)


@pytest.mark.parametrize(
    ("keys", "answers"), [(("k", "k"), [["applied", False], ["applied", True]]), (("", ""), [["applied", False], ["wrong_state", None]])]
)
def test_a_sheet_is_applied_once(engine: Engine, database_url: str, keys: tuple[str, str], answers: list[Any]) -> None:
    with engine.begin() as conn:
        number = nine_of_ten(conn)
    assert both(database_url, number, *keys) == answers
    assert after(engine, number) == (9, [("count", -1)])


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_what_is_sold_while_it_is_applied_waits_for_it(engine: Engine) -> None:
    with engine.begin() as conn:
        number = nine_of_ten(conn)
        only(reservations.reserve(conn, [want("A", 4)], NOW))

    def sell() -> Any:
        with engine.begin() as conn:
            return fulfilment.fulfil(conn, [Fulfil(Which(reference="cart"))], NOW + HOUR)[0]

    with engine.connect() as conn, ThreadPoolExecutor(1) as pool:
        with conn.begin():
            applied(conn, number, NOW + HOUR)
            other = pool.submit(sell)
            assert wait_for([other], timeout=0.5).not_done, "it did not wait"
        other.result(timeout=20)
    assert after(engine, number) == (5, [("count", -1)])


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_what_was_sold_a_moment_before_is_seen(engine: Engine) -> None:
    """Applying waits for the sale, and looks at the log only then."""
    with engine.begin() as conn:
        number = nine_of_ten(conn)
        only(reservations.reserve(conn, [want("A", 4)], NOW))

    def apply() -> Any:
        with engine.begin() as conn:
            return apply_sheet(conn, [Apply(number)], NOW + HOUR)[0]

    with engine.connect() as conn, ThreadPoolExecutor(1) as pool:
        with conn.begin():
            only(fulfilment.fulfil(conn, [Fulfil(Which(reference="cart"))], NOW + HOUR))
            other = pool.submit(apply)
            assert wait_for([other], timeout=0.5).not_done, "it did not wait"
        assert other.result(timeout=20).lines[0].moved == -4
    assert after(engine, number) == (5, [("count", -1)])


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_what_is_entered_while_it_is_applied_comes_too_late(engine: Engine) -> None:
    with engine.begin() as conn:
        number = nine_of_ten(conn)

    def enter_more() -> Any:
        with engine.begin() as conn:
            return enter_counts(conn, [Enter(number, (Counted("A", 3),))], NOW + HOUR)[0]

    with engine.connect() as conn, ThreadPoolExecutor(1) as pool:
        with conn.begin():
            applied(conn, number, NOW + HOUR)
            other = pool.submit(enter_more)
            assert wait_for([other], timeout=0.5).not_done, "it did not wait"
        assert other.result(timeout=20).code == "wrong_state"
    assert after(engine, number) == (9, [("count", -1)])
