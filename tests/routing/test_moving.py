"""Routed orders that move: by hand, as a location runs out, and what moves with them or stays."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, event, select, update

from channelsync.contract import Listing, ShipTo
from channelsync.ledger import aside, bundling, channel_places, levels, listings, matching, reservations
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.levels import Entry, MovementType
from channelsync.ledger.refusals import InsufficientStock, KeyReused, NotAllowed, Refusal, UnknownLocation
from channelsync.ledger.reservations import Line, Reserve
from channelsync.ledger.routing import relieving
from channelsync.ledger.routing.areas import Areas
from channelsync.ledger.routing.pages import one_route
from channelsync.ledger.routing.relieving import Relieve
from channelsync.ledger.routing.rerouting import UnknownOrder
from channelsync.ledger.routing.waiting import AUTO_MAX
from channelsync.ledger.schema import locations, movements, skus
from support.routing import Store, count, decisions, open_store, sold
from support.stock import NOW, level, open_channel

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
    assert "(--anyway, `anyway`)" in str(refused)
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


def test_what_nobody_has_goes_home_when_it_is_chosen_anew(store: Store) -> None:
    """Also from a location that does not ship there, where somebody had put it."""
    store.route("main", "hamburg", areas={"hamburg": Areas(countries=("FR",))})
    store.see(sold("a", 3))
    store.reroute(to="hamburg")
    count(store, "A", "main", 0)
    answer = store.reroute()
    assert store.held() == {("1", "A", "main"): 3}
    assert "waits where the shop sells from" in answer.lines[0].why
    store.proven()


def test_what_a_line_lacks_is_no_more_than_it_wants(store: Store) -> None:
    store.see(sold("a", 9, ref="1"))
    store.see(sold("a", 3), ref="200")
    store.reroute("200", to="hamburg")
    count(store, "A", "berlin", 2)
    answer = store.reroute("200", to="berlin", anyway=True)
    assert answer.lines[0].why == "by hand; lacks 3 A"
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


def test_a_home_that_does_not_ship_takes_nothing_back(store: Store) -> None:
    """It has the units, but nobody sends parcels from there: the line waits where it was to be shipped from."""
    store.route("berlin")
    store.see(sold("a", 4))
    count(store, "A", "berlin", 0)
    assert store.relieve() == 0
    assert store.held() == {("1", "A", "berlin"): 4}
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


ELSEWHERE = {
    "at a home that may not ship": {},
    "at a home that does not ship there": {"main": Areas(countries=("FR",))},
}


@pytest.mark.parametrize("areas", ELSEWHERE.values(), ids=ELSEWHERE.keys())
@pytest.mark.parametrize("limit", [1, 100])
def test_what_waits_where_it_cannot_be_shipped_from_goes_as_soon_as_somebody_else_has_it(
    store: Store, areas: dict[str, Areas], limit: int
) -> None:
    """Home has it, so nothing is short there; or units come there later."""
    store.route(*(("main", "berlin", "hamburg") if areas else ("berlin", "hamburg")), areas=areas)
    for code in ("main", "berlin", "hamburg"):
        count(store, "A", code, 0)
    store.see(sold("a", 3, ref="1"), sold("b", 20, ref="2"))
    assert store.relieve(limit) == 0
    count(store, "A", "main", 10)
    count(store, "A", "berlin", 2)
    assert store.relieve(limit) == 0, "a line is never cut"
    assert store.held()["1", "A", "main"] == 3
    count(store, "A", "hamburg", 3)
    assert store.relieve(limit) == 1
    assert store.held()["1", "A", "hamburg"] == 3
    route = one_route(store.conn, None, "100")
    assert route is not None
    told = "main does not ship there" if areas else "main may not ship"
    assert [(line.way, line.summary.split(";")[0]) for line in route.lines if line.line == "1"] == [("auto", told)]
    assert store.relieve(limit) == 0
    store.proven()


def test_only_as_many_lines_are_sent_on_as_there_is_stock_for(store: Store) -> None:
    store.route("berlin", "hamburg")
    for code in ("main", "berlin", "hamburg"):
        count(store, "A", code, 0)
    for number in range(9):
        store.see(sold("a", 1 + number % 2), ref=f"{100 + number}")
    count(store, "A", "hamburg", 4)
    assert store.relieve(limit=2) == 3
    left = level(store.conn, "A", "hamburg")
    assert (left.hard, left.available) == (4, 0)
    store.proven()


@pytest.mark.parametrize("limit", [1, 100])
@pytest.mark.parametrize("ships", [("main", "berlin", "hamburg"), ("berlin", "hamburg")], ids=["home ships", "home may not ship"])
def test_of_what_waits_the_first_order_goes_first(store: Store, ships: tuple[str, ...], limit: int) -> None:
    store.route(*ships)
    for code in ("main", "berlin", "hamburg"):
        count(store, "A", code, 0)
    for ref in ("100", "101", "102"):
        store.see(sold("a", 2), ref=ref)
    for units, gone in ((3, 1), (5, 2)):
        count(store, "A", "hamburg", units)
        assert store.relieve(limit) == 1
        held = [place for ref in ("100", "101", "102") for (_, _, place) in store.held(ref)]
        assert held == ["hamburg"] * gone + ["main"] * (3 - gone)
    store.proven()


def test_a_bundle_waits_until_all_its_parts_are_at_one_place(store: Store) -> None:
    (answer,) = bundling.define(store.conn, [Define("SET", (Part("A", 2), Part("B", 1)))], NOW)
    assert not isinstance(answer, Refusal), answer
    listings.upsert(store.conn, store.channel, [Listing("set", "SET")], NOW, {"": (store.ids["main"],)})
    matching.match(store.conn, store.channel, NOW)
    store.route("berlin", "hamburg")
    count(store, "A", "hamburg", 0)
    store.see(sold("set", 2, sku="SET"))
    assert store.held() == {("1", "A", "berlin"): 4, ("1", "B", "berlin"): 2}, "most of it is there"
    count(store, "A", "hamburg", 3)
    assert store.relieve(limit=1) == 0
    count(store, "A", "hamburg", 4)
    assert store.relieve(limit=1) == 1
    assert store.held() == {("1", "A", "hamburg"): 4, ("1", "B", "hamburg"): 2}
    store.proven()


def test_what_the_storefront_has_reserved_leaves_from_there_though_it_may_not_ship(store: Store) -> None:
    store.route("berlin", "hamburg")
    reservations.reserve(store.conn, [Reserve("cart", (Line("A", "main", 2),), "hard")], NOW)
    store.see(sold("a", 2), reservation_ref="cart")
    assert store.relieve() == 0
    assert store.held() == {("1", "A", "main"): 2}


def test_a_line_whose_address_changes_to_where_its_location_does_not_ship_is_sent_on(store: Store) -> None:
    store.route("main", "berlin", "hamburg", areas={"berlin": Areas(countries=("DE",))})
    store.see(sold("a", 2))
    store.see(sold("a", 2), to=ShipTo("FR"))
    assert store.held() == {("1", "A", "berlin"): 2}
    assert store.relieve() == 1
    assert store.held() == {("1", "A", "main"): 2}
    store.proven()


def test_a_location_that_may_not_ship_any_more_sends_on_what_it_holds(store: Store) -> None:
    store.see(sold("a", 2), ref="100")
    store.see(sold("a", 1), ref="101")
    store.reroute("101", to="berlin")
    store.route("main", "hamburg")
    assert store.relieve() == 1
    assert (store.held("100"), store.held("101")) == ({("1", "A", "hamburg"): 2}, {("1", "A", "berlin"): 1})
    store.proven()


def test_a_pass_costs_no_more_for_all_that_nobody_has(store: Store) -> None:
    """However many wait: nothing of them is locked or moved, so no pass is needed beyond the first."""
    for code in ("main", "berlin", "hamburg"):
        count(store, "A", code, 0)
    run: list[str] = []
    event.listen(store.conn, "before_cursor_execute", lambda _conn, _cursor, statement, *_: run.append(statement))
    cost = []
    for number in range(40):
        store.see(sold("a", 1), ref=f"{100 + number}")
        run.clear()
        (done,) = relieving.relieve(store.conn, [Relieve(1)], NOW)
        assert (done.moved, done.next) == (0, None)
        cost.append(len(run))
    assert len(set(cost)) == 1
    count(store, "A", "hamburg", 2)
    assert store.relieve(limit=1) == 2
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
