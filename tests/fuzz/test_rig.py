"""The rig itself: the same seed brings the same inputs, every kind of spoiling happens, and a parser with a mistake does not get through."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from channelsync.contract import Gone, HttpResponse, Listing, OrderSnapshot, OrderState, Page, Reading, ShelfRef, decoded
from channelsync.errors import Misunderstood, Unavailable
from channelsync.testing.fuzz import Broken, Exchange, Recording, Target, Unsound, run
from channelsync.testing.fuzz.mutation import Kind, Mutation, Original, draw
from channelsync.testing.fuzz.sound import look, look_at_error
from fuzz.parsers import PARSERS

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
BODY = {"rows": [{"id": 1, "sku": "MUG", "shows": 3, "at": "2026-01-15T12:00:00Z"}, {"id": 2, "sku": "CUP", "shows": 5, "at": None}]}
RECORDING = Recording((Exchange("GET /rows", HttpResponse(200, {"date": "Thu, 15 Jan 2026 12:00:00 GMT"}, json.dumps(BODY).encode())),))
Row = dict[str, Any]


def good(row: Row) -> Reading:
    if not isinstance(row.get("id"), int) or type(row.get("shows")) is not int or not 0 <= row["shows"] < 10**6:
        raise Misunderstood("not a row")
    return Reading(ShelfRef(str(row["id"])), row["shows"], NOON)


def target(read_row: Callable[[Row], Any]) -> Target:
    """A parser that is sound but for what it does with a row."""

    def read(recording: Recording) -> Sequence[Any]:
        body = HttpResponse(200, {}, recording.exchanges[0].answer.body).json()
        if not isinstance(body, dict) or not isinstance(body.get("rows"), list):
            raise Misunderstood("no rows")
        items, refused = [], []
        for row in body["rows"]:
            try:
                if not isinstance(row, dict):
                    raise Misunderstood("no row")
                items.append(read_row(row))
            except Misunderstood as error:
                refused.append(("?", str(error), json.dumps(row)))
        return [Page(tuple(items), high_water="1", refused=tuple(refused))]

    return Target("a parser", lambda: [RECORDING], read)


def test_a_sound_parser_gets_through_and_is_counted() -> None:
    tally = run(target(good), 3000, seed=1)
    assert tally.inputs == 3000
    assert tally.parsed + sum(tally.errors.values()) == 3000
    assert tally.refused > 300
    assert tally.errors.keys() == {"Misunderstood"}


MISTAKES: dict[str, tuple[Callable[[Row], Any], str]] = {
    "int() of anything": (lambda row: Reading(ShelfRef(str(int(row["id"]))), 1, NOON), "TypeError|ValueError|OverflowError"),
    "a field that may be missing": (lambda row: Reading(ShelfRef(str(row["id"])), 1, NOON), "KeyError"),
    "a number that is none": (lambda row: Reading(ShelfRef(str(row.get("id"))), row.get("shows"), NOON), "Unsound"),
    "no reckoning with what is endless": (
        lambda row: good(row | {"shows": int(float(row.get("shows") or 0))}),
        "OverflowError|ValueError|TypeError",
    ),
    "a time without a zone": (
        lambda row: Reading(ShelfRef("1"), 1, datetime.fromisoformat(str(row.get("at") or "2026-01-15T12:00:00Z"))),
        "ValueError|Unsound",
    ),
    "an id of nothing": (lambda row: Reading(ShelfRef(str(row.get("sku") or "")), 1, NOON), "Unsound"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_a_parser_is_found(name: str) -> None:
    read_row, raises = MISTAKES[name]
    with pytest.raises(Broken, match=raises) as caught:
        run(target(read_row), 10_000, seed=1)
    assert "seed 1, input " in str(caught.value)


def test_a_failure_can_be_seen_again_and_tells_only_what_was_needed() -> None:
    broken = target(MISTAKES["a field that may be missing"][0])
    with pytest.raises(Broken) as caught:
        run(broken, 10_000, seed=3)
    told = str(caught.value)
    number = int(re.findall(r"input (\d+)", told)[0])
    with pytest.raises(Broken) as again:
        run(broken, 1, seed=3, first=number)
    assert str(again.value) == told
    assert len(re.findall(r"^answer \d+: ", told, re.MULTILINE)) == 1, "one mutation is enough to lose a field"
    assert "'id'" in told


def test_planted_in_a_real_parser_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number of WooCommerce's that is made an int unguarded."""
    monkeypatch.setattr("channelsync_woocommerce.stock.shown", lambda value: None if value is None else int(value))
    with pytest.raises(Broken, match=r"woocommerce\.stock, seed 1, input \d+: (TypeError|ValueError|OverflowError)"):
        run(PARSERS["woocommerce.stock"], 10_000, seed=1)


def test_the_same_seed_brings_the_same_and_another_another() -> None:
    def heard(seed: int) -> list[str]:
        found: list[str] = []
        run(target(good), 200, seed, heard=lambda things: found.append(str(things)))
        return found

    assert heard(1) == heard(1)
    assert heard(1) != heard(2)


def test_every_kind_of_spoiling_is_drawn_and_changes_something() -> None:
    original, source = Original(RECORDING), random.Random(1)
    kinds: Counter[Kind] = Counter()
    for _ in range(3000):
        mutations = draw(original.samples, source)
        if original.spoiled(mutations) != RECORDING:
            kinds.update(mutation.kind for mutation in mutations)
    assert kinds.keys() == set(Kind)


@pytest.mark.parametrize(
    ("mutation", "wanted"),
    [
        (Mutation(0, Kind.PUT, ("rows", 0, "shows"), -1), b'"shows": -1'),
        (Mutation(0, Kind.DROP, ("rows", 1)), b'"sku": "MUG"'),
        (Mutation(0, Kind.ADD, ("rows", 0), ("x", [])), b'"x": []'),
        (Mutation(0, Kind.PUT, ("rows", 7, "shows"), -1), b'"shows": 3'),
    ],
)
def test_a_mutation_changes_its_place_alone(mutation: Mutation, wanted: bytes) -> None:
    original = Original(RECORDING)
    [exchange] = original.spoiled([mutation]).exchanges
    assert wanted in exchange.answer.body
    assert decoded(RECORDING.exchanges[0].answer.body) == BODY
    assert original.spoiled([]) == RECORDING


@pytest.mark.parametrize(
    "thing",
    [
        Reading(ShelfRef(""), 1, NOON),
        Reading(ShelfRef("1"), True, NOON),
        Reading(ShelfRef("1"), 1.5, NOON),  # type: ignore[arg-type]
        Reading(ShelfRef("1"), 1, NOON.replace(tzinfo=None)),
        OrderSnapshot("", OrderState.OPEN, NOON, NOON),
        OrderSnapshot("1", "open", NOON, NOON),  # type: ignore[arg-type]
        Listing("1", ""),
        Gone(""),
        Page(()),
        Page((), resume="1", high_water="1"),
        Page((), high_water="1", refused=(("1", "", ""),)),
        {},
        None,
        "",
    ],
)
def test_what_is_not_what_its_type_says_is_unsound(thing: Any) -> None:
    with pytest.raises(Unsound):
        look(thing)


@pytest.mark.parametrize("wait", [float("inf"), float("nan"), -1.0])
def test_a_wait_without_end_is_unsound(wait: float) -> None:
    with pytest.raises(Unsound):
        look_at_error(Unavailable("x", retry_after=wait))
    look_at_error(Unavailable("x", retry_after=5.0))
