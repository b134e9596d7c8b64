"""The demo as a newcomer runs it; short, because the long runs are what the demo itself is for."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from channelsync.testing.demo.shoppers import FATES

KEYS = {
    "orders", "deliveries", "polls", "pushes", "units_sold", "oversold_units", "resurrected_units", "raced_units", "violations", "converged",
    "intake_to_shelf_ms", "shop_delay_ms", "seed", "settled_seconds", "differences",
}  # fmt: skip


def demo(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-c", "from channelsync.cli import main; main()", "demo", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.slow
@pytest.mark.parametrize("faults", [(), ("--faults",)])
def test_one_json_object_and_no_harm(faults: tuple[str, ...]) -> None:
    told = demo("--for", "5s", "--seed", "7", *faults)
    assert set(told) == KEYS
    assert set(told["shop_delay_ms"]) == {"shopify", "woocommerce", "bigcommerce"}
    assert told["orders"] >= 15
    assert (told["violations"], told["resurrected_units"], told["converged"]) == (0, 0, True), told["differences"]
    assert told["seed"] == 7


@pytest.mark.slow
def test_the_judge_sees_what_a_blind_absolute_pusher_does() -> None:
    told = demo("--for", "6s", "--rate", "15", "--naive")
    assert told["resurrected_units"] > 0
    assert told["violations"] > 0


def test_every_kind_of_thing_happens_in_a_short_run() -> None:
    kinds = {"ship", "cancel", "cancel quietly", "refund one", "leave+ship", "ship+return", "ship+keep", "unpaid", "unpaid+cancel"}
    assert kinds <= set(FATES)
    assert len(FATES) <= 15, "a run of three seconds sees them all"
