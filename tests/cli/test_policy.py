"""`stock backorder` and `stock change`: said, shown, and refused where it makes no sense."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.test_commands import call, said
from support.store import Scene, in_background, two_shops

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Scene]:
    with in_background(two_shops(tmp_path)) as scene:
        yield scene


def test_a_policy_is_said_and_shown(alone: Scene) -> None:
    said("apply", "--yes", scene=alone)
    said("stock", "count", "MUG", "1", scene=alone)
    told = said("stock", "backorder", "MUG", "allow", "--limit", "2", "--text", "5-7 days", scene=alone)
    assert (told["backorder"], told["limit"], told["text"], told["date"]) == ("allow", 2, "5-7 days", None)
    shown = call("stock", "backorder", "MUG", scene=alone)
    assert "may be sold beyond what is there: allow, 2" in call("explain", "MUG", scene=alone).stdout
    assert shown.stdout.strip() == "MUG: allow, at most 2 beyond what is there, 5-7 days"
    assert said("stock", "reserve", "MUG", "3", "--reference", "cart-1", scene=alone)["claims"][0]["available"] == -2
    assert call("stock", "reserve", "MUG", "1", "--reference", "cart-2", scene=alone).exit_code == 1
    said("stock", "backorder", "MUG", "preorder", "--date", "2026-12-24", "--per-reference", "2", "--keep", "48", scene=alone)
    assert said("stock", "backorder", "MUG", scene=alone) == {
        "sku": "MUG", "backorder": "preorder", "limit": None, "text": "", "date": "2026-12-24", "per_reference": 2, "release_delay": 2880,
    }  # fmt: skip
    said("stock", "backorder", "MUG", "deny", scene=alone)
    assert "sold only while it is there" in call("stock", "backorder", "MUG", scene=alone).stdout


def test_what_makes_no_sense_is_refused(alone: Scene) -> None:
    said("apply", "--yes", scene=alone)
    said("stock", "count", "MUG", "1", scene=alone)
    refused = call("stock", "backorder", "MUG", "deny", "--text", "soon", scene=alone)
    assert refused.exit_code == 1
    assert "use allow or preorder" in refused.stderr
    assert call("stock", "backorder", "NONE", "allow", scene=alone).exit_code == 1
    assert call("stock", "backorder", "MUG", "maybe", scene=alone).exit_code == 2


def test_a_cart_is_changed(alone: Scene) -> None:
    said("apply", "--yes", scene=alone)
    assert said("stock", "change", "cart-1", "SKU-1", "4", scene=alone)["change"] == 4
    assert call("stock", "change", "cart-1", "SKU-1", "1", scene=alone).stdout.strip() == "cart-1: 1 x SKU-1 claimed, -3"
    assert call("stock", "change", "cart-1", "SKU-1", "11", scene=alone).exit_code == 1
    assert said("stock", "show", "SKU-1", scene=alone)["levels"][0]["soft"] == 1
