"""Orders that are routed: where their units are held, what moves them and what does not, and that nothing of it is ever lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from channelsync.contract import Listing, OrderState, ShipTo
from channelsync.ledger import bundling, channel_places, expiry, freezing, listings, matching, reservations
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.expiry import Ending, Forget
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.routing.areas import Areas
from channelsync.ledger.routing.pages import one_route
from channelsync.ledger.schema import locations, movements, order_destinations, order_routes
from channelsync.ledger.schema import orders as order_table
from channelsync.ledger.schema import reservations as claims
from support.routing import BERLIN, Store, count, decisions, sold
from support.stock import NOW, level, open_channel, want

# -- at first sight --------------------------------------------------------------------------------------------------------------------------


def test_an_order_is_held_at_the_nearest_location_that_has_it(store: Store) -> None:
    store.see(sold("a", 3))
    assert store.held() == {("1", "A", "berlin"): 3}
    assert level(store.conn, "A", "berlin").available == 7
    assert level(store.conn, "A", "main").available == 10
    assert decisions(store) == [("1", "berlin", "rule")]
    store.proven()


def test_without_routing_it_is_held_where_the_shop_sells_from(store: Store) -> None:
    store.route()
    store.see(sold("a", 3))
    assert store.held() == {("1", "A", "main"): 3}
    assert decisions(store) == []
    store.proven()


def test_lines_go_together_where_one_location_has_them_all(store: Store) -> None:
    store.see(sold("a", 1, ref="1"), sold("b", 1, ref="2"))
    assert store.held() == {("1", "A", "hamburg"): 1, ("2", "B", "hamburg"): 1}
    store.proven()


def test_an_order_is_split_where_nobody_has_all_of_it(store: Store) -> None:
    count(store, "A", "main", 0)
    count(store, "A", "hamburg", 0)
    store.see(sold("a", 1, ref="1"), sold("b", 1, ref="2"))
    assert store.held() == {("1", "A", "berlin"): 1, ("2", "B", "hamburg"): 1}
    store.proven()


def test_the_same_order_told_again_keeps_its_route(store: Store) -> None:
    store.see(sold("a", 3))
    before = store.conn.execute(select(func.count()).select_from(movements)).scalar_one()
    count(store, "A", "berlin", 100)
    count(store, "A", "main", 0)
    store.repeat()
    store.see(sold("a", 3), to=ShipTo("DE", "HH", "20095", 53.55, 9.99))
    assert store.held() == {("1", "A", "berlin"): 3}
    assert decisions(store) == [("1", "berlin", "rule")]
    assert store.conn.scalar(select(func.count()).select_from(movements)) == before + 2  # the two counts
    store.proven()


def test_a_line_that_grows_stays_and_one_that_is_added_goes_along(store: Store) -> None:
    store.see(sold("a", 1, ref="1"), sold("b", 1, ref="2"))
    store.see(sold("a", 4, ref="1"), sold("b", 1, ref="2"), sold("a", 2, ref="3"))
    assert store.held() == {("1", "A", "hamburg"): 4, ("2", "B", "hamburg"): 1, ("3", "A", "hamburg"): 2}
    store.proven()


def test_what_is_shipped_leaves_from_where_it_is_held_and_comes_back_there(store: Store) -> None:
    store.see(sold("a", 3))
    store.see(sold("a", 3, shipped=3))
    assert (store.held(), store.shipped()) == ({}, {("1", "A", "berlin"): 3})
    assert level(store.conn, "A", "berlin").on_hand == 7
    store.see(sold("a", 3, shipped=3, restocked=2))
    assert level(store.conn, "A", "berlin").on_hand == 9
    store.proven()


def test_what_is_cancelled_is_free_again_where_it_was_held(store: Store) -> None:
    store.see(sold("a", 3))
    store.see(sold("a", 3, took=0, cancelled=3), state=OrderState.CANCELLED)
    assert store.held() == {}
    assert level(store.conn, "A", "berlin").available == 10
    store.proven()


def test_an_unpaid_checkout_keeps_its_place_when_it_is_paid(store: Store) -> None:
    store.see(sold("a", 2, withheld=2, took=0), state=OrderState.PENDING, hold_until=NOW + timedelta(hours=1))
    assert level(store.conn, "A", "berlin").soft == 2
    store.see(sold("a", 2))
    assert (level(store.conn, "A", "berlin").soft, level(store.conn, "A", "berlin").hard) == (0, 2)
    store.proven()


def test_a_location_that_the_shop_names_is_the_shops_affair(store: Store) -> None:
    store.see(sold("a", 3, location="somewhere"))
    assert decisions(store) == []
    store.see(sold("a", 3, location="", ref="1"), ref="101")
    assert store.held("101") == {("1", "A", "berlin"): 3}


def test_a_location_that_only_tells_whose_number_was_taken_binds_nobody(store: Store) -> None:
    """BigCommerce's default location: the store takes every sale out of its number there, and does not say where it is shipped from."""
    channel_places.named(store.conn, store.channel, ["1"], {"1": (store.ids["main"],)}, NOW)
    store.see(sold("a", 3, location="1", assigned=False))
    assert store.held() == {("1", "A", "berlin"): 3}
    store.repeat()
    store.see(sold("a", 3, location="1", assigned=True), ref="101")
    assert store.held("101") == {("1", "A", "main"): 3}
    store.proven()


def test_an_order_that_has_left_before_it_was_seen_left_from_where_the_shop_sells(store: Store) -> None:
    store.see(sold("a", 3, shipped=1))
    assert store.held() == {("1", "A", "main"): 2}
    assert decisions(store) == []
    store.proven()


def test_orders_from_before_routing_was_switched_on_stay_where_they_are(store: Store) -> None:
    store.route()
    store.see(sold("a", 3))
    store.route("main", "berlin", "hamburg")
    store.see(sold("a", 4))
    assert store.held() == {("1", "A", "main"): 4}
    store.proven()


def test_routes_outlive_routing(store: Store) -> None:
    store.see(sold("a", 3))
    store.route()
    store.see(sold("a", 4))
    assert store.held() == {("1", "A", "berlin"): 4}
    store.proven()


def test_an_order_from_before_the_opening_is_not_routed(store: Store) -> None:
    store.see(sold("a", 3), created_at=NOW - timedelta(days=2))
    assert store.held() == {("1", "A", "main"): 3}
    store.proven()


def test_a_test_order_and_a_dead_one_get_no_route(store: Store) -> None:
    store.see(sold("a", 3), test=True)
    store.see(sold("a", 3, took=0, cancelled=3), ref="101", state=OrderState.CANCELLED)
    assert decisions(store) == []


def test_what_nobody_has_waits_where_the_shop_sells_from(store: Store) -> None:
    for code in ("main", "berlin", "hamburg"):
        count(store, "A", code, 0)
    store.see(sold("a", 3))
    assert store.held() == {("1", "A", "main"): 3}
    assert decisions(store) == [("1", "main", "rule")]
    store.proven()


def test_a_bundle_leaves_from_one_place(store: Store) -> None:
    (answer,) = bundling.define(store.conn, [Define("SET", (Part("A", 2), Part("B", 1)))], NOW)
    assert not isinstance(answer, Refusal), answer

    listings.upsert(store.conn, store.channel, [Listing("set", "SET")], NOW, {"": (store.ids["main"],)})
    matching.match(store.conn, store.channel, NOW)
    store.see(sold("set", 2, sku="SET"))
    assert store.held() == {("1", "A", "hamburg"): 4, ("1", "B", "hamburg"): 2}
    store.reroute(to="main")
    assert store.held() == {("1", "A", "main"): 4, ("1", "B", "main"): 2}
    store.see(sold("set", 2, sku="SET", shipped=2))
    assert level(store.conn, "A", "main").on_hand == 6
    store.proven()


def test_lists_are_limits(store: Store) -> None:
    store.route("main", "berlin", "hamburg", areas={"berlin": Areas(("FR",)), "hamburg": Areas(("DE",))})
    store.see(sold("a", 1))
    assert store.held() == {("1", "A", "hamburg"): 1}


def test_what_the_storefront_has_reserved_is_shipped_from_there(store: Store) -> None:
    reservations.reserve(store.conn, [want("A", 2, "cart-1", "main")], NOW)
    store.see(sold("a", 2), reservation_ref="cart-1")
    assert store.held() == {("1", "A", "main"): 2}
    assert level(store.conn, "A", "main").available == 8
    assert decisions(store) == [("1", "main", "cart")]
    assert store.conn.scalar(select(func.count()).select_from(claims).where(claims.c.state == "open")) == 0
    store.proven()


def test_where_an_authority_counts_units_are_held_and_its_own_number_moves(store: Store) -> None:
    owner = open_channel(store.conn, "erp", None)
    store.conn.execute(update(locations).where(locations.c.code == "berlin").values(authority_id=owner))
    store.see(sold("a", 3))
    assert store.held() == {("1", "A", "berlin"): 3}
    store.see(sold("a", 3, shipped=3))
    left = level(store.conn, "A", "berlin")
    assert (left.on_hand, left.pending_debit, left.available) == (10, 3, 7)
    store.proven()


def test_a_frozen_sku_is_routed_all_the_same(store: Store) -> None:
    """Freezing stops what is written to shops; goods that are sold have to leave from somewhere."""
    (answer,) = freezing.freeze(store.conn, [freezing.Freeze(freezing.Scope(sku="A"), reason="recall")], NOW)
    assert not isinstance(answer, Refusal), answer
    store.see(sold("a", 3))
    assert store.held() == {("1", "A", "berlin"): 3}
    store.reroute(to="main")
    assert store.held() == {("1", "A", "main"): 3}
    store.proven()


def test_a_location_that_has_left_the_config_keeps_what_it_holds_and_gets_no_more(store: Store) -> None:
    store.see(sold("a", 3))
    store.route("main", "hamburg")
    store.see(sold("a", 1), ref="101")
    assert (store.held(), store.held("101")) == ({("1", "A", "berlin"): 3}, {("1", "A", "hamburg"): 1})
    assert store.reroute().lines[0].location == "hamburg"
    store.proven()


# -- where it goes ---------------------------------------------------------------------------------------------------------------------------


def destinations(store: Store) -> list[tuple[str, str, str]]:
    rows = store.conn.execute(select(order_destinations))
    return [(row.country, row.region, row.postcode) for row in rows]


def told(store: Store) -> str:
    return str(store.conn.scalars(select(order_routes.c.told)).all())


def test_where_an_order_goes_is_kept_while_it_is_open_and_not_in_its_snapshot(store: Store) -> None:
    store.see(sold("a", 3))
    assert destinations(store) == [("DE", "BE", "10115")]
    assert "10115" not in str(store.conn.scalar(select(order_table.c.snapshot)))
    store.see(sold("a", 3), to=ShipTo("DE", "HH", "20095"))
    assert destinations(store) == [("DE", "HH", "20095")]
    store.see(sold("a", 3, shipped=3))
    assert destinations(store) == []


@pytest.mark.parametrize("how", ["shipped", "cancelled", "switched off", "ended by the clock"])
def test_what_routes_tell_of_where_an_order_goes_is_forgotten_with_it(store: Store, how: str) -> None:
    store.route("main", "berlin", "hamburg", areas={"hamburg": Areas(postcodes=("DE-20", "DE-101"))})
    if how == "ended by the clock":
        store.see(sold("a", 2, withheld=2, took=0), state=OrderState.PENDING, hold_until=NOW + timedelta(hours=1))
    else:
        store.see(sold("a", 2))
        store.reroute(actor="cli:bob")
    assert "km away" in told(store)
    before, route = decisions(store), one_route(store.conn, None, "100")
    if how == "shipped":
        store.see(sold("a", 2, shipped=1))
        assert "km away" in told(store)
        store.see(sold("a", 2, shipped=2))
    elif how == "cancelled":
        store.see(sold("a", 2, took=0, cancelled=2), state=OrderState.CANCELLED)
    elif how == "switched off":
        store.route()
    else:
        expiry.end_holds(store.conn, [Ending(10)], NOW + timedelta(hours=3))
        expiry.forget(store.conn, [Forget(10, timedelta(days=14))], NOW + timedelta(hours=3))
    assert not any(word in told(store) for word in ("km", "10115", "DE-", "postcode"))
    after = one_route(store.conn, None, "100")
    assert route is not None and after is not None
    assert (decisions(store), after.decisions) == (before, route.decisions)
    assert [(line.summary, line.considered, line.forgotten) for line in after.lines] == [(line.summary, (), True) for line in route.lines]
    store.proven()


def test_it_is_forgotten_when_routing_is_switched_off_and_never_kept_without(store: Store) -> None:
    store.see(sold("a", 3))
    store.route()
    assert destinations(store) == []
    store.see(sold("a", 3), ref="101")
    assert destinations(store) == []


def test_it_is_forgotten_when_a_hold_ends_by_the_clock(store: Store) -> None:

    store.see(sold("a", 2, withheld=2, took=0), state=OrderState.PENDING, hold_until=NOW + timedelta(hours=1))
    assert destinations(store) == [("DE", "BE", "10115")]
    later = NOW + timedelta(hours=3)
    expiry.end_holds(store.conn, [Ending(10)], later)
    expiry.forget(store.conn, [Forget(10, timedelta(days=14))], later)
    assert (store.held(), destinations(store)) == ({}, [])


def test_a_reroute_goes_by_where_the_order_goes_now(store: Store) -> None:
    store.see(sold("a", 3), to=BERLIN)
    store.see(sold("a", 3), to=ShipTo("DE", "HH", "20095", 53.55, 9.99))
    assert store.held() == {("1", "A", "berlin"): 3}
    assert store.reroute().lines[0].location == "hamburg"
    store.proven()
