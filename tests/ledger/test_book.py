"""The book moves by differences. What an order explains of a suspended gap, and what it does not."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select, update

from channelsync.contract import Listing
from channelsync.ledger import book, listings
from channelsync.ledger.book import BookEntry
from channelsync.ledger.schema import shelves
from support.stock import NOW, open_channel, open_locations


@pytest.fixture
def shelf(conn: Connection) -> int:
    """Its book is 5."""
    open_locations(conn, "main")
    listings.upsert(conn, open_channel(conn), [Listing("1", "A")], NOW)
    shelf_id = conn.scalars(select(shelves.c.id)).one()
    book.replace(conn, shelf_id, None, 5, [BookEntry(shelf_id, "opening", 5)], NOW)
    return int(shelf_id)


def suspend(conn: Connection, shelf_id: int, gap: int) -> None:
    conn.execute(update(shelves).where(shelves.c.id == shelf_id).values(gap=gap, gap_since=NOW if gap else None))


@pytest.mark.parametrize(
    ("gap", "kind", "delta", "left"),
    [
        (0, "took", -2, 0),  # a sale after the last look: shop and book moved together
        (0, "gave_back", 2, 0),
        (-2, "took", -2, 0),  # the sale that the last look had seen
        (-2, "took", -1, -1),
        (-1, "took", -3, 0),  # more was sold than the look saw: the rest came after it
        (2, "gave_back", 1, 1),
        (1, "gave_back", 4, 0),
        (-1, "gave_back", 1, -1),  # explains nothing: the sale is still unseen
        (1, "took", -1, 1),
        (-1, "write", -1, -1),  # our own write keeps the gap
    ],
)
def test_an_own_effect_explains_a_gap_of_its_own_direction(
    conn: Connection, shelf: int, gap: int, kind: str, delta: int, left: int
) -> None:
    suspend(conn, shelf, gap)
    book.move(conn, [BookEntry(shelf, kind, delta)], NOW)
    row = conn.execute(select(shelves)).mappings().one()
    assert (row["book"], row["gap"]) == (5 + delta, left)
    assert (row["gap_since"] is None) == (left == 0)
    assert row["own_seq"] == (0 if kind == "write" else 1)
