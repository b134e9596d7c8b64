"""Day one with a number below zero, and a sale that waited behind many others."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, insert, select

from channelsync.contract import Effect, Listing, OrderLine, OrderSnapshot, OrderState
from channelsync.ledger import book, listings, matching, openings, orders, waiting_sales
from channelsync.ledger.book import BookEntry
from channelsync.ledger.orders import Sighting
from channelsync.ledger.schema import shelves, skus
from support.stock import NOW, open_channel, open_locations, put


def test_a_shop_that_sold_more_than_it_had_opens_with_what_lies_there(conn: Connection) -> None:
    """Two were there, three are sold: the number is -1, and two wait to be shipped."""
    open_locations(conn, "main")
    conn.execute(insert(skus).values(sku="A", created_at=NOW))
    channel = open_channel(conn)
    listings.upsert(conn, channel, [Listing("1", "A")], NOW)
    matching.match(conn, channel, NOW)
    placed = OrderSnapshot("100", OrderState.OPEN, NOW, NOW, (OrderLine("a", "1", 3, effects=(Effect(3, NOW),)),))
    orders.apply(conn, [Sighting(channel, placed, 1)], NOW)
    shelf = conn.scalar(select(shelves.c.id))
    assert shelf is not None
    book.replace(conn, shelf, None, -1, [BookEntry(shelf, "opening", -1)], NOW)
    [balance] = openings.balances(conn, channel, list(conn.scalars(select(skus.c.id))))
    assert (balance.shows, balance.taken, balance.on_hand) == (-1, 3, 2)


def test_a_sale_behind_many_others_is_found_when_its_listing_is_linked(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_sales, "MAX_WAITING", 1)
    open_locations(conn, "main")
    put(conn, "A", 5)
    channel = open_channel(conn)
    listings.upsert(conn, channel, [Listing("1", None), Listing("2", None)], NOW)
    for ref in ("1", "2"):
        placed = OrderSnapshot(f"10{ref}", OrderState.OPEN, NOW, NOW, (OrderLine("a", ref, 1),))
        orders.apply(conn, [Sighting(channel, placed, 1)], NOW)
    [linked] = matching.link(conn, [matching.Link(channel_id=channel, ref="2", sku="A")], NOW)
    assert isinstance(linked, matching.Linked)
    assert linked.orders_applied == 1
