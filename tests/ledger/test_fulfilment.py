"""Shipping a claim: units and claim leave together, and what was never counted is a fact, not an obstacle."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, select

from channelsync.ledger import findings, reservations, stock
from channelsync.ledger.fulfilment import Fulfil, Shipped, fulfil
from channelsync.ledger.holds import Which
from channelsync.ledger.refusals import AlreadyResolved, InsufficientStock, NotAllowed
from channelsync.ledger.reservations import Harden, Line, Release, Released, Reserve
from channelsync.ledger.schema import movements
from channelsync.ledger.stock import Change
from support.stock import NOW, assert_adds_up, level, open_locations, put, want

CART = Which(reference="cart")


@pytest.fixture(autouse=True)
def _warehouse(conn: Connection) -> None:
    open_locations(conn, "main")
    put(conn, "A", 5)
    put(conn, "B", 2)


def ship(conn: Connection, *items: Fulfil) -> list[Any]:
    return list(fulfil(conn, items, NOW))


def test_shipping_takes_the_claim_and_the_units(conn: Connection) -> None:
    reservations.reserve(conn, [Reserve("cart", (Line("A", "main", 2), Line("B", "main", 1)), kind="hard")], NOW)
    assert ship(conn, Fulfil(CART, actor="ann")) == [Shipped(3, 0, 0)]
    now = level(conn, "A")
    assert (now.on_hand, now.hard, now.available) == (3, 0, 3)
    assert reservations.release(conn, [Release(CART)], NOW) == [Released(0, 0, "fulfilled")]
    assert_adds_up(conn)


def test_parts_leave_from_the_oldest_claim_on(conn: Connection) -> None:
    reservations.reserve(conn, [want("A", 2), want("A", 2)], NOW)
    reservations.harden(conn, [Harden(Which(reservation=1))], NOW)
    assert ship(conn, Fulfil(CART, quantity=3), Fulfil(CART, quantity=1)) == [Shipped(3, 1, 0), Shipped(1, 0, 0)]
    log = select(movements.c.soft, movements.c.hard, movements.c.on_hand).where(movements.c.type == "fulfil")
    assert conn.execute(log.order_by(movements.c.id)).all() == [(0, -2, -2), (-1, 0, -1), (-1, 0, -1)]


def test_no_more_is_shipped_than_is_claimed_and_nothing_twice(conn: Connection) -> None:
    reservations.reserve(conn, [want("A", 2)], NOW)
    too_much, fine, again, unknown = ship(conn, Fulfil(CART, quantity=3), Fulfil(CART), Fulfil(CART), Fulfil(Which(reference="nobody")))
    assert isinstance(too_much, InsufficientStock)
    assert (too_much.wanted, too_much.available) == (3, 2)
    assert fine == Shipped(2, 0, 0)
    assert isinstance(again, AlreadyResolved)
    assert again.state == "fulfilled"
    assert isinstance(unknown, NotAllowed)
    assert level(conn, "A").on_hand == 3


@pytest.mark.parametrize("item", [Fulfil(Which()), Fulfil(CART, quantity=0), Fulfil(CART, actor="x" * 129)])
def test_an_odd_shipment_is_refused(conn: Connection, item: Fulfil) -> None:
    reservations.reserve(conn, [want("A", 2)], NOW)
    assert isinstance(ship(conn, item)[0], NotAllowed)
    assert level(conn, "A").soft == 2


def test_units_that_were_never_counted_are_a_shortage_and_a_finding(conn: Connection) -> None:
    reservations.reserve(conn, [want("A", 4), want("B", 1, "other")], NOW)
    stock.count(conn, [Change("A", "main", 1)], NOW)
    short, other = ship(conn, Fulfil(CART), Fulfil(Which(reference="other")))
    assert (short, other) == (Shipped(4, 0, 3), Shipped(1, 0, 0))
    assert (level(conn, "A").on_hand, level(conn, "A").soft) == (0, 0)
    (finding,) = findings.listed(conn, kind="shortage")
    assert (finding.reference, finding.detail) == ("cart", {"units": 3, "location": "main"})
    assert_adds_up(conn)
