"""A choice in plain words: why each location was chosen or was not, and what becomes of each line. `docs/routing-cases.md` shows all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from channelsync.ledger.routing.carrying import fit_together, missing
from channelsync.ledger.routing.model import Assigned, Considered, Line, Request
from channelsync.ledger.routing.nearness import Ranked

NAMED: Final = 3
"""So many lines or SKUs are named; of more, the rest is counted."""


def whole(line: Line) -> str:
    return f"{units(line.parts)}, all there"


def short(line: Line, lacks: Mapping[str, int], *, alone: bool) -> str:
    """alone: some location would have it whole, were it not for the other lines."""
    why = "the other lines leave too little of it everywhere" if alone else "no location that ships there has all of it"
    return f"{units(line.parts)}; {why}, this one has most and lacks {units(lacks)}"


def nothing(line: Line, *, alone: bool) -> str:
    why = "the other lines leave nothing of it" if alone else "no location that ships there has any of it"
    return f"{units(line.parts)}; {why}, so it waits where the shop sells from"


def nobody(line: Line) -> str:
    return f"{units(line.parts)}; no location ships there, so it waits where the shop sells from"


def summary(request: Request, placed: Sequence[Assigned], *, serving: bool) -> str:
    """How many parcels, from where, and what waits. serving: some location ships there."""
    if not placed:
        return "nothing to ship"
    codes = sorted({each.location for each in placed if not each.missing})
    waits = [each for each in placed if each.missing]
    told = [_parcels(codes, sorted(request.used))] if codes else []
    if waits:
        places = sorted({each.location for each in waits})
        why = " for units that are not there" if serving else ": no location ships there"
        told.append(f"{_lines([each.line for each in waits], 'waits', 'wait')} at {listed(places)}{why}")
    return "; ".join(told)


def _parcels(codes: Sequence[str], used: Sequence[str]) -> str:
    new = [code for code in codes if code not in used]
    if used and not new:
        return f"no further parcel: it goes with what leaves from {listed(codes)} anyway"
    beside = f", beside what leaves from {listed(used)} anyway" if used else ""
    if len(new) == 1:
        return f"one parcel, from {new[0]}{beside}"
    return f"{len(new)} parcels, from {listed(new)}{beside}: no single location that ships there has it all"


def considered(request: Request, order: Sequence[Ranked], placed: Sequence[Assigned]) -> tuple[Considered, ...]:
    """Every candidate, the nearest first."""
    chosen = [each for each in order if any(mine.location == each.candidate.code and not mine.missing for mine in placed)]
    return tuple(_considered(request, each, chosen, placed) for each in order)


def _considered(request: Request, each: Ranked, chosen: Sequence[Ranked], placed: Sequence[Assigned]) -> Considered:
    code = each.candidate.code
    ships = [line.line for line in placed if line.location == code and not line.missing]
    waits = [line.line for line in placed if line.location == code and line.missing]
    if ships or waits:
        does = f"; ships {_lines(ships)}" if ships else ""
        does += f"; {_lines(waits, 'waits', 'wait')} here" if waits else ""
        return Considered(code, True, f"{each.how}{does}")
    if not each.serves or not request.lines:
        return Considered(code, False, each.how)
    return Considered(code, False, f"{each.how}; {_stock(request, each)}{_verdict(request, each, chosen)}")


def _has(request: Request, each: Ranked) -> list[str]:
    return sorted(line.ref for line in request.lines if not missing(line, each.candidate.available))


def _stock(request: Request, each: Ranked) -> str:
    has = _has(request, each)
    if len(has) == len(request.lines):
        together = fit_together(request.lines, each.candidate.available)
        return "has it all" if together else "has each line, but not all of them together"
    lacking = [(line, missing(line, each.candidate.available)) for line in sorted(request.lines, key=lambda line: line.ref)]
    told = [f"{units(lacks)} for {_lines([line.ref])}" for line, lacks in lacking if lacks]
    return f"{f'has {_lines(has)}, ' if has else ''}lacks {listed(told)}"


def _verdict(request: Request, each: Ranked, chosen: Sequence[Ranked]) -> str:
    """Why one that ships there and has something was not taken."""
    if not _has(request, each) or not chosen:
        return ""
    names = listed([other.candidate.code for other in chosen])
    if any(other.candidate.code in request.used for other in chosen) and chosen[0].key > each.key:
        return f"; it would be a parcel more than {names}"
    if len(chosen) == 1 and chosen[0].key < each.key:
        return f"; {names} comes first: {each.differs(chosen[0])}"
    if len(chosen) == 1:
        return f"; {names} ships more of it in one parcel"
    if chosen[0].key < each.key:
        return f"; {names} come first, in {len(chosen)} parcels"
    return f"; with it there would be more than {len(chosen)} parcels, or less would be shipped"


def _lines(refs: Sequence[str], one: str = "", more: str = "") -> str:
    verb = one if len(refs) == 1 else more
    return f"{'line' if len(refs) == 1 else 'lines'} {listed(refs)}{' ' if verb else ''}{verb}"


def units(parts: Mapping[str, int]) -> str:
    """2 MUG-01 and 1 TEE-S."""
    return listed([f"{count} {sku}" for sku, count in sorted(parts.items())])


def listed(texts: Iterable[str]) -> str:
    """Of many, the first and how many more: `a, b, c and 4 more`."""
    named = list(texts)
    if len(named) > NAMED + 1:
        named = [*named[:NAMED], f"{len(named) - NAMED} more"]
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
