"""How a channel's orders are treated: what comes back, what an unpaid checkout holds, test orders, goods without stock, sales at tills."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select, update

from channelsync.contract import OrderLine, OrderSnapshot, OrderState
from channelsync.ledger import aside as asides
from channelsync.ledger import channels, net_effect, order_ends, reservations, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.channels import ChannelSpec
from channelsync.ledger.net_effect import Posted
from channelsync.ledger.order_policy import OrderPolicy, Restock, Unpaid, as_row
from channelsync.ledger.orders import Verdict
from channelsync.ledger.schema import channel_locations, listings, locations, orders, shelves
from channelsync.ledger.schema import channels as channel_table
from channelsync.ledger.stock import Change
from support.selling import DAY, MINUTE, Shop, aside, line, open_shop, order, picture
from support.stock import NOW, assert_adds_up, level, want

LATER = NOW + MINUTE
HOUR = timedelta(hours=1)


@pytest.fixture
def shop(conn: Connection) -> Shop:
    return open_shop(conn, on_hand=10, shows=10)


def treat(conn: Connection, **policy: Any) -> None:
    conn.execute(update(channel_table).values(**as_row(OrderPolicy(**policy))))


def tally(conn: Connection, sku: str = "A", location: str = "main") -> tuple[int, int, int, int]:
    """on hand, soft, hard, quarantined"""
    assert_adds_up(conn)
    assert audit(conn) == []
    found = level(conn, sku, location)
    return found.on_hand, found.soft, found.hard, found.quarantined


def target(conn: Connection, ref: str = "a") -> int | None:
    query = select(shelves.c.target).join(listings, listings.c.id == shelves.c.listing_id)
    found: int | None = conn.execute(query.where(listings.c.ref == ref, shelves.c.location == "here")).scalar_one()
    return found


# -- what comes back -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("restock", "expected"),
    [(Restock.CHANNEL, (9, 0, 0, 0)), (Restock.NEVER, (8, 0, 0, 0)), (Restock.QUARANTINE, (8, 0, 0, 1))],
)
def test_a_refund_with_restock(conn: Connection, shop: Shop, restock: Restock, expected: tuple[int, ...]) -> None:
    treat(conn, restock=restock)
    shop.see(order(line("a", 2, shipped=2)))
    shop.see(order(line("a", 2, took=1, shipped=2, restocked=1), at=LATER))
    assert tally(conn) == expected
    assert (shop.book("a"), target(conn)) == (9, expected[0])  # the shop's own number moved: what differs is pushed


@pytest.mark.parametrize("restock", Restock)
def test_what_never_left_is_free_again_whatever_the_policy(conn: Connection, shop: Shop, restock: Restock) -> None:
    treat(conn, restock=restock)
    shop.see(order(line("a", 2)))
    shop.see(order(line("a", 2, took=0, cancelled=2), state=OrderState.CANCELLED, at=LATER))
    assert tally(conn) == (10, 0, 0, 0)


@pytest.mark.parametrize("restock", Restock)
def test_a_refund_without_restock_moves_nothing(conn: Connection, shop: Shop, restock: Restock) -> None:
    treat(conn, restock=restock)
    shop.see(order(line("a", 2, shipped=2)))
    shop.see(order(line("a", 2, shipped=2), at=LATER))
    assert tally(conn) == (8, 0, 0, 0)


def test_a_person_puts_back_what_the_policy_kept_apart(conn: Connection, shop: Shop) -> None:
    treat(conn, restock=Restock.QUARANTINE)
    shop.see(order(line("a", 2, took=0, shipped=2, restocked=2)))
    stock.restock(conn, [Change("A", "main", 2)], NOW)
    assert tally(conn) == (10, 0, 0, 0)


def test_another_policy_is_for_what_comes_back_from_then_on(conn: Connection, shop: Shop) -> None:
    treat(conn, restock=Restock.NEVER)
    shop.see(order(line("a", 3, took=2, shipped=3, restocked=1)))
    treat(conn, restock=Restock.CHANNEL)
    shop.see(order(line("a", 3, took=2, shipped=3, restocked=1), at=LATER))
    assert tally(conn) == (7, 0, 0, 0)
    shop.see(order(line("a", 3, took=1, shipped=3, restocked=2), at=LATER + MINUTE))
    assert tally(conn) == (8, 0, 0, 0)


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("then", Restock)
@pytest.mark.parametrize("first", Restock)
def test_a_word_that_is_taken_back_leaves_nothing_behind(
    conn: Connection, shop: Shop, first: Restock, then: Restock, by_hand: bool
) -> None:
    """Whatever is done with what comes back by then, and also if somebody has put the unit on sale meanwhile."""
    treat(conn, restock=first)
    shop.see(order(line("a", 2, took=1, shipped=2, restocked=1)))
    if by_hand:
        stock.restock(conn, [Change("A", "main", 1)], NOW)
    treat(conn, restock=then)
    shop.see(order(line("a", 2, shipped=2), at=LATER))
    assert tally(conn) == (8, 0, 0, 0)


def test_of_units_that_were_treated_differently_those_on_sale_are_taken_back_first(conn: Connection, shop: Shop) -> None:
    treat(conn, restock=Restock.NEVER)
    shop.see(order(line("a", 3, took=2, shipped=3, restocked=1)))
    treat(conn, restock=Restock.CHANNEL)
    shop.see(order(line("a", 3, took=1, shipped=3, restocked=2), at=LATER))
    assert tally(conn) == (8, 0, 0, 0)
    shop.see(order(line("a", 3, took=2, shipped=3, restocked=1), at=LATER + MINUTE))
    assert tally(conn) == (7, 0, 0, 0)


# -- unpaid checkouts ----------------------------------------------------------------------------------------------------------------------


def unpaid(until: datetime | None = None, *, at: datetime = NOW, withheld: int = 2) -> OrderSnapshot:
    return order(OrderLine("1", "a", 2, withheld=withheld, location="here"), state=OrderState.PENDING, hold_until=until, at=at)


def test_soft_holds_end_after_the_minutes_of_the_config_where_the_shop_names_no_end(conn: Connection, shop: Shop) -> None:
    treat(conn, unpaid_for=HOUR)
    shop.see(unpaid())
    assert tally(conn) == (10, 2, 0, 0)
    assert order_ends.expire_holds(conn, 9, NOW + HOUR - MINUTE) == 0
    assert order_ends.expire_holds(conn, 9, NOW + HOUR) == 1
    assert (tally(conn), target(conn)) == ((10, 0, 0, 0), 10)


def test_the_shops_own_end_comes_before_the_configs(conn: Connection, shop: Shop) -> None:
    treat(conn, unpaid_for=HOUR)
    shop.see(unpaid(NOW + DAY))
    assert order_ends.expire_holds(conn, 9, NOW + 2 * HOUR) == 0


def test_a_hard_hold_stays_until_the_shop_says_what_became_of_it(conn: Connection, shop: Shop) -> None:
    """What the shop withholds by itself ends by its clock all the same: the number it shows must not promise those units twice."""
    treat(conn, unpaid=Unpaid.HARD)
    shop.see(unpaid(NOW + HOUR))
    assert (tally(conn), target(conn)) == ((10, 0, 2, 0), 10)
    assert order_ends.expire_holds(conn, 9, NOW + HOUR) == 1
    assert (tally(conn), target(conn)) == ((10, 0, 2, 0), 8)
    shop.see(replace(unpaid(at=LATER, withheld=0), state=OrderState.CANCELLED))
    assert (tally(conn), target(conn)) == ((10, 0, 0, 0), 10)


def test_ignored_checkouts_hold_nothing_until_they_are_paid(conn: Connection, shop: Shop) -> None:
    treat(conn, unpaid=Unpaid.IGNORE)
    shop.see(unpaid(NOW + HOUR))
    assert (tally(conn), target(conn)) == ((10, 0, 0, 0), 10)
    shop.see(order(line("a", 2), at=LATER))
    assert (tally(conn), target(conn)) == ((10, 0, 2, 0), 8)


# -- what is not goods ---------------------------------------------------------------------------------------------------------------------


def test_a_test_order_keeps_the_book_right_and_holds_nothing(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 3), test=True))
    assert (tally(conn), shop.book("a"), target(conn)) == ((10, 0, 0, 0), 7, 10)
    shop.see(order(line("a", 3, shipped=3), test=True, at=LATER))
    assert (tally(conn), shop.book("a")) == ((10, 0, 0, 0), 7)
    shop.see(order(line("a", 3, took=0, cancelled=3), test=True, at=LATER + MINUTE, state=OrderState.CANCELLED))
    assert (tally(conn), shop.book("a")) == ((10, 0, 0, 0), 10)


def test_a_test_order_takes_nobodys_reservation(conn: Connection, shop: Shop) -> None:
    reservations.reserve(conn, [want("A", 2)], NOW)
    shop.see(order(line("a", 2), test=True, reservation_ref="cart"))
    assert tally(conn) == (10, 2, 0, 0)


def test_a_line_that_turns_out_to_have_no_stock_gives_back_what_it_held(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 2), line("b", 1, ref="2")))
    gift = line("a", 2, took=0, stocked=False)
    shop.see(order(gift, line("b", 1, ref="2"), at=LATER))
    assert (tally(conn), tally(conn, "B"), shop.book("a")) == ((10, 0, 0, 0), (10, 0, 1, 0), 10)


# -- sales at tills and elsewhere ----------------------------------------------------------------------------------------------------------


def test_a_sale_at_a_till_has_left_when_we_hear_of_it(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 2, shipped=2, location="there")))
    assert (tally(conn), tally(conn, location="annex"), shop.book("a", "there")) == ((10, 0, 0, 0), (8, 0, 0, 0), 8)


def test_a_sale_at_a_place_that_nobody_has_mapped_waits_for_it(conn: Connection, shop: Shop) -> None:
    assert shop.see(order(line("a", 2, location="till-7"), line("b", 1, ref="2"))).verdict is Verdict.APPLIED
    assert (tally(conn), tally(conn, "B")) == ((10, 0, 0, 0), (10, 0, 1, 0))
    assert aside(conn) == [("line", "100/1")]
    assert 'locations = { "till-7" = "<ledger location>" }' in _reason(conn)
    assert order_ends.placed(conn, shop.channel) == ()
    map_place(conn, shop, "till-7", "annex")
    assert order_ends.placed(conn, shop.channel) == ("100",)
    order_ends.stored_snapshots(conn, [(shop.channel, "100")], NOW)
    assert (tally(conn, location="annex"), aside(conn)) == ((10, 0, 2, 0), [])
    assert order_ends.placed(conn, shop.channel) == ()


def test_a_line_that_moves_to_an_unmapped_place_stays_where_it_was_and_says_so(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 2)))
    shop.see(order(line("a", 2, location="till-7"), at=LATER))
    assert (tally(conn), aside(conn)) == ((10, 0, 2, 0), [("line", "100/1")])
    map_place(conn, shop, "till-7", "annex")
    order_ends.stored_snapshots(conn, [(shop.channel, "100")], NOW)
    assert (tally(conn), tally(conn, location="annex"), aside(conn)) == ((10, 0, 0, 0), (10, 0, 2, 0), [])


def test_a_line_without_a_location_is_taken_from_the_channels_own(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 2, location=None)))
    assert (tally(conn), shop.book("a")) == ((10, 0, 2, 0), 8)
    annex = conn.scalar(select(locations.c.id).where(locations.c.code == "annex"))
    conn.execute(update(channel_table).values(location_id=annex))
    shop.see(order(line("a", 2, location=None), ref="101"))
    assert (tally(conn, location="annex"), shop.book("a", "there")) == ((10, 0, 2, 0), 8)


def map_place(conn: Connection, shop: Shop, ref: str, code: str) -> None:
    place = conn.scalar(select(locations.c.id).where(locations.c.code == code))
    conn.execute(insert(channel_locations).values(channel_id=shop.channel, ref=ref, location_id=place))


def _reason(conn: Connection) -> str:
    [found] = asides.listed(conn)
    return found.reason


# -- the rules, pure -------------------------------------------------------------------------------------------------------------------------

few = st.integers(0, 4)


@given(st.sampled_from(list(OrderState)), few, few, few, st.builds(OrderPolicy, unpaid=st.sampled_from(Unpaid)), st.booleans())
def test_a_policy_changes_what_is_held_and_never_what_the_shop_did(
    state: OrderState, shipped: int, left: int, took: int, policy: OrderPolicy, test: bool
) -> None:
    sold = line("a", shipped + left, took=took, shipped=shipped)
    snapshot = order(sold, state=state, test=test)
    strict, ours = net_effect.desired(snapshot, sold, now=NOW), net_effect.desired(snapshot, sold, now=NOW, policy=policy)
    assert ours.took == strict.took == sold.channel_took
    if test:
        assert ours == Posted(took=sold.channel_took)
    elif state is not OrderState.PENDING:
        assert ours == strict
    else:
        assert ours.shipped == strict.shipped
        held = {Unpaid.SOFT: (left, 0), Unpaid.HARD: (0, left), Unpaid.IGNORE: (0, 0)}
        assert (ours.soft, ours.hard) == held[policy.unpaid]


def test_the_config_reaches_the_channels_row(conn: Connection, shop: Shop) -> None:
    policy = OrderPolicy(Restock.QUARANTINE, Unpaid.HARD, 2 * HOUR)
    channels.register(conn, [ChannelSpec("shop", "memory", None, policy=policy)], NOW)
    row = conn.execute(select(channel_table).where(channel_table.c.id == shop.channel)).one()
    assert (row.restock, row.unpaid, row.unpaid_minutes) == ("quarantine", "hard", 120)


def test_a_hold_that_was_swept_stays_ended_when_its_order_is_applied_again(conn: Connection, shop: Shop) -> None:
    """By our clock it may still run; the shop's had said it was over."""
    shop.see(unpaid(NOW + HOUR))
    order_ends.expire_holds(conn, 9, NOW, shop_times={shop.channel: NOW + 2 * HOUR})
    before = picture(conn)
    order_ends.stored_snapshots(conn, [(shop.channel, "100")], NOW)
    assert picture(conn) == before
    assert conn.scalar(select(orders.c.state)) == "pending"
