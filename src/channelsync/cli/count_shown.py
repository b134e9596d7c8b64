"""Count sheets for people: in a list, one with its lines, what applying would change, and what it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape

from channelsync.cli.show import ago, say, table
from channelsync.cli.times import shown
from channelsync.ledger.counts.pages import Plan, PlanRow, SheetDetail, SheetRow
from channelsync.ledger.counts.sheets import reference


def show_list(found: Sequence[SheetRow]) -> None:
    rows = [
        (
            reference(r.number),
            r.state,
            r.location,
            r.lines,
            r.counted,
            *_changed(r),
            "blind" if r.blind else None,
            r.note,
            ago(r.created_at),
        )
        for r in found
    ]
    columns = ("sheet", "state", "location", "lines#", "counted#", "differ#", "more#", "fewer#", "blind?", "note?", "opened")
    table("Count sheets", columns, rows, empty="none")


def show_one(found: SheetDetail, zone: str) -> None:
    sheet = found.sheet
    say(escape(_head(sheet)))
    if sheet.note:
        say(escape(sheet.note))
    rows = [
        (r.sku, r.title, r.expected, r.counted, None if r.counted_at is None else shown(r.counted_at, zone), r.counted_by, r.difference)
        for r in found.lines
    ]
    table("Lines", ("SKU", "title?", "expected#", "counted#", "when?", "by?", "changed by#"), rows, empty="none yet; enter what is found")


def show_plan(found: Plan, *, everything: bool = False) -> None:
    say(escape(_head(found.sheet)))
    rows = [row for row in found.lines if everything or row.difference or row.problem]
    columns = ("SKU", "title?", "expected#", "counted#", "difference#", "moved since#", "on hand#", "becomes#")
    table("What would change", columns, [_planned(row) for row in rows], empty="nothing: every number that was counted is right")
    for row in found.lines:
        if row.problem:
            say(escape(f"cannot be applied: {row.problem}"))
    counted = [row for row in found.lines if row.counted is not None]
    differ, wrong = sum(bool(row.difference) for row in counted), sum(bool(row.problem) for row in counted)
    say(f"{len(counted)} counted, {differ} differ, {wrong} cannot be applied, {len(found.lines) - len(counted)} not counted")


def _planned(row: PlanRow) -> tuple[object, ...]:
    signed = None if row.difference is None else f"{row.difference:+d}"
    return row.sku, row.title, row.expected, row.counted, signed, row.moved, row.on_hand, row.becomes


def show_applied(done: Mapping[str, Any]) -> None:
    rows = [
        (r["sku"], r["expected"], r["counted"], f"{r['difference']:+d}", r["moved"], r["on_hand"], r["available"])
        for r in done["lines"]
        if r["difference"]
    ]
    columns = ("SKU", "expected#", "counted#", "changed by#", "moved since#", "on hand#", "available#")
    table(f"{reference(done['number'])} at {done['location']}: {done['state']}", columns, rows, empty="every number was right")
    for line in done["left"]:
        say(escape(f"left as it is: {line['why']}"))
    say(f"{len(done['lines'])} lines applied, {len(done['left'])} left, {done['uncounted']} not counted")


def _changed(row: SheetRow) -> tuple[int | None, int | None, int | None]:
    return (row.differing, row.more, row.fewer) if row.state == "applied" else (None, None, None)


def _head(sheet: SheetRow) -> str:
    blind = ", blind" if sheet.blind else ""
    return f"{reference(sheet.number)} of {sheet.location}, {sheet.state}{blind}: {sheet.lines} lines, {sheet.counted} counted"
