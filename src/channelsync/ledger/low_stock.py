"""What is low, and when it became so: numbers held against their levels, for the SKUs that have moved.

A row of `low_stock` stands from the crossing until the number has risen above the level by more than the margin; while it stands there is no
second crossing. A number that is low when it is first seen, or when its level is set, makes a row and no alert: nothing has fallen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, insert, or_, select, update

from channelsync.ledger import alerting, bundles, reorder_levels
from channelsync.ledger.alert_rules import Kind, Rules
from channelsync.ledger.alerting import Matter
from channelsync.ledger.purchasing import coming
from channelsync.ledger.reorder_levels import EVERYWHERE
from channelsync.ledger.schema import AVAILABLE, alerts, locations, movements, skus, stock_levels
from channelsync.ledger.schema import low_stock as table
from channelsync.ledger.schema import reorder_levels as reordering
from channelsync.ledger.spelt import Spelt, one_of

CHUNK = 400
Scope = tuple[int, int]
"""(sku_id, location_id or EVERYWHERE)"""


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is watched. locations: codes of where its units lie or lay."""

    sku: str
    available: int
    level: int
    locations: tuple[str, ...]


def evaluate(conn: Connection, rules: Rules, sku_ids: Collection[int], now: datetime, *, known_before: int | None) -> int:
    """Hold the SKUs' numbers against their levels. known_before: what had no movement up to this number is seen for the first time; None:
    no alert is opened at all. Returns how many alerts were opened.
    """
    ids, opened = sorted(sku_ids), 0
    for start in range(0, len(ids), CHUNK):
        opened += _evaluate(conn, rules, ids[start : start + CHUNK], now, known_before)
    return opened


_STANDING = Spelt(select(table).where(one_of(table.c.sku_id, "ids")))
_CODES = Spelt(select(locations.c.id, locations.c.code))


def _evaluate(conn: Connection, rules: Rules, ids: Sequence[int], now: datetime, known_before: int | None) -> int:
    numbers = _numbers(conn, rules, ids)
    standing = {(row["sku_id"], row["location_id"]): row for row in _STANDING.mappings(conn, ids=ids)}
    codes: dict[int, str] = {row[0]: row[1] for row in _CODES.rows(conn)}
    opened, changes = 0, list[Change]()
    for scope in sorted(numbers.keys() | standing.keys()):
        number, row = numbers.get(scope), standing.get(scope)
        before, after = _state(row), None if number is None else _next(number, row, rules, now)
        if before == after:
            continue
        changes.append((scope, before, after))
        _end(conn, rules, scope, before, after, now)
        if number is None or after is None or known_before is None or (before is None and not _known(conn, scope, known_before)):
            continue
        opened += alerting.open_all(conn, rules, _fallen(scope, number, before, after, codes.get(scope[1])), now)
    _write(conn, changes)
    return opened


State = dict[str, Any]
Change = tuple[Scope, State | None, State | None]
_STATE = ("available", "level", "since", "out_since")
_HERE = table.c.sku_id == bindparam("_sku"), table.c.location_id == bindparam("_place")
_INSERT = Spelt(
    insert(table).values(sku_id=bindparam("_sku"), location_id=bindparam("_place"), **{name: bindparam(name) for name in _STATE})
)
_UPDATE = Spelt(update(table).where(*_HERE).values({name: bindparam(name) for name in _STATE}))
_DELETE = Spelt(delete(table).where(*_HERE))


def _state(row: Any) -> State | None:
    return None if row is None else {name: row[name] for name in _STATE}


def _next(number: Number, row: Any, rules: Rules, now: datetime) -> State | None:
    """None: not low. Both thresholds have the same margin."""
    margin, since, out_since = rules.margin(number.level), row and row["since"], row and row["out_since"]
    if number.available <= number.level or number.available <= 0:
        since = since or now
    elif number.available > number.level + margin:
        return None
    if number.available <= 0:
        out_since = out_since or now
    elif number.available > margin:
        out_since = None
    return {"available": number.available, "level": number.level, "since": since, "out_since": out_since} if since else None


def _write(conn: Connection, changes: Sequence[Change]) -> None:
    rows = [(before, after, {"_sku": scope[0], "_place": scope[1], **(after or {})}) for scope, before, after in changes]
    new = [row for before, after, row in rows if before is None and after is not None]
    other = [row for before, after, row in rows if before is not None and after is not None]
    over = [row for _, after, row in rows if after is None]
    for statement, some in ((_INSERT, new), (_UPDATE, other), (_DELETE, over)):
        if some:
            statement.run_each(conn, some)


def _fallen(scope: Scope, number: Number, before: State | None, after: State, code: str | None) -> Iterator[Matter]:
    """What is empty is not told to be low as well."""
    where = f" at {code}" if code else ""
    data = {"sku": number.sku, "location": code, "available": number.available, "level": number.level}
    if after["out_since"] and not (before and before["out_since"]):
        yield Matter(Kind.OUT, scope[0], f"{number.sku} is out of stock{where}", data, scope[1], number.locations)
    elif before is None:
        title = f"{number.sku} is low{where}: {number.available} left, the level is {number.level}"
        yield Matter(Kind.LOW, scope[0], title, data, scope[1], number.locations)


_ABOUT = (alerts.c.source_id == bindparam("sku")) & (alerts.c.location_id == bindparam("place"))
_OVER = {kind: alerting.over([kind], _ABOUT) for kind in (Kind.LOW, Kind.OUT)}


def _end(conn: Connection, rules: Rules, scope: Scope, before: State | None, after: State | None, now: datetime) -> None:
    if before and after is None:
        alerting.end(conn, rules, _OVER[Kind.LOW], now, sku=scope[0], place=scope[1])
    if before and before["out_since"] and not (after and after["out_since"]):
        alerting.end(conn, rules, _OVER[Kind.OUT], now, sku=scope[0], place=scope[1])


def _known(conn: Connection, scope: Scope, upto: int) -> bool:
    """It had moved before; or it is a bundle, which never moves itself."""
    mine = movements.c.sku_id == scope[0], *(() if scope[1] == EVERYWHERE else (movements.c.location_id == scope[1],))
    first = conn.scalar(select(movements.c.id).where(*mine).order_by(movements.c.location_id, movements.c.id).limit(1))
    return first is None or conn.scalar(select(movements.c.id).where(*mine, movements.c.id <= upto).limit(1)) is not None


_NUMBERS = Spelt(
    select(stock_levels.c.sku_id, stock_levels.c.location_id, locations.c.code, skus.c.sku, AVAILABLE.label("available"))
    .join(skus, skus.c.id == stock_levels.c.sku_id)
    .join(locations, locations.c.id == stock_levels.c.location_id)
    .where(one_of(stock_levels.c.sku_id, "ids"), skus.c.counted)
    .order_by(stock_levels.c.sku_id, locations.c.code)
)


def _numbers(conn: Connection, rules: Rules, ids: Sequence[int]) -> dict[Scope, Number]:
    """Of each counted SKU the sum over all locations, and what lies at each location that has a level for it; of bundles, those with a level."""
    said, at = reorder_levels.levels_of(conn, ids), dict(rules.low_at)
    found: dict[Scope, Number] = {}
    for sku_id, location_id, code, sku, available in _NUMBERS.rows(conn, ids=ids):
        whole, here = (sku_id, EVERYWHERE), (sku_id, location_id)
        so_far = found.get(whole) or Number(sku, 0, said.get(whole, rules.low), ())
        found[whole] = Number(sku, so_far.available + available, so_far.level, (*so_far.locations, code))
        wanted = said.get(here, at.get(code))
        if wanted is not None:
            found[here] = Number(sku, available, wanted, (code,))
    return found | _bundled(conn, ids, {sku_id: low for (sku_id, place), low in said.items() if place == EVERYWHERE})


_NAMES = Spelt(select(skus.c.id, skus.c.sku).where(one_of(skus.c.id, "ids")))


def _bundled(conn: Connection, ids: Sequence[int], said: dict[int, int]) -> dict[Scope, Number]:
    whole = bundles.everywhere(conn, [id_ for id_ in ids if id_ in said])
    names = {row[0]: row[1] for row in _NAMES.rows(conn, ids=list(whole))}
    return {(id_, EVERYWHERE): Number(names[id_], units, said[id_], ()) for id_, units in whole.items()}


@dataclass(frozen=True, slots=True)
class LowRow:
    """location None: over all of them. out: none is left. reorder: how many to order, where somebody has said so. incoming: on its way there;
    incoming_on: the earliest day a purchase order names for the SKU.
    """

    id: int
    sku: str
    title: str
    location: str | None
    available: int
    level: int
    since: datetime
    out: bool
    reorder: int | None
    incoming: int = 0
    incoming_on: date | None = None


def page(conn: Connection, location: str | None, after: int, limit: int) -> list[LowRow]:
    """What is low, in the order in which it became so. location: what is low there, and what is low over all locations and lies or lay there.
    Raises UnknownLocation.
    """
    said = (reordering.c.sku_id == table.c.sku_id) & (reordering.c.location_id == table.c.location_id)
    query = (
        select(table, skus.c.sku, skus.c.title, locations.c.code, reordering.c.reorder)
        .join(skus, skus.c.id == table.c.sku_id)
        .outerjoin(locations, locations.c.id == table.c.location_id)
        .outerjoin(reordering, said)
        .where(table.c.id > after)
        .order_by(table.c.id)
        .limit(limit)
    )
    if location is not None:
        place = reorder_levels.place_of(conn, location)
        lies = exists().where(stock_levels.c.sku_id == table.c.sku_id, stock_levels.c.location_id == place)
        query = query.where(or_(table.c.location_id == place, (table.c.location_id == EVERYWHERE) & lies))
    rows = conn.execute(query).mappings().all()
    coming_to, expected = _incoming(conn, rows), coming.expected(conn, (row["sku_id"] for row in rows))
    return [
        LowRow(
            row["id"],
            row["sku"],
            row["title"],
            row["code"],
            row["available"],
            row["level"],
            row["since"],
            row["available"] <= 0,
            row["reorder"],
            coming_to.get((row["sku_id"], row["location_id"]), 0),
            expected.get(row["sku_id"]),
        )
        for row in rows
    ]


def _incoming(conn: Connection, rows: Sequence[Any]) -> dict[Scope, int]:
    """Of each scope, over all locations where it is EVERYWHERE."""
    level, found = stock_levels.c, dict[Scope, int]()
    query = select(level.sku_id, level.location_id, level.incoming).where(
        level.sku_id.in_({row["sku_id"] for row in rows}), level.incoming > 0
    )
    for sku_id, location_id, units in conn.execute(query):
        found[sku_id, location_id] = units
        found[sku_id, EVERYWHERE] = found.get((sku_id, EVERYWHERE), 0) + units
    return found
