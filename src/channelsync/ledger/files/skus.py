"""Files of SKUs: what they are called, what they cost, how they may be sold, from when on they are low. A row sets what its columns say, no more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, and_, select

from channelsync.ledger import bounds, costs, policies, reorder_levels, skus, titles
from channelsync.ledger.costs import SetCost
from channelsync.ledger.files import cells as cell
from channelsync.ledger.files.cells import BadCell, Cells, Column
from channelsync.ledger.files.kinds import PROBLEM, Difference, LedgerKind, SoFar, Source, Value, Verdict, bad, judged
from channelsync.ledger.policies import RELEASE_DELAY_MAX, SetPolicy
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.reorder_levels import EVERYWHERE, SetReorder
from channelsync.ledger.schema import bundle_parts
from channelsync.ledger.schema import reorder_levels as levels_table
from channelsync.ledger.schema import skus as table
from channelsync.ledger.skus import Backorder
from channelsync.ledger.titles import SetTitle

CHUNK: Final = 400
POLICY: Final = ("backorder", "limit", "text", "date", "per_reference", "release_delay")
SAID: Final = ("title", "cost", *POLICY, "low", "reorder")
"""What a row may say, in the order of an export."""
FRESH: Final[Mapping[str, Value]] = {
    "title": "",
    "cost": None,
    "backorder": Backorder.DENY.value,
    "limit": None,
    "text": "",
    "date": None,
    "per_reference": None,
    "release_delay": 0,
    "low": None,
    "reorder": None,
}
"""What holds of a SKU of which nothing was said; an empty cell says this."""
_POLICIES: Final = {"": Backorder.DENY.value, **{each.value: each.value for each in Backorder}}


@dataclass(frozen=True, slots=True)
class SkuRow:
    """said: the value of each column that the file has, in the spelling of an export."""

    line: int
    sku: str
    said: Mapping[str, Value]


def parse(line: int, cells: Cells) -> SkuRow | None:
    sku = cell.needed(cells, "sku", "a SKU")
    cell.fits("sku", sku=sku)
    return SkuRow(line, sku, {name: _PARSE[name](cells, name) for name in SAID if name in cells})


def _title(cells: Cells, column: str) -> Value:
    said = cells[column]
    if problem := titles.problem(said):
        raise BadCell(column, str(problem))
    return said


def _cost(cells: Cells, column: str) -> Value:
    said = cell.text(cells, column)
    try:
        return costs.text_of(costs.parsed(said)) if said else None
    except NotAllowed as problem:
        raise BadCell(column, str(problem)) from None


def _text(cells: Cells, column: str) -> Value:
    said = cells[column]
    cell.fits(column, text=said)
    return said


def _date(cells: Cells, column: str) -> Value:
    day = cell.day(cells, column)
    return None if day is None else day.isoformat()


def _delay(cells: Cells, column: str) -> Value:
    minutes = cell.whole(cells, column) or 0
    if minutes > RELEASE_DELAY_MAX:
        raise BadCell(column, f"a release is delayed by 0 to {RELEASE_DELAY_MAX} minutes (a year), not {minutes}")
    return minutes


_PARSE: Final[Mapping[str, Any]] = {
    "title": _title,
    "cost": _cost,
    "backorder": lambda cells, column: cell.one_of(cells, column, _POLICIES),
    "limit": cell.whole,
    "text": _text,
    "date": _date,
    "per_reference": lambda cells, column: cell.whole(cells, column, least=1),
    "release_delay": _delay,
    "low": cell.whole,
    "reorder": cell.whole,
}


def once(row: SkuRow) -> Hashable | None:
    return row.sku


def compare(conn: Connection, rows: Sequence[SkuRow], source: Source, so_far: SoFar, now: dt.datetime) -> list[Verdict]:
    known, bundles = _current(conn, [row.sku for row in rows])
    return [_verdict(row, known.get(row.sku), row.sku in bundles) for row in rows]


def _verdict(row: SkuRow, current: Mapping[str, Value] | None, bundle: bool) -> Verdict:
    if current is None and (problem := bounds.sku_text(row.sku)):
        return bad(row.line, row.sku, problem, "sku")
    before = FRESH if current is None else current
    differences = [Difference(name, before[name], value) for name, value in row.said.items() if before[name] != value]
    changed = {each.column for each in differences}
    if bundle and (own := sorted(changed & {"cost", *POLICY})):
        return bad(row.line, row.sku, f"SKU {row.sku!r} is a bundle and has no {own[0]} of its own; set that of its parts", own[0])
    if changed & set(POLICY) and (why := policies.problem(_policy_of(row.sku, {**before, **row.said}, ""))):
        return bad(row.line, row.sku, why)
    return judged(row.line, row.sku, differences, new=current is None)


def _current(conn: Connection, names: Sequence[str]) -> tuple[dict[str, dict[str, Value]], set[str]]:
    """What is said of those that exist, and which of them are bundles."""
    wanted, found = bounds.findable(names), dict[str, dict[str, Value]]()
    for start in range(0, len(wanted), CHUNK):
        found |= {row["sku"]: _said(row) for row in conn.execute(_query().where(table.c.sku.in_(wanted[start : start + CHUNK]))).mappings()}
    ids = {sku.id: text for text, sku in skus.find(conn, wanted).items()}
    made = conn.scalars(select(bundle_parts.c.bundle_id).distinct().where(bundle_parts.c.bundle_id.in_(ids))) if ids else ()
    return found, {ids[sku_id] for sku_id in made}


def _query() -> Any:
    everywhere = and_(levels_table.c.sku_id == table.c.id, levels_table.c.location_id == EVERYWHERE)
    return select(table, levels_table.c.low, levels_table.c.reorder).outerjoin(levels_table, everywhere)


def _said(row: Mapping[Any, Any]) -> dict[str, Value]:
    return {
        "title": row["title"],
        "cost": costs.text_of(row["unit_cost"]),
        "backorder": row["backorder"],
        "limit": row["backorder_limit"],
        "text": row["expected_text"],
        "date": row["expected_on"],
        "per_reference": row["reference_limit"],
        "release_delay": row["release_delay"],
        "low": row["low"],
        "reorder": row["reorder"],
    }


def write(conn: Connection, rows: Sequence[SkuRow], source: Source, now: dt.datetime) -> list[Refusal | None]:
    """What a row leaves out stays as it is, so what there is is read again, with the SKUs held."""
    held = skus.ensure(conn, [row.sku for row in rows], now)
    skus.lock_rows(conn, [sku.id for sku in held.values()])
    known, _ = _current(conn, [row.sku for row in rows])
    merged = {row.line: {**known[row.sku], **row.said} for row in rows}
    changed = {row.line: {name for name, value in row.said.items() if known[row.sku][name] != value} for row in rows}
    answers: dict[int, Refusal | None] = dict.fromkeys(merged)
    for verb, columns, item in _VERBS:
        wanted = [row for row in rows if changed[row.line] & columns]
        if wanted:
            done = verb(conn, [item(row.sku, merged[row.line], source.actor) for row in wanted], now)
            refused = {row.line: answer for row, answer in zip(wanted, done, strict=True) if isinstance(answer, Refusal)}
            answers |= {line: answers[line] or refusal for line, refusal in refused.items()}
    return [answers[row.line] for row in rows]


def _title_of(sku: str, said: Mapping[str, Any], _actor: str) -> SetTitle:
    return SetTitle(sku, said["title"])


def _cost_of(sku: str, said: Mapping[str, Any], _actor: str) -> SetCost:
    return SetCost(sku, said["cost"])


def _policy_of(sku: str, said: Mapping[str, Any], _actor: str) -> SetPolicy:
    day = None if said["date"] is None else dt.date.fromisoformat(said["date"])
    limits = said["limit"], said["text"], day, said["per_reference"], said["release_delay"]
    return SetPolicy(sku, Backorder(said["backorder"]), *limits)


def _reorder_of(sku: str, said: Mapping[str, Any], actor: str) -> SetReorder:
    return SetReorder(sku, None, said["low"], said["reorder"], actor)


_VERBS: Final[tuple[tuple[Any, set[str], Any], ...]] = (
    (titles.set_title, {"title"}, _title_of),
    (costs.set_cost, {"cost"}, _cost_of),
    (policies.set_policy, set(POLICY), _policy_of),
    (reorder_levels.set_reorder, {"low", "reorder"}, _reorder_of),
)
"""The ledger's own verbs: which columns each of them is for, and its item."""


def page(conn: Connection, after: int, limit: int) -> tuple[list[tuple[Value, ...]], int | None]:
    rows = conn.execute(_query().where(table.c.id > after).order_by(table.c.id).limit(limit)).mappings().all()
    found: list[tuple[Value, ...]] = [(row["sku"], *(_said(row)[name] for name in SAID)) for row in rows]
    return found, rows[-1]["id"] if len(rows) == limit else None


SKUS: Final = LedgerKind(
    "skus",
    "what SKUs are called, cost, and how they may be sold; new ones are made",
    (
        Column("sku", "The SKU, exactly as the ledger spells it.", required=True),
        Column("title", "What it is called."),
        Column("cost", "Of one unit, in the store's currency, like 12.50; empty: not known."),
        Column("backorder", "deny, allow or preorder; empty: deny."),
        Column("limit", "Units that may be promised beyond what is available; empty: no limit."),
        Column("text", "For customers: when what is not there comes."),
        Column("date", "The same as a date, like 2026-01-31."),
        Column("per_reference", "Units that one cart or order may claim in all; empty: no limit."),
        Column("release_delay", "Minutes that a claim outlives its end while its units are not there yet."),
        Column("low", "With so many left or fewer it is low, over all locations; empty: as the config says."),
        Column("reorder", "How many to order then."),
        PROBLEM,
    ),
    SkuRow,
    parse,
    once,
    compare=compare,
    write=write,
    page=page,
    exported=("sku", *SAID),
)
