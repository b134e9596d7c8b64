"""The states of the back room's documents are those that docs/back-room.md draws, and their verbs lead where the drawing says."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import pytest
from sqlalchemy import CheckConstraint

from channelsync.ledger.counts.states import COUNT
from channelsync.ledger.documents.states import Machine
from channelsync.ledger.purchasing.states import PURCHASE
from channelsync.ledger.returns.states import RETURN
from channelsync.ledger.schema import count_sheets, metadata, purchase_orders, returns, transfers
from channelsync.ledger.transfers.states import TRANSFER

PAGE = (Path(__file__).parents[2] / "docs" / "back-room.md").read_text()
DRAWING = re.compile(r"^## ([^\n]+)\n(?:(?!^## ).)*?```mermaid\nstateDiagram-v2\n(.*?)```", re.MULTILINE | re.DOTALL)
ARROW = re.compile(r"^    (\S+) --> (\S+)(?: : (\w+))?$", re.MULTILINE)
MACHINES = {"Purchase orders": PURCHASE, "Transfers": TRANSFER, "Returns": RETURN, "Counts": COUNT}
TABLES = {"Purchase orders": purchase_orders, "Transfers": transfers, "Returns": returns, "Counts": count_sheets}


def drawn(text: str) -> tuple[str, dict[str, dict[str, frozenset[str]]]]:
    """Where a drawing begins, and verb -> state before -> states after."""
    start, steps = "", defaultdict[str, defaultdict[str, set[str]]](lambda: defaultdict(set))
    for before, after, verb in ARROW.findall(text):
        if before == "[*]":
            start = after
        else:
            steps[verb][before].add(after)
    return start, {verb: {state: frozenset(ends) for state, ends in starts.items()} for verb, starts in steps.items()}


DRAWN = {name: drawn(text) for name, text in DRAWING.findall(PAGE)}


def test_every_kind_of_document_is_drawn() -> None:
    assert DRAWN.keys() == MACHINES.keys()


@pytest.mark.parametrize("name", MACHINES)
def test_the_drawing_and_the_program_say_the_same(name: str) -> None:
    machine = MACHINES[name]
    assert DRAWN[name] == (machine.start, {verb: dict(starts) for verb, starts in machine.steps.items()})


@pytest.mark.parametrize("name", MACHINES)
def test_the_database_knows_these_states_and_no_other(name: str) -> None:
    checks = [rule for rule in TABLES[name].constraints if isinstance(rule, CheckConstraint) and str(rule.name).endswith("_state")]
    rules = [str(rule.sqltext) for rule in checks]
    assert [set(re.findall(r"'(\w+)'", rule)) for rule in rules] == [set(MACHINES[name].states)]
    assert TABLES[name].name in metadata.tables


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_what_is_not_drawn_is_refused_and_says_what_can_be_done(machine: Machine) -> None:
    for state in machine.states:
        can = {verb for verb, starts in machine.steps.items() if state in starts}
        for verb in machine.steps:
            refused = machine.refuses(7, state, verb)
            assert (refused is None) == (verb in can)
            if refused is not None:
                assert refused.code == "wrong_state"
                assert all(name in str(refused) for name in can)


def test_a_step_that_is_not_drawn_is_a_bug() -> None:
    assert PURCHASE.step("ordered", "receive", "received") == "received"
    with pytest.raises(AssertionError, match="not to cancelled"):
        PURCHASE.step("ordered", "receive", "cancelled")
