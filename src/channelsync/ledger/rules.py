"""From available to the number a shelf should show: pure arithmetic, with every step kept for `explain`. Which rules apply is in `ruling`.

    available -> share -> safety stock -> not below zero -> packs -> min -> max -> + what the shop withholds by itself

What divides the stock comes first, in SKU units; what customers see comes after the packs, in the listing's units. Every step keeps the order
of its inputs, so more stock never shows less; and only `plenty` ever shows more than there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

WHOLE: Final = 10_000
"""Shares are kept in hundredths of a percent."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What applies to one shelf.

    safety_stock: SKU units kept back. safety_share: of what there is, in hundredths of a percent, rounded up; one of the two is 0.
    share: the part of the stock that this shelf sells from, in hundredths of a percent, rounded down. show_min: with fewer than this left
    (listing units) it shows 0. show_max: it never shows more. skip: never written. plenty: what it shows while the ledger does not count the
    SKU. sources: where in the config each of them stands, by its name there.
    """

    safety_stock: int = 0
    safety_share: int = 0
    share: int = WHOLE
    show_min: int = 0
    show_max: int | None = None
    skip: bool = False
    plenty: int | None = None
    sources: Mapping[str, str] = field(default_factory=dict)


COLUMNS: Final = ("safety_stock", "safety_share", "share", "show_min", "show_max", "skip", "plenty")
"""The columns of `shelves` that are fields of Rules, by the same names; the sources are in `rules_from`."""


def of_row(row: Mapping[Any, Any]) -> Rules:
    """A shelf's rules from its row."""
    return Rules(**{name: row[name] for name in COLUMNS}, sources=row["rules_from"])


@dataclass(frozen=True, slots=True)
class Step:
    """One term of the number: what it is called, the value after it, and where in the config it stands ("" if it is no rule)."""

    name: str
    change: int
    value: int
    source: str = ""


def steps(available: int | None, rules: Rules, *, pack: int, withheld: int) -> list[Step]:
    """available (SKU units; None: not counted) -> target (listing units), step by step. The last step's value is the target, never negative.

    Empty: nothing is known to show.
    """
    if available is None:
        return [] if rules.plenty is None else [Step("not counted: plenty", rules.plenty, rules.plenty, rules.sources.get("plenty", ""))]
    path = [Step("available", available, available)]

    def then(name: str, value: int, rule: str = "") -> None:
        if value != path[-1].value:
            path.append(Step(name, value - path[-1].value, value, rules.sources.get(rule, "")))

    then(f"share {percent(rules.share)}", _share(available, rules.share), "share")
    kept = rules.safety_stock + _kept_back(path[-1].value, rules.safety_share)
    size = f" {percent(rules.safety_share)}" if rules.safety_share else ""
    then(f"safety stock{size}", path[-1].value - kept, "safety_stock")
    then("not below zero", max(0, path[-1].value))
    then(f"packs of {pack}", path[-1].value // pack)
    if path[-1].value < rules.show_min:
        then(f"fewer than min {rules.show_min}", 0, "min")
    if rules.show_max is not None:
        then(f"max {rules.show_max}", min(path[-1].value, rules.show_max), "max")
    then("withheld by the shop itself", path[-1].value + withheld)
    return path


def target(available: int | None, rules: Rules, *, pack: int, withheld: int) -> int | None:
    """The number a shelf should show. available None: the ledger does not count the SKU. None: no number is to be written."""
    if rules.skip:
        return None
    if available is None:
        return rules.plenty
    units = _share(available, rules.share)
    units -= rules.safety_stock + _kept_back(units, rules.safety_share)
    shown = max(0, units) // pack
    if shown < rules.show_min:
        shown = 0
    if rules.show_max is not None:
        shown = min(shown, rules.show_max)
    return shown + withheld


def _share(units: int, share: int) -> int:
    """What is missing is missing whole."""
    return units * share // WHOLE if units > 0 else units


def _kept_back(units: int, share: int) -> int:
    return -(-units * share // WHOLE) if units > 0 else 0


def percent(share: int) -> str:
    """4000 -> "40%", 3350 -> "33.5%"."""
    return f"{share / 100:g}%"
