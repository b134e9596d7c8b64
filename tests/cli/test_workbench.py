"""The workbench as a person uses it: what would be linked, what is wrong, linking by hand, and a sale that waited for it."""

from __future__ import annotations

import io
import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import text
from typer.testing import CliRunner, Result

from channelsync.cli import progress as room
from channelsync.cli.app import app
from channelsync.cli.planning import ROWS_SHOWN, _show
from channelsync.clock import SystemClock
from channelsync.ledger.database import open_database
from channelsync.ledger.openings import SECTIONS
from channelsync.ledger.planned import Blocked
from channelsync.shell.spool import Long, Spool
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.memory import MemoryStandIn
from channelsync.testing.standins.serving import Courier, shop_open
from support.store import PROMPT, QUICK, Scene, in_background, write_config


@asynccontextmanager
async def _two_shops_that_differ(folder: Path) -> AsyncIterator[Scene]:
    """west writes two of east's three SKUs otherwise."""
    courier = Courier()
    east, west = (MemoryStandIn(SystemClock(), random.Random(name), deliver=courier.deliver, name=name) for name in ("east", "west"))
    east.stock([Item("MUG", 10), Item("CUP", 10), Item("POT", 10)])
    west.stock([Item("MUG", 10), Item("c up", 10), Item("POTS", 10)])
    async with shop_open(east) as east_url, shop_open(west) as west_url:
        tables = {"east": {**east.settings(east_url), **QUICK, **PROMPT}, "west": {**west.settings(west_url), **QUICK, **PROMPT}}
        yield Scene(write_config(folder, tables, database=f"sqlite:///{folder}/acme.db", opening="east"), {"east": east, "west": west})
    await courier.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with in_background(_two_shops_that_differ(tmp_path)) as scene:
        assert call("apply", "--yes", scene=scene).exit_code == 0
        yield scene


def call(*arguments: str, scene: Scene) -> Result:
    return CliRunner().invoke(app, [*arguments, "-c", str(scene.file)])


def said(*arguments: str, scene: Scene) -> Any:
    result = call(*arguments, "--json", scene=scene)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def problems(scene: Scene) -> dict[str, list[str]]:
    groups = said("listings", "match", "west", "--dry-run", scene=scene)["problems"]
    return {group["kind"]: [item["sku_text"] for item in group["items"]] for group in groups}


def test_what_is_wrong_is_grouped_with_its_remedy_and_never_linked_by_itself(scene: Scene) -> None:
    assert problems(scene) == {"variant": ["c up"], "unknown": ["POTS"]}
    assert said("listings", "match", "west", scene=scene)["read"] == {"west": 3}
    assert problems(scene) == {"variant": ["c up"], "unknown": ["POTS"]}
    shown = call("listings", "match", scene=scene).output
    assert "variant: 1. it differs from a SKU in case or spaces only" in shown
    listed = said("listings", "list", "--problem", "unknown", scene=scene)
    assert [(row["channel"], row["sku_text"]) for row in listed["rows"]] == [("west", "POTS")]
    [variant] = said("listings", "list", "--problem", "variant", scene=scene)["rows"]
    assert "'CUP' is: correct the spelling" in variant["reason"]


def test_doctor_names_the_kinds_and_what_may_be_linked_to_the_wrong_sku(scene: Scene) -> None:
    database = open_database(scene.config.store.database)
    with database.begin() as conn:
        conn.execute(text("UPDATE listings SET sku_text = 'POT' WHERE sku_text = 'MUG'"))
    database.dispose()
    result = call("doctor", "--json", scene=scene)
    found = {(each["channel"], each["code"]): each for each in json.loads(result.stdout)}
    assert "(1 variant, 1 unknown)" in found["west", "listings-unlinked"]["what"]
    moved = found["west", "listings-moved"]
    assert moved["severity"] == "warning"
    assert "it now carries the SKU of another article: POT" in moved["what"]
    assert "listings link" in moved["remedy"]


def test_a_sale_of_what_nobody_has_linked_waits_and_is_applied_by_linking(scene: Scene) -> None:
    scene.shops["west"].buy({"POTS": 3})
    said("sync", scene=scene)
    assert said("explain", "POT", scene=scene)["levels"][0]["available"] == 10
    [row] = said("listings", "list", "--problem", "unknown", scene=scene)["rows"]
    linked = said("listings", "link", "west", row["ref"], "POT", scene=scene)
    assert linked["orders_applied"] == 1
    assert said("explain", "POT", scene=scene)["levels"][0]["available"] == 7
    said("sync", scene=scene)
    assert scene.shops["east"].shows("POT") == 5
    assert problems(scene) == {"variant": ["c up"]}


def test_a_problem_goes_with_a_channel_only(scene: Scene) -> None:
    refused = call("listings", "list", "pot", "--problem", "unknown", scene=scene)
    assert refused.exit_code == 2
    assert "--problem goes with --channel only" in " ".join(refused.stderr.split())
    assert "known: east, west" in " ".join(call("listings", "match", "nope", "--dry-run", scene=scene).stderr.split())


def test_a_person_sees_how_far_it_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(room, "Console", lambda **_: Console(file=written, force_terminal=True, width=80))
    with room.progress() as tell:
        tell({"channels": {"east": {"read": {"listings": 100}}, "west": {}}})
        tell({"channels": {"east": {"read": {"listings": 1300, "orders": 7}}, "west": {"read": {"numbers": 9, "listings": 1}}}})
    shown = written.getvalue()
    assert "listings read" in shown
    assert "1,201" in shown, "what came since the command began"


def test_a_plan_of_very_many_names_the_first_and_counts_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    spool = Spool(SECTIONS)
    for number in range(ROWS_SHOWN + 5):
        spool.add("blocked", Blocked("east" if number < ROWS_SHOWN else "west", f"listing-{number:03}", None, "why"))
    _show(Long(spool, {"opens": [], "unchanged": 7, "troubles": {}}), frozenset({"west"}))
    shown = capsys.readouterr().out
    assert "and 5 more; --json names them all" in shown
    assert f"listing-{ROWS_SHOWN - 1}" in shown
    assert f"listing-{ROWS_SHOWN}" not in shown
