"""A count that is entered some time after it was made: what has come and gone since is added, and whoever counted later knows better."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, update

from channelsync.contract import OrderState
from channelsync.ledger import fulfilment, reservations, stock, stock_update
from channelsync.ledger.fulfilment import Fulfil
from channelsync.ledger.holds import Which
from channelsync.ledger.order_policy import OrderPolicy, Restock, as_row
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.schema import channels
from channelsync.ledger.stock import Change, Posted
from channelsync.ledger.stock_update import Update
from support.selling import line, open_shop, order
from support.stock import NOW, assert_adds_up, level, open_locations, want

MINUTE = timedelta(minutes=1)


@pytest.fixture
def shelf(conn: Connection) -> Connection:
    """10 of A an hour ago, and of B; 3 of A shipped half an hour ago."""
    open_locations(conn, "main")
    stock.seed(conn, [Change("A", "main", 10), Change("B", "main", 10)], NOW - 60 * MINUTE)
    reservations.reserve(conn, [want("A", 3)], NOW - 40 * MINUTE)
    fulfilment.fulfil(conn, [Fulfil(Which(reference="cart"))], NOW - 30 * MINUTE)
    return conn


def count(conn: Connection, quantity: int, at: datetime | None, sku: str = "A") -> Posted | Refusal:
    (answer,) = stock.count(conn, [Change(sku, "main", quantity, occurred_at=at)], NOW)
    assert_adds_up(conn)
    return answer


def test_what_was_shipped_since_is_gone(shelf: Connection) -> None:
    """It set the old number, and three units were promised twice."""
    count(shelf, 10, NOW - 45 * MINUTE)
    assert level(shelf, "A").on_hand == 7


def test_what_was_shipped_before_is_counted(shelf: Connection) -> None:
    count(shelf, 8, NOW - 20 * MINUTE)
    assert level(shelf, "A").on_hand == 8


def test_what_came_since_is_there(shelf: Connection) -> None:
    stock.receive(shelf, [Change("B", "main", 5, occurred_at=NOW - 10 * MINUTE)], NOW)
    count(shelf, 9, NOW - 20 * MINUTE, "B")
    assert level(shelf, "B").on_hand == 14


@pytest.mark.parametrize("at", [None, NOW])
def test_a_count_of_now_is_the_number(shelf: Connection, at: datetime | None) -> None:
    count(shelf, 10, at)
    assert level(shelf, "A").on_hand == 10


def test_whoever_counted_later_knows_better(shelf: Connection) -> None:
    count(shelf, 6, NOW - 5 * MINUTE)
    answer = count(shelf, 10, NOW - 45 * MINUTE)
    assert isinstance(answer, NotAllowed)
    assert "was counted after" in str(answer)
    assert level(shelf, "A").on_hand == 6


def test_so_does_a_warehouse_that_told_later(shelf: Connection) -> None:
    stock_update.update_stock(shelf, [Update("A", "main", 6, NOW - 5 * MINUTE)], NOW)
    assert isinstance(count(shelf, 10, NOW - 45 * MINUTE), NotAllowed)
    assert level(shelf, "A").on_hand == 6


def test_more_than_was_there_cannot_have_gone(shelf: Connection) -> None:
    answer = count(shelf, 2, NOW - 45 * MINUTE)
    assert isinstance(answer, NotAllowed)
    assert "3 more went than came since" in str(answer)
    assert level(shelf, "A").on_hand == 7


def test_each_line_has_its_own_instant(shelf: Connection) -> None:
    lines = [
        Change("A", "main", 10, occurred_at=NOW - 45 * MINUTE),
        Change("B", "main", 4),
        Change("A", "main", 9, occurred_at=NOW - MINUTE),
    ]
    stock.count(shelf, lines[:2], NOW)
    assert (level(shelf, "A").on_hand, level(shelf, "B").on_hand) == (7, 4)
    stock.count(shelf, lines[2:], NOW)
    assert level(shelf, "A").on_hand == 9


def count_after(conn: Connection, quantity: int, at: datetime) -> None:
    (answer,) = stock.count(conn, [Change("A", "main", quantity, occurred_at=at)], NOW + 60 * MINUTE)
    assert isinstance(answer, Posted), answer
    assert_adds_up(conn)


@pytest.mark.parametrize(("restock", "there"), [(Restock.CHANNEL, 6), (Restock.NEVER, 5), (Restock.QUARANTINE, 5)])
def test_what_came_back_since_is_there_only_if_it_was_put_on_the_shelf(conn: Connection, restock: Restock, there: int) -> None:
    """It counted every unit that a shop had taken back, also those that its policy kept off the shelf."""
    shop = open_shop(conn, on_hand=10, shows=10)
    conn.execute(update(channels).values(**as_row(OrderPolicy(restock=restock))))
    shop.see(order(line("a", 2, shipped=2), at=NOW + 10 * MINUTE))
    shop.see(order(line("a", 2, took=1, shipped=2, restocked=1), at=NOW + 30 * MINUTE))
    count_after(conn, 5, NOW + 20 * MINUTE)
    assert level(conn, "A").on_hand == there


def test_what_a_dead_order_keeps_was_on_the_shelf(conn: Connection) -> None:
    """It was counted there, and once more in quarantine."""
    shop = open_shop(conn, on_hand=10, shows=10)
    shop.see(order(line("a", 2), at=NOW + 10 * MINUTE))
    shop.see(order(line("a", 2), state=OrderState.CANCELLED, at=NOW + 30 * MINUTE))
    assert level(conn, "A").quarantined == 2
    count_after(conn, 10, NOW + 20 * MINUTE)
    assert level(conn, "A").on_hand == 8
