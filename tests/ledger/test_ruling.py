"""Which rule counts: the levels, windows in time, and shelves that follow whatever changes."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from channelsync.contract import Listing
from channelsync.ledger import book, listings, matching, openings, ruling, skus, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.book import BookEntry
from channelsync.ledger.matching import Link
from channelsync.ledger.ruling import CatchUp, Rule, resolved
from channelsync.ledger.schema import listings as listing_table
from channelsync.ledger.schema import shelves
from channelsync.ledger.skus import Rename
from support.stock import NOW, open_channel, open_locations, put

HOUR = timedelta(hours=1)


@pytest.fixture
def shop(conn: Connection) -> int:
    """Listings a and b of SKUs A and B, 10 of each."""
    open_locations(conn, "main")
    for sku in ("A", "B"):
        put(conn, sku, 10)
    channel = open_channel(conn)
    listings.upsert(conn, channel, [Listing("a", "A"), Listing("b", "B")], NOW)
    matching.match(conn, channel, NOW)
    return channel


def apply(conn: Connection, *said: Rule, at: datetime = NOW, limit: int = 200) -> int:
    """The config says this; every shelf follows. Returns the steps that took."""
    ruling.keep(conn, said)
    return follow(conn, at, limit)


def follow(conn: Connection, at: datetime, limit: int = 200) -> int:
    step: CatchUp | None = CatchUp(limit=limit)
    for count in itertools.count(1):
        assert step is not None
        [caught] = ruling.catch_up(conn, [step], at)
        step = caught.go_on
        if step is None:
            return count
    raise AssertionError


def targets(conn: Connection) -> dict[str, int | None]:
    query = select(listing_table.c.ref, shelves.c.target).join(shelves, shelves.c.listing_id == listing_table.c.id)
    return {row.ref: row.target for row in conn.execute(query.order_by(listing_table.c.ref))}


def sources(conn: Connection, ref: str) -> dict[str, str]:
    query = select(shelves.c.rules_from).join(listing_table, listing_table.c.id == shelves.c.listing_id)
    found: dict[str, str] = conn.scalars(query.where(listing_table.c.ref == ref)).one()
    return found


LEVELS: list[tuple[str, dict[str, Any]]] = [
    ("store", {}),
    ("window", {"opens": NOW - HOUR, "closes": NOW + HOUR}),
    ("channel", {"channel_id": 1}),
    ("window channel", {"channel_id": 1, "opens": NOW - HOUR, "closes": NOW + HOUR}),
    ("sku", {"sku": "A"}),
    ("window sku", {"sku": "A", "opens": NOW - HOUR, "closes": NOW + HOUR}),
    ("channel+sku", {"channel_id": 1, "sku": "A"}),
    ("window channel+sku", {"channel_id": 1, "sku": "A", "opens": NOW - HOUR, "closes": NOW + HOUR}),
    ("listing", {"channel_id": 1, "listing": "a"}),
]
"""From the most general to the most specific."""


@pytest.mark.parametrize(("lower", "higher"), list(itertools.combinations(range(len(LEVELS)), 2)))
def test_the_more_specific_word_counts_in_any_order(lower: int, higher: int) -> None:
    weak, strong = (Rule(LEVELS[level][0], **LEVELS[level][1], show_max=level) for level in (lower, higher))
    for order in ([weak, strong], [strong, weak]):
        told = resolved(order)
        assert (told.show_max, told.sources) == (higher, {"max": LEVELS[higher][0]})


def test_each_field_is_taken_from_where_it_is_said() -> None:
    told = resolved(
        [Rule("rules", safety_stock=2, show_max=9), Rule("rules.sku A", sku="A", show_max=5), Rule("c", channel_id=1, share=5_000)]
    )
    assert (told.safety_stock, told.show_max, told.share) == (2, 5, 5_000)
    assert told.sources == {"safety_stock": "rules", "max": "rules.sku A", "share": "c"}


def test_a_part_takes_the_place_of_units_and_the_other_way_round() -> None:
    part = resolved([Rule("rules", safety_stock=2), Rule("rules.sku A", sku="A", safety_share=1_000)])
    assert (part.safety_stock, part.safety_share) == (0, 1_000)
    whole = resolved([Rule("rules", safety_share=1_000), Rule("rules.sku A", sku="A", safety_stock=2)])
    assert (whole.safety_stock, whole.safety_share) == (2, 0)


def test_of_two_open_windows_the_later_one_in_the_file_counts() -> None:
    window: dict[str, Any] = {"opens": NOW, "closes": NOW + HOUR}
    assert resolved([Rule("1", **window, show_max=1), Rule("2", **window, show_max=2)]).show_max == 2


def test_shelves_follow_the_config(conn: Connection, shop: int) -> None:
    apply(conn, Rule("rules", safety_stock=2), Rule("rules.sku A", sku="A", show_max=5), Rule("x", channel_id=shop + 1, skip=True))
    assert targets(conn) == {"a": 5, "b": 8}
    assert sources(conn, "a") == {"safety_stock": "rules", "max": "rules.sku A"}
    apply(conn, Rule("channels.shop.rules.listing b", channel_id=shop, listing="b", skip=True))
    assert targets(conn) == {"a": 10, "b": None}
    apply(conn)
    assert (targets(conn), sources(conn, "b")) == ({"a": 10, "b": 10}, {})
    assert audit(conn) == []


def test_the_same_config_again_is_no_work(conn: Connection, shop: int) -> None:
    assert ruling.keep(conn, [Rule("rules", safety_stock=2)])
    assert follow(conn, NOW, limit=1) == 3, "two SKUs, and a page that finds no more"
    assert not ruling.keep(conn, [Rule("rules", safety_stock=2)])
    assert follow(conn, NOW, limit=1) == 1


def test_a_crash_between_two_pages_leaves_the_rest_to_do(conn: Connection, shop: int) -> None:
    ruling.keep(conn, [Rule("rules", safety_stock=2)])
    ruling.catch_up(conn, [CatchUp(limit=1)], NOW)
    assert targets(conn) == {"a": 8, "b": 10}
    follow(conn, NOW)
    assert targets(conn) == {"a": 8, "b": 8}


def test_a_window_opens_and_closes_at_its_time(conn: Connection, shop: int) -> None:
    sale = Rule("rules.windows[0]", sku="A", opens=NOW + HOUR, closes=NOW + 2 * HOUR, safety_stock=6)
    apply(conn, sale)
    [before] = ruling.catch_up(conn, [CatchUp()], NOW)
    assert (targets(conn)["a"], before.until) == (10, NOW + HOUR)
    [opened] = ruling.catch_up(conn, [CatchUp()], NOW + HOUR)
    assert (targets(conn), opened.until, opened.changed) == ({"a": 4, "b": 10}, NOW + 2 * HOUR, 1)
    [closed] = ruling.catch_up(conn, [CatchUp()], NOW + 2 * HOUR)
    assert (targets(conn)["a"], closed.until, closed.changed) == (10, None, 1)


def test_a_window_that_opens_while_the_pages_are_under_way_is_not_missed(conn: Connection, shop: int) -> None:
    ruling.keep(conn, [Rule("rules.windows[0]", opens=NOW + HOUR, closes=NOW + 2 * HOUR, safety_stock=6)])
    [first] = ruling.catch_up(conn, [CatchUp(limit=1)], NOW)
    assert first.go_on is not None
    [second] = ruling.catch_up(conn, [first.go_on], NOW + HOUR)
    while second.go_on is not None:
        [second] = ruling.catch_up(conn, [second.go_on], NOW + HOUR)
    assert targets(conn) == {"a": 4, "b": 4}


def test_a_listing_has_its_rules_from_the_moment_it_is_linked(conn: Connection, shop: int) -> None:
    apply(conn, Rule("rules.sku A", sku="A", safety_stock=9), Rule("channels.shop.rules", channel_id=shop, show_max=3))
    listings.upsert(conn, shop, [Listing("c", None)], NOW)
    matching.link(conn, [Link(channel_id=shop, ref="c", sku="B"), Link(channel_id=shop, ref="b", sku="A")], NOW)
    assert targets(conn) == {"a": 1, "b": 1, "c": 3}
    listings.upsert(conn, shop, [Listing("d", "A")], NOW)
    matching.link(conn, [Link(channel_id=shop, ref="d", sku="A")], NOW)
    assert targets(conn)["d"] == 1


def test_a_renamed_sku_has_the_rules_of_its_new_name(conn: Connection, shop: int) -> None:
    apply(conn, Rule("rules.sku A", sku="A", safety_stock=9), Rule("rules.sku C", sku="C", safety_stock=1))
    skus.rename(conn, [Rename(sku="A", to="C")], NOW)
    assert targets(conn)["a"] == 9


def test_plenty_shows_what_nobody_counts_until_it_is_counted(conn: Connection, shop: int) -> None:
    skus.ensure(conn, ["P"], NOW)
    apply(conn, Rule("rules.sku P", sku="P", plenty=50))
    listings.upsert(conn, shop, [Listing("p", "P")], NOW)
    matching.match(conn, shop, NOW)
    assert targets(conn)["p"] == 50
    assert audit(conn) == []
    stock.count(conn, [stock.Change("P", "main", 4)], NOW)
    assert targets(conn)["p"] == 4


def test_rules_about_nothing_are_named(conn: Connection, shop: int) -> None:
    window: dict[str, Any] = {"opens": NOW, "closes": NOW + HOUR}
    said = [
        Rule("rules", safety_stock=1),
        Rule("rules.sku A", sku="A", show_max=1),
        Rule("rules.sku a", sku="a", show_max=1),
        Rule("channels.shop.rules.listing b", channel_id=shop, listing="b", skip=True),
        Rule("channels.shop.rules.listing x", channel_id=shop, listing="x", skip=True),
        Rule("rules.windows[0]", sku="Z", **window, skip=True),
    ]
    assert ruling.about_nothing(conn, said) == ["rules.sku a", "channels.shop.rules.listing x", "rules.windows[0]: Z"]


def test_plenty_in_a_shop_opens_no_ledger(conn: Connection, shop: int) -> None:
    skus.ensure(conn, ["P", "Q"], NOW)
    apply(conn, Rule("rules.sku P", sku="P", plenty=50))
    listings.upsert(conn, shop, [Listing("p", "P"), Listing("q", "Q")], NOW)
    matching.match(conn, shop, NOW)
    for shelf_id in conn.scalars(select(shelves.c.id).where(shelves.c.book.is_(None))).all():
        book.replace(conn, shelf_id, None, 7, [BookEntry(shelf_id, "opening", 7)], NOW)
    assert [balance.sku for balance in openings.balances(conn, shop, [row.id for row in skus.find(conn, ["P", "Q"]).values()])] == ["Q"]
