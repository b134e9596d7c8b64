"""What a SKU's policy makes of a channel's sale beyond what is there: a promise, until its limit; past it, an oversell."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, select

from channelsync.ledger import policies, reservations, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.holds import Which
from channelsync.ledger.policies import SetPolicy
from channelsync.ledger.reservations import Release
from channelsync.ledger.schema import shelves
from channelsync.ledger.skus import Backorder
from channelsync.ledger.stock import Change
from support.selling import Shop, findings, line, open_shop, order
from support.stock import NOW, want


@pytest.fixture
def shop(conn: Connection) -> Shop:
    return open_shop(conn, on_hand=10, shows=10)


def targets(conn: Connection) -> dict[int, int | None]:
    return {row[0]: row[1] for row in conn.execute(select(shelves.c.id, shelves.c.target))}


def allow(conn: Connection, policy: Backorder = Backorder.ALLOW, **more: Any) -> None:
    policies.set_policy(conn, [SetPolicy("A", policy, **more)], NOW)


def test_a_shop_that_sells_a_backorder_has_not_oversold(conn: Connection, shop: Shop) -> None:
    """It was recorded as an oversell, and people were told to put right what they had asked for."""
    allow(conn)
    shop.see(order(line("a", 12)))
    assert findings(conn) == []
    assert audit(conn) == []


def test_past_the_limit_it_has_and_within_it_no_more(conn: Connection, shop: Shop) -> None:
    allow(conn, limit=2)
    shop.see(order(line("a", 12)))
    assert findings(conn) == []
    shop.see(order(line("a", 2), ref="o-2"))
    assert findings(conn) == [("oversell", "")]
    stock.receive(conn, [Change("A", "main", 1)], NOW)
    assert findings(conn) == [("oversell", "")], "three are promised and two may be"
    stock.receive(conn, [Change("A", "main", 1)], NOW)
    assert findings(conn) == []


def test_a_policy_that_allows_it_ends_the_oversell(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 12)))
    assert findings(conn) == [("oversell", "")]
    allow(conn, limit=1)
    assert findings(conn) == [("oversell", "")]
    allow(conn, Backorder.PREORDER, limit=2)
    assert findings(conn) == []


def test_a_lost_unit_past_the_limit_is_an_oversell(conn: Connection, shop: Shop) -> None:
    allow(conn, limit=2)
    reservations.reserve(conn, [want("A", 12, "cart")], NOW)
    stock.adjust(conn, [Change("A", "main", -1, reason="lost")], NOW)
    assert findings(conn) == [("oversell", "")]
    reservations.release(conn, [Release(Which(reference="cart"), quantity=1)], NOW)
    assert findings(conn) == []


def test_no_shop_shows_more_for_a_policy(conn: Connection, shop: Shop) -> None:
    """Whether it sells on at 0 is the shop's own switch; its number stays what there is."""
    before = targets(conn)
    allow(conn, limit=5)
    reservations.reserve(conn, [want("A", 1, "cart")], NOW)
    reservations.release(conn, [Release(Which(reference="cart"))], NOW)
    assert targets(conn) == before
    shop.see(order(line("a", 12)))
    assert min(target for target in targets(conn).values() if target is not None) == 0
