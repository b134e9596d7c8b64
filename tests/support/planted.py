"""Every planted bug and the rig that caught it: each test that plants one notes it, and the notes of a run become one table."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from channelsync_memory import MemoryConnector

Plant = Callable[[pytest.MonkeyPatch], None]
Row = dict[str, str]
NOTE = "planted"
COLUMNS = ("caught", "where", "bug", "what", "rig")


def of_patch(plant: Plant, rig: str) -> Row:
    """Where it sits is read off what it patches."""
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        places = dict.fromkeys(_place(target) for target, _, _ in patch._setattr)
    return {"bug": plant.__name__, "where": ", ".join(places), "what": _first_line(plant), "rig": rig}


def of_connector(mistaken: type[MemoryConnector], rig: str) -> Row:
    verbs = [name for name in vars(mistaken) if callable(getattr(mistaken, name)) and name != "__init__"]
    what = _first_line(mistaken) or _words(mistaken.__name__)
    return {"bug": mistaken.__name__, "where": f"connector, {', '.join(verbs)}", "what": what, "rig": rig}


def _place(target: Any) -> str:
    """The module of a function or class that is patched."""
    module = target.__name__ if isinstance(target, ModuleType) else target.__module__
    return str(module).removeprefix("channelsync.").replace("channelsync_memory", "connector")


def _first_line(planted: Any) -> str:
    """Of its own words: a class is not described by those of its base."""
    return ((vars(planted).get("__doc__") if isinstance(planted, type) else planted.__doc__) or "").strip().partition("\n")[0]


def _words(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).capitalize()


def rows_of(reports: Iterable[Any]) -> list[Row]:
    """Each bug once per rig; one that its test did not catch has survived."""
    found: dict[tuple[str, str], Row] = {}
    for report in reports:
        for name, row in getattr(report, "user_properties", ()):
            if name == NOTE:
                found[row["bug"], row["rig"]] = {"caught": "caught" if report.passed else "SURVIVED", **row}
    return sorted(found.values(), key=lambda row: (row["where"], row["bug"], row["rig"]))


def write(rows: list[Row], path: Path) -> str:
    """Into a JSON file; returns the table as text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    wide = {name: max(len(row[name]) for row in rows) for name in COLUMNS}
    lines = ["  ".join(row[name].ljust(wide[name]) for name in COLUMNS).rstrip() for row in rows]
    bugs = {row["bug"] for row in rows}
    survived = {row["bug"] for row in rows if row["caught"] != "caught"}
    return "\n".join([*lines, f"{len(bugs)} planted bugs, {len(survived)} survived; as JSON in {path}"])
