"""What does not fit, in words and numbers for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_PER_CHECK: Final = 1_000


@dataclass(frozen=True, slots=True)
class Mismatch:
    """check: what was compared. where: which row. expected and found: both sides of it."""

    check: str
    where: str
    expected: str
    found: str


class Mismatches:
    """All of them, at most 1000 of each check: a table that is gone altogether must still give an answer one can read."""

    def __init__(self) -> None:
        self._all: list[Mismatch] = []
        self._counts: Counter[str] = Counter()

    def add(self, check: str, where: str, expected: object, found: object) -> None:
        self._counts[check] += 1
        if self._counts[check] <= MAX_PER_CHECK:
            self._all.append(Mismatch(check, where, str(expected), str(found)))

    def __iter__(self) -> Iterator[Mismatch]:
        return iter(self._all)
