"""No verb reads a whole table that grows with the business: SQLite says of every statement of a day how it would find its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from channelsync.contract import Listing
from channelsync.ledger import bundling, expiry, listings, matching
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.expiry import Ending, Forget
from channelsync.ledger.files import importing
from channelsync.ledger.files.importing import Chunk
from channelsync.ledger.files.kinds import Source
from channelsync.ledger.files.listings import LinkRow
from channelsync.ledger.files.purchases_compared import PurchaseRow
from channelsync.ledger.files.receipts import ReceiptRow
from channelsync.ledger.files.skus import SkuRow
from channelsync.ledger.files.stock import StockRow
from support.purchasing import ordered
from support.routing import count, open_store, sold
from support.stock import NOW, open_locations, put
from support.story import live_a_day

GROWING = frozenset(
    {
        "movements", "stock_levels", "skus", "reservations", "orders", "order_lines", "listings", "listing_aliases", "shelves", "shelf_feeds",
        "book_entries", "attempts", "push_calls", "idempotency_keys", "inbox", "set_aside", "findings", "seals", "transfers", "transfer_lines",
        "purchase_orders", "purchase_lines",
    }
)  # fmt: skip
WHOLE = re.compile(r"^SCAN (?:TABLE )?(\w+)(?: AS \w+)?(?: USING (?:COVERING )?INDEX (\w+))?")
THE_STORY = "SELECT shelves.id \nFROM shelves ORDER BY shelves.id"
BY_ITSELF = ("INSERT", "PRAGMA", "BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "EXPLAIN")


@pytest.fixture
def statements(engine: Engine) -> Iterator[dict[str, Any]]:
    """Each statement that is run, with parameters of one of its runs."""
    seen: dict[str, Any] = {}

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if not statement.startswith((*BY_ITSELF, THE_STORY)):
            seen[statement] = parameters[0] if many else parameters

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_no_verb_of_a_day_reads_a_whole_table(conn: Connection, statements: dict[str, Any]) -> None:
    live_a_day(conn)
    found = [(table, statement) for statement, values in dict(statements).items() for table in _read_whole(conn, statement, values)]
    assert len(statements) > 50
    assert not found, "\n".join(f"{table}: {statement}" for table, statement in found)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_no_sweep_of_what_has_ended_reads_a_whole_table(conn: Connection, statements: dict[str, Any]) -> None:
    for shops in ((), ((1, NOW), (2, NOW))):
        expiry.end_holds(conn, [Ending(10, shops)], NOW)
    found = [(table, statement) for statement, values in dict(statements).items() for table in _read_whole(conn, statement, values)]
    assert any("order_lines" in statement for statement in statements)
    assert not found, "\n".join(f"{table}: {statement}" for table, statement in found)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_nothing_is_forgotten_by_reading_a_whole_table(conn: Connection, statements: dict[str, Any]) -> None:
    expiry.forget(conn, [Forget(10, timedelta(days=14))], NOW)
    found = [(table, statement) for statement, values in dict(statements).items() for table in _read_whole(conn, statement, values)]
    assert any("set_aside" in statement for statement in statements)
    assert not found, "\n".join(f"{table}: {statement}" for table, statement in found)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_no_row_of_a_file_reads_a_whole_table(conn: Connection, statements: dict[str, Any]) -> None:
    open_locations(conn, "main")
    put(conn, "A", 10)
    source = Source("file", NOW, "tester")
    number = ordered(conn, {"A": 10}, reference="R-1")
    rows: dict[str, tuple[Any, ...]] = {
        "stock": (StockRow(2, "A", "main", on_hand=7), StockRow(3, "NEW", "main", on_hand=7)),
        "skus": (SkuRow(2, "A", {"title": "A mug", "cost": "3.20", "low": 2}),),
        "listings": (LinkRow(2, "shop", "1", "A"),),
        "purchase-orders": (PurchaseRow(2, "A", 3, reference="R-2", location="main"), PurchaseRow(3, "A", 10, number=number)),
        "receipts": (ReceiptRow(2, number, "A", 3),),
    }
    assert set(rows) == set(importing.KINDS)
    statements.clear()
    for kind, some in rows.items():
        for _ in range(2):
            importing.apply(conn, [Chunk(kind, source, some)], NOW)
    found = [(table, statement) for statement, values in dict(statements).items() for table in _read_whole(conn, statement, values)]
    assert not found, "\n".join(f"{table}: {statement}" for table, statement in found)


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_no_look_for_lines_to_send_on_reads_a_whole_table(conn: Connection, statements: dict[str, Any]) -> None:
    store = open_store(conn, A=(0, 5, 0), B=(5, 5, 0))
    bundling.define(conn, [Define("SET", (Part("A", 1), Part("B", 1)))], NOW)
    listings.upsert(conn, store.channel, [Listing("set", "SET")], NOW, {"": (store.ids["main"],)})
    matching.match(conn, store.channel, NOW)
    store.see(sold("a", 2), ref="100")
    store.see(sold("set", 2, sku="SET"), ref="101")
    count(store, "A", "berlin", 0)
    count(store, "A", "hamburg", 3)
    statements.clear()
    assert store.relieve() == 1
    found = [(table, statement) for statement, values in dict(statements).items() for table in _read_whole(conn, statement, values)]
    assert any("order_destinations" in statement for statement in statements)
    assert not found, "\n".join(f"{table}: {statement}" for table, statement in found)


def _read_whole(conn: Connection, statement: str, values: Any) -> set[str]:
    """What an index holds of a few rows only, such as the open ones, may be read from its first to its last."""
    few = set(conn.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'").scalars())
    steps = [WHOLE.match(str(row[3])) for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    return {step[1] for step in steps if step and step[1] in GROWING and step[2] not in few}
