"""`returns`: announced, received, inspected; and what makes no sense is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.test_commands import call, said
from support.store import Scene, in_background, two_shops

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Scene]:
    """SKU-1, SKU-2 and SKU-3, ten of each."""
    with in_background(two_shops(tmp_path)) as scene:
        said("apply", "--yes", scene=scene)
        yield scene


def test_a_return_from_announcement_to_the_end(alone: Scene) -> None:
    made = call("returns", "expect", "SKU-1:2", "SKU-2:1", "--reference", "RMA-9", "--note", "too small", scene=alone)
    assert made.stdout == "RET-1 to main, expected\n  SKU-1: 2 expected, 0 received\n  SKU-2: 1 expected, 0 received\n"
    assert "are still to come" in call("returns", "receive", "1", "SKU-1:3", scene=alone).stderr
    part = call("returns", "receive", "1", "SKU-1:1", scene=alone)
    assert "SKU-1: 2 expected, 1 received, 1 to inspect\n" in part.stdout
    assert said("returns", "receive", "1", scene=alone)["state"] == "received"
    listed = call("returns", "list", "--waiting", scene=alone).stdout
    assert all(text in listed for text in ("RET-1", "received", "RMA-9", " s")), listed
    state = call("status", scene=alone).stdout
    assert "returns: 3 units to be inspected on 1, the oldest came" in state
    assert said("status", scene=alone)["returns"]["units"] == 3
    assert "needs a reason" in call("returns", "inspect", "1", "--write-off", "SKU-1:1", scene=alone).stderr
    done = call("returns", "inspect", "1", "--write-off", "SKU-1:1", "--supplier", "SKU-2:1", "--reason", "no handle", scene=alone)
    assert "SKU-1: 2 expected, 2 received, 1 to inspect, 1 written off\n" in done.stdout
    shown = call("returns", "show", "1", scene=alone).stdout
    assert all(text in shown for text in ("RET-1 to main, received", "too small", "1 to be inspected", "supplier")), shown
    last = said("returns", "inspect", "1", "--rest", "restock", scene=alone)
    assert (last["state"], [line["restocked"] for line in last["lines"]]) == ("inspected", [1, 0])
    assert said("returns", "list", "--waiting", scene=alone) == []
    assert [(row["number"], row["state"], row["restocked"]) for row in said("returns", "list", scene=alone)] == [(1, "inspected", 1)]
    assert said("returns", "show", "1", scene=alone)["document"]["to_supplier"] == 1
    (level,) = said("stock", "show", "SKU-1", scene=alone)["levels"]
    assert (level["on_hand"], level["quarantined"], level["damaged"]) == (11, 0, 1)
    assert call("audit", scene=alone).exit_code == 0


def test_what_does_not_come_is_cancelled_or_said_to_be_complete(alone: Scene) -> None:
    for _ in range(2):
        said("returns", "expect", "SKU-1:2", scene=alone)
    assert call("returns", "cancel", "1", scene=alone).stdout.startswith("RET-1 to main, cancelled\n")
    said("returns", "receive", "2", "SKU-1:1", scene=alone)
    assert said("returns", "inspect", "2", "--rest", "restock", scene=alone)["state"] == "received"
    assert said("returns", "inspect", "2", "--complete", scene=alone)["state"] == "inspected"
    assert "it cannot receive" in call("returns", "receive", "2", "SKU-1:1", "--over", scene=alone).stderr


def test_what_makes_no_sense(alone: Scene) -> None:
    assert call("returns", "expect", scene=alone).exit_code == 2
    assert call("returns", "expect", "SKU-1", scene=alone).exit_code == 2
    assert call("returns", "expect", "SKU-1:1@3", scene=alone).exit_code == 2
    for text in ("SKU-1", "SKU-1:1@3"):
        told = call("returns", "inspect", "1", "--restock", text, scene=alone).stderr
        assert ("is not SKU:QTY," in told, "COST" in told) == (True, False), told
    wrong = call("returns", "show", "PO-9", scene=alone)
    assert (wrong.exit_code, "RET-12" in wrong.stderr) == (2, True), wrong.stderr
    assert "there is no return 9" in call("returns", "show", "ret-9", scene=alone).stderr
    assert "there is no purchase order 9" in call("po", "show", "PO-9", scene=alone).stderr
    assert "there is no transfer 9" in call("transfers", "show", "TR-9", scene=alone).stderr
    assert "there is no count sheet 9" in call("counts", "show", "CNT-9", scene=alone).stderr
    assert call("returns", "list", "--state", "lost", scene=alone).exit_code == 2
    assert call("returns", "inspect", "1", "--rest", "shred", scene=alone).exit_code == 2
    assert "there is no return 9" in call("returns", "show", "9", scene=alone).stderr
    assert "knows no order '77'" in call("returns", "expect", "SKU-1:1", "--channel", "east", "--order", "77", scene=alone).stderr
    assert "name both" in call("returns", "expect", "SKU-1:1", "--order", "77", scene=alone).stderr


def test_the_log_shows_what_a_return_moved_on_a_screen_of_80_columns(alone: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no column for what nothing has moved."""
    assert not {"quarantined", "damaged"} & set(call("stock", "show", "SKU-1", scene=alone).stdout.partition("Last movements")[2].split())
    said("returns", "expect", "SKU-1:2", scene=alone)
    said("returns", "receive", "1", scene=alone)
    said("stock", "reserve", "SKU-1", "1", "--reference", "cart-1", scene=alone)
    said("returns", "inspect", "1", "--write-off", "SKU-1:2", "--reason", "no handle", scene=alone)
    monkeypatch.setenv("COLUMNS", "80")
    moved = said("stock", "show", "SKU-1", scene=alone)["movements"]
    for more in ((), ("--at", moved[0]["at"])):
        text = call("stock", "show", "SKU-1", *more, scene=alone).stdout.partition("Last movements")[2].partition("not ")[0]
        assert max(len(line.rstrip()) for line in text.splitlines()) <= 80, text
        assert {"quarantined", "damaged", "quarantine", "-2", "2"} <= set(text.split()), text
        assert "incoming" not in text
    assert [(each["type"], each["quarantined"], each["damaged"]) for each in moved[:3:2]] == [("write_off", -2, 2), ("quarantine", 2, 0)]
