"""Which locations can carry which lines between them: the smallest number of them, and the first of these in their order.

Exact for any order of a usual size. The work is bounded: past `SETS` sets of locations the smallest number is approached from above, one location
after the other, and past `STEPS` tries lines that want the same units are taken not to fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Final

from channelsync.ledger.routing.model import Candidate, Line

SETS: Final = 20_000
STEPS: Final = 20_000

Plan = dict[str, int]
"""Line ref -> the place of its location in the sequence of candidates."""


def missing(line: Line, available: Mapping[str, int]) -> dict[str, int]:
    """Units of the line that are not there, by SKU."""
    short = {sku: units - max(0, available.get(sku, 0)) for sku, units in line.parts.items()}
    return {sku: units for sku, units in short.items() if units > 0}


def placeable(lines: Sequence[Line], candidates: Sequence[Candidate]) -> list[Line]:
    """Those that all can be carried by somebody at the same time: small ones first, where lines want the same units."""
    able = [line for line in lines if any(not missing(line, each.available) for each in candidates)]
    if plan(able, candidates, range(len(candidates))) is not None:
        return able
    taken: list[Line] = []
    for line in sorted(able, key=lambda line: (sum(line.parts.values()), line.ref)):
        if plan([*taken, line], candidates, range(len(candidates))) is not None:
            taken.append(line)
    return sorted(taken, key=lambda line: line.ref)


def fewest(lines: Sequence[Line], candidates: Sequence[Candidate], used: Iterable[int]) -> Plan:
    """Where each line goes, with as few locations beyond `used` as can be. The lines are placeable together."""
    known = tuple(sorted(used))
    others = [place for place in range(len(candidates)) if place not in known]
    reach = [{place for place in range(len(candidates)) if not missing(line, candidates[place].available)} for line in lines]
    tried = 0
    for size in range(len(others) + 1):
        for more in combinations(others, size):
            tried += 1
            if tried > SETS:
                return _one_by_one(lines, candidates, known, reach)
            among = sorted((*known, *more))
            if all(not places.isdisjoint(among) for places in reach) and (found := plan(lines, candidates, among)) is not None:
                return found
    raise AssertionError("lines that are placeable together are carried by all locations together")


def _one_by_one(lines: Sequence[Line], candidates: Sequence[Candidate], known: Sequence[int], reach: Sequence[set[int]]) -> Plan:
    """Always the location that carries most of what is left, the first of them in their order, until all of it is carried."""
    among = list(known)
    others = [place for place in range(len(candidates)) if place not in among]
    while (found := plan(lines, candidates, sorted(among))) is None:
        left = [places for places in reach if places.isdisjoint(among)]
        best = max(others, key=lambda place: (sum(place in places for places in left), -place))
        others.remove(best)
        among.append(best)
    return found


def plan(lines: Sequence[Line], candidates: Sequence[Candidate], among: Sequence[int]) -> Plan | None:
    """Every line at one of these locations, together never more than there is. Each goes to the first that has it, as long as all fit."""
    found: Plan = {}
    for group in _competing(lines):
        placed = _fit(group, candidates, among)
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
    return [sorted(members, key=lambda line: (-sum(line.parts.values()), line.ref)) for _, members in groups]


def _fit(lines: Sequence[Line], candidates: Sequence[Candidate], among: Sequence[int]) -> Plan | None:
    """The first way in which they fit, the largest line tried first; by trying and going back."""
    left = {place: {sku: candidates[place].available.get(sku, 0) for line in lines for sku in line.parts} for place in among}
    chosen: list[int] = []
    start, steps = 0, 0
    while len(chosen) < len(lines):
        line = lines[len(chosen)]
        steps += 1
        if steps > STEPS:
            return None
        index = next((index for index in range(start, len(among)) if not missing(line, left[among[index]])), None)
        if index is not None:
            _take(left[among[index]], line, 1)
            chosen.append(index)
            start = 0
        elif chosen:
            start = chosen.pop() + 1
            _take(left[among[start - 1]], lines[len(chosen)], -1)
        else:
            return None
    return {line.ref: among[index] for line, index in zip(lines, chosen, strict=True)}


def _take(left: dict[str, int], line: Line, times: int) -> None:
    for sku, units in line.parts.items():
        left[sku] -= units * times
