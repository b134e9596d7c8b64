"""Repairs of what `audit` finds, as a plan that a person sees first. The log is never touched: a repair is a new movement, or a sum formed anew.

* level: a stored level is not the sum of its movements. The movements are the truth; the level becomes their sum, and a movement of nothing
  says who did it and what it was.
* claim: what movements say an order or a reservation holds is not what it holds. Its owner is the truth, because a hold needs a living one; the
  difference is posted under its reference. An order is then applied again from its stored snapshot.
* book: a book is not the sum of its entries. The entries are the truth.

What else does not fit is not repaired here: it needs a shop, a backup or a person.
"""

# ruff: noqa: S608  (queries are composed of this module's own constants and column names, never of anything from outside)
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection, literal, select, text, update

from channelsync.ledger import levels, order_ends, targets
from channelsync.ledger.audit import OPEN_CLAIMS
from channelsync.ledger.book import due_when
from channelsync.ledger.levels import Entry, MovementType
from channelsync.ledger.schema import BUCKETS, orders, shelves, stock_levels

Kind = Literal["level", "claim", "book"]


@dataclass(frozen=True, slots=True)
class Step:
    """One repair: `what` of SKU and location (of a book: of its shelf) goes from `found` to `right`.

    what: the bucket, or book. reference: whose claim. Ids are what it is done by, names what it is shown by.
    """

    kind: Kind
    what: str
    found: int | None
    right: int | None
    sku_id: int = 0
    location_id: int = 0
    shelf_id: int = 0
    reference: str = ""
    sku: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Repair:
    """The steps that a person has seen, and who that is."""

    steps: tuple[Step, ...]
    actor: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """moved_on: steps that are no longer as they were shown; nothing was done about them."""

    done: int
    moved_on: int


def plan(conn: Connection) -> list[Step]:
    """What `repair` would do now. Reads only."""
    return [*_levels(conn), *_claims(conn), *_books(conn)]


def repair(conn: Connection, items: Sequence[Repair], now: datetime) -> list[Repaired]:
    """Do the steps of the plan that are still in it, all in one transaction."""
    return [_repair(conn, item, now) for item in items]


def _repair(conn: Connection, item: Repair, now: datetime) -> Repaired:
    """The levels are locked before the plan is made anew: whoever moves a claim moves its level, so nothing of these keys moves meanwhile."""
    levels.read(conn, {(step.sku_id, step.location_id) for step in item.steps if step.sku_id}, lock=True)
    shown = set(item.steps)
    steps = [step for step in plan(conn) if step in shown]
    for kind, do in _DO.items():
        do(conn, [step for step in steps if step.kind == kind], item.actor, now)
    targets.retarget(conn, {step.sku_id for step in steps if step.sku_id})
    return Repaired(len(steps), len(shown) - len(steps))


# -- the plan ------------------------------------------------------------------------------------------------------------------------------------


def _levels(conn: Connection) -> Iterator[Step]:
    sides = ", ".join(f"SUM(kept_{bucket}), SUM(logged_{bucket})" for bucket in BUCKETS)
    kept = ", ".join(f"{bucket} AS kept_{bucket}, 0 AS logged_{bucket}" for bucket in BUCKETS)
    logged = ", ".join(f"0, {bucket}" for bucket in BUCKETS)
    differ = " OR ".join(f"SUM(kept_{bucket}) <> SUM(logged_{bucket})" for bucket in BUCKETS)
    query = f"""
        SELECT skus.sku, locations.code, both_sides.* FROM (
            SELECT sku_id, location_id, {sides} FROM (
                SELECT sku_id, location_id, {kept} FROM stock_levels UNION ALL SELECT sku_id, location_id, {logged} FROM movements
            ) AS sides GROUP BY sku_id, location_id HAVING {differ}
        ) AS both_sides JOIN skus ON skus.id = both_sides.sku_id JOIN locations ON locations.id = both_sides.location_id
        ORDER BY both_sides.sku_id, both_sides.location_id
    """
    for sku, location, sku_id, location_id, *sums in conn.execute(text(query)):
        for bucket, found, right in zip(BUCKETS, sums[::2], sums[1::2], strict=True):
            if found != right and right >= 0:  # a sum below zero: the log itself is damaged, and no level can hold it
                yield Step("level", bucket, int(found), int(right), sku_id, location_id, sku=sku, location=location)


def _claims(conn: Connection) -> Iterator[Step]:
    query = f"""
        SELECT skus.sku, locations.code, claims.* FROM (
            SELECT reference, sku_id, location_id, SUM(logged_soft) AS ls, SUM(open_soft) AS os, SUM(logged_hard) AS lh, SUM(open_hard) AS oh FROM (
                SELECT reference, sku_id, location_id, soft AS logged_soft, hard AS logged_hard, 0 AS open_soft, 0 AS open_hard
                FROM movements WHERE soft <> 0 OR hard <> 0
                UNION ALL SELECT reference, sku_id, location_id, 0, 0, soft, hard FROM ({OPEN_CLAIMS}) AS held
            ) AS sides GROUP BY reference, sku_id, location_id HAVING SUM(logged_soft) <> SUM(open_soft) OR SUM(logged_hard) <> SUM(open_hard)
        ) AS claims JOIN skus ON skus.id = claims.sku_id JOIN locations ON locations.id = claims.location_id
        ORDER BY claims.sku_id, claims.location_id, claims.reference
    """
    for sku, location, reference, sku_id, location_id, *sums in conn.execute(text(query)):
        for bucket, found, right in zip(("soft", "hard"), sums[::2], sums[1::2], strict=True):
            if found != right:
                yield Step("claim", bucket, int(found), int(right), sku_id, location_id, reference=reference, sku=sku, location=location)


def _books(conn: Connection) -> Iterator[Step]:
    """One that was opened more than once has no right number; only its shop can tell."""
    query = """
        SELECT shelves.id, book, SUM(delta), COALESCE(SUM(CASE kind WHEN 'opening' THEN 1 ELSE 0 END), 0), skus.sku, listings.ref
        FROM shelves JOIN listings ON listings.id = shelves.listing_id LEFT JOIN skus ON skus.id = listings.sku_id
        LEFT JOIN book_entries ON book_entries.shelf_id = shelves.id
        GROUP BY shelves.id, book, skus.sku, listings.ref ORDER BY shelves.id
    """
    for shelf_id, book, total, openings, sku, listing in conn.execute(text(query)):
        right = int(total) if openings == 1 else None
        if openings <= 1 and book != right:
            yield Step("book", "book", book, right, shelf_id=shelf_id, sku=sku or listing)


# -- doing it ------------------------------------------------------------------------------------------------------------------------------------


def _form_levels(conn: Connection, steps: Sequence[Step], actor: str, now: datetime) -> None:
    for step in steps:
        here = stock_levels.c.sku_id == step.sku_id, stock_levels.c.location_id == step.location_id
        conn.execute(update(stock_levels).where(*here).values({step.what: step.right}))
        reason = f"audit: {step.what} was {step.found}, its movements make {step.right}"
        levels.write(conn, [Entry(step.sku_id, step.location_id, MovementType.CORRECT, reason=reason, actor=actor)], now)


def _post_claims(conn: Connection, steps: Sequence[Step], actor: str, now: datetime) -> None:
    entries = [_claim(step, actor) for step in steps]
    levels.write(conn, entries, now)
    references = {step.reference for step in steps}
    known = select(orders.c.channel_id, orders.c.ref).where(orders.c.ref.in_(references)).order_by(orders.c.channel_id, orders.c.ref)
    order_ends.stored_snapshots(conn, [(row.channel_id, row.ref) for row in conn.execute(known)] if references else [], now)


def _claim(step: Step, actor: str) -> Entry:
    moved = (step.right or 0) - (step.found or 0)
    soft, hard = (moved, 0) if step.what == "soft" else (0, moved)
    reason = f"audit: {step.what} held {step.right}, its movements made {step.found}"
    place = step.sku_id, step.location_id
    return Entry(*place, MovementType.CORRECT, soft=soft, hard=hard, reference=step.reference, reason=reason, actor=actor)


def _form_books(conn: Connection, steps: Sequence[Step], _actor: str, _now: datetime) -> None:
    for step in steps:
        due = due_when(shelves.c.target, literal(step.right)) if step.right is not None else literal(False)
        values = {"book": step.right, "version": shelves.c.version + 1, "due": due}
        conn.execute(update(shelves).where(shelves.c.id == step.shelf_id).values(values))


_DO: Final[dict[Kind, Callable[[Connection, Sequence[Step], str, datetime], None]]] = {
    "level": _form_levels,
    "claim": _post_claims,
    "book": _form_books,
}
