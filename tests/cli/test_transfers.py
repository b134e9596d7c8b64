"""`transfers`: units from one location to another, with a daemon and without one; and what makes no sense is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.test_commands import call, said
from support.store import Scene, in_background, two_shops, up

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def with_annex(scene: Scene) -> Scene:
    """The shops sell what lies at main; the annex is a place of our own."""
    text = scene.file.read_text()
    for name in scene.shops:
        text = text.replace(f"[channels.{name}]\n", f'[channels.{name}]\nlocation = "main"\n')
    scene.file.write_text(text + '\n[locations.main]\nname = "Main"\n\n[locations.annex]\nname = "Annex"\n')
    return scene


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Scene]:
    """SKU-1, SKU-2 and SKU-3, ten of each at main. One SKU-1 costs 2.50."""
    with in_background(two_shops(tmp_path, currency="CHF")) as scene:
        with_annex(scene)
        said("apply", "--yes", scene=scene)
        said("stock", "cost", "SKU-1", "2.5", scene=scene)
        yield scene


def test_a_transfer_from_draft_to_receipt(alone: Scene) -> None:
    drafted = call("transfers", "draft", "SKU-1:4", "SKU-2:20", "--from", "main", "--to", "annex", scene=alone)
    assert drafted.stdout == "TR-1 from main to annex, draft: 4 x SKU-1, 20 x SKU-2\n", drafted.output
    shown = call("transfers", "show", "1", scene=alone).stdout
    assert all(text in shown for text in ("to ship", "available at main", "10"))
    refused = call("transfers", "ship", "1", scene=alone)
    assert (refused.exit_code, "20 to ship, 10 available (10 on hand, 0 reserved)" in refused.stderr) == (1, True)
    edited = call("transfers", "edit", "1", "SKU-1:4", "SKU-2:2", "--note", "for the fair", scene=alone)
    assert edited.stdout == "TR-1 from main to annex, draft: 4 x SKU-1, 2 x SKU-2\n"
    assert call("transfers", "ship", "1", "--reference", "1Z-1", scene=alone).stdout.startswith("TR-1 from main to annex, shipped:")
    shown = call("stock", "show", "SKU-1", scene=alone).stdout
    assert all(text in shown for text in ("On its way", "TR-1", "annex", "incoming"))
    (stats,) = [row for row in said("stock", "stats", scene=alone) if row["name"] == "SKU-1"]
    assert [stats[name] for name in ("on_hand", "value", "in_transit", "in_transit_value")] == [6, "15.00", 4, "10.00"]
    assert all(text in call("stock", "stats", "--by", "location", scene=alone).stdout for text in ("In transit on transfers to", "10.00"))
    assert "4 are in transit (4 shipped, 0 received)" in call("transfers", "receive", "1", "SKU-1:5", scene=alone).stderr
    received = call("transfers", "receive", "1", "SKU-1:3", "SKU-2:3", "--over", scene=alone).stdout
    assert all(text in received for text in ("TR-1 at annex: part received", "short", "over", "still in transit: 1", "transfers close 1"))
    table = call("transfers", "show", "1", scene=alone).stdout
    assert all(text in table for text in ("part received", "reference 1Z-1", "for the fair", "value in transit 2.50 CHF"))
    closed = call("transfers", "close", "1", "--reason", "lost", scene=alone).stdout
    assert closed == "TR-1 from main to annex, received: 1 x SKU-1 missing\n"
    assert "missing 2.50 CHF" in call("transfers", "show", "1", scene=alone).stdout
    lines = said("transfers", "show", "1", scene=alone)["lines"]
    assert [(row["sku"], row["received"], row["missing"], row["over"]) for row in lines] == [("SKU-1", 3, 1, 0), ("SKU-2", 3, 0, 1)]
    assert call("audit", scene=alone).exit_code == 0
    assert "transit" not in call("stock", "stats", scene=alone).stdout, "nothing is"


def test_lists_are_filtered(alone: Scene) -> None:
    for there, back in (("main", "annex"), ("annex", "main"), ("main", "annex")):
        said("transfers", "draft", "SKU-1:1", "--from", there, "--to", back, scene=alone)
    said("transfers", "ship", "1", scene=alone)
    assert call("transfers", "cancel", "3", scene=alone).stdout == "TR-3 from main to annex, cancelled: 1 x SKU-1\n"

    def numbers(*filters: str) -> list[int]:
        return [row["number"] for row in said("transfers", "list", *filters, scene=alone)]

    assert numbers() == [3, 2, 1]
    assert numbers("--state", "shipped") == [1]
    assert numbers("--from", "annex") == numbers("--to", "main") == [2]
    assert numbers("--limit", "1", "--before", "3") == [2]
    table = call("transfers", "list", "--limit", "2", scene=alone).stdout
    assert all(text in table for text in ("TR-3", "TR-2", "more: --before 2"))
    assert said("transfers", "receive", "1", scene=alone)["state"] == "received"
    assert call("transfers", "list", "--state", "lost", scene=alone).exit_code == 2


def test_what_makes_no_sense_is_refused(alone: Scene) -> None:
    ends = ("--from", "main", "--to", "annex")
    for lines in (["SKU-1"], ["SKU-1:x"], [":3"], ["SKU-1:1@2"], []):
        assert call("transfers", "draft", *lines, *ends, scene=alone).exit_code == 2, lines
    assert call("transfers", "draft", "SKU-1:1", "--from", "main", scene=alone).exit_code == 2
    assert "both are 'main'" in call("transfers", "draft", "SKU-1:1", "--from", "main", "--to", "main", scene=alone).stderr
    assert "no location 'moon'" in call("transfers", "draft", "SKU-1:1", "--from", "main", "--to", "moon", scene=alone).stderr
    assert "no SKU 'NONE'" in call("transfers", "draft", "NONE:1", *ends, scene=alone).stderr
    assert "there is no transfer 9" in call("transfers", "show", "9", scene=alone).stderr
    assert "there is no transfer 9" in call("transfers", "ship", "9", scene=alone).stderr
    assert said("transfers", "list", scene=alone) == []
    said("transfers", "draft", "SKU-1:1", *ends, scene=alone)
    said("transfers", "ship", "1", scene=alone)
    assert "before transfer 1 was shipped" in call("transfers", "receive", "1", "--at", "2026-01-01T00:00", scene=alone).stderr
    assert "it cannot cancel" in call("transfers", "cancel", "1", scene=alone).stderr


def test_a_daemon_does_the_same(tmp_path: Path) -> None:
    with in_background(two_shops(tmp_path)) as scene:
        with_annex(scene)
        said("apply", "--yes", scene=scene)
        with in_background(up(scene)):
            asked = ("transfers", "draft", "SKU-1:5", "--from", "main", "--to", "annex", "--key", "k")
            assert [said(*asked, scene=scene)["repeat"] for _ in range(2)] == [False, True]
            said("transfers", "ship", "1", scene=scene)
            assert said("transfers", "receive", "1", scene=scene)["state"] == "received"
            levels = said("stock", "show", "SKU-1", scene=scene)["levels"]
            assert [(row["location"], row["on_hand"]) for row in levels] == [("annex", 5), ("main", 5)]


def test_a_cost_that_nobody_knows_is_no_zero(alone: Scene) -> None:
    """Nor is what was shipped and is missing of it."""
    said("transfers", "draft", "SKU-1:4", "SKU-2:3", "--from", "main", "--to", "annex", scene=alone)
    said("transfers", "ship", "1", scene=alone)
    assert (
        "value in transit 10.00 CHF (without 3 of 7 units, whose cost is not known)\n" in call("transfers", "show", "1", scene=alone).stdout
    )
    said("transfers", "receive", "1", "SKU-1:4", "SKU-2:1", scene=alone)
    assert "value in transit not known: no cost is known of its 2 units\n" in call("transfers", "show", "1", scene=alone).stdout
    assert "0.00" not in call("transfers", "list", scene=alone).stdout
    said("transfers", "close", "1", scene=alone)
    shown = call("transfers", "show", "1", scene=alone).stdout
    assert "value in transit 0.00 CHF, missing not known: no cost is known of its 2 units\n" in shown
    (row,) = said("transfers", "list", scene=alone)
    assert (row["value"], row["uncosted"], row["missing_value"], row["missing_uncosted"]) == ("0.00", 0, "0.00", 2)
