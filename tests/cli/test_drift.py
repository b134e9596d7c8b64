"""`drift resolve --all`: one answer to many drifts, shown before it is given; what cannot be answered so is left alone, with the reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from channelsync.cli.app import app
from support.store import Scene, in_background, two_shops

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def call(scene: Scene, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "-c", str(scene.file)])


def said(scene: Scene, *arguments: str, code: int = 0) -> Any:
    result = call(scene, *arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Scene]:
    """Two shops that show 8 of everything, whose first plan is applied; no daemon."""
    with in_background(two_shops(tmp_path)) as scene:
        said(scene, "apply", "--yes")
        said(scene, "sync")
        yield scene


def edit(scene: Scene, **numbers: dict[str, int]) -> None:
    """Somebody types numbers into shops, and they are asked about."""
    for name, edits in numbers.items():
        for sku, shows in edits.items():
            scene.shops[name].edit(sku, shows)
    said(scene, "audit", code=1)
    said(scene, "sync")
    assert all(each["asked"] for each in said(scene, "drift", "list"))


def rows(answer: Any, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(each[name] for name in names) for each in answer["drifts"]]


def shown(scene: Scene, shop: str) -> list[int]:
    return [scene.shops[shop].shows(f"SKU-{number}") for number in (1, 2, 3)]


def test_overwriting_all_of_one_channel_shows_first_and_then_writes(alone: Scene) -> None:
    edit(alone, east={"SKU-3": 1}, west={"SKU-1": 3, "SKU-2": 4})
    asked = ("drift", "resolve", "--all", "--channel", "west", "--overwrite")
    told = said(alone, *asked)
    assert (told["answered"], told["left"]) == (0, 0)
    assert rows(told, "channel", "sku", "book", "shows", "will", "done") == [
        ("west", "SKU-1", 8, 3, "8 is written over 3", ""),
        ("west", "SKU-2", 8, 4, "8 is written over 4", ""),
    ]
    assert "nothing was changed; add --yes to do it" in call(alone, *asked).output
    assert len(said(alone, "drift", "list")) == 3
    assert rows(said(alone, *asked, "--yes"), "sku", "done") == [("SKU-1", "overwrite"), ("SKU-2", "overwrite")]
    assert [each["sku"] for each in said(alone, "drift", "list")] == ["SKU-3"]
    said(alone, "sync")
    assert (shown(alone, "west"), shown(alone, "east")) == ([8, 8, 8], [8, 8, 1])
    assert call(alone, *asked).output.strip() == "Drift: none"


def test_adopting_all_leaves_alone_what_may_be_one_loss_typed_in_twice(alone: Scene) -> None:
    edit(alone, east={"SKU-3": 5}, west={"SKU-1": 3, "SKU-3": 5})
    asked = ("drift", "resolve", "--all", "--adopt")
    told = {(each["channel"], each["sku"]): each for each in said(alone, *asked)["drifts"]}
    assert told["west", "SKU-1"]["will"] == "on hand at main -5"
    assert "the same units must not be taken twice" in told["east", "SKU-3"]["refused"]
    assert "the same units must not be taken twice" in told["west", "SKU-3"]["refused"]
    answer = said(alone, *asked, "--yes", code=1)
    assert (answer["answered"], answer["left"]) == (1, 2)
    on_hand = {row["sku"]: row["on_hand"] for row in said(alone, "stock", "list")}
    assert on_hand == {"SKU-1": 5, "SKU-2": 10, "SKU-3": 10}
    assert "left alone: shelf" in " ".join(call(alone, *asked, "--yes").output.split())


def test_what_is_still_looked_at_is_left_alone(alone: Scene) -> None:
    alone.shops["west"].edit("SKU-1", 3)
    said(alone, "audit", code=1)
    [told] = said(alone, "drift", "resolve", "--all", "--overwrite")["drifts"]
    assert "is still being looked at" in told["refused"]
    assert said(alone, "drift", "resolve", "--all", "--overwrite", "--yes", code=1)["left"] == 1
    assert len(said(alone, "drift", "list")) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("--overwrite",), 1, "name one shelf, or all of them with --all"),
        (("1", "--all", "--overwrite"), 1, "name one shelf, or all of them with --all"),
        (("--all",), 1, "--overwrite (ours) or --adopt (the shop's)"),
        (("1", "--overwrite", "--yes"), 2, "they go with --all"),
        (("1", "--overwrite", "--channel", "west"), 2, "they go with --all"),
        (("--all", "--overwrite", "--channel", "nope"), 1, "there is no channel 'nope'"),
    ],
)
def test_what_makes_no_sense_is_refused(alone: Scene, arguments: tuple[str, ...], code: int, text: str) -> None:
    result = call(alone, "drift", "resolve", *arguments)
    assert (result.exit_code, text in " ".join(result.stderr.split())) == (code, True), result.output
