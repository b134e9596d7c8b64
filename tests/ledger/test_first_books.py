"""Opening very many books at once: the same end as one bracket after the other, and only for shelves that stood still and have no book."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, event, select

from channelsync.contract import Listing
from channelsync.ledger import first_books, listings, matching
from channelsync.ledger.brackets import Closing
from channelsync.ledger.first_books import FirstReadings
from channelsync.ledger.schema import book_entries, shelves
from channelsync.ledger.to_read import ShelfState
from support.pushing import Outgoing, open_outgoing
from support.stock import put


@pytest.fixture
def out(conn: Connection) -> Outgoing:
    """The numbers of d, e and f were never read."""
    out = open_outgoing(conn)
    for sku in ("D", "E", "F"):
        put(conn, sku, 5)
    listings.upsert(conn, out.channel, [Listing(sku.lower(), sku) for sku in ("D", "E", "F")], out.now)
    matching.match(conn, out.channel, out.now)
    return out


def opened(out: Outgoing, *readings: tuple[ShelfState, int | None, int | None], lease: int | None = None) -> int:
    told = tuple((*reading, out.now) for reading in readings)
    [count] = first_books.open_books(out.conn, [FirstReadings(out.channel, out.lease if lease is None else lease, told)], out.now)
    return count


def test_two_equal_readings_open_a_book_as_a_bracket_of_its_own_does(out: Outgoing) -> None:
    assert opened(out, (out.before("d"), 7, 7)) == 1
    assert out.close(out.before("e"), 7) is Closing.OPENED
    ours, single = out.state("d"), out.state("e")
    own = {"id", "listing_id"}
    assert {name: value for name, value in ours.items() if name not in own} == {n: v for n, v in single.items() if n not in own}
    said = select(book_entries.c.kind, book_entries.c.delta, book_entries.c.note, book_entries.c.at)
    entries = out.conn.execute(said.where(book_entries.c.shelf_id.in_((ours["id"], single["id"])))).all()
    assert len(entries) == 2
    assert entries[0] == entries[1]
    assert out.numbers("d") == (7, 5, True)


def test_what_moved_or_is_not_counted_or_has_a_book_stays_as_it_is(out: Outgoing) -> None:
    d, e, f = (out.before(ref) for ref in "def")
    out.sell("o-1", "d", 1)
    assert out.close(f, 9) is Closing.OPENED
    out.later(seconds=1)
    assert opened(out, (d, 7, 7), (e, 7, 6), (f, 4, 4)) == 0
    assert [out.state(ref)["book"] for ref in "def"] == [None, None, 9]
    assert opened(out, (out.before("e"), 7, None)) == 0
    assert out.state("e")["read_at"] == out.now, "it was read, and is last in the queue again"


def test_who_lost_the_lease_opens_nothing(out: Outgoing) -> None:
    before = out.before("d")
    out.lose_lease()
    assert opened(out, (before, 7, 7)) == 0
    assert out.state("d")["book"] is None


def test_a_thousand_books_take_as_many_statements_as_a_hundred(out: Outgoing) -> None:
    told = [Listing(f"more-{number}", f"A-{number}") for number in range(1100)]
    listings.upsert(out.conn, out.channel, told, out.now)
    matching.match(out.conn, out.channel, out.now)
    ids = out.conn.execute(
        select(shelves.c.id, shelves.c.own_seq).where(shelves.c.book.is_(None), shelves.c.id > out.shelf("f")).order_by(shelves.c.id)
    ).all()
    states = [ShelfState(row.id, out.before("d").shelf, None, row.own_seq) for row in ids]
    statements: list[str] = []
    event.listen(out.conn.engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
    out.later(seconds=1)
    assert opened(out, *((state, 3, 3) for state in states[:100])) == 100
    few = len(statements)
    assert opened(out, *((state, 3, 3) for state in states[100:1100])) == 1000
    assert len(statements) - few <= few + 2, "two more pages of rows to lock"
    assert out.now == out.conn.scalars(select(shelves.c.read_at).where(shelves.c.id == states[1099].id)).one()
