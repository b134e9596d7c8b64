"""Count sheets that are applied: a number that was true at its time stays true, whatever has come and gone since."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from channelsync.contract import OrderState
from channelsync.ledger import reservations, stock
from channelsync.ledger.counts import pages
from channelsync.ledger.documents.lines import Line
from channelsync.ledger.returns import expecting, inspecting, receiving
from channelsync.ledger.returns.expecting import Expect
from channelsync.ledger.returns.inspecting import Decision, Inspect, Outcome
from channelsync.ledger.returns.receiving import Receive
from channelsync.ledger.schema import findings, movements, skus
from channelsync.ledger.stock import Change
from support import transfers
from support.counts import HOUR, applied, enter, logged, opened, ship, state_of, try_to_apply
from support.documents import proven
from support.purchasing import only, refused
from support.selling import line, open_shop, order
from support.stock import NOW, level, want

Told = Callable[[Connection], Any]
T = NOW + HOUR
"""When it is counted: after the opening numbers."""


def test_what_was_sold_between_counting_and_applying_is_gone(shelf: Connection) -> None:
    number = opened(shelf).number
    enter(shelf, number, {"A": 9}, T, T)
    ship(shelf, "A", 3, T + HOUR)
    row = pages.plan(shelf, number).lines[0]
    assert (row.expected, row.counted, row.difference, row.moved, row.on_hand, row.becomes) == (10, 9, -1, -3, 7, 6)
    done = applied(shelf, number, T + 2 * HOUR)
    assert [(each.sku, each.expected, each.difference, each.moved, each.on_hand) for each in done.lines] == [("A", 10, -1, -3, 6)]
    assert (done.state, done.uncounted, level(shelf, "A").on_hand, level(shelf, "B").on_hand) == ("applied", 1, 6, 4)
    assert logged(shelf, number) == [("count", -1)]
    moved = shelf.execute(select(movements).where(movements.c.reference == f"CNT-{number}")).mappings().one()
    assert (moved["occurred_at"], moved["recorded_at"], moved["reason"]) == (T, T + 2 * HOUR, "9 counted")
    told = pages.one_sheet(shelf, number)
    assert [(each.sku, each.expected, each.counted, each.difference) for each in told.lines] == [("A", 10, 9, -1), ("B", None, None, None)]
    assert (told.sheet.differing, told.sheet.more, told.sheet.fewer, told.sheet.counted) == (1, 0, 1, 1)
    proven(shelf)


def test_what_was_sold_before_counting_and_is_told_late_is_not_gone_twice(shelf: Connection) -> None:
    number = opened(shelf, "main", "A").number
    enter(shelf, number, {"A": 7}, T, T)
    ship(shelf, "A", 3, T - timedelta(minutes=10), told=T + HOUR)
    row = pages.plan(shelf, number).lines[0]
    assert (row.expected, row.difference, row.moved, row.on_hand) == (7, 0, 0, 7), "3 of 10 were gone when it was counted"
    applied(shelf, number, T + HOUR)
    assert (level(shelf, "A").on_hand, logged(shelf, number)) == (7, [("count", 0)])
    proven(shelf)


def _came_back(conn: Connection) -> None:
    only(stock.take_back(conn, [Change("A", "main", 2)], T + HOUR))
    only(stock.restock(conn, [Change("A", "main", 1)], T + HOUR))


def _went_elsewhere(conn: Connection) -> None:
    """As one moves units by hand: out here, in there."""
    only(stock.adjust(conn, [Change("A", "main", -4, reason="to the annex")], T + HOUR))
    only(stock.receive(conn, [Change("A", "annex", 4)], T + HOUR))


def _moved_by_transfer(conn: Connection) -> None:
    """Four go; of three that come back one is on its way."""
    gone = transfers.draft(conn, {"A": 4}).number
    back = transfers.draft(conn, {"A": 3}, "annex", "main").number
    for number in (gone, back):
        only(transfers.try_to_ship(conn, number, T + HOUR))
    transfers.arrive(conn, back, {"A": 2}, at=T + HOUR)


def _sent_back(conn: Connection) -> None:
    """Two lie in quarantine, and one of them is put back on the shelf."""
    number = only(expecting.expect(conn, [Expect("main", (Line("A", 2),))], T)).number
    only(receiving.receive(conn, [Receive(number)], T + HOUR))
    only(inspecting.inspect(conn, [Inspect(number, (Decision("A", 1, Outcome.RESTOCK),))], T + HOUR))


def _arrived_before(conn: Connection) -> None:
    only(stock.receive(conn, [Change("A", "main", 5, occurred_at=T - timedelta(minutes=1))], T + HOUR))


def _broke(conn: Connection) -> None:
    only(stock.write_off(conn, [stock.WriteOff("A", "main", 2, reason="broken", bucket="on_hand")], T + HOUR))


def _reserved(conn: Connection) -> None:
    only(reservations.reserve(conn, [want("A", 6)], T + HOUR))


@pytest.mark.parametrize(
    ("happened", "there"),
    [(_came_back, 10), (_went_elsewhere, 5), (_moved_by_transfer, 7), (_sent_back, 10), (_arrived_before, 9), (_broke, 7), (_reserved, 9)],
)
def test_whatever_moves_meanwhile_is_added(shelf: Connection, happened: Told, there: int) -> None:
    number = opened(shelf, "main", "A").number
    enter(shelf, number, {"A": 9}, T, T)
    happened(shelf)
    elsewhere = level(shelf, "A", "annex").on_hand
    assert applied(shelf, number, T + 2 * HOUR).lines[0].on_hand == there
    assert (level(shelf, "A").on_hand, level(shelf, "A", "annex").on_hand) == (there, elsewhere)
    proven(shelf)


def test_what_an_order_shipped_meanwhile_is_gone(conn: Connection) -> None:
    shop = open_shop(conn, on_hand=10, shows=10)
    number = opened(conn, "main", "A").number
    shop.see(order(line("a", 2), at=NOW + timedelta(minutes=10)))
    enter(conn, number, {"A": 9}, T, T)
    shop.see(order(line("a", 2, shipped=2), at=T + timedelta(minutes=10)))
    applied(conn, number, T + HOUR)
    assert level(conn, "A").on_hand == 7
    proven(conn)


def test_what_a_cancelled_order_shipped_before_was_not_there(conn: Connection) -> None:
    shop = open_shop(conn, on_hand=10, shows=10)
    shop.see(order(line("a", 2), at=NOW + timedelta(minutes=10)))
    number = opened(conn, "main", "A").number
    enter(conn, number, {"A": 10}, T, T)
    shop.see(order(line("a", 2), state=OrderState.CANCELLED, at=T + timedelta(minutes=10)))
    applied(conn, number, T + HOUR)
    assert (level(conn, "A").on_hand, level(conn, "A").quarantined) == (8, 2)
    proven(conn)


def test_none_was_there(shelf: Connection) -> None:
    number = opened(shelf, "main", "A", "C").number
    enter(shelf, number, {"A": 0, "C": 0}, T, T)
    applied(shelf, number, T)
    assert (level(shelf, "A").on_hand, logged(shelf, number)) == (0, [("count", -10), ("count", 0)])
    proven(shelf)


def test_a_sku_that_was_never_counted_is_from_now_on(shelf: Connection) -> None:
    shelf.execute(insert(skus).values(sku="NEW", created_at=NOW))
    number = opened(shelf, "main", "NEW").number
    enter(shelf, number, {"NEW": 0}, T, T)
    applied(shelf, number, T)
    assert shelf.scalar(select(skus.c.counted).where(skus.c.sku == "NEW"))


def test_lines_that_nobody_counted_stay_unless_missing_means_none(shelf: Connection) -> None:
    first, second = opened(shelf), opened(shelf)
    enter(shelf, first.number, {"A": 10}, T, T)
    assert applied(shelf, first.number, T).uncounted == 1
    assert level(shelf, "B").on_hand == 4
    enter(shelf, second.number, {"A": 10}, T, T)
    only(stock.receive(shelf, [Change("B", "main", 2)], T + HOUR))
    planned = {row.sku: (row.counted, row.becomes) for row in pages.plan(shelf, second.number, missing_zero=True).lines}
    assert planned == {"A": (10, 10), "B": (0, 2)}
    done = applied(shelf, second.number, T + 2 * HOUR, missing_is_zero=True, actor="boss")
    assert (done.uncounted, level(shelf, "B").on_hand) == (0, 2), "what came after the counting is there"
    assert [(row.counted, row.counted_at, row.counted_by, row.difference) for row in pages.one_sheet(shelf, second.number).lines] == [
        (10, T, "", 0),
        (0, T, "boss", -4),
    ]
    proven(shelf)


def test_where_nothing_is_counted_nothing_is_zero(shelf: Connection) -> None:
    """An empty sheet would empty the shelves."""
    number = opened(shelf).number
    assert "nothing is counted" in str(refused(try_to_apply(shelf, number, missing_is_zero=True)))
    assert "nothing is counted" in str(refused(try_to_apply(shelf, number)))
    assert [row.becomes for row in pages.plan(shelf, number, missing_zero=True).lines] == [10, 4]
    assert (state_of(shelf, number), level(shelf, "A").on_hand) == ("open", 10)


def test_fewer_than_are_promised_is_a_fact_that_people_see(shelf: Connection) -> None:
    only(reservations.reserve(shelf, [want("A", 8)], NOW))
    number = opened(shelf, "main", "A").number
    enter(shelf, number, {"A": 5}, T, T)
    assert applied(shelf, number, T).lines[0].available == -3
    assert shelf.scalar(select(findings.c.resolved_at).where(findings.c.kind == "oversell")) is None
    second = opened(shelf, "main", "A").number
    enter(shelf, second, {"A": 9}, T + HOUR, T + HOUR)
    assert applied(shelf, second, T + HOUR).lines[0].available == 1
    assert shelf.scalar(select(findings.c.resolved_at).where(findings.c.kind == "oversell")) is not None
    proven(shelf)
