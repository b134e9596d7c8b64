"""One odd row among sound ones: whatever stands in it, the others of its page come out as if it were not there."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from channelsync.contract import Page
from channelsync.errors import Unavailable
from channelsync.testing.fuzz.junk import Literal, instead_of
from channelsync.testing.fuzz.mutation import Kind, Mutation, Original, Path, at, namesake
from channelsync.testing.fuzz.rig import Target, judged
from fuzz.parsers import PARSERS

INPUTS = int(os.environ.get("CHANNELSYNC_FUZZ_INPUTS", "10000")) // 5
SEED = int(os.environ.get("CHANNELSYNC_FUZZ_SEED", "1"))

ROWS: dict[str, tuple[str, Path]] = {
    "shopify.first_orders": ("POST", ("data", "orders", "nodes")),
    "shopify.changed_orders": ("POST", ("data", "orders", "nodes")),
    "shopify_places.changed_orders": ("POST", ("data", "orders", "nodes")),
    "shopify.listings": ("POST", ("data", "productVariants", "nodes")),
    "shopify_files.listings": ("FILE", ()),
    "woocommerce.first_orders": ("GET /wp-json/wc/v3/orders", ()),
    "woocommerce.changed_orders": ("GET /wp-json/wc/v3/orders", ()),
    "woocommerce.listings": ("GET /wp-json/wc/v3/products", ()),
    "bigcommerce.first_orders": ("GET", ()),
    "bigcommerce.changed_orders": ("GET", ()),
    "bigcommerce.listings": ("/v3/catalog/products", ("data",)),
    "moysklad.first_orders": ("GET", ("rows",)),
    "moysklad.changed_orders": ("GET", ("rows",)),
    "moysklad.listings": ("GET", ("rows",)),
}
"""By parser: which answers have rows, and where."""


def lists(original: Original, asked: str, path: Path) -> list[tuple[int, int]]:
    """(answer, row) of every row that is not alone."""
    found = []
    for number, sample in enumerate(original.samples):
        rows = _rows(sample.content, path) if asked in sample.exchange.asked else []
        found += [(number, index) for index in range(len(rows))] if len(rows) > 1 else []
    return found


def _rows(content: Any, path: Path) -> list[Any]:
    try:
        rows = at(content, path)
    except (KeyError, TypeError, IndexError):
        return []
    return rows if isinstance(rows, list) and all(isinstance(row, dict) for row in rows) else []


def refs(target: Target, original: Original, mutation: Mutation) -> set[str]:
    pages = judged(target, original.spoiled([mutation]))
    return {item.ref for page in pages if isinstance(page, Page) for item in page.items}


def spoil(original: Original, answer: int, row: Path, source: random.Random) -> Mutation:
    """Something within the row; never the row itself."""
    inside = [place for place in original.samples[answer].places if place[: len(row)] == row and len(place) > len(row)]
    place = source.choice(inside)
    if source.random() < 0.15:
        return Mutation(answer, Kind.DROP, place)
    if source.random() < 0.1:  # an id of another row, too
        return Mutation(answer, Kind.PUT, place, at(original.samples[answer].content, namesake(original.samples[answer], place, source)))
    value: Any = Literal("")
    while isinstance(value, Literal):  # the page must stay JSON: a page that is none has no rows
        value = instead_of(at(original.samples[answer].content, place), source)
    return Mutation(answer, Kind.PUT, place, value)


@pytest.mark.timeout(60 + INPUTS // 100)
@pytest.mark.parametrize("name", ROWS)
def test_an_odd_row_spoils_no_other(name: str) -> None:
    target, (asked, path) = PARSERS[name], ROWS[name]
    [original] = target.originals
    rows = lists(original, asked, path)
    assert len(rows) > 1, "there must be others"
    without = {(answer, index): refs(target, original, Mutation(answer, Kind.PUT, (*path, index), {})) for answer, index in rows}
    for number in range(INPUTS):
        source = random.Random(f"{SEED}/{name}/{number}")
        answer, index = source.choice(rows)
        mutation = spoil(original, answer, (*path, index), source)
        try:
            missing = without[answer, index] - refs(target, original, mutation)
        except Unavailable:  # it makes the parser ask for what was not recorded, or was of another order
            continue
        except Exception as error:
            raise AssertionError(f"{name}, seed {SEED}, row {number}: {mutation}: {error!r}") from error
        assert not missing, f"{name}, seed {SEED}, row {number}: {mutation} took {missing} along"
