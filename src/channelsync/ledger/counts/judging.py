"""What the lines of a sheet say about stock as it is now: the same sum for whoever only looks and for whoever applies it. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from channelsync.ledger import bundles, skus
from channelsync.ledger.counts.sheets import Line, Sheet, last_counted
from channelsync.ledger.levels import NONE, Level, LevelKey
from channelsync.ledger.refusals import NotAllowed
from channelsync.ledger.since import NOTHING, Since, since_each, there_now
from channelsync.ledger.stock import no_own_stock


@dataclass(frozen=True, slots=True)
class Judged:
    """on_hand: now. expected: what should have been there when it was counted (now, if it was not). moved: units that came (> 0) and went since. difference:
    counted - expected; None: not counted. becomes: on hand, if it is applied. problem: why it cannot be.
    """

    line: Line
    on_hand: int
    expected: int
    moved: int
    difference: int | None
    becomes: int
    problem: NotAllowed | None = None

    @property
    def changes(self) -> bool:
        return self.difference is not None and self.problem is None


def judged(conn: Connection, sheet: Sheet, rows: Sequence[Line], levels: Mapping[LevelKey, Level]) -> list[Judged]:
    """In their order. levels: as they are now; lock them before, if they are to be changed."""
    happened = since_each(conn, {sheet.key(line): line.counted_at for line in rows if line.counted_at is not None})
    no_lines = _bundled(conn, rows)
    return [
        _judge(sheet, line, levels.get(sheet.key(line), NONE), happened.get(sheet.key(line), NOTHING), no_lines.get(line.sku_id))
        for line in rows
    ]


def missing_is_zero(rows: Sequence[Line], by: str) -> list[Line]:
    """What was not found is not there: since when the last one of the others was counted. Nothing counted: nothing is known of any."""
    at = last_counted(rows)
    if at is None:
        return list(rows)
    return [line if line.counted is not None else replace(line, counted=0, counted_at=at, counted_by=by) for line in rows]


def _judge(sheet: Sheet, line: Line, level: Level, happened: Since, bundle: NotAllowed | None) -> Judged:
    if line.counted is None or line.counted_at is None:
        return Judged(line, level.on_hand, level.on_hand, 0, None, level.on_hand)
    expected = level.on_hand - happened.moved
    there = bundle or there_now(line.sku, sheet.location, line.counted, line.counted_at, happened)
    if isinstance(there, NotAllowed):
        return Judged(line, level.on_hand, expected, happened.moved, line.counted - expected, level.on_hand, there)
    return Judged(line, level.on_hand, expected, happened.moved, line.counted - expected, there)


def _bundled(conn: Connection, rows: Sequence[Line]) -> dict[int, NotAllowed]:
    """A SKU may have become a bundle since it was put on the sheet."""
    recipes = bundles.recipes(conn, [line.sku_id for line in rows])
    parts = skus.by_id(conn, {part for recipe in recipes.values() for part, _ in recipe})
    names = {line.sku_id: line.sku for line in rows}
    return {sku_id: no_own_stock(names[sku_id], [parts[part].sku for part, _ in recipe]) for sku_id, recipe in recipes.items()}
