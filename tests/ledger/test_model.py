"""The ledger does what its model on paper says, whatever it is told; and a planted mistake in a verb makes it do something else.

CHANNELSYNC_MODEL_EXAMPLES=5000 is a long run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from channelsync.ledger import bundling
from channelsync.ledger.bundling import Define, Part
from ledger import broken_verbs
from ledger.model import KIT
from ledger.model_machine import ON_HAND, LedgerMachine
from support import planted
from support.selling import open_shop
from support.stock import NOW

EXAMPLES = int(os.environ.get("CHANNELSYNC_MODEL_EXAMPLES", "100"))
STEPS_PER_EXAMPLE = 30


def search(**more: Any) -> settings:
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(stateful_step_count=STEPS_PER_EXAMPLE, deadline=None, suppress_health_check=slow, **more)


def compare(conn: Connection, how: settings) -> None:
    shop = open_shop(conn, on_hand=ON_HAND)
    bundling.define(conn, [Define("KIT", tuple(Part(sku, units) for sku, units in KIT.items()))], NOW)
    shop.link("loose", "KIT")
    run_state_machine_as_test(lambda: LedgerMachine(shop), settings=how)  # type: ignore[arg-type]  # anything that makes one will do


@pytest.mark.timeout(3_600 if "CHANNELSYNC_MODEL_EXAMPLES" in os.environ else 600)
def test_the_ledger_does_what_the_model_says(conn: Connection) -> None:
    compare(conn, search(max_examples=EXAMPLES))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("plant", broken_verbs.ALL, ids=lambda plant: plant.__name__)
def test_a_planted_mistake_is_found(
    conn: Connection, plant: planted.Plant, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    record_property(planted.NOTE, planted.of_patch(plant, "the ledger's model on paper"))
    plant(monkeypatch)
    with pytest.raises((AssertionError, IntegrityError)):
        compare(conn, search(max_examples=400, derandomize=True, database=None, phases=[Phase.generate]))
