"""Locations as rows of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from channelsync.config import toml_text
from channelsync.config.models import Config, LocationConfig
from channelsync.config.sheet_kind import ConfigKind, checked
from channelsync.ledger.files import cells as cell
from channelsync.ledger.files.cells import BadCell, Cells, Column
from channelsync.ledger.files.kinds import PROBLEM, Difference, Value, Verdict, judged

DEGREES: Final = ("latitude", "longitude")
LISTS: Final = ("countries", "regions", "postcodes")


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
    said |= {name: _degrees(cells, name) for name in DEGREES if name in cells}
    said |= {name: _listed(cells, name) for name in LISTS if name in cells}
    told = {name: value for name, value in said.items() if value is not None}
    checked(LocationConfig, told)
    return LocationRow(line, code, told)


def _degrees(cells: Cells, column: str) -> float | None:
    said = cell.text(cells, column)
    try:
        return float(said) if said else None
    except ValueError:
        raise BadCell(column, f"{said!r} is not a number of degrees; write it like 52.52") from None


def _listed(cells: Cells, column: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.text(cells, column).split(",") if part.strip())


def _shown(said: Any) -> Value:
    """As a cell has it."""
    if isinstance(said, tuple):
        return ", ".join(said)
    return str(said) if isinstance(said, float) else said


def _priority(cells: Cells) -> int | None:
    said = cell.text(cells, "priority")
    units = cell.whole({"priority": said.removeprefix("-")}, "priority")
    return -units if units is not None and said.startswith("-") else units


def _compare_locations(config: Config, rows: Sequence[LocationRow]) -> list[Verdict]:
    answers = []
    for row in rows:
        known = config.locations.get(row.code)
        before = (known or LocationConfig()).model_dump()
        differences = [Difference(name, None if known is None else _shown(before[name]), _shown(new)) for name, new in row.said.items()]
        answers.append(judged(row.line, row.code, differences, new=known is None))
    return answers


def _export_locations(config: Config) -> Iterator[tuple[Value, ...]]:
    for code, location in config.locations.items():
        routed = (_shown(getattr(location, name)) for name in (*DEGREES, *LISTS))
        yield code, location.name, location.kind, location.priority, *routed


LOCATIONS: Final = ConfigKind(
    "locations",
    "where units lie, as the config file says it",
    (
        Column("code", "The location's code.", required=True),
        Column("name", "For people."),
        Column("kind", "warehouse, retail, fulfilment or virtual; empty: warehouse."),
        Column("priority", "Lower ships first."),
        Column("latitude", "For routing: in degrees, like 52.52."),
        Column("longitude", "The same."),
        Column("countries", "For routing: where it ships to, like DE, AT."),
        Column("regions", "The same, like US-CA."),
        Column("postcodes", "The same, like DE-10: how they begin."),
        PROBLEM,
    ),
    LocationRow,
    _location,
    lambda row: row.code,
    export=_export_locations,
    compare=_compare_locations,
    toml=lambda row: toml_text.table(("locations", row.code), row.said),
    exported=("code", "name", "kind", "priority", *DEGREES, *LISTS),
)
