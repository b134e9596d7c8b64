"""`bundles`, and bundles as `stock show` and `explain` show them: with a daemon and without one."""

from __future__ import annotations

import json
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


@pytest.fixture(params=["running", "alone"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Two shops whose first plan is applied; with a daemon or without one."""
    if request.param == "running":
        with in_background(shops_and_daemon(tmp_path)) as scene:
            yield scene
    else:
        with in_background(two_shops(tmp_path)) as scene:
            said("apply", "--yes", scene=scene)
            yield scene


def test_a_bundle_from_its_making_to_its_end(scene: Scene) -> None:
    made = said("bundles", "set", "KIT", "SKU-1:2", "SKU-2:1", scene=scene)
    assert made["parts"] == [{"sku": "SKU-1", "quantity": 2}, {"sku": "SKU-2", "quantity": 1}]
    assert [(row["sku"], len(row["parts"])) for row in said("bundles", "list", scene=scene)] == [("KIT", 2)]
    assert "2 x SKU-1, 1 x SKU-2" in call("bundles", "list", scene=scene).stdout
    assert [part["sku"] for part in said("stock", "show", "KIT", scene=scene)["parts"]] == ["SKU-1", "SKU-2"]
    assert said("explain", "SKU-1", scene=scene)["part_of"] == ["KIT"]
    assert "a bundle" in call("explain", "KIT", scene=scene).stdout
    refused = call("stock", "receive", "KIT", "3", scene=scene)
    assert (refused.exit_code, "is a bundle" in refused.stderr) == (1, True)
    assert said("bundles", "dissolve", "KIT", scene=scene)["sku"] == "KIT"
    assert said("bundles", "list", scene=scene) == []
    again = call("bundles", "dissolve", "KIT", scene=scene)
    assert (again.exit_code, "is no bundle" in again.stderr) == (1, True)


def test_a_part_without_a_quantity_is_a_misuse(scene: Scene) -> None:
    for wrong in ("SKU-1", "SKU-1:many", ":2"):
        answer = call("bundles", "set", "KIT", wrong, scene=scene)
        assert (answer.exit_code, "PART:QTY" in answer.stderr) == (2, True)
