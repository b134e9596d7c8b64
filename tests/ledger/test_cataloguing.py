"""A page of listings on its way into the ledger."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, select

from channelsync.contract import Listing, Page
from channelsync.ledger import cataloguing, channels, locations
from channelsync.ledger.cataloguing import ListingsRead
from channelsync.ledger.channels import ChannelSpec
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.schema import skus

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def read(conn: Connection, *told: Listing) -> None:
    [place] = locations.ensure(conn, [LocationSpec("main")], NOW)
    [channel] = channels.register(conn, [ChannelSpec("shop", "memory", place)], NOW)
    assert isinstance(channel, int)
    cataloguing.take_page(conn, [ListingsRead(channel, Page(told, high_water="1"), NOW, makes_skus=True)], NOW)


def titles(conn: Connection) -> dict[str, str]:
    return {row.sku: row.title for row in conn.execute(select(skus.c.sku, skus.c.title))}


def test_a_sku_takes_its_name_from_the_first_listing_and_keeps_it(conn: Connection) -> None:
    read(conn, Listing("1", "MUG", "Mug, blue"), Listing("2", "TEE", ""))
    assert titles(conn) == {"MUG": "Mug, blue", "TEE": ""}
    read(conn, Listing("1", "MUG", "SALE! Mug"), Listing("2", "TEE", "T-shirt"))
    assert titles(conn) == {"MUG": "Mug, blue", "TEE": "T-shirt"}
