"""What a person sees while shops are read: how many listings, numbers and orders came so far. Nothing where no person looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Tell = Callable[[Mapping[str, Any]], None]
"""Takes what `live` answers."""
WHAT = ("listings", "numbers", "orders")


@contextmanager
def progress() -> Iterator[Tell]:
    """Bars on standard error as long as the block runs; each answer of `live` moves them by what came since the first."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.completed:,.0f}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks = {what: bars.add_task(f"{what} read", total=None) for what in WHAT}
        before: Counter[str] | None = None

        def tell(live: Mapping[str, Any]) -> None:
            nonlocal before
            now = so_far(live)
            before = now.copy() if before is None else before
            for what, task in tasks.items():
                bars.update(task, completed=now[what] - before[what])

        yield tell


@contextmanager
def counting(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on standard error that grows by what it is given; total None: nobody knows how many there will be."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(what, total=total)
        yield lambda more: bars.update(task, advance=more)


def so_far(live: Mapping[str, Any]) -> Counter[str]:
    """The sum over all channels."""
    total: Counter[str] = Counter()
    for channel in live["channels"].values():
        total.update(channel.get("read", {}))
    return total
