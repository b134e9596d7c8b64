"""How far a proof is: a bar where a person looks, a line now and then where a log is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINES = 20
"""In a log, for a whole proof."""


class Shown(Protocol):
    def done(self, of: str) -> None:
        """One more of a kind."""

    def failed(self, line: str) -> None: ...

    def waits_for(self, what: str) -> None: ...


@contextmanager
def shown(totals: dict[str, int]) -> Iterator[Shown]:
    """totals: how many of each kind there will be. On standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Lines(console, totals)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        yield _Bars(bars, totals)


class _Bars:
    def __init__(self, bars: Progress, totals: dict[str, int]) -> None:
        self._bars = bars
        self._tasks = {kind: bars.add_task(kind, total=total) for kind, total in totals.items() if total}

    def done(self, of: str) -> None:
        self._bars.advance(self._tasks[of])

    def failed(self, line: str) -> None:
        self._bars.console.print(f"FAILED {line}", style="red", markup=False)

    def waits_for(self, what: str) -> None:
        self._bars.add_task(what, total=None)


class _Lines:
    def __init__(self, console: Console, totals: dict[str, int]) -> None:
        self._console, self._totals = console, totals
        self._done = dict.fromkeys(totals, 0)
        self._told = -1

    def done(self, of: str) -> None:
        self._done[of] += 1
        share = sum(self._done.values()) * LINES // max(1, sum(self._totals.values()))
        if share > self._told:
            self._told = share
            self._say(", ".join(f"{self._done[kind]:,} of {total:,} {kind}" for kind, total in self._totals.items() if total))

    def failed(self, line: str) -> None:
        self._say(f"FAILED {line}")

    def waits_for(self, what: str) -> None:
        self._say(what)

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
