"""What a person sees and does about channels that wait, stand still or were stopped: status, pause, resume, aside."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from channelsync.cli.app import app
from channelsync.ledger.database import open_database
from support.store import Scene, in_background, shops_and_daemon, two_shops, until, until_shown, up

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

STRICT = "\nguard = { zero_share = 0.3, least = 1 }\n"


def call(scene: Scene, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "-c", str(scene.file)])


def said(scene: Scene, *arguments: str) -> Any:
    result = call(scene, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def channel(scene: Scene, name: str) -> Any:
    return next(view for view in said(scene, "status")["channels"] if view["name"] == name)


def wait(condition: Callable[[], bool]) -> None:
    """Commands have an event loop of their own, so a test that waits for what they say has none."""
    for _ in range(150):
        if condition():
            return
        time.sleep(0.1)
    assert condition()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Scene]:
    """Two shops whose first plan is applied, east under a strict guard, and no daemon."""
    with in_background(two_shops(tmp_path)) as scene:
        words = scene.file.read_text()
        scene.file.write_text(words.replace("[channels.east]", f"[channels.east]{STRICT}"))
        assert call(scene, "apply", "--yes").exit_code == 0
        yield scene


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Scene]:
    with in_background(shops_and_daemon(tmp_path)) as scene:
        yield scene


def test_status_without_a_daemon_tells_what_the_ledger_knows(alone: Scene) -> None:
    shown = call(alone, "status").output
    assert "daemon: not running" in shown
    assert "east: live" in shown
    east = channel(alone, "east")
    assert east["freshness"]["writes_per_minute"] > 0
    assert east["freshness"]["backlog"] == 0
    assert east["freshness"]["last_push"] is not None
    assert east["freshness"]["last_reading"] is not None


def test_the_guard_stops_a_channel_until_its_change_is_accepted(alone: Scene) -> None:
    said(alone, "stock", "count", "SKU-1", "0")
    said(alone, "sync")
    assert (alone.shops["east"].shows("SKU-1"), alone.shops["west"].shows("SKU-1")) == (8, 0)
    east = channel(alone, "east")
    assert (east["state"], east["paused_kind"]) == ("paused", "guard")
    assert "1 of 3 numbers would become 0 (SKU-1)" in east["reason"]
    assert "--accept" in east["ends"]
    refused = call(alone, "resume", "east")
    assert refused.exit_code == 1
    assert "1 of 3 numbers would become 0" in " ".join(refused.stderr.split())
    everything = call(alone, "resume", "--accept")
    assert everything.exit_code == 2
    assert "name the channel" in everything.stderr
    accepted = call(alone, "resume", "east", "--accept")
    assert "let through: 1 of 3 numbers would become 0 (SKU-1)" in " ".join(accepted.output.split())
    said(alone, "sync")
    assert alone.shops["east"].shows("SKU-1") == 0
    said(alone, "stock", "count", "SKU-2", "0")
    said(alone, "sync")
    assert channel(alone, "east")["paused_kind"] == "guard", "another change is another question"


def test_resuming_all_goes_on_with_those_that_may_and_names_the_others(alone: Scene) -> None:
    said(alone, "stock", "count", "SKU-1", "0")
    said(alone, "sync")
    said(alone, "pause", "west")
    result = call(alone, "resume")
    assert result.exit_code == 1
    words = " ".join(result.stderr.split())
    assert "resumed: west" in words
    assert "east was stopped by the guard" in words
    assert channel(alone, "west")["state"] == "live"


def test_the_panic_switch_outlives_a_restart(tmp_path: Path) -> None:
    async def story() -> None:
        async with two_shops(tmp_path) as scene:
            async with up(scene):
                await scene.ask("apply")
                await until_shown(scene, "west", "SKU-1", 8)
                assert await scene.ask("pause", reason="fire") == {"east": True, "west": True}
            async with up(scene):
                await scene.ask("stock.receive", sku="SKU-1", location="main", quantity=5)
                scene.shops["east"].buy({"SKU-1": 1})

                async def seen() -> bool:
                    live = await scene.ask("plan", look=False)
                    return all(write["target"] == 12 for write in live["writes"] if write["sku"] == "SKU-1")

                await until(seen)
                assert scene.shops["west"].shows("SKU-1") == 8, "orders are read, nothing is written"
                await scene.ask("resume")
                await until_shown(scene, "west", "SKU-1", 12)

    asyncio.run(story())


def test_webhooks_in_status_and_a_wrong_secret_apart_from_them(running: Scene) -> None:
    wait(lambda: (channel(running, "west")["webhooks"] or {}).get("ours") == 3)
    running.shops["west"].buy({"SKU-1": 1})
    wait(lambda: channel(running, "west")["webhooks"]["delivered_at"] is not None)
    shown = call(running, "status").output
    assert "webhooks: 3 topics" in shown
    assert "wrong signature" not in shown


def test_what_is_aside_is_grouped_and_tried_again(running: Scene) -> None:
    page = said(running, "listings", "list", "--channel", "west")
    ref = page["rows"][0]["ref"]
    said(running, "listings", "unlink", "west", ref)
    for _ in range(2):
        running.shops["west"].buy({"SKU-1": 1})
    wait(lambda: sum(group["count"] for group in said(running, "aside", "list", "west")) == 2)
    [group] = said(running, "aside", "list")
    assert (group["channel"], group["kind"], group["count"]) == ("west", "line", 2)
    assert said(running, "aside", "retry", "west", "--reason", "something else") == {"tried": 0, "left": 2, "troubles": {}}
    assert said(running, "aside", "retry", "--reason", group["reason"]) == {"tried": 2, "left": 2, "troubles": {}}
    said(running, "listings", "link", "west", ref, "SKU-1")
    assert said(running, "aside", "list") == []


def test_a_refused_number_is_tried_again(alone: Scene) -> None:
    database = open_database(alone.config.store.database)
    with database.begin() as conn:
        conn.execute(text("UPDATE shelves SET aside_at = 1, aside_reason = 'not writable' WHERE channel_id = 2"))
        where = "FROM shelves JOIN listings ON listings.id = shelves.listing_id WHERE shelves.channel_id = 2"
        row = "2, 'shelf', listings.ref || '@' || shelves.location, 'not writable', 1, 1"
        conn.execute(text(f"INSERT INTO set_aside (channel_id, kind, ref, reason, created_at, updated_at) SELECT {row} {where}"))
    database.dispose()
    said(alone, "stock", "receive", "SKU-1", "3")
    said(alone, "sync", "west")
    assert alone.shops["west"].shows("SKU-1") == 8
    assert said(alone, "aside", "retry", "west", "--kind", "shelf") == {"tried": 3, "left": 0, "troubles": {}}
    said(alone, "sync", "west")
    assert alone.shops["west"].shows("SKU-1") == 11
