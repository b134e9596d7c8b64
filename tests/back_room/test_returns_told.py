"""The same units from two sides: a return receives them, and the shop tells them as restocked. They count once, in whatever order."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from channelsync.contract import OrderState
from channelsync.ledger import bundling, order_ends, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.order_ends import Missing
from channelsync.ledger.order_policy import OrderPolicy, Restock, as_row
from channelsync.ledger.returns import receiving
from channelsync.ledger.returns.inspecting import Outcome
from channelsync.ledger.returns.receiving import Receive
from channelsync.ledger.schema import channels, listings, locations, return_lines, shelves
from support.purchasing import only, refused
from support.returning import arrive, cancel, expect, inspect, line_of, log_of, of_order, try_to_expect
from support.selling import DAY, MINUTE, Shop, findings, line, open_shop, order
from support.stock import NOW, assert_adds_up, level, open_channel

RESTOCK, WRITE_OFF, TO_SUPPLIER = Outcome.RESTOCK, Outcome.WRITE_OFF, Outcome.TO_SUPPLIER
CHANNEL, NEVER, QUARANTINE = Restock.CHANNEL, Restock.NEVER, Restock.QUARANTINE
SECOND = timedelta(seconds=1)


@pytest.fixture
def shop(conn: Connection) -> Shop:
    """Ten of A and B at main and annex; four of A are shipped from main for order 100."""
    shop = open_shop(conn, on_hand=10, shows=10)
    shop.see(order(line("a", 4, shipped=4)))
    return shop


def treat(conn: Connection, restock: Restock) -> None:
    conn.execute(update(channels).values(**as_row(OrderPolicy(restock=restock))))


class Told:
    """The shop tells again and again how many units of the order are restocked: its own number rises by as many."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.at = shop, NOW

    def __call__(self, restocked: int, quantity: int = 4, **more: Any) -> None:
        self.at += MINUTE
        self.shop.see(order(line("a", quantity, took=quantity - restocked, shipped=quantity, restocked=restocked), at=self.at, **more))


@pytest.fixture
def tell(shop: Shop) -> Told:
    return Told(shop)


def held(conn: Connection, sku: str = "A", location: str = "main") -> tuple[int, int, int]:
    """on hand, quarantined, damaged; and the books are proven."""
    assert audit(conn) == []
    assert_adds_up(conn)
    found = level(conn, sku, location)
    return found.on_hand, found.quarantined, found.damaged


def pushed(conn: Connection, ref: str = "a") -> tuple[int, int]:
    """What the shop's shelf at main shows, as we believe, and what it should show."""
    query = select(shelves.c.book, shelves.c.target).join(listings, listings.c.id == shelves.c.listing_id)
    row = conn.execute(query.where(listings.c.ref == ref, shelves.c.location == "here")).one()
    return row.book, row.target


# -- both orders, all policies -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["shop", "return"])
@pytest.mark.parametrize(
    ("restock", "both", "more_told"),
    [(CHANNEL, (6, 2, 0), (7, 2, 0)), (QUARANTINE, (6, 2, 0), (6, 3, 0)), (NEVER, (6, 2, 0), (6, 2, 0))],
)
def test_two_units_told_and_received(
    conn: Connection, tell: Told, restock: Restock, both: tuple[int, ...], more_told: tuple[int, ...], first: str
) -> None:
    treat(conn, restock)
    number = of_order(conn, {"A": 2})
    if first == "shop":
        tell(2)
        arrive(conn, number)
    else:
        arrive(conn, number)
        tell(2)
    assert held(conn) == both
    assert pushed(conn) == (8, 6), "the shop has put two on sale: they are taken off again"
    assert conn.scalar(select(return_lines.c.told)) == 2
    tell(3)
    assert held(conn) == more_told, "a third one is another unit"


@pytest.mark.parametrize("restock", Restock)
@pytest.mark.parametrize("way", list(permutations(["tell", "receive", "inspect"])))
def test_whatever_comes_first_the_return_decides(conn: Connection, tell: Told, restock: Restock, way: tuple[str, ...]) -> None:
    """Of three units one is restocked, one written off, one goes to the supplier; the shop says that all three are on sale."""
    treat(conn, restock)
    number = of_order(conn, {"A": 3})
    steps = [step for step in way if step != "inspect"] if way.index("inspect") < way.index("receive") else list(way)
    for step in [*steps, *(["inspect"] if "inspect" not in steps else [])]:
        if step == "tell":
            tell(3)
        elif step == "receive":
            arrive(conn, number)
        else:
            inspect(conn, number, ("A", 1, RESTOCK), ("A", 1, WRITE_OFF), ("A", 1, TO_SUPPLIER))
    assert held(conn) == (7, 0, 1)
    assert pushed(conn) == (9, 7), "the shop shows three more, and one is there: it is pushed down"


def test_told_bit_by_bit_and_received_bit_by_bit(conn: Connection, tell: Told) -> None:
    number = of_order(conn, {"A": 3})
    arrive(conn, number, {"A": 1})
    tell(2)
    assert held(conn) == (7, 1, 0), "one of the two is the one that has arrived"
    told = arrive(conn, number, {"A": 1})
    assert (held(conn), line_of(told).told) == ((6, 2, 0), 2)
    inspect(conn, number, rest=RESTOCK)
    assert held(conn) == (8, 0, 0)
    tell(3)
    assert held(conn) == (9, 0, 0)
    arrive(conn, number, {"A": 1})
    assert held(conn) == (8, 1, 0)


def test_several_returns_of_one_order_line(conn: Connection, tell: Told) -> None:
    one, two = of_order(conn, {"A": 1}), of_order(conn, {"A": 2})
    arrive(conn, two)
    tell(1)
    arrive(conn, one)
    assert conn.scalars(select(return_lines.c.told).order_by(return_lines.c.id)).all() == [1, 0], "the oldest is told first"
    assert held(conn) == (6, 3, 0)
    tell(4)
    assert conn.scalars(select(return_lines.c.told).order_by(return_lines.c.id)).all() == [1, 2]
    assert held(conn) == (7, 3, 0)


def test_two_lines_of_one_sku_are_units_of_one_kind(conn: Connection, shop: Shop) -> None:
    """A single one and a six-pack: seven units of A, and a return does not know from which line they come."""
    both = (line("a", 1, shipped=1), line("six", 1, shipped=1, ref="2"))
    shop.see(order(*both, ref="7"))
    number = of_order(conn, {"A": 7}, "7")
    arrive(conn, number, {"A": 2})
    assert held(conn) == (0, 2, 0)
    back = (line("a", 1, took=0, shipped=1, restocked=1), line("six", 1, took=0, shipped=1, restocked=1, ref="2"))
    shop.see(order(*back, ref="7", at=NOW + MINUTE))
    assert held(conn) == (5, 2, 0)


# -- the shop takes its word back ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("restock", "one_told"), [(CHANNEL, (7, 0, 0)), (QUARANTINE, (6, 1, 0)), (NEVER, (6, 0, 0))])
def test_what_the_shop_takes_back_changes_nothing_of_what_has_arrived(
    conn: Connection, tell: Told, restock: Restock, one_told: tuple[int, ...]
) -> None:
    treat(conn, restock)
    number = of_order(conn, {"A": 2})
    tell(1)
    assert held(conn) == one_told
    arrive(conn, number)
    tell(2)
    tell(0)
    assert held(conn) == (6, 2, 0)
    assert conn.scalar(select(return_lines.c.told)) == 0
    tell(3)
    assert held(conn)[1] >= 2
    tell(0)
    assert held(conn) == (6, 2, 0)


@pytest.mark.parametrize("then", Restock)
@pytest.mark.parametrize("before", Restock)
def test_another_policy_in_between_counts_nothing_twice(conn: Connection, tell: Told, before: Restock, then: Restock) -> None:
    treat(conn, before)
    tell(2)
    treat(conn, then)
    number = of_order(conn, {"A": 2})
    arrive(conn, number)
    assert held(conn) == (6, 2, 0)
    inspect(conn, number, rest=RESTOCK)
    assert held(conn) == (8, 0, 0)


# -- where it lies -------------------------------------------------------------------------------------------------------------------------------


def test_a_return_to_another_place_takes_it_off_where_the_shop_put_it(conn: Connection, tell: Told) -> None:
    number = of_order(conn, {"A": 2}, location="annex")
    tell(2)
    arrive(conn, number)
    assert held(conn) == (6, 0, 0)
    assert held(conn, location="annex") == (10, 2, 0)
    assert log_of(conn, "100")[-1] == ("defer", "A", "main", -2, 0, 0), "in the order's own name"
    assert log_of(conn, f"RET-{number}") == [("quarantine", "A", "annex", 0, 2, 0)]


def test_what_a_person_has_restocked_from_quarantine_already_is_taken_off_on_hand(conn: Connection, tell: Told) -> None:
    treat(conn, QUARANTINE)
    tell(2)
    only(stock.restock(conn, [stock.Change("A", "main", 2)], NOW))
    assert held(conn) == (8, 0, 0)
    arrive(conn, of_order(conn, {"A": 2}))
    assert held(conn) == (6, 2, 0)


def test_what_returns_wait_with_is_not_taken_out_of_quarantine_by_a_shop(conn: Connection, tell: Told) -> None:
    """Its own unit was restocked by hand; the one that lies there is another customer's."""
    treat(conn, QUARANTINE)
    tell(1)
    only(stock.restock(conn, [stock.Change("A", "main", 1)], NOW))
    arrive(conn, expect(conn, {"A": 1}))
    tell(0)
    assert held(conn) == (6, 1, 0)


def test_a_unit_that_was_sold_again_before_it_arrived_is_a_shortage(conn: Connection, shop: Shop, tell: Told) -> None:
    """The shop put it on sale, it was sold and shipped; and now it lies on the returns desk. One of both is not so: a person should look."""
    tell(1)
    shop.see(order(line("a", 7, shipped=7), ref="200"))
    assert held(conn) == (0, 0, 0)
    arrive(conn, of_order(conn, {"A": 1}))
    assert held(conn) == (0, 1, 0)
    assert ("shortage", "100") in findings(conn)


def test_goods_promised_to_others_meanwhile_are_oversold(conn: Connection, shop: Shop, tell: Told) -> None:
    tell(1)
    shop.see(order(line("a", 7), ref="200"))
    arrive(conn, of_order(conn, {"A": 1}))
    assert level(conn, "A").available == -1
    assert [kind for kind, _ in findings(conn)] == ["oversell"]
    inspect(conn, 1, rest=RESTOCK)
    assert findings(conn) == []


def test_where_an_authority_counts_nothing_of_its_number_is_moved(conn: Connection, tell: Told) -> None:
    tell(1)
    owner = open_channel(conn, "erp", None)
    conn.execute(update(locations).where(locations.c.code == "main").values(authority_id=owner))
    tell(3)
    number = of_order(conn, {"A": 3}, location="annex")
    before = level(conn, "A").on_hand
    arrive(conn, number)
    assert held(conn)[0] == before
    assert held(conn, location="annex") == (10, 3, 0)
    tell(2)
    assert held(conn, location="annex") == (10, 3, 0)


# -- which orders --------------------------------------------------------------------------------------------------------------------------------


def test_a_return_without_an_order_is_nobodys_unit(conn: Connection, tell: Told) -> None:
    number = expect(conn, {"A": 1})
    arrive(conn, number)
    tell(1)
    assert held(conn) == (7, 1, 0)


def test_another_orders_units_are_others(conn: Connection, shop: Shop, tell: Told) -> None:
    shop.see(order(line("a", 1, shipped=1), ref="200"))
    arrive(conn, of_order(conn, {"A": 1}, "200"))
    tell(1)
    assert held(conn) == (6, 1, 0)


def test_an_order_is_found_by_the_shops_id_or_its_number(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 1), ref="900", number="#1001"))
    assert only(try_to_expect(conn, {"A": 1}, channel="shop", order="#1001")).order == "900"
    shop.see(order(line("a", 1), ref="901", number="#1001"))
    assert "2 orders of 'shop'" in str(refused(try_to_expect(conn, {"A": 1}, channel="shop", order="#1001")))
    assert "not on that order" in str(refused(try_to_expect(conn, {"B": 1}, channel="shop", order="900")))


def test_other_goods_that_lie_in_the_parcel_are_units_of_their_own(conn: Connection, tell: Told) -> None:
    number = of_order(conn, {"A": 1})
    arrive(conn, number, {"A": 1, "B": 1}, over=True)
    tell(1)
    assert (held(conn), held(conn, "B")) == ((6, 1, 0), (10, 1, 0))


def test_what_was_told_before_the_opening_is_on_hand_already(conn: Connection, shop: Shop) -> None:
    """It is in the number that the ledger began with."""
    past = NOW - 2 * DAY
    shop.see(order(line("a", 2, took=1, shipped=2, restocked=1, at=past), ref="50", created_at=past, at=past))
    assert held(conn) == (6, 0, 0)
    arrive(conn, of_order(conn, {"A": 1}, "50"))
    assert held(conn) == (5, 1, 0)
    inspect(conn, 1, rest=RESTOCK)
    assert held(conn) == (6, 0, 0)


def test_parts_of_a_bundle_come_back_one_by_one(conn: Connection, shop: Shop) -> None:
    only(bundling.define(conn, [Define("KIT", (Part("A", 2), Part("B", 1)))], NOW))
    shop.link("loose", "KIT")
    shop.see(order(line("loose", 1, shipped=1), ref="300"))
    assert (held(conn), held(conn, "B")) == ((4, 0, 0), (9, 0, 0))
    number = of_order(conn, {"A": 2, "B": 1}, "300")
    assert "is a bundle" in str(refused(try_to_expect(conn, {"KIT": 1}, channel="shop", order="300")))
    arrive(conn, number, {"A": 1})
    shop.see(order(line("loose", 1, took=0, shipped=1, restocked=1), ref="300", at=NOW + MINUTE))
    assert (held(conn), held(conn, "B")) == ((5, 1, 0), (10, 0, 0))
    arrive(conn, number)
    assert (held(conn), held(conn, "B")) == ((4, 2, 0), (9, 1, 0))


def test_a_cancelled_or_deleted_order_keeps_its_returns(conn: Connection, shop: Shop, tell: Told) -> None:
    number = of_order(conn, {"A": 2})
    arrive(conn, number)
    tell(2, state=OrderState.CANCELLED)
    assert held(conn) == (6, 2, 0)
    order_ends.gone(conn, [Missing(shop.channel, "100", 99)], NOW + DAY)
    assert held(conn) == (6, 2, 0)


def test_the_same_page_again_tells_nothing_new(conn: Connection, shop: Shop) -> None:
    number = of_order(conn, {"A": 1})
    arrive(conn, number)
    told = order(line("a", 4, took=3, shipped=4, restocked=1), at=NOW + MINUTE)
    for _ in range(3):
        shop.see(told)
    order_ends.stored_snapshots(conn, [(shop.channel, "100")], NOW + DAY)
    assert held(conn) == (6, 1, 0)


def test_a_batch_of_receipts_of_one_order(conn: Connection, tell: Told) -> None:
    """The second one sees what the first one has taken off, though it is not written yet."""
    one, two = of_order(conn, {"A": 1}), of_order(conn, {"A": 1})
    tell(2)
    receiving.receive(conn, [Receive(one), Receive(two)], NOW + DAY)
    assert held(conn) == (6, 2, 0)


# -- counts in between ---------------------------------------------------------------------------------------------------------------------------


def count(conn: Connection, units: int, at: datetime | None = None, now: datetime = NOW) -> None:
    only(stock.count(conn, [stock.Change("A", "main", units, occurred_at=at)], now))


def test_who_counts_before_the_parcel_arrives_has_counted_without_it(conn: Connection, tell: Told) -> None:
    """The shop has told two, and the ledger has 8 on hand; 6 are counted, because nothing has arrived yet."""
    tell(2)
    count(conn, 6, now=NOW + DAY)
    arrive(conn, of_order(conn, {"A": 2}), at=NOW + 2 * DAY)
    assert held(conn) == (6, 2, 0)
    tell(0)
    assert held(conn) == (6, 2, 0)


def test_what_is_told_after_the_count_is_on_top_of_it(conn: Connection, tell: Told) -> None:
    tell(1)
    count(conn, 6, NOW + MINUTE + SECOND, NOW + DAY)
    tell(3)
    assert held(conn) == (8, 0, 0)
    arrive(conn, of_order(conn, {"A": 3}), at=NOW + DAY)
    assert held(conn) == (6, 3, 0)


@pytest.mark.parametrize("counted_after", [SECOND, 3 * MINUTE], ids=["before", "after"])
def test_a_count_of_a_time_in_between_is_right_when_it_is_entered_at_last(conn: Connection, tell: Told, counted_after: timedelta) -> None:
    """Six lie there before the shop tells and after it; the number is entered when the parcel has arrived."""
    tell(2)
    arrive(conn, of_order(conn, {"A": 2}), at=NOW + DAY)
    count(conn, 6, NOW + counted_after, NOW + 2 * DAY)
    assert held(conn) == (6, 2, 0)


def test_a_count_makes_no_difference_to_what_is_told_later(conn: Connection, tell: Told) -> None:
    number = of_order(conn, {"A": 2})
    arrive(conn, number)
    count(conn, 5, now=NOW + DAY)
    tell(2)
    assert held(conn) == (5, 2, 0)


def test_no_more_of_an_order_is_expected_than_it_shipped_unless_that_is_said(conn: Connection, shop: Shop) -> None:
    """Four are shipped; of order 300, two are ordered and none is told as shipped."""

    def expected(units: int, order: str = "100", **more: Any) -> Any:
        return try_to_expect(conn, {"A": units}, channel="shop", order=order, **more)

    too_many = refused(expected(60))
    assert (too_many.code, "60 are expected back, but the order shipped 4;" in str(too_many)) == ("more_than_shipped", True)
    one = only(expected(3)).number
    assert "shipped 4, and its other returns bring 3" in str(refused(expected(2)))
    cancel(conn, one)
    two = only(expected(4)).number
    arrive(conn, two, {"A": 1})
    assert refused(expected(3)).code == "more_than_shipped", "three may still come"
    inspect(conn, two, ("A", 1, RESTOCK), complete=True)
    assert only(expected(3)).state == "expected", "they did not"
    assert only(expected(60, over=True)).state == "expected"
    shop.see(order(line("a", 2), ref="300"))
    assert "asked for 2, none of them told as shipped" in str(refused(expected(3, "300")))
    assert only(expected(2, "300")).state == "expected"
