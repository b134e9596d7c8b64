"""Where two mechanisms meet: waiting lines and names, bundles at several places, openings of shared shelves, edits where an authority counts."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select, update

from channelsync.contract import Carrier, Effect, Listing, OrderLine, OrderState, Outcome, Page, Physical
from channelsync.ledger import (
    adoption,
    authority_import,
    authority_rows,
    book,
    bundling,
    exports_told,
    fulfilment,
    levels,
    listings,
    locations,
    matching,
    openings,
    order_ends,
    orders,
    reservations,
    shadow,
    sightings,
    skus,
    waiting_sales,
)
from channelsync.ledger.audit import audit
from channelsync.ledger.authority_import import PhysicalRead
from channelsync.ledger.book import BookEntry
from channelsync.ledger.brackets import Closing
from channelsync.ledger.bundling import Define, Dissolve, Part
from channelsync.ledger.exports_told import Exported
from channelsync.ledger.fulfilment import Fulfil
from channelsync.ledger.holds import Which
from channelsync.ledger.levels import Level
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.matching import Unlink
from channelsync.ledger.openings import Opening
from channelsync.ledger.orders import Sighting, Verdict
from channelsync.ledger.reservations import Line, Release, Reserve
from channelsync.ledger.schema import channel_locations, channels, shelves
from channelsync.ledger.schema import listings as table
from channelsync.ledger.schema import locations as location_table
from channelsync.ledger.schema import orders as order_table
from channelsync.ledger.sightings import Shown
from support.authority import PLACE, SKU, open_owned
from support.planning import planned
from support.pushing import open_outgoing
from support.selling import DAY, MINUTE, Shop, aside, line, open_shop, order, picture
from support.stock import NOW, assert_adds_up, level, open_channel


@pytest.fixture
def shop(conn: Connection) -> Shop:
    return open_shop(conn, on_hand=10, shows=10)


def proved(conn: Connection) -> None:
    assert_adds_up(conn)
    assert audit(conn) == []


# -- lines that wait -------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "title", ["location vacances", "Location de velo", 'location ["here"]', "location [1, 2]", 'location ["here", "101"]']
)
def test_goods_whose_name_looks_like_a_place_wait_for_their_link(conn: Connection, shop: Shop, title: str) -> None:
    shop.see(order(line("loose", 1, title=title)))
    for ref in order_ends.placed(conn, shop.channel):
        assert order_ends.stored_snapshots(conn, [(shop.channel, ref)], NOW) == []
    assert aside(conn) == [("line", "100/1")]


def test_many_lines_at_a_place_that_stays_unmapped_do_not_hide_one_that_can_be_applied(
    conn: Connection, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_ends, "WAITING", 2)
    for ref in ("1", "2", "3"):
        shop.see(order(line("a", 1, location="nowhere"), ref=ref))
    shop.see(order(line("a", 1, location="soon"), ref="4"))
    [annex] = locations.ensure(conn, [LocationSpec("annex")], NOW)
    listings.upsert(conn, shop.channel, [Listing("a", "A", locations=("here", "there", "soon"))], NOW, {"soon": (annex,)})
    assert order_ends.placed(conn, shop.channel) == ("4",)


# -- bundles at several places ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def kits(conn: Connection, shop: Shop) -> Shop:
    """Two kits (A + 2 B) are reserved at main and three at annex."""
    bundling.define(conn, [Define("KIT", (Part("A"), Part("B", 2)))], NOW)
    lines = (Line("KIT", "main", 2), Line("KIT", "annex", 3))
    [reserved] = reservations.reserve(conn, [Reserve("cart", lines)], NOW)
    assert isinstance(reserved, reservations.Reserved), reserved
    return shop


def kits_held(conn: Connection) -> list[tuple[int, int]]:
    proved(conn)
    return [(level(conn, "A", place).soft, level(conn, "B", place).soft) for place in ("main", "annex")]


def test_one_kit_of_several_places_is_let_go_once(conn: Connection, kits: Shop) -> None:
    assert reservations.release(conn, [Release(Which(reference="cart", sku="KIT"), quantity=1)], NOW) == [reservations.Released(1, 4)]
    assert kits_held(conn) == [(1, 2), (3, 6)]


def test_all_kits_of_several_places_are_let_go(conn: Connection, kits: Shop) -> None:
    assert reservations.release(conn, [Release(Which(reference="cart", sku="KIT"))], NOW) == [reservations.Released(5, 0)]
    assert kits_held(conn) == [(0, 0), (0, 0)]


def test_kits_of_several_places_are_shipped_as_many_as_were_named(conn: Connection, kits: Shop) -> None:
    assert fulfilment.fulfil(conn, [Fulfil(Which(reference="cart", sku="KIT"), quantity=4)], NOW) == [fulfilment.Shipped(4, 1, 0)]
    assert kits_held(conn) == [(0, 0), (1, 2)]
    assert [level(conn, "B", place).on_hand for place in ("main", "annex")] == [6, 6]


def test_kits_of_two_recipes_are_let_go_whole(conn: Connection, shop: Shop) -> None:
    for units in (1, 2):
        bundling.define(conn, [Define("KIT", (Part("A", units), Part("B")))], NOW)
        reservations.reserve(conn, [Reserve("cart", (Line("KIT", "main", 1),))], NOW + units * MINUTE)
    assert reservations.release(conn, [Release(Which(reference="cart", sku="KIT"), quantity=1)], NOW) == [reservations.Released(1, 1)]
    assert kits_held(conn) == [(2, 1), (0, 0)]
    assert reservations.release(conn, [Release(Which(reference="cart", sku="KIT"))], NOW) == [reservations.Released(1, 0)]
    assert kits_held(conn) == [(0, 0), (0, 0)]


# -- openings --------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("channel_at", "priority"), [("annex", 0), ("main", 0), ("annex", 5)])
def test_what_a_shared_shelf_took_is_on_hand_wherever_its_orders_are_taken_from(conn: Connection, channel_at: str, priority: int) -> None:
    """Two locations feed the number. It shows 5 after one was sold: six lie there, five are to be had."""
    places = locations.ensure(conn, [LocationSpec("main"), LocationSpec("annex", priority=priority)], NOW)
    skus.ensure(conn, ["A"], NOW)
    channel = open_channel(conn, location=channel_at)
    listings.upsert(conn, channel, [Listing("a", "A")], NOW, {"": places})
    matching.match(conn, channel, NOW)
    [shelf] = conn.scalars(select(shelves.c.id))
    book.replace(conn, shelf, None, 5, [BookEntry(shelf, "opening", 5)], NOW)
    conn.execute(update(shelves).values(rebased_at=NOW))
    past = NOW - DAY
    sold = order(OrderLine("1", "a", 1, effects=(Effect(1, past),)), at=past, created_at=past)
    Shop(conn, channel).see(sold)
    plan = planned(conn, openings.open_channels, Opening((channel,), channel), NOW)
    assert (plan.writes, plan.unchanged) == ([], 1)
    assert sum(level(conn, "A", place).available for place in ("main", "annex")) == 5
    proved(conn)


# -- lines that move -------------------------------------------------------------------------------------------------------------------------


def test_units_that_wait_in_quarantine_stay_where_they_are(conn: Connection, shop: Shop) -> None:
    """Of three, two were refunded without a restock while they lay at main; the third is shipped from the annex."""
    shop.see(order(line("a", 3, quarantined=2)))
    before = level(conn, "A").available
    shop.see(order(line("a", 3, quarantined=2, location="there"), at=NOW + MINUTE))
    assert (level(conn, "A").quarantined, level(conn, "A", "annex").quarantined) == (2, 0)
    assert level(conn, "A").available == before + 1
    assert level(conn, "A", "annex").available == 9
    proved(conn)


# -- where an authority counts ---------------------------------------------------------------------------------------------------------------


def own(conn: Connection, code: str) -> None:
    row = {"name": "stock", "connector": "memory", "role": "authority", "created_at": NOW}
    authority = conn.execute(insert(channels).values(row).returning(channels.c.id)).scalar_one()
    conn.execute(update(location_table).where(location_table.c.code == code).values(authority_id=authority))


def shelf_of(conn: Connection, location: str) -> int:
    found: int = conn.execute(select(shelves.c.id).where(shelves.c.location == location).order_by(shelves.c.id)).scalars().first() or 0
    return found


def test_an_edit_in_a_shop_is_not_adopted_where_an_authority_counts(conn: Connection, shop: Shop) -> None:
    own(conn, "main")
    assert not adoption.fits(conn, shelf_of(conn, "here"), 1)
    assert not adoption.fits(conn, shelf_of(conn, "here"), -1)
    assert adoption.fits(conn, shelf_of(conn, "there"), -1)


def test_an_adoption_is_not_taken_back_from_an_authority_s_number(conn: Connection, shop: Shop) -> None:
    """An edit was adopted, then the location went to an authority, whose own number says what is there; then the edit proves to be an order."""
    shelf = shelf_of(conn, "here")
    adoption.adopt(conn, shelf, -1)
    own(conn, "main")
    assert adoption.take_back(conn, shelf, -1) == []
    assert conn.execute(select(shelves.c.adopted).where(shelves.c.id == shelf)).scalar_one() == 0


# -- two nodes -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_what_is_applied_again_is_the_newest(engine: Engine) -> None:
    """While one node stores a newer snapshot, the other applies the order again because a listing was linked."""
    with engine.begin() as conn:
        shop = open_shop(conn, on_hand=10, shows=10)
        shop.see(order(line("a", 2)))
    newer = engine.connect()
    begun = newer.begin()
    orders.apply(newer, [Sighting(shop.channel, order(line("a", 2, shipped=2), at=NOW + MINUTE), 2)], NOW)
    seen: list[Any] = []

    def again() -> None:
        with engine.begin() as conn:
            seen.extend(order_ends.stored_snapshots(conn, [(shop.channel, "100")], NOW))

    thread = threading.Thread(target=again)
    thread.start()
    time.sleep(0.3)
    begun.commit()
    newer.close()
    thread.join()
    with engine.begin() as conn:
        assert [result.verdict for result in seen] == [Verdict.APPLIED]
        assert conn.scalar(select(order_table.c.modified_at)) == NOW + MINUTE
        assert (level(conn, "A").on_hand, level(conn, "A").hard) == (8, 0)
        proved(conn)


def test_an_older_answer_is_not_applied_even_when_asked_to(conn: Connection, shop: Shop) -> None:
    """Somebody retries what is aside; while the shop answers, a newer snapshot arrives."""
    shop.see(order(line("a", 2), state=OrderState.CANCELLED, at=NOW + MINUTE))
    [result] = orders.apply(conn, [Sighting(shop.channel, order(line("a", 2)), 1, again=True)], NOW + timedelta(hours=1))
    assert result.verdict is Verdict.OLDER
    assert level(conn, "A").hard == 0


# -- link and sales that waited --------------------------------------------------------------------------------------------------------------


def test_a_link_and_the_sales_that_waited_for_it_are_one_step(conn: Connection, shop: Shop) -> None:
    for ref in ("1", "2"):
        shop.see(order(line("loose", 1), ref=ref))
    linked = shop.link("loose", "B")
    assert linked.orders_applied == 2
    assert level(conn, "B").hard == 2
    assert aside(conn) == []
    proved(conn)


def test_of_very_many_sales_that_waited_none_is_left(conn: Connection, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_sales, "MAX_WAITING", 2)
    for ref in ("1", "2", "3"):
        shop.see(order(line("loose", 1), ref=ref))
    assert shop.link("loose", "B").orders_applied == 3
    assert level(conn, "B").hard == 3
    assert aside(conn) == []


def test_what_an_authority_says_of_a_bundle_lies_nowhere(conn: Connection) -> None:
    """It counts the parts. A listing of its own for the set, with the set's SKU, must not make stock that nobody can sell."""
    owned = open_owned(conn)
    skus.ensure(conn, ["SET"], NOW)
    bundling.define(conn, [Define("SET", (Part(SKU, 2),))], NOW)
    listings.upsert(conn, owned.house, [Listing("set", "SET", locations=())], NOW)
    matching.match(conn, owned.house, NOW)
    owned.read(Physical("set", PLACE, 7, 0))
    assert (level(conn, "SET"), owned.level.on_hand) == (Level(), 30)
    assert authority_rows.moved(conn, owned.house, 10) == []
    proved(conn)


def test_a_bundle_that_is_dissolved_has_what_its_authority_said(conn: Connection) -> None:
    owned = open_owned(conn)
    skus.ensure(conn, ["SET"], NOW)
    bundling.define(conn, [Define("SET", (Part(SKU, 2),))], NOW)
    listings.upsert(conn, owned.house, [Listing("set", "SET", locations=())], NOW)
    matching.match(conn, owned.house, NOW)
    owned.read(Physical("set", PLACE, 7, 0))
    bundling.dissolve(conn, [Dissolve("SET")], NOW)
    read = PhysicalRead(owned.house, Page(()), owned.ask(), NOW, {PLACE: owned.location})
    assert authority_import.repost(conn, [read], NOW) == [1]
    assert level(conn, "SET").on_hand == 7
    proved(conn)


# -- accepted writes -------------------------------------------------------------------------------------------------------------------------


def test_a_reading_from_before_a_write_left_does_not_show_it(conn: Connection) -> None:
    """The number was there already when the bracket began; the write that leads to it was sent in between, and lands later."""
    out = open_outgoing(conn)
    out.carrier = Carrier.ADJUST
    before, began = out.before("a"), out.now
    out.later(seconds=5)
    out.count(A=7)
    call = out.send(raises=True)
    out.settle(call, [Outcome.OK], visible=False)
    assert out.close(before, 7, first_at=began) is Closing.OPEN
    assert out.attempts() == ["unknown"]
    assert out.close(out.before("a"), 7) is Closing.RESOLVED


# -- shadow ----------------------------------------------------------------------------------------------------------------------------------


def test_another_tool_s_write_to_a_bundle_is_judged_by_its_parts(conn: Connection, shop: Shop) -> None:
    """Ten of A and of B at main: five kits can be made, so a number that goes from 4 to 5 puts nothing back on sale, and one to 7 puts two."""
    bundling.define(conn, [Define("KIT", (Part("A"), Part("B", 2)))], NOW)
    shop.link("loose", "KIT")
    shelf = conn.execute(
        select(shelves.c.id).join(table, table.c.id == shelves.c.listing_id).where(table.c.ref == "loose", shelves.c.location == "here")
    ).scalar_one()
    for minute, shows in enumerate((4, 5, 7)):
        sightings.note(conn, [(Shown(shelf, shows, NOW + minute * MINUTE),)], NOW)
    report = shadow.report(conn)
    assert [(write.left, write.resurrected) for write in report.writes] == [(5, 0), (5, 2)]


def test_a_line_that_moved_between_places_took_its_units_once(conn: Connection) -> None:
    """One number, fed by two locations: the shop lowered it once, wherever the line is shipped from."""
    places = locations.ensure(conn, [LocationSpec("main"), LocationSpec("annex")], NOW)
    skus.ensure(conn, ["A"], NOW)
    channel = open_channel(conn)
    conn.execute(update(channels).values(opened_at=NOW - DAY))
    conn.execute(insert(channel_locations), [
        {"channel_id": channel, "ref": ref, "location_id": place, "seen_at": NOW} for ref, place in zip(("m", "x"), places, strict=True)
    ])  # fmt: skip
    listings.upsert(conn, channel, [Listing("a", "A")], NOW, {"": places})
    matching.match(conn, channel, NOW)
    [shelf] = conn.scalars(select(shelves.c.id))
    shop = Shop(conn, channel)
    sightings.note(conn, [(Shown(shelf, 5, NOW - MINUTE),)], NOW)
    for minute, place in ((0, "m"), (1, "x")):
        shop.see(order(line("a", 1, location=place), at=NOW + minute * MINUTE))
    sightings.note(conn, [(Shown(shelf, 4, NOW + 2 * MINUTE),)], NOW)
    assert shadow.report(conn).writes == ()


# -- an edit that was adopted, and a listing that sells something else now -------------------------------------------------------------------


@pytest.mark.parametrize("relink", [True, False])
def test_an_adoption_of_one_sku_is_never_taken_back_from_another(conn: Connection, shop: Shop, relink: bool) -> None:
    """One unit of A was taken off because the shop showed one less; the listing sells B by the six now, or nothing."""
    shelf = shelf_of(conn, "here")
    levels.post(conn, adoption.adopt(conn, shelf, -1), NOW)
    if relink:
        shop.link("a", "B", 6)
    else:
        matching.unlink(conn, [Unlink(channel_id=shop.channel, ref="a")], NOW)
    assert adoption.take_back(conn, shelf, -1) == []


def test_linking_the_same_again_keeps_what_was_adopted(conn: Connection, shop: Shop) -> None:
    shelf = shelf_of(conn, "here")
    levels.post(conn, adoption.adopt(conn, shelf, -1), NOW)
    shop.link("a", "A")
    [entry] = adoption.take_back(conn, shelf, -1)
    assert entry.on_hand == 1


# -- two nodes tell one authority ------------------------------------------------------------------------------------------------------------


def test_an_answer_that_comes_after_a_newer_one_is_not_believed(conn: Connection) -> None:
    """One node's export of three hangs; another node has told one since. The late answer says three, and others hold two there."""
    owned = open_owned(conn)
    owned.order("1", 3)
    first = owned.arm()
    assert first is not None
    owned.warehouse.take(first.claim)
    late = owned.warehouse.claimed(first.claim.key, first.claim.lines[0].ref)
    owned.order("1", 3, cancelled=2)
    second = owned.arm()
    assert second is not None
    owned.warehouse.take(second.claim)
    owned.answer(second)
    exports_told.settle(conn, [Exported(first.export_id, first.question, late)], NOW)
    owned.warehouse.foreign = 2
    owned.read()
    assert owned.level.available <= owned.true_available()
    assert owned.arm() is not None, "nobody knows which of the two it took last: it is told again"
    proved(conn)


# -- several locations of a shop, one of ours ------------------------------------------------------------------------------------------------


def test_a_line_that_moves_between_two_numbers_fed_by_one_location_moves_both(conn: Connection, shop: Shop) -> None:
    """The shop gives the units back to one of its numbers and takes them from the other; the ledger's units stay where they are."""
    listings.upsert(conn, shop.channel, [Listing("a", "A", locations=("here", "there"))], NOW, {"here": (1,), "there": (1,)})
    shop.see(order(line("a", 2, location="here")))
    assert (shop.book("a", "here"), shop.book("a", "there")) == (8, 10)
    shop.see(order(line("a", 2, location="there"), at=NOW + MINUTE))
    assert (shop.book("a", "here"), shop.book("a", "there")) == (10, 8)
    shop.see(order(line("a", 2, location="there"), state=OrderState.CANCELLED, at=NOW + 2 * MINUTE))
    shop.see(order(line("a", 2, took=0, cancelled=2, location="there"), state=OrderState.CANCELLED, at=NOW + 3 * MINUTE))
    assert (shop.book("a", "here"), shop.book("a", "there")) == (10, 10)
    assert (level(conn, "A").on_hand, level(conn, "A").hard) == (10, 0)
    proved(conn)


def test_what_a_shop_withholds_follows_its_line_to_the_other_number(conn: Connection, shop: Shop) -> None:
    listings.upsert(conn, shop.channel, [Listing("a", "A", locations=("here", "there"))], NOW, {"here": (1,), "there": (1,)})
    later = NOW + DAY
    for minute, place in enumerate(("here", "there")):
        held = OrderLine("1", "a", 2, withheld=2, location=place)
        shop.see(order(held, state=OrderState.PENDING, at=NOW + minute * MINUTE, hold_until=later))
        targets = {ref: value for ref, value in picture(conn)["targets"].items() if ref[0] == "a"}
        assert targets == {("a", other): 10 if other == place else 8 for other in ("here", "there")}


def test_a_line_from_before_the_shop_named_its_places_keeps_its_number(conn: Connection, shop: Shop) -> None:
    """The new number was read when it first appeared: it contains what the shop had taken by then."""
    listings.upsert(conn, shop.channel, [Listing("one", "A")], NOW, {"": (1,)})
    shop.link("one", "A")
    conn.execute(update(shelves).where(shelves.c.location == "").values(book=10))
    shop.see(order(line("one", 2, location=None)))
    assert shop.book("one", "") == 8
    listings.upsert(conn, shop.channel, [Listing("one", "A", locations=("here",))], NOW, {"here": (1,)})
    new = select(shelves.c.id).join(table, table.c.id == shelves.c.listing_id).where(table.c.ref == "one", shelves.c.location == "here")
    conn.execute(update(shelves).where(shelves.c.id.in_(new)).values(book=8, rebased_at=NOW + MINUTE))
    shop.see(order(line("one", 2, location="here"), at=NOW + 2 * MINUTE))
    assert (shop.book("one", ""), shop.book("one", "here")) == (8, 8)
