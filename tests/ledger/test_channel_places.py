"""What feeds a channel's own locations, and shelves that follow the mapping without selling a unit twice."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, select

from channelsync.contract import ChannelLocation, Listing, Page
from channelsync.ledger import cataloguing, channel_places, levels, openings
from channelsync.ledger import locations as ledger_locations
from channelsync.ledger.audit import audit
from channelsync.ledger.book import BookEntry, replace
from channelsync.ledger.cataloguing import ListingsRead
from channelsync.ledger.channel_places import Feeds, Follow, Told, feeds_of
from channelsync.ledger.levels import Entry, MovementType
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.openings import Opening
from channelsync.ledger.schema import channel_locations, cursors, listings, shelves, skus
from support.planning import planned
from support.stock import NOW, open_channel

PLACES = ("here", "there")


@pytest.mark.parametrize(
    ("refs", "table", "default", "chosen", "fed"),
    [
        ([""], {}, 1, None, {"": (1,)}),
        (["a"], {}, 1, None, {"a": (1,)}),
        (["", "a"], {}, 1, None, {"": (1,), "a": (1,)}),
        (["a", "b"], {}, 1, None, {"a": (), "b": ()}),
        (["a", "b"], {}, 1, "b", {"a": (), "b": (1,)}),
        (["a", "b"], {"a": (2, 3)}, 1, None, {"a": (2, 3), "b": ()}),
        ([""], {"": (2, 3)}, 1, None, {"": (2, 3)}),
        (["a"], {}, None, None, {"a": ()}),
    ],
)
def test_what_feeds_a_place(
    refs: list[str], table: Feeds, default: int | None, chosen: str | None, fed: dict[str, tuple[int, ...]]
) -> None:
    assert feeds_of(refs, table, default, chosen) == fed


def warehouse(conn: Connection, *codes: str) -> dict[str, int]:
    specs = [LocationSpec(code, priority=number) for number, code in enumerate(codes)]
    return dict(zip(codes, ledger_locations.ensure(conn, specs, NOW), strict=True))


def read(conn: Connection, channel: int, table: Feeds, *told: Listing) -> cataloguing.Taken:
    [taken] = cataloguing.take_page(conn, [ListingsRead(channel, Page(told, high_water="1"), NOW, table, makes_skus=True)], NOW)
    return taken


def follow(conn: Connection, channel: int, table: Feeds, limit: int = 200) -> int:
    after, steps = 0, 1
    while True:
        [more] = channel_places.follow(conn, [Follow(channel, table, after, limit)], NOW)
        if more is None:
            return steps
        after, steps = more, steps + 1


def targets(conn: Connection) -> dict[tuple[str, str], int | None]:
    query = select(listings.c.ref, shelves.c.location, shelves.c.target).join(listings, listings.c.id == shelves.c.listing_id)
    return {(row.ref, row.location): row.target for row in conn.execute(query)}


def stocked(conn: Connection, sku: str, units: dict[int, int]) -> None:
    sku_id = conn.scalars(select(skus.c.id).where(skus.c.sku == sku)).one()
    levels.post(conn, [Entry(sku_id, place, MovementType.RECEIVE, on_hand=count) for place, count in units.items() if count], NOW)


@pytest.mark.parametrize("seed", range(8))
def test_shelves_together_never_show_more_than_there_is(conn: Connection, seed: int) -> None:
    """Each location feeds at most one place of the channel, as the config check demands; then nothing is shown twice."""
    dice = random.Random(seed)
    ids = warehouse(conn, "a", "b", "c", "d")
    channel = open_channel(conn, location=None)
    fed: dict[str, list[int]] = {place: [] for place in PLACES}
    for id_ in ids.values():
        if dice.random() < 0.8:
            fed[dice.choice(PLACES)].append(id_)
    table = {place: tuple(places) for place, places in fed.items()}
    taken = read(conn, channel, table, Listing("l", "X", locations=PLACES))
    units = {id_: dice.randint(0, 9) for id_ in ids.values()}
    stocked(conn, "X", units)
    shown = targets(conn)
    assert {ref.location for ref in taken.unfed} == {place for place in PLACES if not fed[place]}
    if any(units.values()):
        assert shown == {("l", place): sum(units[id_] for id_ in places) for place, places in fed.items() if places}
    assert sum(number or 0 for number in shown.values()) <= sum(units.values())
    assert audit(conn) == []


def test_shelves_follow_a_new_mapping_and_the_listings_are_read_anew(conn: Connection) -> None:
    ids = warehouse(conn, "main", "annex")
    channel = open_channel(conn)
    table = {"here": (ids["main"],)}
    read(conn, channel, table, Listing("l", "X", locations=PLACES), Listing("m", "Y", locations=PLACES))
    for sku in ("X", "Y"):
        stocked(conn, sku, {ids["main"]: 10, ids["annex"]: 4})
    follow(conn, channel, table)
    assert targets(conn) == {("l", "here"): 10, ("m", "here"): 10}
    changed = {"here": (ids["annex"], ids["main"]), "there": ()}
    read(conn, channel, table)
    assert follow(conn, channel, changed, limit=1) == 3
    assert targets(conn) == {("l", "here"): 14, ("m", "here"): 14}
    assert conn.scalar(select(func.count()).select_from(cursors)) == 0, "a shelf that was never made is made when the listings come again"
    read(conn, channel, changed)
    assert follow(conn, channel, changed) == 1
    assert conn.scalar(select(func.count()).select_from(cursors)) == 1
    assert conn.execute(select(channel_locations.c.ref, channel_locations.c.location_id).order_by(channel_locations.c.ref)).all() == [
        ("here", ids["annex"]),
        ("there", None),
    ]


def test_a_place_that_is_told_no_more_is_not_active(conn: Connection) -> None:
    ids = warehouse(conn, "main")
    channel = open_channel(conn)
    told = (ChannelLocation("1", "Front"), ChannelLocation("2", "Back"))
    channel_places.tell(conn, [Told(channel, told, {"1": (ids["main"],)})], NOW)
    assert [place.ref for place in channel_places.unmapped(conn, channel, {})] == ["2"]
    channel_places.tell(conn, [Told(channel, told[:1], {"1": (ids["main"],)})], NOW + timedelta(hours=1))
    assert channel_places.unmapped(conn, channel, {}) == []


def test_an_opening_puts_what_several_locations_show_together_to_the_first_of_them(conn: Connection) -> None:
    ids = warehouse(conn, "main", "annex", "berlin")
    channel = open_channel(conn)
    read(conn, channel, {"here": (ids["annex"], ids["main"]), "there": (ids["berlin"],)}, Listing("l", "X", locations=PLACES))
    for shelf_id, location in conn.execute(select(shelves.c.id, shelves.c.location)).all():
        units = {"here": 7, "there": 3}[location]
        replace(conn, shelf_id, None, units, [BookEntry(shelf_id, "opening", units)], NOW)
    plan = planned(conn, openings.open_channels, Opening((channel,), channel), NOW)
    assert {(each.location, each.on_hand) for each in plan.balances} == {("main", 7), ("berlin", 3)}
    assert targets(conn) == {("l", "here"): 7, ("l", "there"): 3}
    assert plan.writes == []


def test_the_line_to_add(conn: Connection) -> None:
    ids = warehouse(conn, "main", "annex")
    channel = open_channel(conn)
    channel_places.tell(conn, [Told(channel, (ChannelLocation("1"), ChannelLocation("2", "Küche & Bad")), {"1": (ids["main"],)})], NOW)
    known = channel_places.mapped(conn, channel, {"1": (ids["main"],)})
    assert channel_places.line_for(conn, known, "2", "Küche") == 'locations = { "1" = "main", "2" = "annex" }'
    full = {"1": ("main", "annex")}
    assert channel_places.line_for(conn, full, '2"', "Berlin Mitte") == 'locations = { "1" = ["main", "annex"], "2\\"" = "berlin-mitte" }'
    assert channel_places.line_for(conn, {"1": ("main", "annex"), "3": ()}, "2", "") == (
        'locations = { "1" = ["main", "annex"], "3" = [], "2" = "new-location" }'
    )
