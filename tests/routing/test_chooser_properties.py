"""The choice of locations against all choices there are, on small orders; bounds on large ones."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import product
from math import ceil
from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import given

from channelsync.contract import ShipTo
from channelsync.ledger.routing import carrying
from channelsync.ledger.routing.areas import Areas
from channelsync.ledger.routing.carrying import missing
from channelsync.ledger.routing.chooser import choose
from channelsync.ledger.routing.model import Candidate, Choice, Line, Request

SKUS = ("A", "B", "C")
POINTS = st.none() | st.tuples(st.sampled_from([0.0, 40.0, 52.5]), st.sampled_from([0.0, 13.4, -74.0]))
AREAS = st.sampled_from(
    [Areas(), Areas(("DE",)), Areas(("FR",)), Areas((), ("DE-BE",)), Areas((), (), ("DE-1",)), Areas((), (), ("DE-10",))]
)
DESTINATIONS = st.sampled_from(
    [ShipTo(), ShipTo("DE"), ShipTo("DE", "BE", "10115"), ShipTo("DE", "BE", "10115", 52.5, 13.4), ShipTo("BR", "", "", -10.0, -50.0)]
)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    codes = draw(st.lists(st.sampled_from("pqrs"), unique=True, max_size=4))
    stock = st.dictionaries(st.sampled_from(SKUS), st.integers(-1, 4))
    candidates = tuple(Candidate(code, draw(stock), draw(st.integers(0, 2)), draw(POINTS), draw(AREAS)) for code in codes)
    refs = draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=4))
    parts = st.dictionaries(st.sampled_from(SKUS), st.integers(1, 3), min_size=1, max_size=2)
    used = frozenset(draw(st.sets(st.sampled_from("pqrs"), max_size=2)))
    return Request(draw(DESTINATIONS), tuple(Line(ref, draw(parts)) for ref in refs), candidates, draw(st.sampled_from("pz")), used)


def whole(request: Request) -> list[dict[str, str]]:
    """Every way in which all lines leave whole from locations that ship there, never more than there is."""
    serving = [each for each in request.candidates if each.areas.fit(request.to).level != 5]
    found = []
    for ways in product(serving, repeat=len(request.lines)):
        taken: dict[tuple[str, str], int] = {}
        for line, at in zip(request.lines, ways, strict=True):
            for sku, units in line.parts.items():
                taken[at.code, sku] = taken.get((at.code, sku), 0) + units
        stock = {each.code: each.available for each in serving}
        if all(units <= max(0, stock[code].get(sku, 0)) for (code, sku), units in taken.items()):
            found.append({line.ref: at.code for line, at in zip(request.lines, ways, strict=True)})
    return found


def where(choice: Choice) -> dict[str, str]:
    return {each.line: each.location for each in choice.lines}


@given(requests())
def test_every_line_goes_somewhere_and_every_location_is_explained(request: Request) -> None:
    choice = choose(request)
    assert [each.line for each in choice.lines] == sorted(line.ref for line in request.lines)
    assert {each.location for each in choice.lines} <= {each.code for each in request.candidates} | {request.home}
    assert sorted(each.location for each in choice.considered) == sorted(each.code for each in request.candidates)
    assert all(each.why for each in choice.lines) and all(each.why for each in choice.considered) and choice.summary
    chosen = {each.location for each in choice.lines}
    assert all(each.chosen == (each.location in chosen) for each in choice.considered)


@given(requests())
def test_a_whole_assignment_is_found_if_there_is_one_and_takes_the_fewest_locations(request: Request) -> None:
    choice, ways = choose(request), whole(request)
    complete = not any(each.missing for each in choice.lines)
    assert complete == bool(ways)
    if ways:
        assert where(choice) in ways
        more = [len(set(way.values()) - request.used) for way in ways]
        assert len(set(where(choice).values()) - request.used) == min(more)


@given(requests())
def test_lines_that_are_said_to_be_there_never_take_more_than_there_is(request: Request) -> None:
    taken: dict[tuple[str, str], int] = {}
    parts = {line.ref: line.parts for line in request.lines}
    for each in choose(request).lines:
        for sku, units in parts[each.line].items() if not each.missing else ():
            taken[each.location, sku] = taken.get((each.location, sku), 0) + units
    stock = {each.code: each.available for each in request.candidates}
    assert all(units <= stock[code].get(sku, 0) for (code, sku), units in taken.items())


@given(requests(), st.randoms(use_true_random=False))
def test_the_order_in_which_things_are_named_makes_no_difference(request: Request, random: Random) -> None:
    lines, candidates = list(request.lines), list(request.candidates)
    random.shuffle(lines)
    random.shuffle(candidates)
    lines = [Line(line.ref, dict(reversed(list(line.parts.items())))) for line in lines]
    assert choose(Request(request.to, tuple(lines), tuple(candidates), request.home, request.used)) == choose(request)


@given(requests())
def test_nobody_ships_where_its_lists_do_not_reach(request: Request) -> None:
    out = {each.code for each in request.candidates if each.areas.fit(request.to).level == 5} - {request.home}
    assert not out & {each.location for each in choose(request).lines}


@given(requests())
def test_the_nearest_alone_is_taken_whenever_it_has_everything(request: Request) -> None:
    """Of locations with the same lists and no coordinates: the lowest priority, then the code."""
    same = tuple(Candidate(each.code, each.available, each.priority) for each in request.candidates)
    alone = Request(request.to, request.lines, same, request.home)
    able = [each for each in same if {line.ref: each.code for line in request.lines} in whole(alone)]
    if able and request.lines:
        first = min(able, key=lambda each: (each.priority, each.code))
        assert set(where(choose(alone)).values()) == {first.code}


def test_a_large_order_over_many_locations_is_answered_in_time() -> None:
    """100 lines, each at two of 40 locations: no exact search could end; the answer is whole all the same, and always the same."""
    stock: dict[str, dict[str, int]] = {f"l{number:02}": {} for number in range(40)}
    lines = []
    for number in range(100):
        lines.append(Line(f"line-{number:03}", {f"S{number}": 1}))
        for step in (7, 11):
            stock[f"l{(number * step) % 40:02}"][f"S{number}"] = 1
    candidates = tuple(Candidate(code, units) for code, units in stock.items())
    began = time.monotonic()
    choice = choose(Request(ShipTo(), tuple(lines), candidates, "l00"))
    assert time.monotonic() - began < 20
    assert not any(each.missing for each in choice.lines)
    assert choice == choose(Request(ShipTo(), tuple(reversed(lines)), candidates, "l00"))


def test_many_lines_that_want_the_same_units_end_too() -> None:
    """Sixty lines of one SKU, and one unit too few in all: what fits is placed, and the rest waits."""
    lines = tuple(Line(f"line-{number:03}", {"A": 2}) for number in range(60))
    candidates = tuple(Candidate(f"l{number}", {"A": 39}) for number in range(3))
    choice = choose(Request(ShipTo(), lines, candidates, "l0"))
    assert sum(1 for each in choice.lines if not each.missing) == 57


@pytest.mark.parametrize(
    ("lines", "units", "places", "there"),
    [(10, 1, 10, 1), (8, 2, 8, 3), (30, 2, 30, 3), (30, 2, 29, 3), (60, 2, 3, 39), (100, 3, 30, 10), (100, 3, 30, 11)],
)
def test_lines_that_want_the_same_units_cost_no_more_than_a_bounded_number_of_looks(
    lines: int, units: int, places: int, there: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of places that have `there` units each, each takes as many lines as are whole in it; in none of these cases is one left over."""
    looks = 0

    def counted(line: Line, available: Mapping[str, int]) -> dict[str, int]:
        nonlocal looks
        looks += 1
        assert looks < 300_000, "no end in sight"
        return missing(line, available)

    monkeypatch.setattr(carrying, "missing", counted)
    wanted = tuple(Line(f"line-{number:03}", {"A": units}) for number in range(lines))
    candidates = tuple(Candidate(f"l{number:02}", {"A": there}) for number in range(places))
    choice = choose(Request(ShipTo(), wanted, candidates, "l00"))
    room = places * (there // units)
    assert sum(not each.missing for each in choice.lines) == min(lines, room)
    assert len({each.location for each in choice.lines if not each.missing}) == min(places, ceil(lines / (there // units)))


@given(requests())
def test_without_any_work_left_every_line_goes_somewhere_all_the_same(request: Request) -> None:
    lines, work = list(request.lines), carrying.Work(left=-1)
    somehow = carrying.placeable(lines, request.candidates, work)
    placed = [line for line in lines if line.ref in somehow]
    plan = carrying.fewest(placed, request.candidates, [], somehow, work)
    assert plan.keys() == somehow.keys()
    for place, candidate in enumerate(request.candidates):
        assert carrying.fit_together([line for line in lines if plan.get(line.ref) == place], candidate.available)
    alone = [line for line in lines if any(not missing(line, each.available) for each in request.candidates)]
    assert bool(plan) == bool(alone)
