"""The lines of one snapshot into the ledger: each from its place, and what has to wait is set aside with what a person has to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from channelsync.contract import OrderLine
from channelsync.ledger import aside, line_moves, line_sources
from channelsync.ledger.line_sources import Group
from channelsync.ledger.order_work import OrderWork
from channelsync.ledger.routing import deciding


def apply(work: OrderWork, routes: Mapping[str, int], *, early: bool) -> None:
    """Gather what they change. routes: where lines were routed elsewhere. early: the order is from before the opening."""
    rows = work.effects.rows
    work.routes = {**routes, **deciding.decide(work, rows, early=early)}
    for line in work.snapshot.lines:
        found = line_sources.groups([row for row in rows if row.line_ref == line.ref])
        if line.stocked or found:
            _apply(work, line, found, early=early)
    present = {line.ref for line in work.snapshot.lines}
    for row in rows:
        if row.line_ref not in present:
            line_moves.withdraw(work, row)
            work.effects.withdrawn.append(row)


def _apply(work: OrderWork, line: OrderLine, found: Sequence[Group], *, early: bool) -> None:
    choice = line_sources.choose(work, line, found)
    if choice.sources:
        line_moves.apply(work, line, found, choice.sources, early=early)
        work.effects.sold.append((line, [row for group in found for row in group], choice.sources[0].shelf_id))
    name = f"{work.snapshot.ref}/{line.ref}"
    if choice.waits_for:
        aside.put(work.conn, work.channel.id, "line", name, choice.waits_for, choice.what, work.now)
    else:
        work.applied.append(name)
