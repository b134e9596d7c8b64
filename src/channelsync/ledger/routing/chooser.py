"""Where each line of an order is shipped from: as few parcels as can be, from the nearest locations that have it. Pure, total, deterministic.

1. A location whose lists leave the destination out does not ship there.
2. The order is shipped from as few locations as can carry all its lines. A line is never cut.
3. Of several sets of as many, the one with the nearer location: known distances before unknown ones, in whole kilometres; else the longer postcode
   prefix, the region, the country, no lists at all, lists that cannot be judged; then the lower priority; then the code.
4. Within the set each line leaves from the nearest that has it, as long as all lines find their units.
5. A line that nobody has whole waits where most of it is; a line of which nobody has anything waits at home.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from channelsync.ledger.routing import carrying, words
from channelsync.ledger.routing.carrying import Plan, Work
from channelsync.ledger.routing.model import Assigned, Candidate, Choice, Line, Request
from channelsync.ledger.routing.nearness import ranked


def choose(request: Request) -> Choice:
    """The answer depends on what is asked alone, not on the order in which lines or candidates are named."""
    order = ranked(request.to, request.candidates)
    serving = [each.candidate for each in order if each.serves]
    lines = sorted(request.lines, key=lambda line: line.ref)
    work = Work()
    somehow = carrying.placeable(lines, serving, work)
    whole = [line for line in lines if line.ref in somehow]
    used = [place for place, each in enumerate(serving) if each.code in request.used]
    plan = carrying.fewest(whole, serving, used, somehow, work)
    placed = _in_words(plan, whole, serving) + _short(request, lines, plan, serving)
    placed.sort(key=lambda each: each.line)
    return Choice(tuple(placed), words.considered(request, order, placed), words.summary(request, placed, serving=bool(serving)))


def _in_words(plan: Plan, lines: Sequence[Line], serving: Sequence[Candidate]) -> list[Assigned]:
    return [Assigned(line.ref, serving[plan[line.ref]].code, {}, words.whole(line)) for line in lines]


def _short(request: Request, lines: Sequence[Line], plan: Plan, serving: Sequence[Candidate]) -> list[Assigned]:
    """What is left over, after the lines that are whole have what is theirs."""
    left = {each.code: dict(each.available) for each in serving}
    for line in lines:
        if line.ref in plan:
            _take(left[serving[plan[line.ref]].code], line)
    sends = {serving[place].code for place in plan.values()} | request.used
    found = []
    for line in lines:
        if line.ref not in plan:
            alone = any(not carrying.missing(line, each.available) for each in serving)
            found.append(_most(request, line, left, sends, alone=alone))
            _take(left.get(found[-1].location, {}), line)
    return found


def _most(request: Request, line: Line, left: Mapping[str, Mapping[str, int]], sends: set[str], *, alone: bool) -> Assigned:
    """Where least of it is missing; of several, one that sends a parcel anyway, then the nearest."""
    by_code = {code: carrying.missing(line, available) for code, available in left.items()}
    code = min(by_code, key=lambda code: (sum(by_code[code].values()), code not in sends), default=None)
    if code is None:
        return Assigned(line.ref, line.home or request.home, dict(line.parts), words.nobody(line))
    if sum(by_code[code].values()) == sum(line.parts.values()):
        return Assigned(line.ref, line.home or request.home, dict(line.parts), words.nothing(line, alone=alone))
    return Assigned(line.ref, code, by_code[code], words.short(line, by_code[code], alone=alone))


def _take(left: dict[str, int], line: Line) -> None:
    for sku, units in line.parts.items():
        left[sku] = left.get(sku, 0) - units
