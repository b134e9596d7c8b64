"""The arithmetic of what a shelf shows: each rule by itself, and what holds whatever the rules are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channelsync.ledger import rules
from channelsync.ledger.rules import WHOLE, Rules, Step

PERCENT = 100


@pytest.mark.parametrize(
    ("available", "said", "shows"),
    [
        (10, {}, 10),
        (-3, {}, 0),
        (10, {"safety_stock": 2}, 8),
        (1, {"safety_stock": 2}, 0),
        (11, {"safety_share": 10 * PERCENT}, 9),  # 1.1 units kept back are 2
        (11, {"share": 40 * PERCENT}, 4),  # 4.4 units shared out are 4
        (100, {"share": 40 * PERCENT, "safety_share": 10 * PERCENT}, 36),  # a part of what the share leaves
        (100, {"share": 40 * PERCENT, "safety_stock": 5}, 35),
        (-3, {"share": 40 * PERCENT}, 0),
        (10, {"show_max": 5}, 5),
        (4, {"show_min": 5}, 0),
        (5, {"show_min": 5}, 5),
        (10, {"show_min": 5, "show_max": 3}, 3),  # min looks at what is left, max at what is shown
        (4, {"show_min": 5, "show_max": 3}, 0),
        (10, {"skip": True}, None),
        (10, {"plenty": 99}, 10),
        (None, {"plenty": 99}, 99),
        (None, {"plenty": 99, "skip": True}, None),
        (None, {}, None),
    ],
)
def test_one_rule_at_a_time(available: int | None, said: dict[str, Any], shows: int | None) -> None:
    assert rules.target(available, Rules(**said), pack=1, withheld=0) == shows


def test_limits_are_in_packs_and_what_the_shop_withholds_comes_on_top() -> None:
    said = Rules(safety_stock=1, show_min=2, show_max=3)
    assert [rules.target(units, said, pack=6, withheld=1) for units in (12, 13, 18, 25, 99)] == [1, 3, 3, 4, 4]


def test_every_step_says_where_it_stands() -> None:
    said = Rules(
        safety_stock=2, share=50 * PERCENT, show_max=3, sources={"safety_stock": "rules", "share": "channels.a.rules", "max": "rules.sku X"}
    )
    assert rules.steps(21, said, pack=2, withheld=1) == [
        Step("available", 21, 21),
        Step("share 50%", -11, 10, "channels.a.rules"),
        Step("safety stock", -2, 8, "rules"),
        Step("packs of 2", -4, 4),
        Step("max 3", -1, 3, "rules.sku X"),
        Step("withheld by the shop itself", 1, 4),
    ]
    assert rules.steps(None, Rules(plenty=7, sources={"plenty": "rules"}), pack=2, withheld=1) == [
        Step("not counted: plenty", 7, 7, "rules")
    ]
    assert rules.steps(None, Rules(), pack=2, withheld=1) == []


some_rules = st.builds(
    Rules,
    safety_stock=st.integers(0, 30),
    safety_share=st.integers(0, WHOLE),
    share=st.integers(0, WHOLE),
    show_min=st.integers(0, 10),
    show_max=st.none() | st.integers(0, 20),
    plenty=st.none() | st.integers(0, 99),
)
units, packs, held = st.integers(-50, 300), st.integers(1, 12), st.integers(0, 5)


@given(some_rules, units, st.integers(0, 50), packs, held)
def test_more_stock_never_shows_less(said: Rules, available: int, more: int, pack: int, withheld: int) -> None:
    shown = [rules.target(number, said, pack=pack, withheld=withheld) for number in (available, available + more)]
    assert shown[0] is not None and shown[1] is not None
    assert shown[0] <= shown[1]


@given(some_rules, units, packs, held)
def test_what_is_counted_never_shows_more_than_there_is_nor_less_than_nothing(
    said: Rules, available: int, pack: int, withheld: int
) -> None:
    shown = rules.target(available, said, pack=pack, withheld=withheld)
    assert shown is not None
    assert 0 <= shown <= max(0, available) // pack + withheld


@given(some_rules, st.none() | units, packs, held)
def test_the_steps_lead_to_the_target(said: Rules, available: int | None, pack: int, withheld: int) -> None:
    path = rules.steps(available, said, pack=pack, withheld=withheld)
    assert (path[-1].value if path else None) == rules.target(available, said, pack=pack, withheld=withheld)
    assert all(after.value - before.value == after.change for before, after in zip(path, path[1:], strict=False))


@given(st.lists(st.integers(0, WHOLE), min_size=2, max_size=4), st.integers(0, 500))
def test_disjoint_shares_never_sell_a_unit_twice(shares: list[int], available: int) -> None:
    total = sum(shares)
    disjoint = [share * WHOLE // total if total > WHOLE else share for share in shares]
    shown = [rules.target(available, Rules(share=share), pack=1, withheld=0) or 0 for share in disjoint]
    assert sum(shown) <= available
