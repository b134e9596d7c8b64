"""Two nodes on one PostgreSQL database change the same cart: the second waits for the first one's commit and sees what it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from channelsync.ledger import policies, reservations
from channelsync.ledger.amending import Amend, Amended, amend
from channelsync.ledger.policies import SetPolicy
from channelsync.ledger.refusals import OverPurchaseLimit
from channelsync.ledger.reservations import Reserve, Reserved
from channelsync.ledger.skus import Backorder
from support.stock import NOW, assert_adds_up, open_locations, put, want

pytestmark = pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
Verb = Callable[[Connection, Sequence[Any], Any], Sequence[Any]]


@pytest.fixture(autouse=True)
def _stock(engine: Engine) -> None:
    with engine.connect() as conn, conn.begin():
        open_locations(conn, "main", "annex")
        for place in ("main", "annex"):
            put(conn, "A", 9, place)


def one_after_the_other(engine: Engine, verb: Verb, first: Any, second: Any) -> tuple[Any, Any]:
    """The second is asked while the first one's transaction is open."""

    def ask(item: Any) -> Any:
        with engine.connect() as conn, conn.begin():
            return verb(conn, [item], NOW)[0]

    with engine.connect() as conn, ThreadPoolExecutor(1) as pool:
        with conn.begin():
            [answer] = verb(conn, [first], NOW)
            other = pool.submit(ask, second)
            assert wait_for([other], timeout=0.5).not_done, "it did not wait"
        return answer, other.result(timeout=20)


def test_the_same_line_is_claimed_once(engine: Engine) -> None:
    asked = Amend("cart", "A", "main", 2, ttl=timedelta(minutes=5))
    one, two = one_after_the_other(engine, amend, asked, asked)
    assert isinstance(one, Amended)
    assert isinstance(two, Amended)
    assert (one.change, two.change) == (2, 0)
    with engine.connect() as conn:
        assert_adds_up(conn)


def test_a_purchase_limit_spans_the_locations(engine: Engine) -> None:
    with engine.connect() as conn, conn.begin():
        policies.set_policy(conn, [SetPolicy("A", Backorder.DENY, per_reference=2)], NOW)
    first: Reserve = want("A", 2, "cart")
    one, two = one_after_the_other(engine, reservations.reserve, first, want("A", 1, "cart", "annex"))
    assert isinstance(one, Reserved)
    assert isinstance(two, OverPurchaseLimit)
