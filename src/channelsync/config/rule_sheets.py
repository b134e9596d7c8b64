"""Rules for what shops show as rows of a file: one row for all that is said at one place of the config."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from channelsync.config import toml_text
from channelsync.config.models import Config
from channelsync.config.rules import Fields
from channelsync.config.sheet_kind import ConfigKind, checked
from channelsync.ledger.files import cells as cell
from channelsync.ledger.files.cells import BadCell, Cells, Column
from channelsync.ledger.files.kinds import PROBLEM, Difference, State, Value, Verdict, bad, judged

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
    return RuleRow(line, channel, sku, listing, opens, closes, _said(checked(Fields, told))) if told else None


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
