"""Which locations can carry which lines between them: the smallest number of them, and the first of these in their order.

Exact for any order of a usual size. The work is bounded, whatever is asked: past `SETS` sets of locations, or `LOOKS` looks at what a location has,
the smallest number is approached from above, one location after the other, and a line that finds no room is not made room for any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from channelsync.ledger.routing.model import Candidate, Line

SETS: Final = 20_000
LOOKS: Final = 50_000

Plan = dict[str, int]
"""Line ref -> the place of its location in the sequence of candidates."""


@dataclass(slots=True)
class Work:
    """What one order may cost. left: looks that remain; below 0: no more going back and trying otherwise."""

    left: int = LOOKS

    @property
    def spent(self) -> bool:
        return self.left < 0


def missing(line: Line, available: Mapping[str, int]) -> dict[str, int]:
    """Units of the line that are not there, by SKU."""
    short = {sku: units - max(0, available.get(sku, 0)) for sku, units in line.parts.items()}
    return {sku: units for sku, units in short.items() if units > 0}


def fit_together(lines: Iterable[Line], available: Mapping[str, int]) -> bool:
    """All of them at one location."""
    return all(units <= max(0, available.get(sku, 0)) for sku, units in _total(lines).items())


def _total(lines: Iterable[Line]) -> Counter[str]:
    total = Counter[str]()
    for line in lines:
        total.update(line.parts)
    return total


def placeable(lines: Sequence[Line], candidates: Sequence[Candidate], work: Work) -> Plan:
    """Those that all can be carried by somebody at the same time, each at some place: small ones first, where lines want the same units."""
    able = [line for line in lines if any(not missing(line, each.available) for each in candidates)]
    found: Plan = {}
    for group in _competing(able):
        placed = _fit(group, candidates, range(len(candidates)), work)
        found |= _as_many_as_fit(group, candidates, work) if placed is None else placed
    return found


def _as_many_as_fit(group: Sequence[Line], candidates: Sequence[Candidate], work: Work) -> Plan:
    """One line after the other, the small ones first. A line like one that found no room finds none either."""
    taken: list[Line] = []
    found: Plan = {}
    refused: list[Mapping[str, int]] = []
    for line in sorted(group, key=lambda line: (sum(line.parts.values()), line.ref)):
        if work.spent:
            return _in_what_is_left(group, candidates, found)
        if line.parts in refused:
            continue
        placed = _fit(_largest_first([*taken, line]), candidates, range(len(candidates)), work)
        if placed is None:
            refused.append(line.parts)
        else:
            taken.append(line)
            found = placed
    return found


def _in_what_is_left(group: Sequence[Line], candidates: Sequence[Candidate], found: Plan) -> Plan:
    """The lines that have a place keep it; each of the others goes to the first that has it beside them, the small ones first."""
    left = [dict(each.available) for each in candidates]
    for line in group:
        if line.ref in found:
            _take(left[found[line.ref]], line, 1)
    more: Plan = {}
    for line in sorted(group, key=lambda line: (sum(line.parts.values()), line.ref)):
        place = next((place for place, units in enumerate(left) if not missing(line, units)), None)
        if line.ref not in found and place is not None:
            _take(left[place], line, 1)
            more[line.ref] = place
    return found | more


def fewest(lines: Sequence[Line], candidates: Sequence[Candidate], used: Iterable[int], all_of_them: Plan, work: Work) -> Plan:
    """Where each line goes, with as few locations beyond `used` as can be. all_of_them: how they are placeable together."""
    known = tuple(sorted(used))
    others = [place for place in range(len(candidates)) if place not in known]
    reach = [{place for place in range(len(candidates)) if not missing(line, candidates[place].available)} for line in lines]
    groups = _competing(lines)
    tried = 0
    for size in range(len(others) + 1):
        for more in combinations(others, size):
            tried += 1
            if tried > SETS or work.spent:
                return _one_by_one(groups, candidates, known, reach, all_of_them, work)
            among = sorted((*known, *more))
            if all(not places.isdisjoint(among) for places in reach) and (found := _plan(groups, candidates, among, work)) is not None:
                return found
    return all_of_them  # the work was spent on the very last set


def _one_by_one(
    groups: Sequence[Sequence[Line]],
    candidates: Sequence[Candidate],
    known: Sequence[int],
    reach: Sequence[set[int]],
    all_of_them: Plan,
    work: Work,
) -> Plan:
    """Always the location that carries most of what is left, the first of them in their order, until all of it is carried."""
    among = list(known)
    others = [place for place in range(len(candidates)) if place not in among]
    while (found := _plan(groups, candidates, sorted(among), work)) is None:
        if not others:
            return all_of_them
        left = [places for places in reach if places.isdisjoint(among)]
        best = max(others, key=lambda place: (sum(place in places for places in left), -place))
        others.remove(best)
        among.append(best)
    return found


def _plan(groups: Sequence[Sequence[Line]], candidates: Sequence[Candidate], among: Sequence[int], work: Work) -> Plan | None:
    """Every line at one of these locations, together never more than there is. Each goes to the first that has it, as long as all fit."""
    found: Plan = {}
    for group in groups:
        placed = _fit(group, candidates, among, work)
        if placed is None:
            return None
        found |= placed
    return found


def _competing(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines that want a SKU in common, directly or by others, belong together; all others know nothing of each other."""
    groups: list[tuple[set[str], list[Line]]] = []
    for line in sorted(lines, key=lambda line: line.ref):
        wanted, together = set(line.parts), [line]
        apart = []
        for skus, members in groups:
            if skus & wanted:
                wanted |= skus
                together += members
            else:
                apart.append((skus, members))
        groups = [*apart, (wanted, together)]
    return [_largest_first(members) for _, members in groups]


def _largest_first(lines: Sequence[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (-sum(line.parts.values()), line.ref))


def _fit(lines: Sequence[Line], candidates: Sequence[Candidate], among: Sequence[int], work: Work) -> Plan | None:
    """The first way in which they fit, the largest line tried first; by trying and, as long as there is work left, going back."""
    left = _left(lines, candidates, among, work)
    if left is None:
        return None
    twins = _twins(lines)
    chosen: list[int] = []
    start = 0
    while len(chosen) < len(lines):
        line, twin = lines[len(chosen)], twins[len(chosen)]
        start = start if twin is None else max(start, chosen[twin])  # two lines that are alike, the other way round, are no other way
        index = next((index for index in range(start, len(among)) if not missing(line, left[index])), None)
        work.left -= 1 + (len(among) if index is None else index + 1) - start
        if index is not None:
            _take(left[index], line, 1)
            chosen.append(index)
            start = 0
        elif chosen and not work.spent:
            start = chosen.pop() + 1
            _take(left[start - 1], lines[len(chosen)], -1)
        else:
            return None
    return {line.ref: among[index] for line, index in zip(lines, chosen, strict=True)}


def _left(lines: Sequence[Line], candidates: Sequence[Candidate], among: Sequence[int], work: Work) -> list[dict[str, int]] | None:
    """What these locations have of the lines' SKUs; None: in all it is too little."""
    total = _total(lines)
    work.left -= len(among)
    left = [{sku: max(0, candidates[place].available.get(sku, 0)) for sku in total} for place in among]
    return left if all(units <= sum(each[sku] for each in left) for sku, units in total.items()) else None


def _twins(lines: Sequence[Line]) -> list[int | None]:
    """For each line the last one before it that wants the same."""
    last: dict[frozenset[tuple[str, int]], int] = {}
    found = []
    for index, line in enumerate(lines):
        parts = frozenset(line.parts.items())
        found.append(last.get(parts))
        last[parts] = index
    return found


def _take(left: dict[str, int], line: Line, times: int) -> None:
    for sku, units in line.parts.items():
        left[sku] = left.get(sku, 0) - units * times
