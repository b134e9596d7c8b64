"""What the shop itself did to its numbers for an order, into the books; and what an adopted drift turns out to have been.

The lines are gathered first and booked when the levels are locked: everybody takes levels, then shelves. Only what an adopted drift is taken back
from is a level that is locked behind its shelf, as where it was adopted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from channelsync.contract import OrderLine
from channelsync.ledger import adoption, net_effect
from channelsync.ledger.book import BookEntry
from channelsync.ledger.net_effect import OwnEffect
from channelsync.ledger.order_rows import LineRow
from channelsync.ledger.order_work import OrderWork
from channelsync.ledger.schema import shelves
from channelsync.ledger.spelt import Spelt, one_of

CHUNK = 400


class Shelf(NamedTuple):
    """book: None: it was not opened yet. rebased_at: the reading that it was last replaced by (the shop's clock)."""

    book: int | None
    rebased_at: datetime | None


_LOCK = Spelt(
    select(shelves.c.id, shelves.c.book, shelves.c.rebased_at)
    .where(one_of(shelves.c.id, "those"))
    .order_by(shelves.c.id)
    .with_for_update(key_share=True)
)


def lock(conn: Connection, works: Sequence[OrderWork]) -> dict[int, Shelf]:
    """The shelves that the orders' lines are, were, or may be sold from, by their ids."""
    wanted = sorted({shelf_id for work in works for shelf_id in _shelves_of(work)})
    found: dict[int, Shelf] = {}
    for start in range(0, len(wanted), CHUNK):
        rows = _LOCK.rows(conn, those=wanted[start : start + CHUNK])
        found |= {id_: Shelf(book, rebased_at) for id_, book, rebased_at in rows}
    return found


def _shelves_of(work: OrderWork) -> set[int]:
    wanted = {row.at.shelf_id for row in work.effects.rows if row.at.shelf_id is not None}
    for line in work.snapshot.lines:
        if target := work.target(line.listing):
            wanted |= {shelf_id for shelf_id, _ in target.shelves.values()}
    return wanted


def gather(work: OrderWork, those: Mapping[int, Shelf]) -> None:
    """Of one order. those: its shelves, locked."""
    for line, mine, shelf_id in work.effects.sold:
        _book(work, line, mine, shelf_id, those)
    for row in work.effects.withdrawn:
        _undo(work, row, those)


def _book(work: OrderWork, line: OrderLine, mine: Sequence[LineRow], shelf_id: int | None, those: Mapping[int, Shelf]) -> None:
    """mine: the line's rows as they were. shelf_id: whose number the shop moves for the line now."""
    if shelf_id is None:
        return
    for row in mine:
        if row.at.shelf_id != shelf_id:  # sold from another number now: the first has its units back
            _undo(work, row, those)
    took = sum(row.posted.took for row in mine if row.at.shelf_id == shelf_id)
    known_at = work.effects.known_at
    seen = net_effect.Seen(first=not mine, known_at=known_at, changed_at=work.changed_at, opened_at=work.channel.opened_at)
    effect = net_effect.own_effect(line, took, _rebased_at(those, shelf_id), seen)
    _own_effect(work, shelf_id, effect, those)
    if not effect.booked and any(known_at is None or each.at > known_at for each in line.effects):
        work.disturbed.add(shelf_id)  # sold and given back since we last knew: two equal readings around that are not one number


def _undo(work: OrderWork, row: LineRow, those: Mapping[int, Shelf]) -> None:
    if row.at.shelf_id is not None:
        effect = net_effect.undone(row.posted.took, work.changed_at, _rebased_at(those, row.at.shelf_id))
        _own_effect(work, row.at.shelf_id, effect, those)


def _rebased_at(those: Mapping[int, Shelf], shelf_id: int) -> datetime | None:
    return those[shelf_id].rebased_at if shelf_id in those else None


def _own_effect(work: OrderWork, shelf_id: int, effect: OwnEffect, those: Mapping[int, Shelf]) -> None:
    if shelf_id in those and those[shelf_id].book is None:  # no book yet: the opening reading will contain it, if it is taken from now on
        work.disturbed |= {shelf_id} if effect.booked else set()
        return
    if effect.booked:
        kind = "took" if effect.booked < 0 else "gave_back"
        work.books.append(BookEntry(shelf_id, kind, effect.booked, order_id=work.order_id))
    if effect.swallowed:
        work.swallowed.append((shelf_id, effect.swallowed))


def give_back(work: OrderWork) -> None:
    """The drift that was adopted into on hand was this order all along: take the adoption back, as far as it goes. Reads levels as they are written."""
    for shelf_id, swallowed in work.swallowed:
        for entry in adoption.take_back(work.conn, shelf_id, swallowed):
            work.entries.append(replace(entry, reference=work.snapshot.ref, channel_id=work.channel.id))
