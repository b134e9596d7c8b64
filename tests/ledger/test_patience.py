"""A backorder's release may be delayed: its claim outlives its end while more is promised than is there, and no longer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, update

from channelsync.contract import OrderLine, OrderSnapshot, OrderState
from channelsync.ledger import order_ends, policies, reservations, stock, stock_pages
from channelsync.ledger.audit import audit
from channelsync.ledger.holds import Which
from channelsync.ledger.order_policy import OrderPolicy, as_row
from channelsync.ledger.policies import RELEASE_DELAY_MAX, SetPolicy
from channelsync.ledger.refusals import NotAllowed
from channelsync.ledger.reservations import Harden, Reserve
from channelsync.ledger.schema import channels
from channelsync.ledger.skus import Backorder
from channelsync.ledger.stock import Change
from support.selling import Shop, open_shop, order
from support.stock import NOW, assert_adds_up, level, open_locations, put, want

HOUR = timedelta(hours=1)
OVER = NOW + timedelta(minutes=31)
"""A cart's half an hour is over."""


def keep(conn: Connection, hours: int, sku: str = "A", backorder: Backorder = Backorder.ALLOW) -> None:
    policies.set_policy(conn, [SetPolicy(sku, backorder, release_delay=60 * hours)], NOW)


@pytest.fixture
def goods(conn: Connection) -> Connection:
    open_locations(conn, "main", "east")
    put(conn, "A", 2)
    put(conn, "B", 2)
    return conn


def claim(conn: Connection, *wanted: Reserve) -> None:
    assert not [answer for answer in reservations.reserve(conn, list(wanted), NOW) if isinstance(answer, NotAllowed)]


def soft(conn: Connection, sku: str = "A") -> int:
    assert_adds_up(conn)
    assert audit(conn) == []
    return level(conn, sku).soft


def test_a_claim_on_units_that_are_not_there_outlives_its_end_by_the_delay(goods: Connection) -> None:
    keep(goods, 48)
    claim(goods, want("A", 3))
    assert reservations.expire(goods, OVER) == 0
    assert soft(goods) == 3
    reservations.harden(goods, [Harden(Which(reference="cart"))], OVER)
    assert reservations.expire(goods, NOW + 100 * HOUR) == 0
    assert level(goods, "A").hard == 3, "the customer paid after the end and still had the units"


def test_after_the_delay_it_ends(goods: Connection) -> None:
    keep(goods, 48)
    claim(goods, want("A", 3))
    assert reservations.expire(goods, OVER + 47 * HOUR) == 0
    assert reservations.expire(goods, OVER + 48 * HOUR) == 1
    assert soft(goods) == 0


def test_once_the_units_are_there_it_ends_like_any_other(goods: Connection) -> None:
    keep(goods, 48)
    claim(goods, want("A", 3))
    stock.receive(goods, [Change("A", "main", 1)], NOW)
    assert reservations.expire(goods, OVER) == 1
    assert soft(goods) == 0


def test_the_other_lines_of_the_cart_end_in_time(goods: Connection) -> None:
    keep(goods, 48)
    claim(goods, want("A", 3), want("B", 1))
    assert reservations.expire(goods, OVER) == 1
    assert (soft(goods), soft(goods, "B")) == (3, 0)


def test_without_a_delay_a_backorder_ends_in_time(goods: Connection) -> None:
    keep(goods, 0)
    claim(goods, want("A", 3))
    assert reservations.expire(goods, OVER) == 1


def test_units_that_are_there_are_not_held_longer(goods: Connection) -> None:
    keep(goods, 48)
    claim(goods, want("A", 2))
    assert reservations.expire(goods, OVER) == 1


def test_those_that_live_on_do_not_stand_before_the_others(goods: Connection) -> None:
    keep(goods, 48)
    claim(goods, *(want("A", 3, f"cart-{number}") for number in range(3)), want("B", 1, "last"))
    assert reservations.expire(goods, OVER, limit=2) == 1
    assert soft(goods, "B") == 0


def unpaid(units: int, *, withheld: int = 0) -> OrderSnapshot:
    return order(OrderLine("1", "a", units, withheld=withheld, location="here"), state=OrderState.PENDING)


@pytest.fixture
def shop(conn: Connection) -> Shop:
    found = open_shop(conn, on_hand=2, shows=2)
    conn.execute(update(channels).values(**as_row(OrderPolicy(unpaid_for=HOUR))))
    keep(conn, 48)
    return found


def test_an_unpaid_checkout_outlives_its_end_too(conn: Connection, shop: Shop) -> None:
    shop.see(unpaid(3))
    assert order_ends.expire_holds(conn, 9, NOW + HOUR) == 0
    assert soft(conn) == 3
    assert order_ends.expire_holds(conn, 9, NOW + 49 * HOUR) == 1
    assert soft(conn) == 0


def test_it_does_by_its_shops_clock(conn: Connection, shop: Shop) -> None:
    shop.see(unpaid(3))
    there = {shop.channel: NOW + 49 * HOUR}
    assert order_ends.expire_holds(conn, 9, NOW + HOUR, shop_times={shop.channel: NOW + HOUR}) == 0
    assert order_ends.expire_holds(conn, 9, NOW + HOUR, shop_times=there) == 1


def test_what_its_shop_withholds_ends_as_it_does_there(conn: Connection, shop: Shop) -> None:
    """The shop gives those units back to its own number at that moment, whatever our policy says."""
    shop.see(unpaid(3, withheld=3))
    assert order_ends.expire_holds(conn, 9, NOW + HOUR) == 1
    assert soft(conn) == 0


def test_a_cancel_releases_at_once(conn: Connection, shop: Shop) -> None:
    shop.see(unpaid(3))
    shop.see(replace(unpaid(3), state=OrderState.CANCELLED, modified_at=NOW + HOUR))
    assert soft(conn) == 0


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"backorder": Backorder.DENY, "release_delay": 60}, "no delay of releases; use allow or preorder"),
        ({"backorder": Backorder.ALLOW, "release_delay": -1}, f"delayed by 0 to {RELEASE_DELAY_MAX} minutes (a year), not -1"),
        ({"backorder": Backorder.ALLOW, "release_delay": RELEASE_DELAY_MAX + 1}, "minutes (a year)"),
    ],
)
def test_what_makes_no_sense_is_refused(goods: Connection, asked: dict[str, Any], says: str) -> None:
    [answer] = policies.set_policy(goods, [SetPolicy("A", **asked)], NOW)
    assert isinstance(answer, NotAllowed)
    assert says in str(answer)
    assert (row := stock_pages.one(goods, "A")) is not None
    assert row.release_delay == 0
