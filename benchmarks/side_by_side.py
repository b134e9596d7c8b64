"""Two things measured in turns (A B, B A, A B ...), so that a disk or a processor that drifts meanwhile cancels out of their ratio."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Figure:
    """What one run came to: so many of `unit`, and how long single ones took, in milliseconds."""

    value: float
    p50_ms: float | None = None
    p99_ms: float | None = None


Measure = Callable[[], Figure]
"""One run, from a fresh start; raises if what was stored does not add up."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """name: for the command line. aim: the least ratio. project, anchor: one run of each."""

    name: str
    what: str
    against: str
    unit: str
    aim: float
    project: Measure
    anchor: Measure


@dataclass(frozen=True, slots=True)
class Result:
    """ratio: the median of the rounds; low and high: the least and the greatest of them."""

    name: str
    what: str
    against: str
    unit: str
    aim: float
    ratio: float
    low: float
    high: float
    ratios: tuple[float, ...]
    project: float
    anchor: float
    p50_ms: float | None
    p99_ms: float | None
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def reached(self) -> bool:
        return self.ratio >= self.aim

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "reached": self.reached}


def compare(what: Comparison, rounds: int, tell: Callable[[str], None]) -> Result:
    """As many rounds; the first run of each is not counted: it warms caches and compiles statements."""
    what.project()
    what.anchor()
    ours: list[Figure] = []
    theirs: list[Figure] = []
    for number in range(rounds):
        pair = ((what.project, ours), (what.anchor, theirs))
        for measure, kept in pair if number % 2 == 0 else reversed(pair):
            kept.append(measure())
        tell(f"{what.name}, round {number + 1} of {rounds}: {ours[-1].value:,.0f} and {theirs[-1].value:,.0f} {what.unit}")
    ratios = tuple(round(a.value / b.value, 3) for a, b in zip(ours, theirs, strict=True))
    return Result(
        what.name,
        what.what,
        what.against,
        what.unit,
        what.aim,
        statistics.median(ratios),
        min(ratios),
        max(ratios),
        ratios,
        round(statistics.median(figure.value for figure in ours), 1),
        round(statistics.median(figure.value for figure in theirs), 1),
        _median([figure.p50_ms for figure in ours]),
        _median([figure.p99_ms for figure in ours]),
    )


def sparks(values: tuple[float, ...]) -> str:
    """A plot as wide as there are values; the highest is the tallest bar and the axis begins at 0."""
    top = max(values, default=0.0) or 1.0
    return "".join(BARS[min(len(BARS) - 1, int(value / top * (len(BARS) - 1) + 0.5))] for value in values)


def quantile(milliseconds: list[float], share: float) -> float | None:
    ordered = sorted(milliseconds)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 3) if ordered else None


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(statistics.median(known), 3) if known else None
