"""Bundles: their number comes from their parts, their orders and reservations take the parts, and nothing else is theirs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from channelsync.contract import Effect, Listing, OrderLine, OrderState
from channelsync.ledger import bundling, fulfilment, looking, matching, order_ends, reservations, selling, skus, stock
from channelsync.ledger import listings as listing_rooms
from channelsync.ledger.audit import audit
from channelsync.ledger.bundling import Define, Defined, Dissolve, Part
from channelsync.ledger.explaining import explain
from channelsync.ledger.fulfilment import Fulfil
from channelsync.ledger.holds import Which
from channelsync.ledger.order_ends import Missing
from channelsync.ledger.refusals import AlreadyResolved, InsufficientStock, KeyReused, NotAllowed, Refusal, UnknownSku
from channelsync.ledger.reservations import Line, Release, Reserve
from channelsync.ledger.schema import listings, shelves
from channelsync.ledger.stock import Change
from support.selling import DAY, MINUTE, Shop, line, open_shop, order
from support.stock import NOW, assert_adds_up, level, open_channel, put

LATER = NOW + MINUTE


def define(conn: Connection, sku: str = "KIT", **parts: int) -> Defined:
    """Of A and B unless told otherwise."""
    wanted = tuple(Part(name, units) for name, units in (parts or {"A": 1, "B": 2}).items())
    [done] = bundling.define(conn, [Define(sku, wanted)], NOW)
    assert isinstance(done, Defined), done
    return done


@pytest.fixture
def shop(conn: Connection) -> Shop:
    """Listing "loose" sells KIT = A + 2 B; ten of each part lie at main and at annex."""
    shop = open_shop(conn, on_hand=10, shows=10)
    define(conn)
    shop.link("loose", "KIT")
    return shop


def target(conn: Connection, ref: str = "loose", location: str = "here") -> int | None:
    query = select(shelves.c.target).join(listings, listings.c.id == shelves.c.listing_id)
    found: int | None = conn.execute(query.where(listings.c.ref == ref, shelves.c.location == location)).scalar_one()
    return found


def held(conn: Connection, location: str = "main") -> tuple[int, int]:
    """hard of A and B"""
    assert_adds_up(conn)
    assert audit(conn) == []
    return level(conn, "A", location).hard, level(conn, "B", location).hard


def refused(answer: Any) -> str:
    assert isinstance(answer, NotAllowed), answer
    return str(answer)


# -- its number ----------------------------------------------------------------------------------------------------------------------------


def test_a_bundle_is_as_many_as_its_shortest_part(conn: Connection, shop: Shop) -> None:
    assert (target(conn), target(conn, location="there")) == (5, 5)
    stock.adjust(conn, [Change("A", "main", -7, reason="broken")], NOW)
    assert (target(conn), target(conn, location="there")) == (3, 5)
    stock.adjust(conn, [Change("B", "main", -5, reason="broken")], NOW)
    assert target(conn) == 2
    assert audit(conn) == []


def test_a_part_that_was_promised_too_often_makes_the_bundle_due_to_go_down(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("b", 11)))
    assert level(conn, "B").available == -1
    assert target(conn) == 0


def test_of_a_part_that_nobody_has_counted_no_bundle_is_known(conn: Connection, shop: Shop) -> None:
    skus.ensure(conn, ["NEW"], NOW)
    define(conn, A=1, NEW=1)
    assert target(conn) is None
    put(conn, "NEW", 4)
    assert target(conn) == 4


def test_another_recipe_is_another_number_at_once(conn: Connection, shop: Shop) -> None:
    assert define(conn, A=5).was == (Part("A", 1), Part("B", 2))
    assert target(conn) == 2
    [gone] = bundling.dissolve(conn, [Dissolve("KIT")], NOW)
    assert not isinstance(gone, Refusal)
    assert target(conn) is None
    assert audit(conn) == []


def test_a_pack_of_bundles(conn: Connection, shop: Shop) -> None:
    shop.link("loose", "KIT", 2)
    assert target(conn) == 2
    shop.see(order(line("loose", 1)))
    assert held(conn) == (2, 4)


# -- what may be a bundle ------------------------------------------------------------------------------------------------------------------


def test_what_cannot_be_a_bundle(conn: Connection, shop: Shop) -> None:
    put(conn, "OWN", 1)
    conn_refused = [
        Define("OWN", (Part("A"),)),
        Define("BOX", (Part("KIT"),)),
        Define("A", (Part("OWN"),)),
        Define("BOX", (Part("BOX"),)),
        Define("BOX", (Part("A"), Part("A"))),
        Define("BOX", ()),
        Define("BOX", (Part("A", 0),)),
    ]
    reasons = [refused(answer) for answer in bundling.define(conn, conn_refused, NOW)]
    expected = [
        "stock of its own",
        "is a bundle itself",
        "is a part of bundle 'KIT'",
        "part of itself",
        "named twice",
        "1 to 100 parts",
        "0 of 'A'",
    ]
    for reason, text in zip(reasons, expected, strict=True):
        assert text in reason
    [unknown] = bundling.define(conn, [Define("BOX", (Part("NOBODY"),))], NOW)
    assert isinstance(unknown, UnknownSku)


def test_what_is_held_cannot_become_a_bundle(conn: Connection, shop: Shop) -> None:
    skus.ensure(conn, ["SOLD"], NOW)
    shop.link("loose", "SOLD")
    shop.see(order(line("loose", 2)))
    [answer] = bundling.define(conn, [Define("SOLD", (Part("A"),))], NOW)
    assert "2 units of it are held" in refused(answer)


def test_the_same_request_twice(conn: Connection, shop: Shop) -> None:
    wanted = Define("BOX", (Part("A"),), key="k")
    [first], [again] = bundling.define(conn, [wanted], NOW), bundling.define(conn, [wanted], NOW)
    assert isinstance(first, Defined)
    assert isinstance(again, Defined)
    assert (first.repeat, again.repeat) == (False, True)
    [other] = bundling.define(conn, [Define("BOX", (Part("B"),), key="k")], NOW)
    assert isinstance(other, KeyReused)
    assert [(row.sku, row.parts) for row in bundling.listed(conn)] == [("KIT", (Part("A", 1), Part("B", 2))), ("BOX", (Part("A"),))]


@pytest.mark.parametrize("verb", [stock.seed, stock.receive, stock.count, stock.take_back])
def test_a_bundle_has_no_stock_of_its_own(conn: Connection, shop: Shop, verb: Any) -> None:
    [answer] = verb(conn, [Change("KIT", "main", 3)], NOW)
    assert "receive, count or adjust its parts: A, B" in refused(answer)
    assert audit(conn) == []


# -- orders --------------------------------------------------------------------------------------------------------------------------------


def test_an_order_takes_the_parts_and_the_shop_one_number(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("loose", 3)))
    assert held(conn) == (3, 6)
    assert (shop.book("loose"), shop.book("a"), shop.book("b")) == (7, 10, 10)
    assert (target(conn), target(conn, "a"), target(conn, "b")) == (2, 7, 4)
    shop.see(order(line("loose", 3, shipped=1), at=LATER))
    assert held(conn) == (2, 4)
    assert (level(conn, "A").on_hand, level(conn, "B").on_hand) == (9, 8)
    shop.see(order(line("loose", 3, took=2, shipped=1, restocked=1), at=LATER + MINUTE))
    assert (level(conn, "A").on_hand, level(conn, "B").on_hand, held(conn)) == (10, 10, (2, 4))
    shop.see(order(line("loose", 3, took=0, shipped=1, restocked=1, cancelled=2), at=LATER + 2 * MINUTE, state=OrderState.CANCELLED))
    assert (held(conn), shop.book("loose"), target(conn)) == ((0, 0), 10, 5)


def test_what_a_dead_order_took_with_it_waits_in_quarantine(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("loose", 2)))
    order_ends.gone(conn, [Missing(shop.channel, "100", 9)], NOW)
    assert held(conn) == (0, 0)
    assert (level(conn, "A").quarantined, level(conn, "B").quarantined) == (2, 4)


def test_an_unpaid_bundle_is_held_and_withheld_once(conn: Connection, shop: Shop) -> None:
    pending = OrderLine("1", "loose", 2, withheld=2, location="here")
    shop.see(order(pending, state=OrderState.PENDING, hold_until=NOW + DAY))
    assert (level(conn, "A").soft, level(conn, "B").soft) == (2, 4)
    assert target(conn) == 3 + 2
    assert order_ends.expire_holds(conn, 10, NOW + 2 * DAY) == 2
    assert (level(conn, "A").soft, level(conn, "B").soft, target(conn)) == (0, 0, 5)
    assert audit(conn) == []


def test_the_recipe_is_that_of_the_sale(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("loose", 2)))
    define(conn, A=4)
    shop.see(order(line("loose", 3), at=LATER))
    assert held(conn) == (3, 6)
    bundling.dissolve(conn, [Dissolve("KIT")], NOW)
    shop.see(order(line("loose", 3, shipped=3), at=LATER + MINUTE))
    assert (held(conn), level(conn, "A").on_hand, level(conn, "B").on_hand) == ((0, 0), 7, 4)


def test_a_bundle_that_moves_keeps_its_recipe(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("loose", 2, shipped=1)))
    define(conn, A=4)
    shop.see(order(line("loose", 2, shipped=1, location="there"), at=LATER))
    assert (held(conn), held(conn, "annex")) == ((0, 0), (1, 2))
    assert (shop.book("loose"), shop.book("loose", "there")) == (10, 8)


def test_another_mapping_moves_what_is_not_shipped(conn: Connection, shop: Shop) -> None:
    put(conn, "C", 10)
    shop.see(order(line("loose", 3, shipped=1)))
    shop.link("loose", "C")
    shop.see(order(line("loose", 3, shipped=1), at=LATER))
    assert (held(conn), level(conn, "C").hard, level(conn, "A").on_hand) == ((0, 0), 2, 9)
    shop.see(order(line("loose", 3, shipped=3), at=LATER + MINUTE))
    assert (level(conn, "C").on_hand, level(conn, "A").on_hand, level(conn, "B").on_hand) == (8, 9, 8)
    assert audit(conn) == []


def test_a_mapping_that_shares_a_part_keeps_what_was_sold(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("loose", 2)))
    shop.link("loose", "A")
    shop.see(order(line("loose", 2, shipped=1), at=LATER))
    assert held(conn) == (1, 2)


def test_a_line_waits_for_its_listing_and_then_takes_the_parts(conn: Connection, shop: Shop) -> None:
    matching.unlink(conn, [matching.Unlink(channel_id=shop.channel, ref="loose")], NOW)
    shop.see(order(line("loose", 2)))
    assert held(conn) == (0, 0)
    assert shop.link("loose", "KIT").orders_applied == 1
    assert held(conn) == (2, 4)


def test_where_the_shop_splits_a_bundle_itself_the_parts_are_taken_once(conn: Connection, shop: Shop) -> None:
    parent = OrderLine("1", "loose", 2, stocked=False, location="here")
    shop.see(order(parent, line("a", 2, ref="2"), line("b", 4, ref="3")))
    assert held(conn) == (2, 4)
    assert (shop.book("loose"), shop.book("a"), shop.book("b")) == (10, 8, 6)


# -- reservations --------------------------------------------------------------------------------------------------------------------------


def reserve(conn: Connection, quantity: int, *more: Line) -> Any:
    [answer] = reservations.reserve(conn, [Reserve("cart", (Line("KIT", "main", quantity), *more))], NOW)
    return answer


def test_a_reserved_bundle_is_its_parts(conn: Connection, shop: Shop) -> None:
    claims = reserve(conn, 2).claims
    assert [(claim.sku, claim.quantity, claim.available) for claim in claims] == [("A", 2, 8), ("B", 4, 6)]
    assert target(conn) == 3
    [released] = reservations.release(conn, [Release(Which(reference="cart", sku="KIT"), quantity=1)], NOW)
    assert not isinstance(released, Refusal)
    assert (released.units, released.held) == (1, 1)
    assert (level(conn, "A").soft, level(conn, "B").soft) == (1, 2)
    [shipped] = fulfilment.fulfil(conn, [Fulfil(Which(reference="cart", sku="KIT"))], NOW)
    assert not isinstance(shipped, Refusal)
    assert (shipped.units, shipped.held) == (1, 0)
    assert (level(conn, "A").on_hand, level(conn, "B").on_hand) == (9, 8)
    [over] = fulfilment.fulfil(conn, [Fulfil(Which(reference="cart", sku="KIT"))], NOW)
    assert isinstance(over, AlreadyResolved)
    assert audit(conn) == []


def test_a_bundle_is_reserved_whole_or_not_at_all(conn: Connection, shop: Shop) -> None:
    short = reserve(conn, 5, Line("B", "main", 1))
    assert isinstance(short, InsufficientStock)
    assert (short.sku, short.wanted, short.available) == ("B", 11, 10)
    assert level(conn, "A").soft == 0
    assert not isinstance(reserve(conn, 4, Line("B", "main", 2)), Refusal)
    assert (level(conn, "A").soft, level(conn, "B").soft) == (4, 10)
    [released] = reservations.release(conn, [Release(Which(reference="cart", sku="KIT"))], NOW)
    assert not isinstance(released, Refusal)
    assert (released.units, level(conn, "A").soft, level(conn, "B").soft) == (4, 0, 2)


def test_an_order_takes_over_a_reserved_bundle(conn: Connection, shop: Shop) -> None:
    reserve(conn, 2)
    shop.see(order(line("loose", 2), reservation_ref="cart"))
    assert (held(conn), level(conn, "A").soft, level(conn, "B").soft) == ((2, 4), 0, 0)


# -- people, and who must be asked -------------------------------------------------------------------------------------------------------


def test_explain_shows_what_it_is_made_of(conn: Connection, shop: Shop) -> None:
    found = explain(conn, "KIT")
    assert [(part.sku, part.quantity, part.levels[0].available) for part in found.parts] == [("A", 1, 10), ("B", 2, 10)]
    assert found.shelves[0].steps[0].value == 5
    assert found.counted
    assert explain(conn, "A").part_of == ("KIT",)


def test_the_list_of_stock_says_how_many_can_be_put_together(conn: Connection, shop: Shop) -> None:
    stock.adjust(conn, [Change("B", "annex", -7, reason="broken")], NOW)
    assert {row.sku: row.available for row in looking.stock_rows(conn)} == {"A": 20, "B": 13, "KIT": 5 + 1}


def test_who_sells_a_part_is_asked_before_a_bundle_is_raised(conn: Connection, shop: Shop) -> None:
    other = open_channel(conn, "other")
    listing_rooms.upsert(conn, other, [Listing("x", "B")], NOW)
    matching.match(conn, other, NOW)
    ids = dict(
        conn.execute(select(listings.c.ref, shelves.c.id).join(shelves, shelves.c.listing_id == listings.c.id).order_by(shelves.c.id)).all()
    )
    both = frozenset({shop.channel, other})
    assert selling.sellers_by_shelf(conn, list(ids.values())) == {
        ids["a"]: frozenset({shop.channel}),
        ids["b"]: both,
        ids["six"]: frozenset({shop.channel}),
        ids["loose"]: both,
        ids["x"]: both,
    }


# -- one pool ------------------------------------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_pool_feeds_all(conn: Connection, data: st.DataObject) -> None:
    """Packs, second listings and bundles: every shelf alone could sell all it shows, and each sale lowers all others that share its units."""
    with conn.begin_nested() as savepoint:
        shop = open_shop(conn, on_hand=data.draw(st.integers(0, 30)))
        define(conn, A=data.draw(st.integers(1, 3)), B=data.draw(st.integers(1, 3)))
        shop.link("loose", "KIT", data.draw(st.integers(1, 2)))
        for number in range(data.draw(st.integers(1, 5))):
            ref = data.draw(st.sampled_from(["a", "b", "six", "loose"]))
            units = data.draw(st.integers(1, 4))
            shipped = data.draw(st.integers(0, units))
            place = data.draw(st.sampled_from(["here", "there"]))
            shop.see(order(line(ref, units, shipped=shipped, location=place), ref=str(number)))
            assert audit(conn) == []
        for place, location in (("here", "main"), ("there", "annex")):
            there = {sku: level(conn, sku, location).available for sku in ("A", "B")}
            kit = {part.sku: part.quantity for part in bundling.listed(conn)[0].parts}
            least = min(there[sku] // units for sku, units in kit.items())
            pack = conn.scalar(select(listings.c.pack).where(listings.c.ref == "loose"))
            assert pack
            expected = {"a": there["A"], "b": there["B"], "six": there["A"] // 6, "loose": least // pack}
            assert {ref: target(conn, ref, place) for ref in expected} == {ref: max(0, units) for ref, units in expected.items()}
        savepoint.rollback()


def test_an_effect_of_the_shop_is_booked_once_however_many_parts(conn: Connection, shop: Shop) -> None:
    sold = OrderLine("1", "loose", 2, effects=(Effect(2, NOW),), location="here")
    shop.see(order(sold))
    shop.see(order(sold, at=LATER))
    assert shop.book("loose") == 8
    assert shop.posted()["1", "A", "main"] == {"hard": 2, "took": 2}
    assert shop.posted()["1", "B", "main"] == {"hard": 4}
