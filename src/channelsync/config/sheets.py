"""Locations and rules as rows of a file. Both live in the config file, which the program never writes: an import says what differs and gives the
TOML to put there.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from channelsync.config import toml_text
from channelsync.config.models import Config, LocationConfig
from channelsync.config.rules import Fields
from channelsync.ledger.files import cells as cell
from channelsync.ledger.files.cells import BadCell, Cells, Column
from channelsync.ledger.files.kinds import PROBLEM, Asked, Difference, Kind, State, Value, Verdict, bad, judged

R = TypeVar("R", bound=Asked)


@dataclass(frozen=True, slots=True)
class ConfigKind(Kind[R]):
    """export: rows of what the config says. compare: what rows would change. toml: the table of one row, to put into the file."""

    export: Callable[[Config], Iterator[tuple[Value, ...]]] = field(kw_only=True)
    compare: Callable[[Config, Sequence[R]], list[Verdict]] = field(kw_only=True)
    toml: Callable[[R], str] = field(kw_only=True)
    exported: tuple[str, ...] = field(kw_only=True)


def said(rows: Sequence[Any], verdicts: Sequence[Verdict], toml: Callable[[Any], str]) -> str:
    """The tables of the rows that differ from the config."""
    wanted = {verdict.line for verdict in verdicts if verdict.state in {State.NEW, State.CHANGE}}
    return "\n".join(toml(row) for row in rows if row.line in wanted)


def _checked(model: type[Any], values: Mapping[str, Any]) -> Any:
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadCell(str(first["loc"][0]) if first["loc"] else None, first["msg"].removeprefix("Value error, ")) from None


# -- locations -------------------------------------------------------------------------------------------------------------------------------


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
    _checked(LocationConfig, told)
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


# -- rules -----------------------------------------------------------------------------------------------------------------------------------

FIELDS: Final = ("safety_stock", "share", "min", "max", "skip", "plenty")
_FLAGS: Final = {"": None, "true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
Where = tuple[str, str, str, datetime | None, datetime | None]
"""channel, sku, listing, from, until; "" and None: all of them, always."""


@dataclass(frozen=True, slots=True)
class RuleRow:
    """All that is said at one place of the config."""

    line: int
    channel: str
    sku: str
    listing: str
    opens: datetime | None
    closes: datetime | None
    fields: Mapping[str, Any]

    @property
    def where(self) -> Where:
        return self.channel, self.sku, self.listing, self.opens, self.closes

    @property
    def about(self) -> str:
        named = [f"{name} {value}" for name, value in (("channel", self.channel), ("SKU", self.sku), ("listing", self.listing)) if value]
        window = [f"from {self.opens.isoformat()}"] if self.opens else []
        return ", ".join([*named, *window]) or "the store"


def _rule(line: int, cells: Cells) -> RuleRow | None:
    channel, sku, listing = (cell.text(cells, name) for name in ("channel", "sku", "listing"))
    opens, closes = _moment(cells, "from"), _moment(cells, "until")
    if listing and (not channel or sku or opens):
        raise BadCell("listing", "a listing is one of a channel: name the channel, no SKU and no window")
    if (opens is None) != (closes is None):
        raise BadCell("until" if opens else "from", "a window needs both, from and until")
    fields = {
        "safety_stock": _units_or_share(cells, "safety_stock"),
        "share": cell.text(cells, "share") or None,
        "min": cell.whole(cells, "min"),
        "max": cell.whole(cells, "max"),
        "skip": cell.one_of(cells, "skip", _FLAGS),
        "plenty": cell.whole(cells, "plenty"),
    }
    told = {name: value for name, value in fields.items() if value is not None}
    return RuleRow(line, channel, sku, listing, opens, closes, _said(_checked(Fields, told))) if told else None


def _units_or_share(cells: Cells, column: str) -> int | str | None:
    said = cell.text(cells, column)
    return said if said.endswith("%") else cell.whole(cells, column)


def _moment(cells: Cells, column: str) -> datetime | None:
    said = cell.text(cells, column)
    try:
        return datetime.fromisoformat(said) if said else None
    except ValueError:
        raise BadCell(column, f"{said[:40]!r} is no time; write it like 2026-11-27T00:00:00, in the store's time zone") from None


def _said(fields: Fields) -> dict[str, Any]:
    return {name: value for name in FIELDS if (value := getattr(fields, name)) is not None}


def _listed(config: Config) -> Iterator[tuple[Where, dict[str, Any]]]:
    """Every place of the config at which a rule may stand; a window counts once for each channel and SKU that it names."""
    yield ("", "", "", None, None), _said(config.rules)
    for sku, fields in config.rules.sku.items():
        yield ("", sku, "", None, None), _said(fields)
    for name, channel in config.channels.items():
        yield (name, "", "", None, None), _said(channel.rules)
        for sku, fields in channel.rules.sku.items():
            yield (name, sku, "", None, None), _said(fields)
        for ref, fields in channel.rules.listing.items():
            yield (name, "", ref, None, None), _said(fields)
    for window in config.rules.windows:
        for channel_name in window.channels or ("",):
            for sku in window.skus or ("",):
                yield (channel_name, sku, "", window.opens, window.closes), _said(window)


def _export_rules(config: Config) -> Iterator[tuple[Value, ...]]:
    for (channel, sku, listing, opens, closes), fields in _listed(config):
        if fields:
            window = (None if opens is None else opens.isoformat(), None if closes is None else closes.isoformat())
            yield channel, sku, listing, *window, *(_cell(fields.get(name)) for name in FIELDS)


def _cell(value: Any) -> Value:
    return ("true" if value else "false") if isinstance(value, bool) else value


def _compare_rules(config: Config, rows: Sequence[RuleRow]) -> list[Verdict]:
    known: dict[Where, list[dict[str, Any]]] = {}
    for where, fields in _listed(config):
        if fields:
            known.setdefault(where, []).append(fields)
    return [_rule_verdict(config, row, known.get(row.where, [])) for row in rows]


def _rule_verdict(config: Config, row: RuleRow, known: Sequence[Mapping[str, Any]]) -> Verdict:
    if row.channel and row.channel not in config.channels:
        return bad(row.line, row.about, f"no such channel {row.channel!r}; known: {', '.join(config.channels) or 'none'}", "channel")
    if any(dict(each) == dict(row.fields) for each in known):
        return Verdict(row.line, State.SAME, row.about)
    before = known[0] if known else {}
    differences = [Difference(name, _cell(before.get(name)), _cell(row.fields.get(name))) for name in FIELDS]
    return judged(row.line, row.about, differences, new=not known)


def _rule_toml(row: RuleRow) -> str:
    """The whole table: it takes the place of the one that stands there."""
    if row.opens is not None:
        named = {"channels": [row.channel] if row.channel else None, "skus": [row.sku] if row.sku else None}
        return toml_text.table(("rules", "windows"), {"from": row.opens, "until": row.closes, **named, **row.fields}, one_of_many=True)
    path = ["channels", row.channel, "rules"] if row.channel else ["rules"]
    path += ["sku", row.sku] if row.sku else ["listing", row.listing] if row.listing else []
    return toml_text.table(path, row.fields)


def _once(row: RuleRow) -> Hashable | None:
    return None if row.opens is not None else row.where


RULES: Final = ConfigKind(
    "rules",
    "what shops may show, as the config file says it",
    (
        Column("channel", "Only on this channel; empty: on all."),
        Column("sku", "Only this SKU; empty: all."),
        Column("listing", "Only this listing of the channel, by its own id at the shop."),
        Column("from", "A window in time: when it opens, in the store's time zone."),
        Column("until", "When it closes."),
        Column("safety_stock", 'Units that are kept back, or a part of the stock like "10%".'),
        Column("share", 'The part of the stock that may be sold, like "40%".'),
        Column("min", "With fewer than this left, show 0."),
        Column("max", "Never show more."),
        Column("skip", "true: never write a number."),
        Column("plenty", "What a SKU shows that the ledger does not count."),
        PROBLEM,
    ),
    RuleRow,
    _rule,
    _once,
    either=FIELDS,
    export=_export_rules,
    compare=_compare_rules,
    toml=_rule_toml,
    exported=("channel", "sku", "listing", "from", "until", *FIELDS),
)

CONFIG_KINDS: Final[dict[str, ConfigKind[Any]]] = {kind.name: kind for kind in (LOCATIONS, RULES)}
__all__ = ["CONFIG_KINDS", "LOCATIONS", "RULES", "ConfigKind", "LocationRow", "RuleRow", "said"]
