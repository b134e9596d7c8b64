"""How answers look: a table for people or one JSON document for programs; complaints go to standard error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape

from channelsync.cli.fitting import fitted
from channelsync.shell.plain import plain
from channelsync.shell.spool import Long

out = Console(highlight=False, soft_wrap=True)


def complain(message: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]Error:[/red] {escape(message)}")


def say(text: str) -> None:
    """Rich markup; what comes from outside must be escaped by the caller."""
    out.print(text)


def dump(value: Any) -> None:
    """One JSON document on standard output."""
    out.file.write(json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n")


def dump_long(answer: Long) -> None:
    """The same for a long answer, a row on each line."""
    for piece in answer.document():
        out.file.write(piece)


def dump_error(code: str, detail: str) -> None:
    """What the document is when there is no answer; words as in the API's problems."""
    dump({"error": {"code": code, "detail": detail}})


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "nothing") -> None:
    """A column whose name ends in # is right-aligned, one that ends in ? may be left out where the screen is narrow (#? for both)."""
    filled = [[_text(cell) for cell in row] for row in rows]
    if not filled:
        out.print(f"{escape(title)}: {empty}")
        return
    grid, left_out = fitted(escape(title), columns, filled, out.width)
    out.print(grid)
    if left_out:
        out.print(escape(f"not shown at this width: {', '.join(left_out)} (--json has all)"))


def ago(moment: datetime | str | None, now: datetime | None = None) -> str:
    """How long ago, in the largest unit that says something."""
    return "never" if moment is None else f"{age(moment, now)} ago"


def age(moment: datetime | str | None, now: datetime | None = None) -> str:
    """The same for a column whose head says it."""
    if moment is None:
        return "never"
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    seconds = max(0.0, ((now or datetime.now(UTC)) - at).total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "-"


def _text(cell: object) -> str:
    return "-" if cell is None or cell == "" else str(cell)
