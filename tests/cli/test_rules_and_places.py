"""`freeze`, `thaw`, `locations`, and rules as `explain`, `plan` and `status` show them: with a daemon and without one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from channelsync.cli.app import app
from support.store import Scene, in_background, shops_and_daemon, two_shops

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def call(*arguments: str, scene: Scene) -> Result:
    return CliRunner().invoke(app, [*arguments, "-c", str(scene.file)])


def said(*arguments: str, scene: Scene) -> Any:
    result = call(*arguments, "--json", scene=scene)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Scene]:
    with in_background(two_shops(tmp_path)) as scene:
        yield scene


def test_rules_take_effect_at_the_next_start_and_are_explained(alone: Scene) -> None:
    said("apply", "--yes", scene=alone)
    text = alone.file.read_text()
    alone.file.write_text(text.replace("[channels.west]", '[channels.west]\nrules = { sku = { "SKU-1" = { max = 5 } }, share = "50%" }', 1))
    planned = said("plan", scene=alone)
    assert {(w["channel"], w["sku"], w["target"]) for w in planned["writes"]} == {("west", f"SKU-{n}", 3) for n in (1, 2, 3)}
    steps = {step["name"]: step["source"] for step in planned["writes"][0]["steps"]}
    assert steps == {"available": "", "share 50%": "channels.west.rules", "safety stock": "rules"}
    alone.file.write_text(text.replace("[channels.west]", '[channels.west]\nrules = { sku = { "SKU-1" = { max = 5 } } }', 1))
    assert not [warning for warning in said("check", scene=alone)["warnings"] if "no such SKU" in warning]
    said("sync", scene=alone)
    assert [alone.shops["west"].shows(f"SKU-{n}") for n in (1, 2)] == [5, 8]
    [east, west] = said("explain", "SKU-1", scene=alone)["shelves"]
    assert [step["name"] for step in east["steps"]] == ["available", "safety stock"]
    assert west["steps"][-1] == {"name": "max 5", "change": -3, "value": 5, "source": "channels.west.rules.sku SKU-1"}
    assert "channels.west.rules.sku SKU-1" in call("explain", "SKU-1", scene=alone).stdout


def test_a_rule_that_names_nothing_is_told(alone: Scene) -> None:
    said("apply", "--yes", scene=alone)
    alone.file.write_text(alone.file.read_text().replace("[rules]", '[rules]\nsku = { "SKU-l" = { max = 5 } }', 1))
    assert "rules.sku SKU-l: the ledger has no such SKU or listing" in said("check", scene=alone)["warnings"]


def test_freezing_without_a_daemon(alone: Scene) -> None:
    said("apply", "--yes", scene=alone)
    done = said("freeze", "SKU-1", "--channel", "west", "--reason", "recall", scene=alone)
    assert (done["changed"], done["shelves"], done["standing"][0]["reason"]) == (True, 1, "recall")
    alone.shops["east"].buy({"SKU-1": 3})
    assert said("sync", scene=alone)["still_due"] == {"east": 0, "west": 0}
    assert alone.shops["west"].shows("SKU-1") == 8
    explained = call("explain", "SKU-1", scene=alone).stdout
    assert "frozen west since " in explained
    assert ": recall" in explained
    assert "frozen: shows 8, would show 5" in explained
    assert {each["name"]: each["frozen"] for each in said("status", scene=alone)["channels"]} == {"east": 0, "west": 1}
    assert "1 shelves are frozen" in call("status", scene=alone).stdout
    assert [b["reason"] for b in said("plan", scene=alone)["blocked"]] == ["a person has frozen it; `channelsync explain` says who and why"]
    assert "was not frozen" in call("thaw", "SKU-1", scene=alone).stdout
    assert said("thaw", "SKU-1", "--channel", "west", scene=alone)["standing"] == []
    said("sync", scene=alone)
    assert alone.shops["west"].shows("SKU-1") == 5


def test_freezing_through_the_daemon(tmp_path: Path) -> None:
    with in_background(shops_and_daemon(tmp_path)) as scene:
        assert "frozen; 2 of its numbers are frozen now" in call("freeze", "SKU-1", "--reason", "recall", scene=scene).stdout
        refused = call("freeze", "SKU-9", "--reason", "recall", scene=scene)
        assert refused.exit_code == 1
        assert "no SKU 'SKU-9'" in refused.stderr
        assert said("thaw", "SKU-1", scene=scene)["changed"] is True


def test_locations_say_what_feeds_what(alone: Scene) -> None:
    said("apply", "--yes", scene=alone)
    told = said("locations", scene=alone)
    assert [(each["code"], each["feeds"]) for each in told["locations"]] == [("main", ["east", "west"])]
    assert told == said("locations", "list", scene=alone)
    assert "east, west" in call("locations", "list", scene=alone).stdout
