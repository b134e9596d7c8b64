"""The workbench: every listing that needs a person's eye, grouped by what is wrong with it, each kind with its remedy. Reads only, changes nothing.

Listings that were never linked are judged by `matching`; what became of linked ones, and hints that are never applied by themselves, is found here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, case, exists, func, literal, or_, select

from channelsync.ledger import matching, switches
from channelsync.ledger.schema import channels, listings, skus
from channelsync.ledger.skus import Backorder

FIRST_FEW: Final = 5
PAGE_MAX: Final = 500


class Kind(StrEnum):
    """Mismatch's kinds first (never linked), then what may be wrong with any listing."""

    EMPTY = "empty"
    DUPLICATE = "duplicate"
    VARIANT = "variant"
    UNKNOWN = "unknown"
    UNUSABLE = "unusable"
    UNTRACKED = "untracked"
    CHILD = "child"
    REMOVED = "removed"
    RENAMED = "renamed"
    MOVED = "moved"
    BARCODE = "barcode"
    REUSED = "reused"
    OVERSELLS = "oversells"
    STOPS = "stops"


REMEDIES: Final[Mapping[Kind, str]] = {
    Kind.EMPTY: "give it a SKU in the shop, or: channelsync listings link CHANNEL REF SKU",
    Kind.DUPLICATE: "several listings of one channel have this SKU: link each by hand, or give each its own SKU in the shop",
    Kind.VARIANT: "it differs from a SKU in case or spaces only: correct the spelling in the shop, or link it by hand",
    Kind.UNKNOWN: "the ledger has no such SKU: receive, count or import it, or link the listing to another one",
    Kind.UNUSABLE: "the platform makes its number from others (bundles, gift cards): link the parts instead",
    Kind.UNTRACKED: "the shop does not count it, so nothing is written: switch on its stock tracking if it should be in step",
    Kind.CHILD: "it shows the number of another listing (its parent): link that one",
    Kind.REMOVED: "it was deleted in the shop; its history stays. Nothing to do, unless it should be sold again",
    Kind.RENAMED: "its SKU text changed since it was linked, and it stays linked: rename the SKU, or confirm with listings link",
    Kind.MOVED: "it now carries what belongs to something else, and its link stands: check what it sells, then listings link",
    Kind.BARCODE: "another listing with the same barcode sells another SKU: the same goods? Then link both to one SKU",
    Kind.REUSED: "a deleted listing had the same SKU text: check that it is the same article",
    Kind.OVERSELLS: "the shop goes on selling at 0: switch that off there (or have it done: backorder_switch), or, if it is meant so: channelsync stock backorder SKU allow",
    Kind.STOPS: "the SKU may be sold beyond what is there, and the shop stops at 0: switch that on there (or have it done: backorder_switch), or: channelsync stock backorder SKU deny",
}


@dataclass(frozen=True, slots=True)
class Item:
    """sku: what it is linked to. reason: what is wrong with this one, in words."""

    id: int
    channel: str
    ref: str
    sku_text: str | None
    title: str
    sku: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Group:
    """items: the first few of `count`, unless all were asked for."""

    kind: Kind
    count: int
    remedy: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Bench:
    """would_link: listings that matching would link now."""

    would_link: int
    groups: tuple[Group, ...]


def survey(conn: Connection, channel_ids: Sequence[int], *, few: int | None = FIRST_FEW) -> Bench:
    """Everything, by kind; kinds without a listing are left out. few: how many of each are named; None: all of them."""
    counts, named = dict.fromkeys(Kind, 0), {kind: list[Item]() for kind in Kind}
    would_link = 0
    for channel_id in channel_ids:
        for judged in _pages(conn, channel_id):
            would_link += len(judged.links)
            wanted = []
            for problem in judged.problems:
                kind = Kind(problem.kind.value)
                if few is None or counts[kind] < few:
                    wanted.append(problem)
                counts[kind] += 1
            for item, kind in _described(conn, wanted):
                named[kind].append(item)
    for kind, query in _QUERIES.items():
        mine = query().where(listings.c.channel_id.in_(list(channel_ids)))
        counts[kind] = conn.scalar(select(func.count()).select_from(mine.subquery())) or 0
        if counts[kind]:
            named[kind] = [_item(row) for row in conn.execute(mine.order_by(listings.c.id).limit(few))]
    groups = tuple(Group(kind, counts[kind], REMEDIES[kind], tuple(named[kind])) for kind in Kind if counts[kind])
    return Bench(would_link, groups)


def of_kind(
    conn: Connection, channel_ids: Sequence[int], kind: Kind, *, after: int = 0, limit: int = 100
) -> tuple[tuple[Item, ...], int | None]:
    """One kind's listings, in the order they were first seen, and where the next page begins (`after`), if there is one."""
    size = max(1, min(limit, PAGE_MAX))
    if kind in _QUERIES:
        query = _QUERIES[kind]().where(listings.c.channel_id.in_(list(channel_ids)), listings.c.id > after)
        items = [_item(row) for row in conn.execute(query.order_by(listings.c.id).limit(size + 1))]
    else:
        problems: list[matching.Problem] = []
        for channel_id in channel_ids:
            problems += _first(conn, channel_id, kind, after, size + 1)
        problems = sorted(problems, key=lambda problem: problem.listing)[: size + 1]
        items = [item for item, _ in _described(conn, problems)]
    return tuple(items[:size]), items[size - 1].id if len(items) > size else None


def _first(conn: Connection, channel_id: int, kind: Kind, after: int, wanted: int) -> list[matching.Problem]:
    found: list[matching.Problem] = []
    for judged in _pages(conn, channel_id, after):
        found += [problem for problem in judged.problems if problem.kind.value == kind.value]
        if len(found) >= wanted:
            break
    return found


def _pages(conn: Connection, channel_id: int, after: int = 0) -> Iterator[matching.Judged]:
    following: int | None = after
    while following is not None:
        judged = matching.judge(conn, channel_id, after=following, limit=PAGE_MAX)
        following = judged.next
        yield judged


def _described(conn: Connection, problems: Sequence[matching.Problem]) -> Iterator[tuple[Item, Kind]]:
    for start in range(0, len(problems), PAGE_MAX):
        chunk = problems[start : start + PAGE_MAX]
        query = select(listings.c.id, listings.c.title, channels.c.name).join(channels, channels.c.id == listings.c.channel_id)
        rows = {row.id: row for row in conn.execute(query.where(listings.c.id.in_([problem.listing for problem in chunk])))}
        for problem in chunk:
            row = rows[problem.listing]
            yield Item(row.id, row.name, problem.ref, problem.sku_text, row.title, None, problem.reason), Kind(problem.kind.value)


# -- what can be asked of the tables ---------------------------------------------------------------------------------------------------------

_alive = listings.c.removed_at.is_(None)
_other = skus.alias("other")


def _query(reason: Any) -> Select[Any]:
    return (
        select(
            listings.c.id,
            channels.c.name,
            listings.c.ref,
            listings.c.sku_text,
            listings.c.title,
            skus.c.sku,
            reason.label("reason"),
        )
        .join(channels, channels.c.id == listings.c.channel_id)
        .outerjoin(skus, skus.c.id == listings.c.sku_id)
    )


def _untracked() -> Select[Any]:
    return _query(literal("the shop does not count it")).where(_alive, listings.c.tracked.is_(False), listings.c.problem.is_(None))


def _child() -> Select[Any]:
    reason = literal("it shows the number of ") + listings.c.stock_ref
    return _query(reason).where(_alive, listings.c.stock_ref.is_not(None), listings.c.sku_id.is_(None))


def _removed() -> Select[Any]:
    return _query(literal("deleted in the shop, linked to ") + skus.c.sku).where(~_alive, listings.c.sku_id.is_not(None))


def _text_of_another() -> Any:
    """Another SKU has the text that the listing carries now."""
    return exists().where(_other.c.sku == listings.c.sku_text, _other.c.id != listings.c.sku_id)


_retold = (
    _alive
    & listings.c.sku_id.is_not(None)
    & func.coalesce(listings.c.sku_text, "").is_distinct_from(func.coalesce(listings.c.linked_text, ""))
)


def _renamed() -> Select[Any]:
    reason = literal("it was ") + func.coalesce(listings.c.linked_text, "without a SKU") + " when it was linked"
    return _query(reason).where(_retold, listings.c.stock_ref.is_(None), ~_text_of_another())


def _moved() -> Select[Any]:
    took = literal("it now carries the SKU of another article: ") + func.coalesce(listings.c.sku_text, "")
    child = literal("it now shows the number of ") + func.coalesce(listings.c.stock_ref, "")
    linked_child = _alive & listings.c.sku_id.is_not(None) & listings.c.stock_ref.is_not(None)
    query = _query(case((listings.c.stock_ref.is_not(None), child), else_=took))
    return query.where(or_(linked_child, _retold & _text_of_another()))


def _barcode() -> Select[Any]:
    sold = listings.alias("sold")
    named = (
        select(sold.c.barcode, func.min(sold.c.sku_id).label("low"), func.max(sold.c.sku_id).label("high"))
        .where(sold.c.barcode.is_not(None), sold.c.sku_id.is_not(None), sold.c.removed_at.is_(None))
        .group_by(sold.c.barcode)
        .subquery()
    )
    theirs = case((listings.c.sku_id == named.c.low, named.c.high), else_=named.c.low)
    undecided = listings.c.sku_id.is_(None) & listings.c.linked_at.is_(None)
    return (
        _query(literal("barcode ") + listings.c.barcode + " is also that of SKU " + _other.c.sku)
        .join(named, named.c.barcode == listings.c.barcode)
        .join(_other, _other.c.id == theirs)
        .where(_alive, or_(undecided, listings.c.sku_id != theirs))
    )


def _reused() -> Select[Any]:
    gone = listings.alias("gone")
    former = (
        select(gone.c.channel_id, gone.c.sku_text, func.min(gone.c.id).label("id"), func.min(gone.c.ref).label("ref"))
        .where(gone.c.removed_at.is_not(None), gone.c.sku_text.is_not(None), gone.c.sku_text != "")
        .group_by(gone.c.channel_id, gone.c.sku_text)
        .subquery()
    )
    same = (former.c.channel_id == listings.c.channel_id) & (former.c.sku_text == listings.c.sku_text)
    return (
        _query(literal("the deleted listing ") + former.c.ref + " had this SKU")
        .join(former, same)
        .where(_alive, listings.c.id > former.c.id)
    )


def _switch(reason: str, *, sells_on: bool) -> Select[Any]:
    """The shop's own switch says something else than the policy of the SKU, or of the parts of a bundle."""
    bundle = "that not all of its parts may be" if sells_on else "that all of its parts may be"
    used_up = skus.c.backorder != Backorder.DENY.value
    own = case((used_up, "that its limit is reached"), else_=skus.c.backorder) if sells_on else skus.c.backorder
    return _query(literal(reason) + case((switches.IS_BUNDLE, bundle), else_=own)).where(*switches.differs(sells_on=sells_on))


def _oversells() -> Select[Any]:
    return _switch("the shop sells it below 0, the ledger says ", sells_on=True)


def _stops() -> Select[Any]:
    return _switch("the shop stops at 0, the ledger says ", sells_on=False)


_QUERIES: Final[Mapping[Kind, Callable[[], Select[Any]]]] = {
    Kind.UNTRACKED: _untracked,
    Kind.CHILD: _child,
    Kind.REMOVED: _removed,
    Kind.RENAMED: _renamed,
    Kind.MOVED: _moved,
    Kind.BARCODE: _barcode,
    Kind.REUSED: _reused,
    Kind.OVERSELLS: _oversells,
    Kind.STOPS: _stops,
}


def _item(row: Row[Any]) -> Item:
    return Item(row.id, row.name, row.ref, row.sku_text, row.title, row.sku, row.reason)
