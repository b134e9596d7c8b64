"""A second proof of the ledger, by code that shares nothing with it: no verb, no schema module, not even a column's name.

It reads the log from its first row to its last, in pages, and adds up for itself what `ledger.audit` asks the database to add up. A mistake that the
ledger and its own audit have in common is not in here too. Reads only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from channelsync.ledger.verifier import books, stock
from channelsync.ledger.verifier.chain import Chain, Seals
from channelsync.ledger.verifier.found import Mismatch, Mismatches
from channelsync.ledger.verifier.guards import unguarded
from channelsync.ledger.verifier.rows import RowChecks, pages

__all__ = ["Chain", "Mismatch", "Seals", "Verified", "verify"]


@dataclass(frozen=True, slots=True)
class Verified:
    """What was read, and what does not fit. seals: how far each log is sealed, and the newest seal's hash."""

    movements: int
    book_entries: int
    seals: tuple[Seals, ...]
    mismatches: tuple[Mismatch, ...]


def verify(conn: Connection, now: datetime) -> Verified:
    """Read both logs and everything they should add up to, on one snapshot: `await ledger.read(verify, now)`."""
    found = Mismatches()
    unguarded(conn, found)
    moved, booked = stock.Moved(), books.Booked()
    movements = _read(conn, "movements", stock.COLUMNS, moved.take, found, now)
    entries = _read(conn, "book_entries", books.COLUMNS, booked.take, found, now)
    moved.compare(conn, found)
    booked.compare(conn, found)
    seals = tuple(chain.summary() for _, chain in (movements, entries))
    return Verified(movements[0], entries[0], seals, tuple(found))


def _read(conn: Connection, log: str, columns: tuple[str, ...], take: stock.Take, found: Mismatches, now: datetime) -> tuple[int, Chain]:
    """One log, row by row: to whoever adds it up, to its chain, and past the checks that a row must pass by itself."""
    chain, each, count = Chain(conn, log, found), RowChecks(conn, log, now, found), 0
    for page in pages(conn, log, columns):
        for row in page:
            take(row, found)
            chain.take(row)
            each.take(row)
        count += len(page)
    chain.finish()
    return count, chain
