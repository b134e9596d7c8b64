"""A count sheet is opened: what should be counted where. Nothing moves, and nobody is kept from selling meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, or_, select

from channelsync.ledger import bounds, owning
from channelsync.ledger.counts.states import COUNT
from channelsync.ledger.documents import lines
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownLocation
from channelsync.ledger.schema import bundle_parts, count_lines, count_sheets, locations, skus, stock_levels


@dataclass(frozen=True, slots=True)
class Open(Keyed):
    """skus: these. Without them whatever lies at the location or is promised there (empty: also what once did), in the order of the SKUs' text: of
    which prefix: only those that begin so; after: those behind it; limit: at most so many (None: all, and too many are refused).
    """

    location: str
    skus: tuple[str, ...] = ()
    prefix: str = ""
    after: str = ""
    limit: int | None = None
    empty: bool = False
    blind: bool = False
    note: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Opened(Answer):
    """lines: how many. more_after: there are more SKUs behind this one, for the next sheet; None: that was all."""

    number: int
    state: str
    location: str
    blind: bool
    note: str
    lines: int
    more_after: str | None


@idempotent(Opened)
def open_sheet(conn: Connection, items: Sequence[Open], now: datetime) -> Sequence[Opened | Refusal]:
    return [_open(conn, item, now) for item in items]


def _open(conn: Connection, item: Open, now: datetime) -> Opened | Refusal:
    if problem := _ill_formed(item):
        return problem
    place = conn.scalar(select(locations.c.id).where(locations.c.code == item.location))
    if place is None:
        return UnknownLocation(item.location)
    if owner := owning.owners(conn, [int(place)]).get(int(place)):
        return owning.refusal(item.location, owner)
    found = _named(conn, item) if item.skus else _lying(conn, item, int(place))
    if isinstance(found, Refusal):
        return found
    ids, more_after = found
    head = {"location_id": place, "state": COUNT.start, "blind": item.blind, "note": item.note, "created_at": now, "created_by": item.actor}
    number = int(conn.execute(insert(count_sheets).values(head).returning(count_sheets.c.id)).scalar_one())
    if ids:
        conn.execute(insert(count_lines), [{"sheet_id": number, "sku_id": sku_id} for sku_id in ids])
    return Opened(number, COUNT.start, item.location, item.blind, item.note, len(ids), more_after)


def _ill_formed(item: Open) -> NotAllowed | None:
    problem = bounds.texts(location=item.location, note=item.note, actor=item.actor, prefix=item.prefix, after=item.after)
    if problem or not item.skus:
        if item.limit is not None and not 0 < item.limit <= bounds.MAX_LINES:
            return problem or NotAllowed(f"a sheet has at most {bounds.MAX_LINES} lines; a limit is between 1 and that")
        return problem
    if item.prefix or item.after or item.limit is not None or item.empty:
        return NotAllowed("name the SKUs, or say which of the location's are meant (prefix, after, limit, empty), not both")
    return lines.problem([lines.Line(text, 0) for text in item.skus], at_least=0)


Chosen = tuple[list[int], str | None]
"""The ids of SKUs, and the text of the last one if there are more behind it."""


def _named(conn: Connection, item: Open) -> Chosen | Refusal:
    found = lines.resolve(conn, item.skus)
    return found if isinstance(found, Refusal) else ([found[text].id for text in item.skus], None)


def _lying(conn: Connection, item: Open, place: int) -> Chosen | Refusal:
    """Bundles have no stock of their own. The prefix is compared letter by letter: LIKE would take A for a on one of the engines."""
    level, most = stock_levels.c, bounds.MAX_LINES if item.limit is None else item.limit
    query = select(skus.c.id, skus.c.sku).join(stock_levels, level.sku_id == skus.c.id).where(level.location_id == place)
    query = query.where(skus.c.id.not_in(select(bundle_parts.c.bundle_id)))
    if not item.empty:
        query = query.where(or_(*(level[bucket] != 0 for bucket in ("on_hand", "soft", "hard"))))
    if item.prefix:
        query = query.where(func.substr(skus.c.sku, 1, len(item.prefix)) == item.prefix)
    if item.after:
        query = query.where(skus.c.sku > item.after)
    rows = conn.execute(query.order_by(skus.c.sku).limit(most + 1)).all()
    if len(rows) > most and item.limit is None:
        return NotAllowed(
            f"more than {most} SKUs of {item.location!r} are meant, and a sheet has at most {most} lines; say which begin how (prefix), "
            "or open one sheet after the other (limit, after)"
        )
    if not rows and (item.prefix or item.after):
        return NotAllowed(f"no SKU of {item.location!r} is meant by that; say it differently, or name the SKUs")
    return [row[0] for row in rows[:most]], rows[most - 1][1] if len(rows) > most else None
