"""Own effects are counted once, whatever the shelf's book was doing meanwhile, and two nodes that see one order end as one would."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, func, select, update

from channelsync.contract import Effect, Listing, OrderLine, OrderSnapshot, OrderState
from channelsync.ledger import book, brackets, expiry, listings, matching, orders, to_read
from channelsync.ledger.book import BookEntry
from channelsync.ledger.brackets import Bracket, Closing, OnEdit
from channelsync.ledger.orders import Sighting, Verdict
from channelsync.ledger.reservations import Line, Reserve, reserve
from channelsync.ledger.schema import book_entries, channels, order_lines, reservations, set_aside, shelves, stock_levels
from support.stock import NOW, assert_adds_up, level, open_channel, open_locations, put

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def shop(conn: Connection, units: int = 5, locations: tuple[str, ...] = ("",)) -> int:
    """An open channel that sells A, with a book that was read at NOW - 1 h."""
    open_locations(conn, "main", "annex")
    put(conn, "A", units)
    put(conn, "A", units, "annex")
    channel = open_channel(conn)
    conn.execute(update(channels).values(opened_at=NOW - HOUR))
    feeds = {"L1": (1,), "L2": (2,)} if locations != ("",) else {}
    listings.upsert(conn, channel, [Listing("1", "A", locations=locations)], NOW, feeds)
    matching.match(conn, channel, NOW)
    for shelf_id in conn.scalars(select(shelves.c.id).order_by(shelves.c.id)).all():
        book.replace(conn, shelf_id, None, units, [BookEntry(shelf_id, "opening", units)], NOW)
    conn.execute(update(shelves).values(rebased_at=NOW - HOUR))
    return channel


def books(conn: Connection) -> list[int | None]:
    return list(conn.scalars(select(shelves.c.book).order_by(shelves.c.id)))


def order(
    *lines: OrderLine, ref: str = "100", state: OrderState = OrderState.OPEN, at: datetime = NOW, created: datetime = NOW, **more: object
) -> OrderSnapshot:
    return OrderSnapshot(ref, state, at, created, lines, **more)  # type: ignore[arg-type]


def see(conn: Connection, channel: int, snapshot: OrderSnapshot, read_seq: int = 1) -> Verdict:
    [result] = orders.apply(conn, [Sighting(channel, snapshot, read_seq)], NOW)
    return result.verdict


def unopened(conn: Connection) -> to_read.ShelfState:
    """The shelf as before its first bracket."""
    conn.execute(update(shelves).values(book=None, rebased_at=None))
    [state] = to_read.states(conn, conn.scalars(select(shelves.c.id)).all())
    return state


def test_an_order_between_the_second_reading_and_the_opening_of_the_book_keeps_it_shut(conn: Connection) -> None:
    channel = shop(conn)
    before = unopened(conn)
    see(conn, channel, order(OrderLine("a", "1", 1, effects=(Effect(1, NOW),))))
    bracket = Bracket(before, 5, 5, NOW - 60 * SECOND, NOW - 60 * SECOND, OnEdit(), timedelta(0), 0)
    assert brackets.close(conn, [bracket], NOW) == [Closing.OPEN]
    assert books(conn) == [None]


def test_a_line_that_vanishes_leaves_no_trace_in_a_book_that_is_not_open(conn: Connection) -> None:
    channel = shop(conn)
    see(conn, channel, order(OrderLine("a", "1", 1, effects=(Effect(1, NOW),))))
    unopened(conn)
    logged = conn.scalar(select(func.count()).select_from(book_entries))
    see(conn, channel, order(at=NOW + SECOND), 2)
    assert conn.scalar(select(func.count()).select_from(book_entries)) == logged


def test_a_line_that_vanished_before_the_book_was_read_is_inside_the_reading(conn: Connection) -> None:
    channel = shop(conn)
    see(conn, channel, order(OrderLine("a", "1", 1, effects=(Effect(1, NOW),))))
    conn.execute(update(shelves).values(rebased_at=NOW + HOUR))
    see(conn, channel, order(at=NOW + SECOND), 2)
    assert books(conn) == [4]


def test_an_order_that_moves_to_another_place_moves_both_books(conn: Connection) -> None:
    channel = shop(conn, locations=("L1", "L2"))
    line = OrderLine("a", "1", 2, effects=(Effect(2, NOW),), location="L1")
    see(conn, channel, order(line))
    assert books(conn) == [3, 5]
    moved = OrderLine("a", "1", 2, effects=(Effect(2, NOW),), location="L2")
    see(conn, channel, order(moved, at=NOW + SECOND), 2)
    assert books(conn) == [5, 3]
    assert (level(conn, "A").hard, level(conn, "A", "annex").hard) == (0, 2)
    assert_adds_up(conn)


def test_goods_that_come_back_of_an_order_older_than_the_opening_are_on_hand_again(conn: Connection) -> None:
    """It was shipped long ago, so nobody had seen it; the shop puts the unit back on sale, and so do we."""
    channel = shop(conn)
    old = NOW - timedelta(days=30)
    effects = (Effect(2, old), Effect(-1, NOW))
    see(conn, channel, order(OrderLine("a", "1", 2, shipped=2, restocked=1, effects=effects), created=old))
    assert (level(conn, "A").on_hand, books(conn)) == (6, [6])
    assert_adds_up(conn)


def test_goods_that_came_back_before_the_opening_are_in_its_balance(conn: Connection) -> None:
    channel = shop(conn)
    old = NOW - timedelta(days=30)
    effects = (Effect(2, old), Effect(-1, old + HOUR))
    see(conn, channel, order(OrderLine("a", "1", 2, shipped=2, restocked=1, effects=effects), created=old))
    assert (level(conn, "A").on_hand, books(conn)) == (5, [5])


def test_an_order_from_before_the_opening_explains_no_edit_made_after_it(conn: Connection) -> None:
    channel = shop(conn)
    conn.execute(update(shelves).values(adopted=-1, rebased_at=NOW))
    old = NOW - timedelta(days=30)
    see(conn, channel, order(OrderLine("a", "1", 1, shipped=1, effects=(Effect(1, old),)), created=old))
    assert level(conn, "A").on_hand == 5


def test_an_order_that_is_paid_again_lowers_the_number_now_not_when_it_was_first_paid(conn: Connection) -> None:
    """The shop tells the first payment's time; the book was read in between."""
    channel = shop(conn)
    paid = NOW - 2 * HOUR
    see(conn, channel, order(OrderLine("a", "1", 2, effects=(Effect(2, NOW - 30 * 60 * SECOND),)), at=NOW - 30 * 60 * SECOND), 1)
    back = (Effect(2, paid), Effect(-2, NOW - 20 * 60 * SECOND))
    see(conn, channel, order(OrderLine("a", "1", 2, cancelled=2, effects=back), state=OrderState.CANCELLED, at=NOW - 20 * 60 * SECOND), 2)
    conn.execute(update(shelves).values(rebased_at=NOW - 10 * 60 * SECOND))
    assert books(conn) == [5]
    see(conn, channel, order(OrderLine("a", "1", 2, effects=(Effect(2, paid),))), 3)
    assert books(conn) == [3]


def test_shipping_takes_no_claim_that_is_not_the_orders(conn: Connection) -> None:
    """The customer reserved two and ordered one: the other is still claimed after the first has left."""
    channel = shop(conn)
    reserve(conn, [Reserve("cart", (Line("A", "main", 2),), kind="hard")], NOW)
    see(conn, channel, order(OrderLine("a", "1", 1), reservation_ref="cart"))
    assert level(conn, "A").hard == 2
    see(conn, channel, order(OrderLine("a", "1", 1, shipped=1), at=NOW + SECOND, reservation_ref="cart"), 2)
    assert (level(conn, "A").hard, conn.scalar(select(reservations.c.open))) == (1, 1)


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_two_nodes_that_see_a_new_order_at_once_apply_it_once_and_set_nothing_aside(engine: Engine) -> None:
    with engine.begin() as conn:
        channel = shop(conn)
    newer = order(OrderLine("a", "1", 2, effects=(Effect(2, NOW),)), at=NOW + SECOND)
    verdicts: list[Verdict] = []
    first = engine.connect()
    begun = first.begin()
    see(first, channel, order(OrderLine("a", "1", 1, effects=(Effect(1, NOW),))))

    def second() -> None:
        with engine.begin() as conn:
            verdicts.append(see(conn, channel, newer, 2))

    thread = threading.Thread(target=second)
    thread.start()
    time.sleep(0.3)
    begun.commit()
    first.close()
    thread.join()
    with engine.begin() as conn:
        assert verdicts == [Verdict.APPLIED]
        assert (level(conn, "A").hard, books(conn)) == (2, [3])
        assert conn.scalar(select(func.count()).select_from(set_aside).where(set_aside.c.resolved_at.is_(None))) == 0


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_a_hold_that_one_node_ends_while_another_applies_its_order_is_given_back_once(engine: Engine) -> None:
    with engine.begin() as conn:
        channel = shop(conn)
        see(conn, channel, order(OrderLine("a", "1", 1, withheld=1), state=OrderState.PENDING, hold_until=NOW + HOUR))
        reserve(conn, [Reserve("other", (Line("A", "main", 1),))], NOW)
    ending = engine.connect()
    begun = ending.begin()
    late = NOW + 2 * HOUR
    assert expiry.end_holds(ending, [expiry.Ending(10)], late)

    def paid() -> None:
        with engine.begin() as conn:
            orders.apply(conn, [Sighting(channel, order(OrderLine("a", "1", 1, effects=(Effect(1, NOW),)), at=late), 2)], late)

    thread = threading.Thread(target=paid)
    thread.start()
    time.sleep(0.3)
    begun.commit()
    ending.close()
    thread.join()
    with engine.begin() as conn:
        held = conn.execute(select(func.sum(order_lines.c.soft), func.sum(order_lines.c.hard))).one()
        mine = conn.execute(select(stock_levels.c.soft, stock_levels.c.hard).where(stock_levels.c.location_id == 1)).one()
        assert tuple(held) == (0, 1)
        assert mine.hard == 1
        assert_adds_up(conn)
