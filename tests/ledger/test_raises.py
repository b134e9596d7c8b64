"""A raise goes no further than what was due when every shop that sells the SKU began to be looked at."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, select

from channelsync.contract import Carrier, Listing
from channelsync.ledger import channels, listings, locations, matching, openings, outbox, stock
from channelsync.ledger.book import BookEntry, replace
from channelsync.ledger.channels import ChannelSpec, LeaseRequest
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.openings import Opening
from channelsync.ledger.outbox import Arming, DueRaise
from channelsync.ledger.schema import shelves

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def test_what_was_caused_after_the_look_began_waits_for_the_next(conn: Connection) -> None:
    [place] = locations.ensure(conn, [LocationSpec("main")], NOW)
    [shop] = channels.register(conn, [ChannelSpec("shop", "memory", place)], NOW)
    assert isinstance(shop, int)
    stock.seed(conn, [stock.Change("MUG", "main", 5)], NOW)
    listings.upsert(conn, shop, [Listing("m", "MUG")], NOW)
    matching.match(conn, shop, NOW)
    shelf = conn.scalars(select(shelves.c.id)).one()
    replace(conn, shelf, None, 3, [BookEntry(shelf, "opening", 3)], NOW)
    openings.open_channels(conn, [Opening((shop,), None)], NOW)
    [version] = channels.take_lease(conn, [LeaseRequest(shop, "us", 60)], NOW)
    assert version is not None

    def armed(*seen: DueRaise) -> bool:
        arming = Arming(shop, f"key-{len(seen)}-{seen}", True, Carrier.COMPARE_AND_SET, 10, version or 0, seen=seen)
        return outbox.arm(conn, [arming], NOW)[0] is not None

    rises = conn.scalars(select(shelves.c.rises)).one()
    assert not armed(), "it was not due when the look began"
    assert not armed(DueRaise(shelf, 4, rises - 1)), "it was due, but for less"
    assert not armed(DueRaise(shelf, 5, rises - 1)), "it was due for as much, but not by the same units"
    assert armed(DueRaise(shelf, 5, rises))
