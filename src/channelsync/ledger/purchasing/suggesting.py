"""How many units of a SKU to order for a location: arithmetic alone, each term of it shown. Where the numbers come from is in `demand`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

SOURCES: Final = {"supply": "agreed for the SKU", "supplier": "the supplier's", "default": "assumed"}

DAYS_LEAST: Final = 7
"""So many days are counted at least: two good days are no rate to order for a month by."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """From `low` units on it is low, and `reorder` (None: not said) are ordered then. there: units that are there, coming and on drafts, at the
    location or over all of them. suggested: of these, units that the SKU's suggestions at other locations bring.
    """

    low: int
    reorder: int | None
    there: int
    everywhere: bool = False
    suggested: int = 0

    @property
    def reached(self) -> bool:
        return self.there <= self.low

    @property
    def wants(self) -> int:
        """What is ordered by it; without a number that was said: up to one unit above the level."""
        if not self.reached:
            return 0
        return self.low + 1 - self.there if self.reorder is None else self.reorder


@dataclass(frozen=True, slots=True)
class Facts:
    """sold: units in the last `days` days; on out_days of these nothing was there and nothing sold. drafted: on purchase orders that are not
    ordered yet. lead_days: from order to receipt, by `lead_from` (a key of SOURCES). cover_days: how long it shall last after that.
    least, multiple: of one order; None: no such limit.
    """

    sold: int
    days: int
    out_days: int
    available: int
    incoming: int
    drafted: int
    lead_days: int
    lead_from: str
    cover_days: int
    thresholds: tuple[Threshold, ...] = ()
    least: int | None = None
    multiple: int | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """days_left: until nothing is left of what is there and coming; None: nothing is being sold. spare: these days less the lead time.

    demand: units that lead time and cover will sell. needed: before the supplier's least and multiple; quantity: after them.
    """

    counted: int
    per_day: Fraction
    days_left: Fraction | None
    spare: Fraction | None
    demand: int
    short: int
    by_level: int
    needed: int
    quantity: int


def advise(facts: Facts) -> Advice:
    """needed = the larger one of: what sales will take until it is there and has lasted, less what is there; and what the reorder levels say."""
    counted = facts.days if facts.out_days == facts.days else max(facts.days - facts.out_days, min(DAYS_LEAST, facts.days))
    per_day = Fraction(facts.sold, counted)
    there = facts.available + facts.incoming
    days_left = Fraction(0) if there <= 0 else there / per_day if per_day else None
    demand = -(-facts.sold * (facts.lead_days + facts.cover_days) // counted)
    short = max(0, demand - there - facts.drafted)
    by_level = max((threshold.wants for threshold in facts.thresholds), default=0)
    needed = max(short, by_level)
    spare = None if days_left is None else days_left - facts.lead_days
    return Advice(counted, per_day, days_left, spare, demand, short, by_level, needed, _as_sold(needed, facts.least, facts.multiple))


def _as_sold(needed: int, least: int | None, multiple: int | None) -> int:
    if needed == 0:
        return 0
    step = multiple or 1
    return -(-max(needed, least or 0) // step) * step


def shown(facts: Facts, advice: Advice) -> tuple[str, ...]:
    """The sum, term by term, for people."""
    return tuple(_shown(facts, advice))


def _shown(facts: Facts, advice: Advice) -> Iterator[str]:
    yield f"sold {facts.sold} in {advice.counted} days{_not_counted(facts, advice)}: {float(advice.per_day):.2f} a day"
    lead = f"{facts.lead_days} days until it is there ({SOURCES[facts.lead_from]})"
    yield f"for {lead} and {facts.cover_days} days after that: {advice.demand}"
    there = facts.available + facts.incoming + facts.drafted
    yield f"there: {facts.available} available + {facts.incoming} incoming + {facts.drafted} on drafts = {there}"
    yield f"short by {advice.demand} - {there}: {advice.short}"
    for threshold in facts.thresholds:
        yield _by(threshold)
    yield f"needed: {advice.needed}"
    limits = [f"at least {facts.least}"] if facts.least else []
    limits += [f"in multiples of {facts.multiple}"] if facts.multiple else []
    if limits and advice.needed:
        yield f"{' and '.join(limits)}: {advice.quantity}"


def _not_counted(facts: Facts, advice: Advice) -> str:
    if not facts.out_days:
        return ""
    if facts.out_days == facts.days:
        return " (out of stock on all of them)"
    if advice.counted > facts.days - facts.out_days:
        return f" ({facts.out_days} of {facts.days} were without stock, {advice.counted} count at least)"
    return f" ({facts.out_days} of {facts.days} without stock are not counted)"


def _by(threshold: Threshold) -> str:
    where = "over all locations " if threshold.everywhere else ""
    level = f"{where}low at {threshold.low}, and {threshold.there} are there"
    level += f" ({threshold.suggested} of them suggested for other locations)" if threshold.suggested else ""
    if not threshold.reached:
        return f"{level}: not low"
    return f"{level}: {'to stand above it' if threshold.reorder is None else 'to reorder'} {threshold.wants}"
