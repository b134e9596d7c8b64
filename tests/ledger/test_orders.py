"""Orders in the ledger, case by case: what moves, what is held, what waits, and what people are told. Any way of telling: `test_orders_properties`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, update

from channelsync.contract import Effect, OrderLine, OrderSnapshot, OrderState
from channelsync.ledger import aside as asides
from channelsync.ledger import order_ends, orders, reservations, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.expiry import Ending, end_holds
from channelsync.ledger.net_effect import HOLD_GRACE
from channelsync.ledger.order_ends import Missing
from channelsync.ledger.orders import Sighting, Verdict
from channelsync.ledger.schema import channels
from channelsync.ledger.stock import Change
from support.selling import DAY, MINUTE, Shop, aside, findings, line, open_shop, order, picture
from support.stock import NOW, assert_adds_up, level, want

LATER = NOW + MINUTE


@pytest.fixture
def shop(conn: Connection) -> Shop:
    return open_shop(conn, on_hand=10, shows=10)


def tally(conn: Connection, sku: str = "A", location: str = "main") -> tuple[int, int, int, int]:
    """on hand, soft, hard, quarantined"""
    found = level(conn, sku, location)
    return found.on_hand, found.soft, found.hard, found.quarantined


# -- what moves ----------------------------------------------------------------------------------------------------------------------------


def test_a_life_in_typed_movements(conn: Connection, shop: Shop) -> None:
    before = len(shop.moves())
    pending = OrderLine("1", "a", 4, withheld=4, location="here")
    shop.see(order(pending, state=OrderState.PENDING, hold_until=NOW + DAY))
    shop.see(order(line("a", 4), at=LATER))
    shop.see(order(line("a", 4, shipped=2), at=LATER + MINUTE))
    shop.see(order(line("a", 4, took=3, shipped=2, restocked=1), at=LATER + 2 * MINUTE))
    shop.see(order(line("a", 4, took=3, shipped=2, restocked=1), state=OrderState.CANCELLED, at=LATER + 3 * MINUTE))
    assert shop.moves(since=before) == [
        ("reserve", "A", "main", {"soft": 4}),
        ("commit", "A", "main", {"soft": -4, "hard": 4}),
        ("fulfil", "A", "main", {"on_hand": -2, "hard": -2}),
        ("return", "A", "main", {"on_hand": 1}),
        ("quarantine", "A", "main", {"on_hand": -2, "hard": -2, "quarantined": 2}),
    ]
    assert tally(conn) == (7, 0, 0, 2)
    assert shop.book("a") == 7


def test_a_pack_counts_in_units_of_its_sku(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("six", 1)))
    assert (tally(conn), shop.book("six"), shop.book("a")) == ((10, 0, 6, 0), 9, 10)
    shop.see(order(line("six", 1, shipped=1), at=LATER))
    assert tally(conn) == (4, 0, 0, 0)


def test_lines_without_stock_move_nothing(conn: Connection, shop: Shop) -> None:
    before = picture(conn)["levels"]
    assert shop.see(order(OrderLine("1", None, 1, stocked=False), OrderLine("2", "a", 2, stocked=False))).verdict is Verdict.APPLIED
    assert picture(conn)["levels"] == before
    assert aside(conn) == []


def test_an_order_that_moves_to_another_place_takes_its_claim_along(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 3)))
    shop.see(order(line("a", 3, location="there"), at=LATER))
    assert (tally(conn), tally(conn, location="annex")) == ((10, 0, 0, 0), (10, 0, 3, 0))
    assert (shop.book("a", "here"), shop.book("a", "there")) == (10, 7)


def test_what_has_left_one_place_stays_booked_there(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 3, shipped=1)))
    shop.see(order(line("a", 3, shipped=2, location="there"), at=LATER))
    assert (tally(conn), tally(conn, location="annex")) == ((9, 0, 0, 0), (9, 0, 1, 0))
    assert_adds_up(conn)


def test_what_waits_in_quarantine_lies_where_it_lies(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 3, quarantined=1)))
    shop.see(order(line("a", 3, quarantined=1, location="there"), at=LATER))
    assert (tally(conn), tally(conn, location="annex")) == ((9, 0, 0, 1), (10, 0, 2, 0))
    assert_adds_up(conn)


# -- mapping -------------------------------------------------------------------------------------------------------------------------------


def test_a_sale_of_something_unknown_waits_and_is_applied_once_it_is_linked(conn: Connection, shop: Shop) -> None:
    sold = order(line("loose", 2), line("a", 1, ref="2"))
    assert shop.see(sold).verdict is Verdict.APPLIED
    assert aside(conn) == [("line", "100/1")]
    assert (tally(conn), tally(conn, "B")) == ((10, 0, 1, 0), (10, 0, 0, 0))
    assert shop.link("loose", "B", 2).orders_applied == 1
    assert shop.see(sold).verdict is Verdict.UNCHANGED, "seen again it is no news"
    assert (tally(conn), tally(conn, "B")) == ((10, 0, 1, 0), (10, 0, 4, 0))
    assert (aside(conn), shop.book("loose")) == ([], 8)


def test_a_new_mapping_moves_what_is_not_shipped(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 5, shipped=2)))
    shop.link("a", "B", 2)
    order_ends.stored_snapshots(conn, [(shop.channel, "100")], NOW)
    assert (tally(conn), tally(conn, "B")) == ((8, 0, 0, 0), (10, 0, 6, 0))
    assert shop.book("a") == 5, "the shop's number has not moved"
    shop.see(order(line("a", 5, shipped=3), at=LATER))
    assert (tally(conn), tally(conn, "B")) == ((8, 0, 0, 0), (8, 0, 4, 0))
    assert audit(conn) == []


def test_goods_come_back_as_what_they_left_as(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 3, shipped=2)))
    shop.link("a", "B", 2)
    shop.see(order(line("a", 3, took=2, shipped=2, restocked=1), at=LATER))
    assert (tally(conn), tally(conn, "B")) == ((9, 0, 0, 0), (10, 0, 2, 0))
    shop.see(order(line("a", 3, took=0, shipped=3, restocked=3), at=LATER + MINUTE))
    assert (tally(conn), tally(conn, "B")) == ((10, 0, 0, 0), (10, 0, 0, 0))
    assert audit(conn) == []


def test_the_recipe_of_the_first_day_stays_with_an_order(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("six", 1)))
    shop.link("six", "A", 4)
    shop.see(order(line("six", 1, shipped=1), at=LATER))
    assert tally(conn) == (4, 0, 0, 0), "six units were sold, whatever the pack is today"
    shop.see(order(line("six", 1), ref="101"))
    assert tally(conn) == (4, 0, 4, 0)


# -- what is not applied -------------------------------------------------------------------------------------------------------------------


def test_a_line_that_does_not_add_up_sets_its_order_aside_until_it_does(conn: Connection, shop: Shop) -> None:
    before = picture(conn)
    odd = order(line("a", 1, shipped=2), line("b", 1, ref="2"))
    result = shop.see(odd)
    assert result.verdict is Verdict.ASIDE
    assert "line 1 does not add up" in result.reason
    assert (picture(conn), aside(conn)) == (before, [("order", "100")])
    shop.see(order(line("a", 2, shipped=2), line("b", 1, ref="2"), at=LATER))
    assert (tally(conn), tally(conn, "B"), aside(conn)) == ((8, 0, 0, 0), (10, 0, 1, 0), [])


ODD = [
    pytest.param({"lines": (line("a", 10**19),)}, id="more than a column holds"),
    pytest.param({"lines": (replace(line("a", 1), effects=(Effect(2**62, NOW), Effect(1 - 2**62, NOW))),)}, id="effects beyond the column"),
    pytest.param({"lines": (line("a", 1, shipped=2),)}, id="does not add up"),
    pytest.param({"ref": "x" * 300}, id="a ref too long"),
    pytest.param({"ref": "nul\x00"}, id="a ref no database can store"),
    pytest.param({"reservation_ref": "r" * 300}, id="a reservation too long"),
    pytest.param({"lines": (line("a", 1, ref="y" * 300),)}, id="a line ref too long"),
    pytest.param({"lines": (line("a", 1), line("a", 1))}, id="one line twice"),
]
LESS_ODD = [
    pytest.param({"number": "9" * 100}, id="a number too long"),
    pytest.param({"lines": (line("a", 1, title="nul\x00"),)}, id="a title no database can store"),
    pytest.param({"lines": (line("nul\x00", 1),)}, id="a listing no database can ask for"),
    pytest.param({"lines": (line("z" * 300, 1),)}, id="a listing too long"),
]


def mixed(odd: dict[str, Any], place: int) -> list[OrderSnapshot]:
    """Two good orders, and an odd one before, between or after them."""
    good = [order(line("a", 2), ref="1"), order(line("six", 1, shipped=1), line("b", 1, ref="2"), ref="2")]
    return [*good[:place], replace(order(line("b", 1)), **odd), *good[place:]]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_odd_order_leaves_the_others_as_if_it_had_not_come(conn: Connection, shop: Shop, odd: dict[str, Any], place: int) -> None:
    batch = mixed(odd, place)
    with conn.begin_nested() as alone:
        for index, snapshot in enumerate(batch):
            if index != place:
                shop.see(snapshot)
        expected = picture(conn)
        alone.rollback()
    results = orders.apply(conn, [Sighting(shop.channel, snapshot, 1) for snapshot in batch], NOW)
    assert [result.verdict is Verdict.ASIDE for result in results] == [index == place for index in range(3)]
    assert picture(conn) == expected
    assert [kind for kind, _ in aside(conn)] == ["order"]
    assert_adds_up(conn)


@pytest.mark.parametrize("odd", LESS_ODD)
def test_what_is_only_shown_may_be_odd(conn: Connection, shop: Shop, odd: dict[str, Any]) -> None:
    results = orders.apply(conn, [Sighting(shop.channel, snapshot, 1) for snapshot in mixed(odd, 1)], NOW)
    assert [result.verdict for result in results] == [Verdict.APPLIED] * 3
    assert tally(conn)[0] == 4
    assert tally(conn, "B")[2] >= 1
    assert_adds_up(conn)


# -- more than there is --------------------------------------------------------------------------------------------------------------------


def test_shipping_more_than_was_counted_is_a_shortage_that_people_see(conn: Connection, shop: Shop) -> None:
    before = len(shop.moves())
    shop.see(order(line("a", 12, shipped=12)))
    assert tally(conn) == (0, 0, 0, 0)
    assert shop.moves(since=before) == [("fulfil", "A", "main", {"on_hand": -12}), ("shortage", "A", "main", {"on_hand": 2})]
    assert findings(conn) == [("shortage", "100")]


def test_selling_more_than_there_is_is_recorded_until_units_come(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 12)))
    assert tally(conn) == (10, 0, 12, 0)
    assert findings(conn) == [("oversell", "")]
    stock.receive(conn, [Change("A", "main", 1)], NOW)
    assert findings(conn) == [("oversell", "")], "one unit is still missing"
    stock.receive(conn, [Change("A", "main", 1)], NOW)
    assert findings(conn) == []


def test_an_oversell_ends_when_its_order_does(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 12)))
    shop.see(order(line("a", 12, took=0, cancelled=12), state=OrderState.CANCELLED, at=LATER))
    assert (tally(conn), findings(conn)) == ((10, 0, 0, 0), [])


# -- storefront reservations ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [OrderState.OPEN, OrderState.PENDING])
def test_a_reservation_and_the_order_it_becomes_are_one_claim(conn: Connection, shop: Shop, state: OrderState) -> None:
    reservations.reserve(conn, [want("A", 3, "cart")], NOW)
    snapshot = order(line("a", 3), state=state, reservation_ref="cart")
    for _ in range(2):
        shop.see(snapshot)
        assert level(conn, "A").available == 7
    assert_adds_up(conn)


def test_what_the_order_does_not_take_of_a_reservation_stays_claimed(conn: Connection, shop: Shop) -> None:
    reservations.reserve(conn, [want("A", 3, "cart")], NOW)
    shop.see(order(line("a", 2), reservation_ref="cart"))
    assert tally(conn) == (10, 1, 2, 0)
    shop.see(order(line("a", 4), at=LATER, reservation_ref="cart"))
    assert tally(conn) == (10, 0, 4, 0), "the edit took the rest first"


def test_an_order_that_is_seen_shipped_has_used_its_reservation(conn: Connection, shop: Shop) -> None:
    reservations.reserve(conn, [want("A", 3, "cart")], NOW)
    shop.see(order(line("a", 3, shipped=3), reservation_ref="cart"))
    assert tally(conn) == (7, 0, 0, 0)


@pytest.mark.parametrize("told_when_paid", [True, False])
def test_an_order_ships_out_of_its_own_claim_whatever_was_told_between(conn: Connection, shop: Shop, told_when_paid: bool) -> None:
    """Three are in the cart, two are ordered: the third stays claimed, also if we hear of the payment and the parcel at once."""
    reservations.reserve(conn, [want("A", 3, "cart")], NOW)
    shop.see(order(OrderLine("1", "a", 2, location="here"), state=OrderState.PENDING, reservation_ref="cart"))
    if told_when_paid:
        shop.see(order(line("a", 2), at=NOW + MINUTE, reservation_ref="cart"))
    shop.see(order(line("a", 2, shipped=1), at=NOW + 2 * MINUTE, reservation_ref="cart"))
    assert tally(conn) == (9, 1, 1, 0)


# -- unpaid checkouts ----------------------------------------------------------------------------------------------------------------------


def pending(at: timedelta = timedelta(0)) -> OrderSnapshot:
    held = OrderLine("1", "a", 2, withheld=2, location="here")
    return order(held, state=OrderState.PENDING, at=NOW + at, hold_until=NOW + 10 * MINUTE)


def test_a_hold_that_has_ended_does_not_come_back(conn: Connection, shop: Shop) -> None:
    shop.see(pending())
    assert tally(conn) == (10, 2, 0, 0)
    over = NOW + 10 * MINUTE + HOLD_GRACE
    assert end_holds(conn, [Ending(100)], over) == [1]
    assert tally(conn) == (10, 0, 0, 0)
    shop.see(pending(), at=over)
    shop.see(pending(MINUTE), at=over)
    assert tally(conn) == (10, 0, 0, 0)
    assert shop.moves()[-1] == ("expire", "A", "main", {"soft": -2})


def test_a_hold_that_had_ended_when_it_was_first_seen_never_holds(conn: Connection, shop: Shop) -> None:
    shop.see(pending(), at=NOW + 10 * MINUTE + HOLD_GRACE)
    assert tally(conn) == (10, 0, 0, 0)


def test_paid_after_its_hold_has_ended_it_is_an_order_like_any(conn: Connection, shop: Shop) -> None:
    shop.see(pending())
    end_holds(conn, [Ending(100)], NOW + DAY)
    shop.see(order(line("a", 2), at=NOW + DAY), at=NOW + DAY)
    assert (tally(conn), shop.book("a")) == ((10, 0, 2, 0), 8)


# -- from before the opening ---------------------------------------------------------------------------------------------------------------


def test_an_order_from_before_the_opening_moves_nothing_physical(conn: Connection, shop: Shop) -> None:
    old: dict[str, Any] = {"created_at": NOW - 2 * DAY}
    past = NOW - 2 * DAY
    shop.see(order(line("a", 6, at=past, shipped=3), line("b", 4, ref="2", at=past, quarantined=1), **old))
    assert (tally(conn), tally(conn, "B")) == ((10, 0, 3, 0), (10, 0, 3, 0))
    assert (shop.book("a"), shop.book("b")) == (10, 10), "the reading had it all"
    shop.see(order(line("a", 6, at=past, shipped=5), line("b", 4, ref="2", at=past, quarantined=1), at=LATER, **old))
    assert tally(conn) == (8, 0, 1, 0), "what ships from now on is news"


def test_before_its_first_plan_a_channel_only_holds(conn: Connection, shop: Shop) -> None:
    conn.execute(update(channels).values(opened_at=None))
    shop.see(order(line("a", 6, shipped=3)))
    assert tally(conn) == (10, 0, 3, 0)


# -- gone ----------------------------------------------------------------------------------------------------------------------------------


def test_a_deleted_order_ends_like_a_cancelled_one(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 3, shipped=1)))
    [result] = order_ends.gone(conn, [Missing(shop.channel, "100", 9)], NOW)
    assert result.verdict is Verdict.APPLIED
    assert tally(conn) == (7, 0, 0, 2), "nobody said that they are back on sale"
    assert order_ends.gone(conn, [Missing(shop.channel, "100", 10)], NOW)[0].verdict is Verdict.UNCHANGED
    assert order_ends.gone(conn, [Missing(shop.channel, "no such order", 10)], NOW)[0].verdict is Verdict.UNCHANGED


@pytest.mark.parametrize(("days", "holds"), [(57, 0), (58, 3), (400, 3)])
def test_an_order_too_old_to_be_shown_to_us_is_not_taken_for_deleted(conn: Connection, shop: Shop, days: int, holds: int) -> None:
    shop.see(order(line("a", 3)))
    order_ends.gone(conn, [Missing(shop.channel, "100", 9, sees_back=58 * DAY)], NOW + days * DAY)
    assert level(conn, "A").hard == holds
    shop.see(order(line("a", 3, shipped=3), at=NOW + days * DAY))
    assert tally(conn) == (7, 0, 0, 0), "what became of it is booked all the same, once it is seen"


def test_a_late_webhook_does_not_revive_a_deleted_order_but_a_look_does(conn: Connection, shop: Shop) -> None:
    alive = order(line("a", 3))
    shop.see(alive)
    order_ends.gone(conn, [Missing(shop.channel, "100", 9)], NOW)
    shop.see(replace(alive, modified_at=LATER), direct=False, read_seq=10)
    assert tally(conn) == (7, 0, 0, 3)
    shop.see(replace(alive, modified_at=LATER), direct=True, read_seq=11)
    assert tally(conn) == (10, 0, 3, 0)


# -- two versions of one moment ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("direct", "read_seq", "verdict"),
    [(True, 6, Verdict.APPLIED), (True, 4, Verdict.OLDER), (False, 6, Verdict.OLDER)],
)
def test_of_two_versions_of_one_moment_the_later_look_counts(
    conn: Connection, shop: Shop, direct: bool, read_seq: int, verdict: Verdict
) -> None:
    shop.see(order(line("a", 1)), read_seq=5)
    assert shop.see(order(line("a", 2)), direct=direct, read_seq=read_seq).verdict is verdict
    assert tally(conn) == (10, 0, 2 if verdict is Verdict.APPLIED else 1, 0)


def test_a_look_that_finds_less_than_a_webhook_had_said_of_that_moment_takes_it_back(conn: Connection, shop: Shop) -> None:
    """The webhook's body was of another version; what a direct look shows of the same moment stands."""
    shop.see(order(line("a", 2)), direct=False, read_seq=0)
    shop.see(order(line("a", 1)), direct=True, read_seq=1)
    assert (tally(conn), shop.book("a")) == ((10, 0, 1, 0), 9)


@pytest.mark.parametrize(("direct", "still"), [(True, []), (False, [("order", "100")])])
def test_an_order_that_is_read_at_last_is_aside_no_more_though_nothing_in_it_is_new(
    conn: Connection, shop: Shop, direct: bool, still: list[tuple[str, str]]
) -> None:
    """A webhook's body is no reading: it may be of before."""
    shop.see(order(line("a", 2)))
    asides.put(conn, shop.channel, "order", "100", "its refunds made no sense", "{}", NOW)
    assert shop.see(order(line("a", 2)), direct=direct).verdict is Verdict.UNCHANGED
    assert aside(conn) == still


# -- sold before it came -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ends", [OrderState.CANCELLED, None])
def test_a_dead_backorder_leaves_no_units_behind_that_nobody_has(conn: Connection, ends: OrderState | None) -> None:
    """Cancelled without being put back, or deleted: the units never came, so there are none to set aside."""
    shop = open_shop(conn, on_hand=0, shows=0)
    shop.see(order(line("a", 5)))
    if ends is None:
        order_ends.gone(conn, [Missing(shop.channel, "100", 99)], NOW + DAY)
    else:
        shop.see(order(line("a", 5), state=ends, at=LATER))
    assert tally(conn) == (0, 0, 0, 0)
    assert not [found for found in findings(conn) if "shortage" in found]
    stock.receive(conn, [Change("A", "main", 5)], NOW + DAY)
    assert level(conn, "A").available == 5
    assert_adds_up(conn)


def test_a_dead_backorder_that_comes_back_is_held_again(conn: Connection) -> None:
    shop = open_shop(conn, on_hand=0, shows=0)
    shop.see(order(line("a", 5)))
    shop.see(order(line("a", 5), state=OrderState.CANCELLED, at=LATER))
    shop.see(order(line("a", 5), at=LATER + MINUTE))
    assert tally(conn) == (0, 0, 5, 0)
    assert_adds_up(conn)
