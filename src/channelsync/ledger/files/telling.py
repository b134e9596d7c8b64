"""What a preview or an import came to, in bounded memory: how many rows did what, the first that change something, and those that are bad."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from channelsync.ledger.files.kinds import Mistake, State, Verdict
from channelsync.ledger.files.reading import Piece

PROBLEMS_MAX: Final = 10_000
"""Bad rows that are named; more are counted."""


class Tally:
    """first: how many of the rows that change something are kept. problems: how many bad rows are named."""

    def __init__(self, first: int, problems: int = PROBLEMS_MAX) -> None:
        self._wanted, self._most = first, problems
        self.counts: Counter[State] = Counter()
        self.empty = 0
        self.first: list[Verdict] = []
        self.problems: list[tuple[int, Mistake]] = []

    @property
    def rows(self) -> int:
        return self.counts.total() + self.empty

    @property
    def changing(self) -> int:
        return self.counts[State.NEW] + self.counts[State.CHANGE]

    @property
    def bad(self) -> int:
        return self.counts[State.BAD]

    def add(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            self.counts[verdict.state] += 1
            if verdict.mistake is not None:
                self._name(verdict.line, verdict.mistake)
            elif verdict.differences and len(self.first) < self._wanted:
                self.first.append(verdict)

    def add_wrong(self, wrong: Iterable[tuple[int, Mistake]]) -> None:
        """Rows that could not be understood."""
        for line, mistake in wrong:
            self.counts[State.BAD] += 1
            self._name(line, mistake)

    def add_piece(self, piece: Piece[Any]) -> None:
        """What of it never got as far as the ledger."""
        self.add_wrong((row.line, mistake) for row, mistake in piece.wrong)
        self.empty += piece.empty

    def _name(self, line: int, mistake: Mistake) -> None:
        if len(self.problems) < self._most:
            self.problems.append((line, mistake))

    def told(self) -> dict[str, Any]:
        """As a program reads it. `unchanged`: the ledger says so already; `done_before`: this row of this file was applied already."""
        return {
            "rows": self.rows,
            "new": self.counts[State.NEW],
            "changed": self.counts[State.CHANGE],
            "unchanged": self.counts[State.SAME],
            "done_before": self.counts[State.DONE],
            "empty": self.empty,
            "bad": self.bad,
            "first": [_told(verdict) for verdict in self.first],
            "problems": [{"line": line, "column": each.column, "problem": each.why} for line, each in sorted(self.problems, key=_line)],
        }


def _line(problem: tuple[int, Mistake]) -> int:
    return problem[0]


def _told(verdict: Verdict) -> dict[str, Any]:
    changes = [{"column": each.column, "old": each.old, "new": each.new} for each in verdict.differences]
    return {"line": verdict.line, "about": verdict.about, "new": verdict.state is State.NEW, "changes": changes}
