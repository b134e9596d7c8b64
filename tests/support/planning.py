"""A plan with all of its rows, for shops that are small."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from channelsync.ledger.openings import SECTIONS, Balance, Opening, Plan
from channelsync.ledger.planned import Blocked, PlannedWrite
from channelsync.ledger.switches import ToTurn

Verb = Callable[[Connection, Sequence[Opening], datetime], list[Plan]]


class Kept:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Any]] = {}
        self.ended = False

    def begin(self) -> None:
        self.rows = {section: [] for section in SECTIONS}

    def add(self, section: str, row: Any) -> None:
        self.rows[section].append(row)

    def moved(self) -> None:
        pass

    def end(self) -> None:
        self.ended = True


@dataclass(frozen=True)
class Whole:
    opens: tuple[str, ...]
    unchanged: int
    balances: list[Balance]
    writes: list[PlannedWrite]
    blocked: list[Blocked]
    switches: list[ToTurn]


def planned(conn: Connection, verb: Verb, opening: Opening, now: datetime) -> Whole:
    sink = Kept()
    [plan] = verb(conn, [replace(opening, sink=sink)], now)
    assert sink.ended
    return Whole(plan.opens, plan.unchanged, **sink.rows)
