"""Orders that are routed: where their units are held, what moves them and what does not, and that nothing of it is ever lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from channelsync.contract import Listing, OrderState, ShipTo
from channelsync.ledger import aside, bundling, channel_places, expiry, freezing, levels, listings, matching, reservations, stock
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.expiry import Ending, Forget
from channelsync.ledger.levels import Entry, MovementType
from channelsync.ledger.refusals import InsufficientStock, KeyReused, NotAllowed, Refusal, UnknownLocation
from channelsync.ledger.reservations import Line, Reserve
from channelsync.ledger.routing import relieving
from channelsync.ledger.routing.areas import Areas
from channelsync.ledger.routing.pages import one_route
from channelsync.ledger.routing.relieving import AUTO_MAX, Relieve
from channelsync.ledger.routing.rerouting import UnknownOrder
from channelsync.ledger.schema import locations, movements, order_destinations, order_routes, skus
from channelsync.ledger.schema import orders as order_table
from channelsync.ledger.schema import reservations as claims
from support.routing import BERLIN, Store, open_store
from support.selling import line
from support.stock import NOW, level, open_channel, want


@pytest.fixture
def store(conn: Connection) -> Store:
    return open_store(conn, A=(10, 10, 10), B=(10, 0, 10))


def sold(listing: str = "a", quantity: int = 1, *, ref: str = "1", **more: Any) -> Any:
    return line(listing, quantity, ref=ref, **{"location": None, "sku": listing.upper(), **more})


def count(store: Store, sku: str, location: str, quantity: int) -> None:
    (answer,) = stock.count(store.conn, [stock.Change(sku, location, quantity)], NOW)
    assert not isinstance(answer, Refusal)


def decisions(store: Store) -> list[tuple[str, str, str]]:
    query = select(order_routes.c.line_ref, locations.c.code, order_routes.c.way).join(
        locations, locations.c.id == order_routes.c.location_id
    )
    return [tuple(row) for row in store.conn.execute(query.order_by(order_routes.c.id))]


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


# -- by hand ---------------------------------------------------------------------------------------------------------------------------------


def test_a_person_says_where_an_order_is_shipped_from(store: Store) -> None:
    store.see(sold("a", 3, ref="1"), sold("b", 1, ref="2"))
    answer = store.reroute(to="main", actor="cli:bob", reason="van goes from there")
    assert store.held() == {("1", "A", "main"): 3, ("2", "B", "main"): 1}
    assert [(each.line, each.before, each.location, each.units) for each in answer.lines] == [
        ("1", "hamburg", "main", 3),
        ("2", "hamburg", "main", 1),
    ]
    last = store.conn.execute(select(movements).order_by(movements.c.id.desc()).limit(1)).one()
    assert (last.actor, last.reason) == ("cli:bob", "van goes from there")
    store.repeat()
    store.see(sold("a", 3, ref="1"), sold("b", 1, ref="2"))
    assert store.held() == {("1", "A", "main"): 3, ("2", "B", "main"): 1}
    store.see(sold("a", 3, ref="1", shipped=3), sold("b", 1, ref="2", shipped=1))
    assert level(store.conn, "A", "main").on_hand == 7
    store.proven()


def test_single_lines_move_and_the_others_stay(store: Store) -> None:
    store.see(sold("a", 3, ref="1"), sold("b", 1, ref="2"))
    store.reroute(to="berlin", lines=("1",))
    assert store.held() == {("1", "A", "berlin"): 3, ("2", "B", "hamburg"): 1}
    store.proven()


def test_where_units_are_missing_a_line_is_moved_only_on_purpose(store: Store) -> None:
    store.see(sold("b", 3))
    refused = store.try_to_reroute(to="berlin")
    assert isinstance(refused, InsufficientStock)
    assert (refused.wanted, refused.available) == (3, 0)
    assert store.held() == {("1", "B", "hamburg"): 3}
    answer = store.reroute(to="berlin", anyway=True)
    assert "lacks 3 B" in answer.lines[0].why
    assert store.held() == {("1", "B", "berlin"): 3}
    store.proven()


def test_nothing_moves_after_shipping(store: Store) -> None:
    store.see(sold("a", 3, ref="1"), sold("b", 1, ref="2"))
    store.see(sold("a", 3, ref="1", shipped=1), sold("b", 1, ref="2"))
    refused = store.try_to_reroute(to="main", lines=("1",))
    assert isinstance(refused, NotAllowed)
    assert "shipped already" in str(refused)
    store.reroute(to="main")
    assert store.held() == {("1", "A", "hamburg"): 2, ("2", "B", "main"): 1}
    store.see(sold("a", 3, ref="1", shipped=3), sold("b", 1, ref="2", shipped=1))
    assert isinstance(store.try_to_reroute(to="berlin"), NotAllowed)
    store.proven()


@pytest.mark.parametrize(
    ("asked", "kind", "why"),
    [
        ({"order": "999"}, UnknownOrder, "no channel has told of an order '999'"),
        ({"order": "100", "channel": "nowhere"}, UnknownOrder, "'nowhere' has told of no order"),
        ({"order": "100", "to": "atlantis"}, UnknownLocation, "atlantis"),
        ({"order": "100", "to": "x" * 65}, NotAllowed, "location has 65 characters"),
        ({"order": "100\x00"}, NotAllowed, "no database can store"),
        ({"order": "100", "to": "main", "lines": ("7",)}, NotAllowed, "holds nothing"),
        ({"order": "100", "to": "main", "lines": ("1",) * 1_001}, NotAllowed, "at most 1000"),
        ({"order": "100", "to": "main", "reason": "y" * 256}, NotAllowed, "reason has 256"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(store: Store, asked: dict[str, Any], kind: type[Refusal], why: str) -> None:
    store.see(sold("a", 3))
    before = decisions(store)
    refused = store.try_to_reroute(**asked)
    assert isinstance(refused, kind)
    assert why in str(refused)
    assert (decisions(store), store.held()) == (before, {("1", "A", "berlin"): 3})
    store.proven()


def test_a_line_that_the_shop_places_is_moved_in_the_shop(store: Store) -> None:

    table = {"here": (store.ids["main"],)}
    channel_places.named(store.conn, store.channel, ["here"], table, NOW)
    store.see(sold("a", 3, location="here"))
    assert store.held() == {("1", "A", "main"): 3}
    refused = store.try_to_reroute(to="berlin")
    assert isinstance(refused, NotAllowed)
    assert "change it in the shop" in str(refused)


def test_two_channels_with_the_same_order_have_to_be_told_apart(store: Store) -> None:
    other = open_channel(store.conn, "other")
    store.see(sold("a", 3))
    first, store.channel = store.channel, other
    store.see(sold("a", 1), created_at=NOW)
    store.channel = first
    refused = store.try_to_reroute(to="main")
    assert isinstance(refused, NotAllowed)
    assert "(other, shop)" in str(refused)
    store.reroute(to="main", channel="shop")


def test_an_order_is_found_by_its_number_too(store: Store) -> None:
    store.see(sold("a", 3), number="#1001")
    assert store.reroute("#1001", to="main").order == "100"


def test_the_same_key_moves_it_once_and_another_request_with_it_is_an_error(store: Store) -> None:
    store.see(sold("a", 3))
    first = store.reroute(to="main", key="k1")
    store.reroute(to="hamburg")
    again = store.reroute(to="main", key="k1")
    assert (first.lines, first.repeat, again.repeat) == (again.lines, False, True)
    assert store.held() == {("1", "A", "hamburg"): 3}
    assert isinstance(store.try_to_reroute(to="berlin", key="k1"), KeyReused)
    store.proven()


def test_it_is_chosen_anew_when_somebody_asks(store: Store) -> None:
    store.see(sold("a", 3))
    store.reroute(to="main")
    answer = store.reroute(actor="cli:bob")
    assert store.held() == {("1", "A", "berlin"): 3}
    assert answer.summary == "one parcel, from berlin"
    assert decisions(store)[-1] == ("1", "berlin", "anew")
    store.route()
    refused = store.try_to_reroute()
    assert isinstance(refused, NotAllowed)
    assert "routing is off" in str(refused)
    store.proven()


def test_what_an_order_holds_itself_does_not_stand_in_its_way(store: Store) -> None:
    store.see(sold("a", 10))
    assert store.reroute().lines[0].location == "berlin"
    assert store.reroute(to="berlin").lines[0].location == "berlin"
    store.proven()


# -- when a location runs out ----------------------------------------------------------------------------------------------------------------


def test_a_count_that_finds_too_few_sends_the_latest_order_elsewhere(store: Store) -> None:
    store.see(sold("a", 4), ref="100")
    store.see(sold("a", 3), ref="101")
    count(store, "A", "berlin", 5)
    assert store.relieve() == 1
    assert store.held("100") == {("1", "A", "berlin"): 4}
    assert store.held("101") == {("1", "A", "hamburg"): 3}
    assert decisions(store)[-1] == ("1", "hamburg", "auto")
    assert store.relieve() == 0
    store.repeat("101")
    store.proven()


def test_all_that_cannot_stay_moves_and_what_nobody_has_waits(store: Store) -> None:
    store.see(sold("a", 4), ref="100")
    store.see(sold("a", 5), ref="101")
    count(store, "A", "main", 0)
    count(store, "A", "berlin", 0)
    assert store.relieve(limit=1) == 2
    assert store.held("100") == {("1", "A", "hamburg"): 4}
    assert store.held("101") == {("1", "A", "hamburg"): 5}
    count(store, "A", "hamburg", 0)
    assert store.relieve() == 0
    assert store.held("101") == {("1", "A", "hamburg"): 5}
    store.proven()


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_pass_ends_though_locations_stay_short(store: Store, limit: int) -> None:
    store.see(sold("a", 5, ref="1"), sold("b", 5, ref="2"))
    for sku in ("A", "B"):
        for code in ("main", "berlin", "hamburg"):
            count(store, sku, code, 0)
    after, passes = None, 0
    while passes == 0 or after is not None:
        (done,) = relieving.relieve(store.conn, [Relieve(limit, after)], NOW)
        after, passes = done.next, passes + 1
        assert (done.moved, passes <= 6) == (0, True), "it looks at the same level again and again"
    store.proven()


def test_what_waits_is_sent_on_when_units_come_somewhere(store: Store) -> None:
    for code in ("main", "berlin", "hamburg"):
        count(store, "A", code, 0)
    store.see(sold("a", 3))
    assert store.relieve() == 0
    count(store, "A", "hamburg", 3)
    assert store.relieve() == 1
    assert store.held() == {("1", "A", "hamburg"): 3}
    store.proven()


def test_what_a_person_has_placed_what_has_left_and_what_never_was_routed_stays(store: Store) -> None:
    store.see(sold("a", 3), ref="100")
    store.reroute("100", to="main")
    store.see(sold("a", 2), ref="101")
    store.see(sold("a", 2, shipped=1), ref="101")
    store.route()
    store.see(sold("a", 1), ref="102")
    store.route("main", "berlin", "hamburg")
    count(store, "A", "main", 0)
    count(store, "A", "berlin", 0)
    assert store.relieve() == 0
    store.proven()


def test_a_line_moves_by_itself_only_so_often(store: Store) -> None:
    store.see(sold("a", 3))
    for turn in range(AUTO_MAX + 2):
        ((_, _, at),) = store.held()
        for code in ("main", "berlin", "hamburg"):
            count(store, "A", code, 0 if code == at else 10)
        assert store.relieve() == (1 if turn < AUTO_MAX else 0)
    store.proven()


def test_nothing_is_relieved_while_routing_is_off(store: Store) -> None:
    store.see(sold("a", 3))
    count(store, "A", "berlin", 0)
    store.route()
    assert store.relieve() == 0


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


# -- claims, things set aside, other systems ---------------------------------------------------------------------------------------------------


def test_what_a_cart_holds_at_one_place_is_taken_over_by_its_order_at_another(conn: Connection) -> None:
    store = open_store(conn, A=(2, 9, 9))
    reservations.reserve(conn, [Reserve("cart", (Line("A", "main", 2),), "hard")], NOW)
    store.see(sold("a", 3), reservation_ref="cart")
    assert store.held() == {("1", "A", "berlin"): 3}, "main has too few"
    assert (level(conn, "A", "main").hard, level(conn, "A", "main").available) == (0, 2)
    store.proven()


def test_a_move_takes_over_no_other_claim_of_the_same_cart(store: Store) -> None:
    store.see(sold("a", 2), reservation_ref="cart")
    reservations.reserve(store.conn, [Reserve("cart", (Line("A", "hamburg", 1),), "hard")], NOW)
    store.reroute(to="hamburg")
    assert store.held() == {("1", "A", "hamburg"): 2}
    assert level(store.conn, "A", "hamburg").hard == 3
    store.proven()


def test_a_move_does_not_settle_what_is_set_aside_of_the_order(store: Store) -> None:
    """It applies what the ledger has; what waits is newer."""
    store.see(sold("a", 2))
    store.see(sold("a", 2, shipped=2, cancelled=1))
    store.reroute(to="hamburg")
    assert [each.ref for each in aside.listed(store.conn)] == ["100"]
    store.see(sold("a", 2, shipped=2))
    assert aside.listed(store.conn) == []


def test_a_line_that_moves_by_itself_does_not_settle_it_either(store: Store) -> None:
    store.see(sold("a", 2))
    store.see(sold("a", 2, shipped=2, cancelled=1))
    count(store, "A", "berlin", 0)
    assert store.relieve() == 1
    assert [each.ref for each in aside.listed(store.conn)] == ["100"]


def test_an_address_that_makes_no_sense_costs_no_sale(store: Store) -> None:
    store.see(sold("a", 2), to=ShipTo("DEU", "BE", "1" * 40))
    assert sum(store.held().values()) == 2
    assert aside.listed(store.conn) == []
    store.proven()


def test_a_location_that_another_system_counts_has_not_run_out_before_its_documents_are_read(store: Store) -> None:
    """Its number may be ahead of what it says it has shipped."""
    owner = open_channel(store.conn, "erp", None)
    conn = store.conn
    conn.execute(update(locations).where(locations.c.code == "berlin").values(authority_id=owner))
    store.see(sold("a", 2))
    assert store.held() == {("1", "A", "berlin"): 2}
    sku = int(conn.execute(select(skus.c.id).where(skus.c.sku == "A")).scalar_one())
    levels.post(conn, [Entry(sku, store.ids["berlin"], MovementType.IMPORT, on_hand=-10)], NOW)
    assert store.relieve() == 0
    assert store.held() == {("1", "A", "berlin"): 2}
