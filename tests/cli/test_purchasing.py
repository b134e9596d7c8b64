"""`po` and `suppliers`: a low SKU is suggested, drafted, ordered and received; and what makes no sense is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.test_commands import call, said
from support.store import Scene, in_background, shops_and_daemon, two_shops

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Scene]:
    """SKU-1, SKU-2 and SKU-3, ten of each; ACME sells SKU-1 in cartons of 6."""
    with in_background(two_shops(tmp_path, currency="CHF")) as scene:
        said("apply", "--yes", scene=scene)
        said("suppliers", "set", "ACME", "--name", "Acme Ltd", "--lead-days", "7", scene=scene)
        said("suppliers", "supply", "SKU-1", "ACME", "--code", "AC-1", "--cost", "2.5", "--multiple", "6", scene=scene)
        yield scene


def test_suppliers_are_said_and_shown(alone: Scene) -> None:
    assert call("suppliers", "set", "ACME", "--lead-days", "9", scene=alone).stdout == "ACME Acme Ltd: 9 days from order to receipt\n"
    assert call("suppliers", "set", "ACME", "--unknown-lead", scene=alone).stdout == "ACME Acme Ltd: lead time not known\n"
    shown = call("suppliers", "supply", "SKU-1", scene=alone).stdout
    assert shown == "SKU-1: bought from ACME, as AC-1, at 2.50 CHF, in multiples of 6\n"
    assert [(row["code"], row["skus"]) for row in said("suppliers", "list", scene=alone)] == [("ACME", 1)]
    assert [(row["sku"], row["cost"]) for row in said("suppliers", "list", "ACME", scene=alone)] == [("SKU-1", "2.50")]
    assert all(text in call("suppliers", "list", "ACME", scene=alone).stdout for text in ("AC-1", "2.50", "CHF"))
    assert said("suppliers", "supply", "SKU-1", "--none", scene=alone)["supplier"] is None
    assert call("suppliers", "supply", "SKU-1", scene=alone).stdout == "SKU-1: bought from nobody\n"
    assert call("suppliers", "supply", "SKU-1", "--cost", "3", scene=alone).exit_code == 2
    assert call("suppliers", "supply", "SKU-1", "ACME", "--none", scene=alone).exit_code == 2
    assert "no supplier 'NOBODY'" in call("suppliers", "supply", "SKU-1", "NOBODY", scene=alone).stderr


def test_an_order_from_draft_to_receipt(alone: Scene) -> None:
    drafted = call("po", "draft", "SKU-1:12", "SKU-2:5@4", "--supplier", "ACME", scene=alone)
    assert drafted.stdout == "PO-1 from ACME to main, draft: 12 x SKU-1, 5 x SKU-2\n"
    assert (
        call("po", "edit", "1", "SKU-1:12", "--note", "before Easter", scene=alone).stdout == "PO-1 from ACME to main, draft: 12 x SKU-1\n"
    )
    assert (
        "PO-1 from ACME to main, ordered, expected 2026-12-24" in call("po", "order", "1", "--expected", "2026-12-24", scene=alone).stdout
    )
    shown = call("stock", "show", "SKU-1", scene=alone).stdout
    assert all(text in shown for text in ("On its way", "PO-1", "2026-12-24", "incoming"))
    assert said("stock", "show", "SKU-1", scene=alone)["coming"] == [
        {"reference": "PO-1", "location": "main", "units": 12, "expected_on": "2026-12-24"}
    ]
    assert "are still to come" in call("po", "receive", "1", "SKU-1:13", scene=alone).stderr
    (line,) = said("po", "receive", "1", "SKU-1:4@3", scene=alone)["lines"]
    assert (line["quantity"], line["incoming"], line["on_hand"], line["cost"]) == (4, 8, 14, "3.00")
    table = call("po", "show", "1", scene=alone).stdout
    assert all(text in table for text in ("part received", "before Easter", "AC-1", "value 30.00 CHF"))
    whole = call("po", "receive", "1", scene=alone).stdout
    assert all(text in whole for text in ("received", "22", "3.00", "2.8182")), "14 at 3.00 and 8 at 2.50"
    assert said("po", "receive", "1", "SKU-1:1", "--over", scene=alone)["lines"][0]["over"] == 1
    assert [(row["number"], row["state"], row["received"]) for row in said("po", "list", scene=alone)] == [(1, "received", 13)]
    assert call("audit", scene=alone).exit_code == 0


def test_what_is_not_coming_is_closed_or_cancelled(alone: Scene) -> None:
    for _ in range(2):
        said("po", "draft", "SKU-1:6", scene=alone)
    for number in ("1", "2"):
        said("po", "order", number, "--expected", "2026-01-01", scene=alone)
    assert [row["number"] for row in said("po", "list", "--late", scene=alone)] == [2, 1]
    said("po", "receive", "1", "SKU-1:1", scene=alone)
    assert "PO-1 to main, received" in call("po", "close", "1", "--reason", "sold out there", scene=alone).stdout
    assert said("po", "cancel", "2", scene=alone)["state"] == "cancelled"
    refused = call("po", "order", "2", scene=alone)
    assert (refused.exit_code, "nothing can be done with it any more" in refused.stderr) == (1, True)
    assert said("po", "list", "--state", "cancelled", scene=alone)[0]["number"] == 2
    assert call("po", "list", "--state", "lost", scene=alone).exit_code == 2
    assert "there is no purchase order 9" in call("po", "show", "9", scene=alone).stderr


def test_from_a_low_row_to_an_order_in_two_steps(alone: Scene) -> None:
    said("stock", "reorder", "SKU-1", "--low", "12", "--reorder", "20", "--location", "main", scene=alone)
    (row,) = said("po", "suggest", scene=alone)
    assert (row["sku"], row["needed"], row["quantity"]) == ("SKU-1", 20, 24)
    told = call("po", "suggest", "--sku", "SKU-1", scene=alone).stdout
    assert all(text in told for text in ("To order", "order 24", "low at 12, and 10 are there: to reorder 20", "in multiples of 6: 24"))
    assert call("po", "draft", "--suggested", scene=alone).stdout == "PO-1 from ACME to main, draft: 24 x SKU-1\n"
    assert call("po", "draft", "--from-suggestion", scene=alone).stdout == "nothing need be ordered\n"
    assert "To order: nothing" in call("po", "suggest", scene=alone).stdout
    assert [each["drafted"] for each in said("po", "suggest", "--all", scene=alone)] == [24]


def test_what_makes_no_sense_is_refused(alone: Scene) -> None:
    for lines in (["SKU-1"], ["SKU-1:x"], [":3"], ["SKU-1:1@2@3"], []):
        assert call("po", "draft", *lines, scene=alone).exit_code == 2, lines
    assert call("po", "draft", "SKU-1:1", "--suggested", scene=alone).exit_code == 2
    assert call("po", "draft", "SKU-1:1", "--sku", "SKU-1", scene=alone).exit_code == 2
    assert "write it like 12.50" in call("po", "draft", "SKU-1:1@x", scene=alone).stderr
    assert "no SKU 'NONE'" in call("po", "draft", "NONE:1", scene=alone).stderr
    assert "2026-12-24" in call("po", "draft", "SKU-1:1", "--expected", "Christmas", scene=alone).stderr
    assert said("po", "list", scene=alone) == []


def test_a_daemon_does_the_same(tmp_path: Path) -> None:
    with in_background(shops_and_daemon(tmp_path)) as running:
        said("po", "draft", "SKU-1:5", "--key", "k", scene=running)
        assert said("po", "draft", "SKU-1:5", "--key", "k", scene=running)["repeat"] is True
        said("po", "order", "1", scene=running)
        assert said("po", "receive", "1", scene=running)["state"] == "received"
        assert [row["on_hand"] for row in said("stock", "list", "SKU-1", scene=running)] == [15]


def test_a_cost_that_nobody_knows_is_no_zero(alone: Scene) -> None:
    said("po", "draft", "SKU-2:5", "SKU-3:2", "--supplier", "ACME", scene=alone)
    said("po", "draft", "SKU-1:6", "SKU-2:5", "--supplier", "ACME", scene=alone)
    said("po", "draft", "SKU-1:6", "--supplier", "ACME", scene=alone)
    assert "value not known: no cost is known of its 7 units\n" in call("po", "show", "1", scene=alone).stdout
    assert "value 15.00 CHF (without 5 of 11 units, whose cost is not known)\n" in call("po", "show", "2", scene=alone).stdout
    assert "value 15.00 CHF\n" in call("po", "show", "3", scene=alone).stdout
    assert [row["uncosted"] for row in said("po", "list", scene=alone)] == [0, 5, 7]
    assert "0.00" not in call("po", "list", scene=alone).stdout.replace("15.00", "")
