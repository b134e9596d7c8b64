"""Listings as told by the channel: what is stored, which shelves they get, and by which names they are found."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from channelsync.contract import Listing, ShelfRef
from channelsync.ledger import listings, matching, stock
from channelsync.ledger.listing_pages import Filter, Show, list_listings
from channelsync.ledger.matching import Link
from channelsync.ledger.schema import listings as table
from channelsync.ledger.schema import locations, shelf_feeds, shelves
from channelsync.ledger.stock import Change
from support.stock import NOW, open_channel, open_locations, put


@pytest.fixture
def channel(conn: Connection) -> int:
    open_locations(conn, "main", "annex")
    put(conn, "A", 7)
    return open_channel(conn)


def tell(conn: Connection, channel: int, *told: Listing, **options: Any) -> listings.Upserted:
    return listings.upsert(conn, channel, told, NOW, **options)


def feeds(conn: Connection) -> dict[str, list[str]]:
    query = (
        select(shelves.c.location, locations.c.code)
        .join(shelf_feeds, shelf_feeds.c.shelf_id == shelves.c.id)
        .join(locations, locations.c.id == shelf_feeds.c.location_id)
        .order_by(shelves.c.location, locations.c.code)
    )
    found: dict[str, list[str]] = {}
    for location, code in conn.execute(query):
        found.setdefault(location, []).append(code)
    return found


def targets(conn: Connection) -> list[int | None]:
    return list(conn.scalars(select(shelves.c.target).order_by(shelves.c.id)))


def test_a_page_is_stored_and_told_again(conn: Connection, channel: int) -> None:
    first = tell(conn, channel, Listing("1", "A", "Old", barcode="4006381333931"), Listing("2", None))
    again = listings.upsert(conn, channel, [Listing("1", "A2", "New", problem="a bundle")], NOW + timedelta(hours=1))
    assert again.ids == {"1": first.ids["1"]}
    row = conn.execute(select(table).where(table.c.ref == "1")).mappings().one()
    assert (row["sku_text"], row["title"], row["problem"], row["seen_at"]) == ("A2", "New", "a bundle", NOW + timedelta(hours=1))
    assert len(conn.execute(select(table)).all()) == 2


def test_a_listing_told_twice_on_one_page_is_one_listing(conn: Connection, channel: int) -> None:
    tell(conn, channel, Listing("1", "A", "first"), Listing("1", "A", "last"))
    assert conn.scalars(select(table.c.title)).all() == ["last"]


def test_texts_that_fit_no_column_do_not_stop_the_page(conn: Connection, channel: int) -> None:
    done = tell(conn, channel, Listing("x" * 256, "A"), Listing("1", "s" * 256, "a\x00b", barcode="9" * 65), Listing("2", "A"))
    assert sorted(done.ids) == ["1", "2"]
    row = conn.execute(select(table).where(table.c.ref == "1")).mappings().one()
    assert (row["sku_text"], row["title"], row["barcode"]) == (None, "a\N{SYMBOL FOR NULL}b", None)
    assert "longer than 255" in row["problem"]


def test_each_channel_location_is_a_shelf_with_its_feeds(conn: Connection, channel: int) -> None:
    main, annex = conn.scalars(select(locations.c.id).order_by(locations.c.id)).all()
    listing = Listing("1", "A", locations=("", "north", "south"))
    tell(conn, channel, listing, feeds={"north": [annex], "south": [main, annex]})
    assert feeds(conn) == {"": ["main"], "north": ["annex"], "south": ["annex", "main"]}
    tell(conn, channel, listing, feeds={"north": [annex], "south": [annex]})
    assert feeds(conn) == {"": ["main"], "north": ["annex"], "south": ["annex"]}
    assert len(targets(conn)) == 3


def test_a_shelf_that_nothing_feeds_is_not_made(conn: Connection, channel: int) -> None:
    homeless = open_channel(conn, "homeless", location=None)
    assert tell(conn, homeless, Listing("1", "A")).unfed == (ShelfRef("1"),)
    assert targets(conn) == []


def test_shelves_follow_the_level_of_the_linked_sku(conn: Connection, channel: int) -> None:
    tell(conn, channel, Listing("1", "A"))
    assert targets(conn) == [None]
    matching.link(conn, [Link(channel, "1", "A", pack=2)], NOW)
    assert targets(conn) == [3]
    stock.receive(conn, [Change("A", "main", 3)], NOW)
    assert targets(conn) == [5]


def test_new_feeds_are_new_targets(conn: Connection, channel: int) -> None:
    put(conn, "A", 30, "annex")
    tell(conn, channel, Listing("1", "A"))
    matching.link(conn, [Link(channel, "1", "A")], NOW)
    annex = conn.scalar(select(locations.c.id).where(locations.c.code == "annex"))
    assert annex is not None
    tell(conn, channel, Listing("1", "A"), feeds={"": [annex]})
    assert targets(conn) == [30]


@pytest.mark.parametrize("change", [{"tracked": False}, {"problem": "gift card"}, {"stock_ref": "9"}])
def test_what_cannot_be_written_has_no_target(conn: Connection, channel: int, change: dict[str, Any]) -> None:
    tell(conn, channel, Listing("1", "A"))
    matching.link(conn, [Link(channel, "1", "A")], NOW)
    tell(conn, channel, Listing("1", "A", **change))
    assert targets(conn) == [None]
    tell(conn, channel, Listing("1", "A"))
    assert targets(conn) == [7]


def test_a_deleted_listing_keeps_its_link_and_is_written_again_when_it_returns(conn: Connection, channel: int) -> None:
    tell(conn, channel, Listing("1", "A", aliases=("variant-1",)))
    matching.link(conn, [Link(channel, "1", "A")], NOW)
    assert listings.gone(conn, channel, ["variant-1", "nobody"], NOW) == 1
    assert listings.gone(conn, channel, ["1"], NOW) == 0
    assert targets(conn) == [None]
    tell(conn, channel, Listing("1", "A"))
    assert targets(conn) == [7]


def test_listings_are_found_by_ref_and_by_alias_and_the_ref_wins(conn: Connection, channel: int) -> None:
    other = open_channel(conn, "other")
    tell(conn, other, Listing("1", "A"))
    ids = tell(conn, channel, Listing("1", "A", aliases=("v1", "2")), Listing("2", "B", aliases=("v2",))).ids
    found = listings.resolve(conn, channel, ["1", "2", "v1", "v2", "v3"])
    assert {name: row.id for name, row in found.items()} == {"1": ids["1"], "2": ids["2"], "v1": ids["1"], "v2": ids["2"]}
    assert listings.resolve(conn, channel, []) == {}


def test_an_alias_moves_to_the_listing_that_has_it_now(conn: Connection, channel: int) -> None:
    tell(conn, channel, Listing("1", "A", aliases=("v",)), Listing("2", "A"))
    tell(conn, channel, Listing("2", "A", aliases=("v",)))
    assert listings.resolve(conn, channel, ["v"])["v"].ref == "2"


def test_a_listing_on_its_parents_stock_has_the_parents_shelf_and_sku(conn: Connection, channel: int) -> None:
    ids = tell(
        conn, channel, Listing("parent", "A"), Listing("child", None, stock_ref="parent"), Listing("orphan", None, stock_ref="x")
    ).ids
    matching.link(conn, [Link(channel, "parent", "A", pack=6)], NOW)
    found = listings.resolve(conn, channel, ["parent", "child", "orphan"])
    assert (found["child"].id, found["child"].pack) == (ids["child"], 6)
    assert found["child"].sku_id == found["parent"].sku_id is not None
    assert found["child"].shelves == found["parent"].shelves != {}
    assert (found["orphan"].sku_id, found["orphan"].shelves) == (None, {})


def test_pages_for_people_are_filtered_and_go_on_by_key(conn: Connection, channel: int) -> None:
    other = open_channel(conn, "other")
    tell(conn, other, Listing("9", "A", "Other shop"))
    tell(
        conn,
        channel,
        Listing("1", "A", "Red 50% shirt"),
        Listing("2", "B", "Blue shirt", tracked=False),
        Listing("3", None, "Gift", problem="gift card"),
        Listing("4", "D"),
    )
    matching.link(conn, [Link(channel, "1", "A")], NOW)
    listings.gone(conn, channel, ["4"], NOW)

    def refs(**wanted: Any) -> list[str]:
        return [row.ref for row in list_listings(conn, Filter(channel_id=channel, **wanted)).rows]

    assert refs() == ["1", "2", "3"]
    assert refs(show=Show.LINKED) == refs(sku="A") == refs(text="50%") == ["1"]
    assert refs(show=Show.UNLINKED) == ["2", "3"]
    assert refs(text="SHIRT") == ["1", "2"]
    assert (refs(show=Show.PROBLEM), refs(show=Show.UNTRACKED), refs(show=Show.REMOVED)) == (["3"], ["2"], ["4"])
    first = list_listings(conn, Filter(), limit=3)
    rest = list_listings(conn, Filter(), after=first.next or 0, limit=3)
    assert [row.ref for row in (*first.rows, *rest.rows)] == ["9", "1", "2", "3"]
    assert (first.rows[1].channel, first.rows[1].sku, rest.next) == ("shop", "A", None)
