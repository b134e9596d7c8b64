"""What holds units over all SKUs, the oldest first, and what of it doctor doubts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from channelsync.ledger import doctoring, holding, reservations
from channelsync.ledger.holding import Held
from channelsync.ledger.holds import Which
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.reservations import Release
from support.selling import DAY, Shop, line, open_shop, order
from support.stock import NOW, want


@pytest.fixture
def shop(conn: Connection) -> Shop:
    return open_shop(conn, on_hand=100, shows=100)


def claim(conn: Connection, reference: str, days: int) -> None:
    [granted] = reservations.reserve(conn, [replace(want("A", 2, reference), kind="hard")], NOW - days * DAY)
    assert not isinstance(granted, Refusal), granted


def test_claims_and_orders_the_oldest_first(conn: Connection, shop: Shop) -> None:
    claim(conn, "cart-1", 40)
    claim(conn, "cart-2", 1)
    shop.see(order(line("b", 3, shipped=1), created_at=NOW - 20 * DAY, number="#7"))
    shop.see(order(line("a", 1, shipped=1), created_at=NOW - 50 * DAY, ref="200"))
    found = holding.oldest(conn, NOW)
    assert found == [
        Held("reservation", "cart-1", None, "A", "main", "hard", 2, NOW - 40 * DAY, None),
        Held("order", "#7", "shop", "B", "main", "hard", 2, NOW - 20 * DAY, None),
        Held("reservation", "cart-2", None, "A", "main", "hard", 2, NOW - DAY, None),
    ]
    assert holding.oldest(conn, NOW - 10 * DAY) == found[:2]
    assert holding.oldest(conn, NOW, limit=1) == found[:1]


def test_what_is_free_again_holds_nothing(conn: Connection, shop: Shop) -> None:
    claim(conn, "cart-1", 40)
    reservations.release(conn, [Release(Which(reference="cart-1"))], NOW)
    assert holding.oldest(conn, NOW) == []


def doubts(conn: Connection) -> dict[str, str]:
    return {each.code: each.what for _, each in doctoring.examine(conn, NOW, {"shop": {}}) if each.code.endswith("-old")}


def test_doctor_doubts_hard_claims_and_orders_that_stand_for_long(conn: Connection, shop: Shop) -> None:
    claim(conn, "young", 29)
    shop.see(order(line("b", 3), created_at=NOW - 80 * DAY))
    assert doubts(conn) == {}
    claim(conn, "cart-1", 31)
    claim(conn, "cart-2", 33)
    shop.see(order(line("b", 4), created_at=NOW - 91 * DAY, ref="200"))
    assert doubts(conn) == {
        "claims-old": "2 hard claims hold 4 units for more than 30 days, the oldest for cart-1",
        "orders-old": "1 orders of more than 90 days still hold 4 units, the oldest is 200",
    }
