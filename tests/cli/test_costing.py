"""`stock cost` and the value in `stock stats`: said, shown, and refused where it makes no sense."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.test_commands import call, said
from support.store import Scene, in_background, two_shops

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Scene]:
    with in_background(two_shops(tmp_path, currency="CHF")) as scene:
        said("apply", "--yes", scene=scene)
        yield scene


def test_a_cost_is_said_shown_and_summed_up(alone: Scene) -> None:
    assert call("stock", "cost", "SKU-1", scene=alone).stdout == "SKU-1: its cost is not known\n"
    assert said("stock", "cost", "SKU-1", "12.5", scene=alone) == {"sku": "SKU-1", "cost": "12.50", "repeat": False, "currency": "CHF"}
    assert said("stock", "cost", "SKU-1", scene=alone) == {"sku": "SKU-1", "cost": "12.50", "parts": [], "currency": "CHF"}
    assert call("stock", "cost", "SKU-1", scene=alone).stdout == "SKU-1: 12.50 CHF for one unit\n"
    values = {row["name"]: (row["value"], row["uncosted"]) for row in said("stock", "stats", scene=alone)}
    assert values == {"SKU-1": ("125.00", 0), "SKU-2": (None, 10), "SKU-3": (None, 10)}
    shown = call("stock", "stats", "--by", "location", scene=alone).stdout
    assert all(text in shown for text in ("CHF", "125.00", "cost"))
    assert said("stock", "cost", "SKU-1", "--unknown", scene=alone)["cost"] is None
    assert said("stock", "stats", "--by", "location", scene=alone)[0]["value"] == "0.00"


def test_what_makes_no_sense_is_refused(alone: Scene) -> None:
    refused = call("stock", "cost", "SKU-1", "12,50", scene=alone)
    assert (refused.exit_code, "write it like 12.50" in refused.stderr) == (1, True)
    assert call("stock", "cost", "NONE", "1", scene=alone).exit_code == 1
    assert call("stock", "cost", "NONE", scene=alone).exit_code == 1
    assert call("stock", "cost", "SKU-1", "1", "--unknown", scene=alone).exit_code == 2
    said("bundles", "set", "KIT", "SKU-1:2", scene=alone)
    assert "set the cost of its parts" in call("stock", "cost", "KIT", "1", scene=alone).stderr
    assert call("stock", "cost", "KIT", scene=alone).stdout == "KIT: a bundle; its parts have costs: SKU-1\n"
