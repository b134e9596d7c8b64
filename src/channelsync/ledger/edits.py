"""Numbers that somebody else writes into a shop over ours, again and again: that is another program, which no number of ours will ever convince.

They are counted from the book's own log. A person who mistypes is overwritten; who goes on is put to a person, and nothing is written over it meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from channelsync.ledger import book, findings, fitting
from channelsync.ledger.schema import book_entries, skus
from channelsync.ledger.schema import findings as finding_table
from channelsync.ledger.spelt import Spelt

DRIFT, FOREIGN = "drift", "foreign_writer"
EDITED, VERIFIED = "edited in the shop", "verified after a write"
"""Notes of book entries: what follows a drift, and what a write was found to have become."""

SWALLOWS = timedelta(minutes=10)
"""An order so near to a write may be a sale that the write has swallowed: what the shop showed then is our own doing."""

OVERWRITES_MAX = 5
"""More than staff who put one number right in several goes, fewer than a program that comes every hour and is fought for half a day."""

WINDOW = timedelta(hours=24)
"""A program that comes once a night is never fought more than once a day, and that is no fight."""

LINES_MAX = 1_000
"""Of the book's log: of a shelf that moves more often in a day, what is older than so many lines is not counted."""

NUMBERS = 10
SHOWN = 5

REMEDY = (
    "Nothing is written over it now; what is sold elsewhere is still taken off. Find the other program and stop it, or `channelsync freeze` the SKU; "
    "then `channelsync drift resolve {shelf} --overwrite|--adopt`"
)


@dataclass(frozen=True, slots=True)
class Edits:
    """count: how often somebody else has written the shelf since then, the present number included. numbers: the last of them, oldest first."""

    count: int
    since: datetime
    numbers: tuple[int, ...]

    def detail(self) -> dict[str, Any]:
        return {"count": self.count, "since": self.since.isoformat(timespec="minutes"), "numbers": list(self.numbers)}


_OPEN = Spelt(
    select(finding_table.c.detail)
    .where(
        finding_table.c.kind == FOREIGN,
        finding_table.c.resolved_at.is_(None),
        finding_table.c.channel_id == bindparam("channel"),
        finding_table.c.reference == bindparam("named"),
    )
    .limit(1)
)
_LINES = Spelt(
    select(book_entries.c.kind, book_entries.c.delta, book_entries.c.note, book_entries.c.at)
    .where(book_entries.c.shelf_id == bindparam("shelf"))
    .order_by(book_entries.c.id.desc())
    .limit(LINES_MAX)
)


def another_writer(conn: Connection, shelf: Mapping[str, Any], name: str, shows: int, now: datetime) -> Edits | None:
    """Whether a shelf that now `shows` a number of somebody else is written by another program. Once it was found, until the question is answered."""
    known = _OPEN.first(conn, channel=shelf["channel_id"], named=fitting.ref(name))
    if known is not None:
        before = known[0]
        numbers = (*before["numbers"], shows)[-NUMBERS:]
        return Edits(before["count"] + 1, datetime.fromisoformat(before["since"]), numbers)
    found = _overwritten(conn, shelf["id"], shelf["book"], now - WINDOW)
    if len(found) < OVERWRITES_MAX:
        return None
    return Edits(len(found) + 1, found[0][1], (*(number for number, _ in found), shows)[-NUMBERS:])


def _overwritten(conn: Connection, shelf_id: int, booked: int, since: datetime) -> list[tuple[int, datetime]]:
    """Edits that we have written over since then, oldest first: the number and when it was found. One that nothing was written after was no fight."""
    found, wrote = [], False
    lines = [line for line in _LINES.mappings(conn, shelf=shelf_id) if line["at"] > since]
    for number, line in enumerate(lines):
        if line["kind"] == "write":
            wrote = True
        elif wrote and line["kind"] == "rebase" and (line["note"] == EDITED or _is_no_sale(lines[number:])):
            found.append((booked, line["at"]))
            wrote = False
        booked -= line["delta"]
    return found[::-1]


def _is_no_sale(lines: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the first line, newest of all, says what a write was found to have become without an order that the write could have swallowed."""
    verified = lines[0]
    written = next((line["at"] for line in lines if line["kind"] == "write"), None)
    if verified["note"] != VERIFIED or written is None:
        return False
    return not any(line["kind"] in book.OWN and line["at"] >= written - SWALLOWS for line in lines)


def settled(conn: Connection, channel_id: int, sku_id: int | None, name: str, now: datetime) -> None:
    """Nobody is asked about this shelf any more."""
    for kind in (DRIFT, FOREIGN):
        findings.resolve(conn, kind, channel_id, sku_id, name, now)


def said(sku: str, name: str, detail: Mapping[str, Any]) -> str:
    """A finding in words."""
    last = ", ".join(str(number) for number in detail.get("numbers", ())[-SHOWN:])
    where, since = name.removesuffix("@"), f" since {detail['since']}" if "since" in detail else ""
    return f"another program keeps writing the number of {sku} ({where}): {detail.get('count', 'several')} times{since}, last {last or 'unknown'}"


@dataclass(frozen=True, slots=True)
class Writer:
    """A shelf that another program writes. shelf: its number in `drift list`."""

    shelf: int | None
    reference: str
    words: str


def writers(conn: Connection, channel_id: int, limit: int) -> tuple[int, list[Writer]]:
    """How many shelves of a channel are written by another program, and the first of them."""
    mine = finding_table.c.kind == FOREIGN, finding_table.c.channel_id == channel_id, finding_table.c.resolved_at.is_(None)
    count = conn.execute(select(func.count()).select_from(finding_table).where(*mine)).scalar_one()
    query = select(finding_table, skus.c.sku).outerjoin(skus, skus.c.id == finding_table.c.sku_id).where(*mine).order_by(finding_table.c.id)
    rows = conn.execute(query.limit(limit)).mappings().all() if count else []
    first = [Writer(row["detail"].get("id"), row["reference"], said(row["sku"] or "?", row["reference"], row["detail"])) for row in rows]
    return count, first
