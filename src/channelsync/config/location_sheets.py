"""Locations as rows of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from channelsync.config import toml_text
from channelsync.config.models import Config, LocationConfig
from channelsync.config.sheet_kind import ConfigKind, checked
from channelsync.ledger.files import cells as cell
from channelsync.ledger.files.cells import Cells, Column
from channelsync.ledger.files.kinds import PROBLEM, Difference, Value, Verdict, judged


@dataclass(frozen=True, slots=True)
class LocationRow:
    """said: the value of each column that the file has."""

    line: int
    code: str
    said: Mapping[str, Any]


def _location(line: int, cells: Cells) -> LocationRow | None:
    code = cell.needed(cells, "code", "a location")
    said: dict[str, Any] = {name: cell.text(cells, name) for name in ("name", "kind") if name in cells}
    said["kind"] = said.get("kind") or None
    said["priority"] = _priority(cells)
    told = {name: value for name, value in said.items() if value is not None}
    checked(LocationConfig, told)
    return LocationRow(line, code, told)


def _priority(cells: Cells) -> int | None:
    said = cell.text(cells, "priority")
    units = cell.whole({"priority": said.removeprefix("-")}, "priority")
    return -units if units is not None and said.startswith("-") else units


def _compare_locations(config: Config, rows: Sequence[LocationRow]) -> list[Verdict]:
    answers = []
    for row in rows:
        known = config.locations.get(row.code)
        before = (known or LocationConfig()).model_dump()
        differences = [Difference(name, None if known is None else before[name], value) for name, value in row.said.items()]
        answers.append(judged(row.line, row.code, differences, new=known is None))
    return answers


def _export_locations(config: Config) -> Iterator[tuple[Value, ...]]:
    for code, location in config.locations.items():
        yield code, location.name, location.kind, location.priority


LOCATIONS: Final = ConfigKind(
    "locations",
    "where units lie, as the config file says it",
    (
        Column("code", "The location's code.", required=True),
        Column("name", "For people."),
        Column("kind", "warehouse, retail, fulfilment or virtual; empty: warehouse."),
        Column("priority", "Lower ships first."),
        PROBLEM,
    ),
    LocationRow,
    _location,
    lambda row: row.code,
    export=_export_locations,
    compare=_compare_locations,
    toml=lambda row: toml_text.table(("locations", row.code), row.said),
    exported=("code", "name", "kind", "priority"),
)
