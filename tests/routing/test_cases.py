"""docs/routing-cases.md is the specification of the choice: the program has to answer every case word for word."""

from __future__ import annotations

import pytest

from support.routing_cases import PAGE, Case, answer, cases

CASES = cases(PAGE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.number}")
def test_the_program_answers_as_the_page_says(case: Case) -> None:
    assert answer(case.asked) == case.answered, case.title


def test_the_page_is_read_whole() -> None:
    assert [case.number for case in CASES] == list(range(1, len(CASES) + 1))
    assert len(CASES) >= 40
    assert all(case.asked and case.answered for case in CASES)


def test_a_page_that_says_something_else_is_noticed() -> None:
    case = CASES[0]
    assert answer((*case.asked[:-1], "line a: 6 MUG-01")) != case.answered
