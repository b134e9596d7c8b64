"""Targets: the number every shelf should show, recomputed in the same transaction as whatever it depends on (rule 11)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, exists, func, select

from channelsync.ledger import bundles, rules
from channelsync.ledger.bundles import Pool
from channelsync.ledger.many import update_many
from channelsync.ledger.rules import Rules
from channelsync.ledger.schema import AVAILABLE, bundle_parts, listings, order_lines, shelf_feeds, shelves, skus, stock_levels
from channelsync.ledger.spelt import Spelt, one_of

CHUNK = 400


class _Shelf(NamedTuple):
    id: int
    book: int | None
    target: int | None
    due: bool
    frozen: bool
    rules: Rules
    pack: int
    writable: bool
    counted: bool
    available: int


def is_due(target: int | None, book: int | None) -> bool:
    """Something to write: the shop should show another number, and raising a negative one to 0 is never it (it would sell those units twice)."""
    if target is None or book is None or target == book:
        return False
    return not (target <= 0 and book < 0)


def rises(before: int | None, target: int | None) -> bool:
    """Whether the shelf should show more than before, or anything at all: units that no look at the other sellers has been made for."""
    return target is not None and (before is None or target > before)


def retarget(conn: Connection, sku_ids: Collection[int]) -> None:
    """Give every shelf of these SKUs its new target and its due flag."""
    wanted = sorted(set(sku_ids))
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        if lock(conn, chunk):
            _retarget(conn, _shelves_of(conn, chunk))


def lock(conn: Connection, sku_ids: list[int]) -> bool:
    """The shelves of these SKUs, in key order. Before the sums are read: two writers at two locations that feed one shelf must not both compute its
    target from half of the news. Whether there may be any.
    """
    if conn.dialect.name == "sqlite":
        return True  # one writer at a time
    return bool(_LOCK.rows(conn, skus=sku_ids))


def _sells() -> ColumnElement[bool]:
    """Listings of the SKUs `skus`, and of bundles that they are part of.

    As one list: asked for one or the other, PostgreSQL reads every listing there is.
    """
    named = skus.alias("named")
    containing = select(bundle_parts.c.bundle_id).where(one_of(bundle_parts.c.sku_id, "skus"))
    return listings.c.sku_id.in_(select(named.c.id).where(one_of(named.c.id, "skus")).union(containing))


_LOCK = Spelt(
    select(shelves.c.id)
    .join(listings, listings.c.id == shelves.c.listing_id)
    .where(_sells())
    .order_by(shelves.c.id)
    .with_for_update(of=shelves, key_share=True)
)


def _retarget(conn: Connection, found: list[_Shelf]) -> None:
    withheld = withheld_by(conn, [shelf.id for shelf in found])
    changed = []
    for shelf in found:
        target = None
        if shelf.writable:
            available = shelf.available if shelf.counted else None
            target = rules.target(available, shelf.rules, pack=shelf.pack, withheld=withheld.get(shelf.id, 0))
        due = not shelf.frozen and is_due(target, shelf.book)
        if target != shelf.target or due != shelf.due:
            changed.append({"_id": shelf.id, "_target": target, "_due": due, "_rises": int(rises(shelf.target, target))})
    if changed:
        _SET_TARGET.run(conn, changed)


_SET_TARGET = update_many(
    shelves,
    {"_id": shelves.c.id},
    {"_target": shelves.c.target.type, "_due": shelves.c.due.type, "_rises": shelves.c.rises.type},
    lambda row: {"target": row["_target"], "due": row["_due"], "version": shelves.c.version + 1, "rises": shelves.c.rises + row["_rises"]},
)


def _shelves() -> Select[Any]:
    """Of the SKUs `skus`, all that their targets are made of."""
    level = stock_levels.c
    available = func.coalesce(func.sum(AVAILABLE), 0)
    live = listings.c.tracked & listings.c.problem.is_(None) & listings.c.removed_at.is_(None) & listings.c.stock_ref.is_(None)
    fed = func.count(shelf_feeds.c.location_id) > 0  # a place that nobody maps any more has no number of ours
    return (
        select(
            shelves.c.id,
            shelves.c.book,
            shelves.c.target,
            shelves.c.due,
            shelves.c.frozen,
            *(shelves.c[name] for name in rules.COLUMNS),
            shelves.c.rules_from,
            listings.c.pack,
            (live & fed).label("writable"),
            skus.c.counted,  # what was never counted is not zero: it is unknown
            available.label("available"),
            exists().where(bundle_parts.c.bundle_id == listings.c.sku_id).label("bundle"),
        )
        .select_from(shelves)
        .join(listings, listings.c.id == shelves.c.listing_id)
        .join(skus, skus.c.id == listings.c.sku_id)
        .outerjoin(shelf_feeds, shelf_feeds.c.shelf_id == shelves.c.id)
        .outerjoin(stock_levels, (level.sku_id == listings.c.sku_id) & (level.location_id == shelf_feeds.c.location_id))
        .where(_sells())
        .group_by(shelves.c.id, listings.c.id, skus.c.id)
        .order_by(shelves.c.id)
    )


_SHELVES = Spelt(_shelves())


def _shelves_of(conn: Connection, sku_ids: list[int]) -> list[_Shelf]:
    rows = _SHELVES.mappings(conn, skus=sku_ids)
    pools = bundles.pools(conn, [row["id"] for row in rows if row["bundle"]])
    return [_shelf(row, pools.get(row["id"]) or Pool(row["counted"], int(row["available"]))) for row in rows]


def _shelf(row: Mapping[str, Any], pool: Pool) -> _Shelf:
    return _Shelf(
        row["id"], row["book"], row["target"], row["due"], row["frozen"], rules.of_row(row),
        row["pack"], bool(row["writable"]), pool.counted, pool.available,
    )  # fmt: skip


_WITHHELD = Spelt(
    select(order_lines.c.shelf_id, func.sum(order_lines.c.withheld))
    .where(one_of(order_lines.c.shelf_id, "shelves"), order_lines.c.withheld > 0)
    .group_by(order_lines.c.shelf_id)
)


def withheld_by(conn: Connection, shelf_ids: Iterable[int]) -> dict[int, int]:
    """Units (of the listing) that each shop holds back by itself: the open claims that are flagged so. There is no other source for it."""
    ids, found = list(shelf_ids), dict[int, int]()
    for start in range(0, len(ids), CHUNK):
        found |= {row[0]: int(row[1]) for row in _WITHHELD.rows(conn, shelves=ids[start : start + CHUNK])}
    return found


_SKUS_OF = Spelt(select(listings.c.sku_id).join(shelves, shelves.c.listing_id == listings.c.id).where(one_of(shelves.c.id, "shelves")))


def skus_of(conn: Connection, shelf_ids: Collection[int]) -> set[int]:
    """The SKUs these shelves sell."""
    if not shelf_ids:
        return set()
    return {sku_id for sku_id in _SKUS_OF.scalars(conn, shelves=[*shelf_ids]) if sku_id is not None}
