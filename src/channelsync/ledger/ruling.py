"""Which rules apply to a shelf: the config's rules are rows here, and every shelf has them resolved in columns of its own. The arithmetic is in
`rules`.

Field by field the most specific word counts: listing, then channel and SKU, SKU, channel, store. A window that is open comes before the plain
rules of its own level and everything more general; of two such windows the later one in the config counts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, Connection, RowMapping, bindparam, delete, func, insert, or_, select, update

from channelsync.ledger import bounds, frost, rules, targets
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.schema import facts, listings, shelf_rules, shelves, skus

CHUNK: Final = 200
"""SKUs at a time."""
NAMED: Final = 1_000
"""Names looked up at once."""
KEPT: Final = "rules"
APPLIED: Final = "rules applied"


@dataclass(frozen=True, slots=True)
class Rule:
    """One table of the config. What it is about: channel_id, sku and listing; None is any. opens, closes: a window. None in a field says nothing.

    source: where it stands ("channels.webshop.rules.sku ABC").
    """

    source: str
    channel_id: int | None = None
    sku: str | None = None
    listing: str | None = None
    opens: datetime | None = None
    closes: datetime | None = None
    safety_stock: int | None = None
    safety_share: int | None = None
    share: int | None = None
    show_min: int | None = None
    show_max: int | None = None
    skip: bool | None = None
    plenty: int | None = None

    @property
    def level(self) -> int:
        """0 store, 1 channel, 2 SKU, 3 channel and SKU, 4 listing."""
        return 4 if self.listing is not None else (2 if self.sku is not None else 0) + (1 if self.channel_id is not None else 0)


_SAID: Final = (
    ("safety_stock", ("safety_stock", "safety_share")),
    ("share", ("share",)),
    ("min", ("show_min",)),
    ("max", ("show_max",)),
    ("skip", ("skip",)),
    ("plenty", ("plenty",)),
)
"""A field of the config, and the columns that hold it."""


def resolved(applicable: Iterable[Rule]) -> rules.Rules:
    """The rules of one shelf, from all that are about it and open, in the order of the config."""
    ranked = sorted(applicable, key=lambda rule: (rule.level, rule.opens is not None))
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for rule in ranked:
        for name, columns in _SAID:
            said = {column: getattr(rule, column) for column in columns}
            if any(value is not None for value in said.values()):
                values |= {column: value if value is not None else 0 for column, value in said.items()}
                sources[name] = rule.source
    return rules.Rules(**values, sources=sources)


# -- keeping the config's rules ------------------------------------------------------------------------------------------------------------


def keep(conn: Connection, wanted: Sequence[Rule]) -> bool:
    """Make the stored rules these. False: they are already. Shelves get them by `catch_up`."""
    rows = [_row(rule, position) for position, rule in enumerate(wanted)]
    digest = hashlib.sha256(json.dumps(rows, default=str, sort_keys=True).encode()).hexdigest()
    if _fact(conn, KEPT) == digest:
        return False
    conn.execute(delete(shelf_rules))
    if rows:
        conn.execute(insert(shelf_rules), rows)
    _set_fact(conn, KEPT, digest)
    return True


def _row(rule: Rule, position: int) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in Rule.__dataclass_fields__} | {"position": position}


@dataclass(frozen=True, slots=True)
class CatchUp:
    """Bring shelves up to the rules that hold now, a bounded number of SKUs at a time. state, after: those of the answer before."""

    state: str = ""
    after: int = 0
    limit: int = CHUNK


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """go_on: what to ask next; None: every shelf has its rules. until: when a window opens or closes next. changed: shelves with other rules."""

    go_on: CatchUp | None
    until: datetime | None
    changed: int = 0


def catch_up(conn: Connection, items: Sequence[CatchUp], now: datetime) -> list[CaughtUp]:
    """Costs one look while nothing has opened, closed or changed. Every step may be the last one before a crash: the rest is done after it."""
    return [_catch_up(conn, item, now) for item in items]


def _catch_up(conn: Connection, item: CatchUp, now: datetime) -> CaughtUp:
    state, until = _state(conn, now), _next_boundary(conn, now)
    if not item.state and _fact(conn, APPLIED) == state:
        return CaughtUp(None, until)
    page = select(listings.c.sku_id).where(listings.c.sku_id > item.after).distinct().order_by(listings.c.sku_id).limit(item.limit)
    ids = conn.scalars(page).all()
    changed = settle(conn, ids, now)
    if len(ids) == item.limit:
        return CaughtUp(CatchUp(item.state or state, ids[-1], item.limit), until, changed)
    _set_fact(conn, APPLIED, item.state or state)
    return CaughtUp(None if (item.state or state) == state else CatchUp(limit=item.limit), until, changed)


def _state(conn: Connection, now: datetime) -> str:
    """Which rules are kept, and the last time at which a window opened or closed."""
    opened = conn.scalar(select(func.max(shelf_rules.c.opens)).where(shelf_rules.c.opens <= now))
    closed = conn.scalar(select(func.max(shelf_rules.c.closes)).where(shelf_rules.c.closes <= now))
    last = max((moment for moment in (opened, closed) if moment is not None), default=None)
    return f"{_fact(conn, KEPT)} since {last}"


def _next_boundary(conn: Connection, now: datetime) -> datetime | None:
    opens = conn.scalar(select(func.min(shelf_rules.c.opens)).where(shelf_rules.c.opens > now))
    closes = conn.scalar(select(func.min(shelf_rules.c.closes)).where(shelf_rules.c.closes > now))
    return min((moment for moment in (opens, closes) if moment is not None), default=None)


def about_nothing(conn: Connection, wanted: Sequence[Rule]) -> list[str]:
    """Rules that name a SKU or a listing the ledger does not have, by where they stand: a slip of the pen, or not there yet."""
    texts = bounds.findable({rule.sku for rule in wanted if rule.sku is not None})
    refs = bounds.findable({rule.listing for rule in wanted if rule.listing is not None})
    known = set(_found(conn, skus.c.sku, texts))
    told = set(_found(conn, listings.c.ref, refs))
    lost = (
        rule
        for rule in wanted
        if (rule.sku is not None and rule.sku not in known) or (rule.listing is not None and rule.listing not in told)
    )
    return list(dict.fromkeys(f"{rule.source}: {rule.sku or rule.listing}" if rule.opens else rule.source for rule in lost))


def _found(conn: Connection, column: Column[str], texts: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(texts), NAMED):
        yield from conn.scalars(select(column).where(column.in_(texts[start : start + NAMED])))


# -- giving shelves their rules --------------------------------------------------------------------------------------------------------------


def settle(conn: Connection, sku_ids: Iterable[int], now: datetime) -> int:
    """Give every shelf of these SKUs the rules that hold now, whether it is frozen, and its target. Returns how many got other rules."""
    wanted, changed = sorted(set(sku_ids)), 0
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        targets.lock(conn, chunk)
        changed += _resolve(conn, chunk, now)
        frost.mark(conn, chunk)
    targets.retarget(conn, wanted)
    return changed


def _resolve(conn: Connection, sku_ids: list[int], now: datetime) -> int:
    query = (
        select(shelves, listings.c.ref, skus.c.sku)
        .join(listings, listings.c.id == shelves.c.listing_id)
        .join(skus, skus.c.id == listings.c.sku_id)
        .where(listings.c.sku_id.in_(sku_ids))
        .order_by(shelves.c.id)
    )
    found = conn.execute(query).mappings().all()
    open_rules = _open_rules(conn, found, now)
    rows = []
    for row in found:
        told = resolved(rule for rule in open_rules if _about(rule, row))
        if told != rules.of_row(row):
            rows.append(
                {"_id": row["id"], **{f"_{name}": getattr(told, name) for name in rules.COLUMNS}, "_rules_from": dict(told.sources)}
            )
    if rows:
        conn.execute(_SET_RULES, rows)
    return len(rows)


_SET_RULES = (
    update(shelves)
    .where(shelves.c.id == bindparam("_id"))
    .values(**{name: bindparam(f"_{name}") for name in rules.COLUMNS}, rules_from=bindparam("_rules_from", type_=shelves.c.rules_from.type))
)


def _open_rules(conn: Connection, found: Sequence[RowMapping], now: datetime) -> list[Rule]:
    """Those that may be about any of these shelves, in the order of the config."""
    about = {name: {row[name] for row in found} for name in ("channel_id", "sku", "ref")}
    column = shelf_rules.c
    query = select(shelf_rules).where(
        or_(column.channel_id.is_(None), column.channel_id.in_(about["channel_id"])),
        or_(column.sku.is_(None), column.sku.in_(bounds.findable(about["sku"]))),
        or_(column.listing.is_(None), column.listing.in_(bounds.findable(about["ref"]))),
        or_(column.opens.is_(None), (column.opens <= now) & (column.closes > now)),
    )
    names = tuple(Rule.__dataclass_fields__)
    return [Rule(**{name: row[name] for name in names}) for row in conn.execute(query.order_by(column.position)).mappings()]


def _about(rule: Rule, shelf: RowMapping) -> bool:
    return rule.channel_id in (None, shelf["channel_id"]) and rule.sku in (None, shelf["sku"]) and rule.listing in (None, shelf["ref"])


# -- facts -------------------------------------------------------------------------------------------------------------------------------------


def _fact(conn: Connection, name: str) -> str:
    return conn.scalar(select(facts.c.value).where(facts.c.name == name)) or ""


def _set_fact(conn: Connection, name: str, value: str) -> None:
    statement = insert_into(conn, facts).values(name=name, value=value)
    conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded["value"]}))
