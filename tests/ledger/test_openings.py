"""Day one: the opening balance is what the shop shows plus what it took for orders that are still on the floor; shown as a plan first."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from channelsync.contract import Effect, Listing, OrderLine, OrderState
from channelsync.ledger import book, bundling, listings, locations, matching, openings, selling, skus, stock
from channelsync.ledger import planned as plans
from channelsync.ledger.audit import audit
from channelsync.ledger.book import BookEntry
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.openings import Opening
from channelsync.ledger.schema import channels, movements, shelves
from channelsync.ledger.schema import listings as listing_rows
from channelsync.ledger.stock import Change
from support.planning import Whole, planned
from support.selling import DAY, Shop, line, order, picture
from support.stock import NOW, assert_adds_up, level, open_channel

PAST = NOW - DAY


@pytest.fixture
def shop(conn: Connection) -> Shop:
    """Nothing is counted and the channel is not open; it shows 5 of each listing, read an hour ago."""
    locations.ensure(conn, [LocationSpec("main"), LocationSpec("annex")], NOW)
    skus.ensure(conn, ["A", "B"], NOW)
    shop = Shop(conn, open_channel(conn))
    read(conn, shop.channel, {"a": "A", "b": "B"}, shows=5)
    return shop


def read(conn: Connection, channel: int, told: dict[str, str | None], *, shows: int) -> None:
    """The channel tells these listings, and each is read."""
    listings.upsert(conn, channel, [Listing(ref, sku, locations=("here",)) for ref, sku in told.items()], NOW)
    matching.match(conn, channel, NOW)
    unread = select(shelves.c.id).where(shelves.c.channel_id == channel, shelves.c.book.is_(None)).order_by(shelves.c.id)
    for shelf in conn.scalars(unread).all():
        book.replace(conn, shelf, None, shows, [BookEntry(shelf, "opening", shows)], NOW)
    conn.execute(update(shelves).where(shelves.c.channel_id == channel).values(rebased_at=NOW))


def old(parts: OrderLine, ref: str = "100", **more: Any) -> Any:
    return order(parts, ref=ref, at=PAST, created_at=PAST, **more)


def opened(conn: Connection, *ids: int, source: int | None) -> Whole:
    plan = planned(conn, openings.open_channels, Opening(ids, source), NOW)
    assert_adds_up(conn)
    assert audit(conn) == []
    return plan


def test_a_bundle_opens_no_balance_and_its_sales_are_in_no_part_s_number(conn: Connection, shop: Shop) -> None:
    """The shop took them from the bundle's own number; those of its parts still count these units."""
    bundling.define(conn, [Define("KIT", (Part("A", 2), Part("B")))], NOW)
    read(conn, shop.channel, {"kit": "KIT"}, shows=3)
    shop.see(old(line("kit", 1, at=PAST)))
    shop.see(old(line("a", 1, at=PAST), ref="101"))
    plan = opened(conn, shop.channel, source=shop.channel)
    assert [(each.sku, each.shows, each.taken) for each in plan.balances] == [("A", 5, 1), ("B", 5, 0)]
    assert (level(conn, "A").available, level(conn, "B").available) == (3, 4)
    assert {(write.listing, write.shows, write.target) for write in plan.writes} == {("kit", 3, 1), ("a", 5, 3), ("b", 5, 4)}
    assert [write.parts for write in plan.writes if write.parts] == [("2 x A", "1 x B")]


@pytest.mark.parametrize(
    ("sold", "taken", "hard"),
    [
        (line("a", 3, at=PAST), 3, 3),
        (line("a", 3, at=PAST, shipped=1), 2, 2),
        (line("a", 3, at=PAST, shipped=3), 0, 0),
        (line("a", 3, at=PAST, took=2, shipped=2, restocked=1), 1, 1),
        (line("a", 3, at=PAST, quarantined=1), 2, 2),
        (line("a", 3, at=PAST, took=2, cancelled=1), 2, 2),
        (OrderLine("1", "a", 3, location="here"), 0, 3),  # the shop lowers its number later: it still shows them
    ],
)
def test_what_the_shop_took_and_has_not_shipped_is_on_hand(conn: Connection, shop: Shop, sold: OrderLine, taken: int, hard: int) -> None:
    shop.see(old(sold))
    plan = opened(conn, shop.channel, source=shop.channel)
    assert {(balance.sku, balance.shows, balance.taken) for balance in plan.balances} == {("A", 5, taken), ("B", 5, 0)}
    found = level(conn, "A")
    assert (found.on_hand, found.hard) == (5 + taken, hard)
    assert shop.book("a") == 5
    assert conn.scalar(select(shelves.c.target).order_by(shelves.c.id).limit(1)) == 5 + taken - hard


def test_orders_that_are_over_took_nothing_that_is_on_the_floor(conn: Connection, shop: Shop) -> None:
    shop.see(old(line("a", 3, at=PAST), state=OrderState.CANCELLED))
    shop.see(old(OrderLine("1", "a", 2, withheld=2, location="here"), ref="101", state=OrderState.PENDING, hold_until=NOW + DAY))
    opened(conn, shop.channel, source=shop.channel)
    found = level(conn, "A")
    assert (found.on_hand, found.soft, found.hard) == (5, 2, 0)


def test_shipping_after_the_opening_takes_units_off_once(conn: Connection, shop: Shop) -> None:
    shop.see(old(line("a", 3, at=PAST, shipped=1)))
    opened(conn, shop.channel, source=shop.channel)
    shop.see(order(line("a", 3, at=PAST, shipped=3), created_at=PAST))
    found = level(conn, "A")
    assert (found.on_hand, found.hard, found.available, shop.book("a")) == (5, 0, 5, 5)
    assert audit(conn) == []


def test_a_preview_is_the_plan_and_changes_nothing(conn: Connection, shop: Shop) -> None:
    shop.see(old(line("a", 3, at=PAST)))
    before = picture(conn), conn.scalar(select(func.count()).select_from(movements))
    plan = planned(conn, openings.preview, Opening((shop.channel,), shop.channel), NOW)
    assert (picture(conn), conn.scalar(select(func.count()).select_from(movements))) == before
    assert conn.scalar(select(channels.c.opened_at)) is None
    assert plan == opened(conn, shop.channel, source=shop.channel)
    assert plan.opens == ("shop",)


def test_a_second_opening_posts_nothing_twice(conn: Connection, shop: Shop) -> None:
    shop.see(old(line("a", 3, at=PAST)))
    opened(conn, shop.channel, source=shop.channel)
    before = picture(conn), conn.scalar(select(channels.c.opened_at))
    plan = opened(conn, shop.channel, source=shop.channel)
    assert (plan.opens, plan.balances) == ((), [])
    assert (picture(conn), conn.scalar(select(channels.c.opened_at))) == before


def test_what_was_counted_before_is_not_opened_by_a_shop(conn: Connection, shop: Shop) -> None:
    stock.receive(conn, [Change("A", "main", 2)], NOW)
    plan = opened(conn, shop.channel, source=shop.channel)
    assert [balance.sku for balance in plan.balances] == ["B"]
    assert [(write.sku, write.shows, write.target) for write in plan.writes] == [("A", 5, 2)]
    assert level(conn, "A").on_hand == 2


def test_a_listing_of_a_sku_that_was_never_counted_is_never_written(conn: Connection, shop: Shop) -> None:
    plan = opened(conn, shop.channel, source=None)
    assert plan.writes == []
    assert {(blocked.listing, blocked.reason) for blocked in plan.blocked} == {
        (ref, "the SKU has no stock in the ledger yet: receive or count it first") for ref in ("a", "b")
    }
    assert selling.due_raises(conn, shop.channel, (), NOW) == ()
    assert set(conn.scalars(select(shelves.c.target))) == {None}
    shop.see(order(line("a", 2)))
    assert set(conn.scalars(select(shelves.c.target))) == {None}, "a sale counts nothing"
    stock.receive(conn, [Change("A", "main", 7)], NOW)
    assert list(conn.scalars(select(shelves.c.target).order_by(shelves.c.id))) == [5, None]


def test_two_listings_of_one_sku_show_the_same_units(conn: Connection, shop: Shop) -> None:
    """A six-pack that is cut from the same pile: its number is a lower bound, not more stock."""
    read(conn, shop.channel, {"six": None}, shows=1)
    shop.link("six", "A", 6)
    plan = opened(conn, shop.channel, source=shop.channel)
    assert {(balance.sku, balance.shows, balance.listings) for balance in plan.balances} == {("A", 5, 2), ("B", 5, 1)}


def test_the_second_shop_follows_the_first(conn: Connection, shop: Shop) -> None:
    other = open_channel(conn, "other")
    read(conn, other, {"x": "A", "y": None}, shows=9)
    plan = opened(conn, shop.channel, other, source=shop.channel)
    assert plan.opens == ("other", "shop")
    assert [(write.channel, write.listing, write.shows, write.target) for write in plan.writes] == [("other", "x", 9, 5)]
    assert [(blocked.channel, blocked.listing, blocked.reason) for blocked in plan.blocked] == [("other", "y", "no SKU is linked to it")]


def test_a_shelf_that_several_places_feed_is_counted_once(conn: Connection) -> None:
    places = locations.ensure(conn, [LocationSpec("main", priority=1), LocationSpec("annex", priority=2)], NOW)
    skus.ensure(conn, ["A"], NOW)
    channel = open_channel(conn)
    listings.upsert(conn, channel, [Listing("a", "A")], NOW, {"": places})
    matching.match(conn, channel, NOW)
    [shelf] = conn.scalars(select(shelves.c.id))
    book.replace(conn, shelf, None, 5, [BookEntry(shelf, "opening", 5)], NOW)
    plan = opened(conn, channel, source=channel)
    assert (plan.writes, plan.unchanged) == ([], 1)
    assert (level(conn, "A").on_hand, level(conn, "A", "annex").on_hand) == (5, 0)


def test_a_number_below_zero_is_an_oversell_from_the_first_day(conn: Connection, shop: Shop) -> None:
    """Five are sold and the shop shows -2: three of them are on the floor."""
    skus.ensure(conn, ["C"], NOW)
    read(conn, shop.channel, {"c": "C"}, shows=-2)
    shop.see(old(OrderLine("1", "c", 5, effects=(Effect(5, PAST),), location="here")))
    opened(conn, shop.channel, source=shop.channel)
    found = level(conn, "C")
    assert (found.on_hand, found.hard, found.available) == (3, 5, -2)


def test_a_plan_of_many_pages_is_that_of_one(conn: Connection, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows are read and posted some at a time; nothing is lost or doubled between."""
    more = {f"l{number}": f"S{number}" for number in range(7)}
    skus.ensure(conn, more.values(), NOW)
    bundling.define(conn, [Define("KIT", (Part("S0", 2), Part("S6")))], NOW)
    read(conn, shop.channel, {**more, "kit": "KIT"}, shows=4)
    other = open_channel(conn, "other")
    read(conn, other, {"x0": "S0", "x1": "S1", "x2": "S2", "none": None, "nothing": None, "kit": "KIT"}, shows=9)
    shop.see(old(line("l0", 2, at=PAST)))
    opening = Opening((shop.channel, other), shop.channel)
    at_once = planned(conn, openings.preview, opening, NOW)
    assert (len(at_once.balances), len(at_once.writes), len(at_once.blocked)) == (9, 5, 2)
    for size in (1, 2, 3):
        monkeypatch.setattr(openings, "PAGE", size)
        monkeypatch.setattr(plans, "PAGE", size)
        assert planned(conn, openings.preview, opening, NOW) == at_once
    assert planned(conn, openings.open_channels, opening, NOW) == at_once
    assert_adds_up(conn)
    assert audit(conn) == []


def test_every_reason_why_a_listing_is_not_written(conn: Connection, shop: Shop) -> None:
    whys: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
        "problem": ({"problem": "two variants share it"}, {}, "two variants share it"),
        "uncounted": ({"tracked": False}, {}, "the shop does not count it"),
        "borrowed": ({"stock_ref": "a"}, {}, "it shows the number of a"),
        "skipped": ({}, {"skip": True, "rules_from": {"skip": "rules.sku A"}}, "the config says so (skip: rules.sku A)"),
        "frozen": ({}, {"frozen": True}, "a person has frozen it; `channelsync explain` says who and why"),
        "aside": ({}, {"aside_reason": "refused", "aside_at": NOW}, "set aside: refused"),
        "unread": ({}, {"book": None}, "its number was not read yet"),
    }
    names = {ref: ref.upper() for ref in (*whys, "fine", "nowhere")}
    skus.ensure(conn, [*names.values(), "C"], NOW)
    stock.receive(conn, [Change(sku, "main", 3) for sku in ["A", *names.values()]], NOW)
    read(conn, shop.channel, {ref: sku for ref, sku in names.items() if ref != "nowhere"}, shows=3)
    read(conn, shop.channel, {"unlinked": None}, shows=3)
    bundling.define(conn, [Define("KIT", (Part("A"), Part("C")))], NOW)
    bundling.define(conn, [Define("PAIR", (Part("A", 2),))], NOW)
    read(conn, shop.channel, {"kit": "KIT", "pair": "PAIR"}, shows=1)
    listings.upsert(conn, shop.channel, [Listing("nowhere", "NOWHERE", locations=())], NOW)
    matching.match(conn, shop.channel, NOW)
    for ref, (of_listing, of_shelf, _) in whys.items():
        its = select(listing_rows.c.id).where(listing_rows.c.ref == ref).scalar_subquery()
        if of_listing:
            conn.execute(update(listing_rows).where(listing_rows.c.ref == ref).values(**of_listing))
        if of_shelf:
            conn.execute(update(shelves).where(shelves.c.listing_id == its).values(**of_shelf))
    never = "the SKU has no stock in the ledger yet: receive or count it first"
    nowhere = "the shop keeps no number for it at a mapped location"
    expected = {ref: why for ref, (_, _, why) in whys.items()} | {"unlinked": "no SKU is linked to it", "b": never, "kit": never}
    found = {row.listing: row.reason for row in plans.blocked(conn, [shop.channel])}
    assert found == expected | {"nowhere": nowhere}
