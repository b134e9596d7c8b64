"""What the shop itself did to its numbers for an order, into the books; and what an adopted drift turns out to have been.

The lines are gathered first and booked when the levels are locked: everybody takes levels, then shelves. Only what an adopted drift is taken back
from is a level that is locked behind its shelf, as where it was adopted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select

from channelsync.contract import OrderLine
from channelsync.ledger import adoption, net_effect
from channelsync.ledger.book import BookEntry
from channelsync.ledger.net_effect import OwnEffect
from channelsync.ledger.order_rows import LineRow
from channelsync.ledger.order_work import OrderWork
from channelsync.ledger.schema import shelves
from channelsync.ledger.spelt import Spelt, one_of


@dataclass(frozen=True, slots=True)
class Rebased:
    """at: by shelf, the reading that its book was last replaced by (the shop's clock). known_at: change time of the snapshot applied before."""

    at: Mapping[int, datetime | None]
    known_at: datetime | None


_LOCK = Spelt(
    select(shelves.c.id, shelves.c.book, shelves.c.rebased_at)
    .where(one_of(shelves.c.id, "those"))
    .order_by(shelves.c.id)
    .with_for_update(key_share=True)
)


@dataclass(frozen=True, slots=True)
class Effects:
    """Of one snapshot. rows: all that the order had. sold: lines with their rows as they were, and the shelf whose number the shop moves for them now.
    withdrawn: rows of lines that are not in the order any more.
    """

    rows: Sequence[LineRow]
    known_at: datetime | None
    sold: list[tuple[OrderLine, Sequence[LineRow], int | None]] = field(default_factory=list)
    withdrawn: list[LineRow] = field(default_factory=list)


def post(work: OrderWork, effects: Effects) -> None:
    rebased = _look(work, effects.rows, effects.known_at)
    for line, mine, shelf_id in effects.sold:
        _book(work, line, mine, shelf_id, rebased)
    for row in effects.withdrawn:
        _undo(work, row, rebased)


def _look(work: OrderWork, rows: Sequence[LineRow], known_at: datetime | None) -> Rebased:
    """Lock the shelves that the order's lines are, were, or may be sold from."""
    wanted = {row.at.shelf_id for row in rows if row.at.shelf_id is not None}
    for line in work.snapshot.lines:
        if target := work.target(line.listing):
            wanted |= {shelf_id for shelf_id, _ in target.shelves.values()}
    found = _LOCK.rows(work.conn, those=sorted(wanted))
    work.unread = {id_ for id_, book, _ in found if book is None}
    return Rebased({id_: rebased_at for id_, _, rebased_at in found}, known_at)


def _book(work: OrderWork, line: OrderLine, mine: Sequence[LineRow], shelf_id: int | None, rebased: Rebased) -> None:
    """mine: the line's rows as they were. shelf_id: whose number the shop moves for the line now."""
    if shelf_id is None:
        return
    for row in mine:
        if row.at.shelf_id != shelf_id:  # sold from another number now: the first has its units back
            _undo(work, row, rebased)
    took = sum(row.posted.took for row in mine if row.at.shelf_id == shelf_id)
    seen = net_effect.Seen(first=not mine, known_at=rebased.known_at, changed_at=work.changed_at, opened_at=work.channel.opened_at)
    effect = net_effect.own_effect(line, took, rebased.at.get(shelf_id), seen)
    _own_effect(work, shelf_id, effect)
    if not effect.booked and any(rebased.known_at is None or each.at > rebased.known_at for each in line.effects):
        work.disturbed.add(shelf_id)  # sold and given back since we last knew: two equal readings around that are not one number


def _undo(work: OrderWork, row: LineRow, rebased: Rebased) -> None:
    if row.at.shelf_id is not None:
        _own_effect(work, row.at.shelf_id, net_effect.undone(row.posted.took, work.changed_at, rebased.at.get(row.at.shelf_id)))


def _own_effect(work: OrderWork, shelf_id: int, effect: OwnEffect) -> None:
    if shelf_id in work.unread:  # no book yet: the opening reading will contain it, if it is taken from now on
        work.disturbed |= {shelf_id} if effect.booked else set()
        return
    if effect.booked:
        kind = "took" if effect.booked < 0 else "gave_back"
        work.books.append(BookEntry(shelf_id, kind, effect.booked, order_id=work.order_id))
    if effect.swallowed:
        _give_back(work, shelf_id, effect.swallowed)


def _give_back(work: OrderWork, shelf_id: int, swallowed: int) -> None:
    """The drift that was adopted into on hand was this order all along: take the adoption back, as far as it goes."""
    for entry in adoption.take_back(work.conn, shelf_id, swallowed):
        work.entries.append(replace(entry, reference=work.snapshot.ref, channel_id=work.channel.id))
