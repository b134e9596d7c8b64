"""The shops' backorder switches as a person meets them: planned, turned by `sync`, shown by `explain` and `listings`. Real shops on loopback."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from channelsync.cli.app import app
from channelsync.clock import SystemClock
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.serving import shop_open
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from support.store import Scene, in_background, write_config

KEYS = {"visibility_lag_seconds": 0, "overlap_seconds": 2, "timeout_seconds": 5.0, "allow_private_hosts": True}


@asynccontextmanager
async def _shops(folder: Path) -> AsyncIterator[Scene]:
    """woo turns its switches, sho only reads them; MUG is sold on at 0 by both, CUP by neither."""
    clock = SystemClock()
    woo = WooCommerceStandIn(clock, random.Random(1), name="woo")
    sho = ShopifyStandIn(clock, random.Random(2), name="sho")
    async with AsyncExitStack() as stack:
        tables, shops = {}, dict[str, Any](woo=woo, sho=sho)
        for name, shop in shops.items():
            shop.stock([Item("MUG", 5), Item("CUP", 5)])
            shop.set_sells_on("MUG", on=True)
            tables[name] = {**shop.settings(await stack.enter_async_context(shop_open(shop))), **KEYS}
        tables["woo"]["backorder_switch"] = "write"
        yield Scene(write_config(folder, tables, database=f"sqlite:///{folder}/acme.db", opening="woo"), shops)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with in_background(_shops(tmp_path)) as scene:
        yield scene


def call(*arguments: str, scene: Scene) -> str:
    result = CliRunner().invoke(app, [*arguments, "-c", str(scene.file)])
    assert result.exit_code == 0, result.output
    return result.output


def planned(scene: Scene) -> list[tuple[str, str, bool]]:
    found = json.loads(call("plan", "--json", scene=scene))["switches"]
    return [(each["channel"], each["sku"], each["sells_on"]) for each in found]


def switches(scene: Scene) -> dict[str, tuple[bool, bool]]:
    shops: dict[str, Any] = dict(scene.shops)
    return {name: (shop.sells_on("MUG"), shop.sells_on("CUP")) for name, shop in shops.items()}


def test_day_one_shows_what_would_be_turned_and_then_it_is(scene: Scene) -> None:
    assert planned(scene) == [("woo", "MUG", False)]
    assert "Backorder switches to turn" in call("plan", scene=scene)
    assert switches(scene) == {"woo": (True, False), "sho": (True, False)}
    call("apply", "--yes", scene=scene)
    assert switches(scene) == {"woo": (False, False), "sho": (True, False)}
    assert planned(scene) == []


def test_a_new_policy_is_shown_and_carried_out_where_it_is_asked_for(scene: Scene) -> None:
    call("apply", "--yes", scene=scene)
    call("stock", "backorder", "CUP", "allow", scene=scene)
    assert planned(scene) == [("woo", "CUP", True)]
    assert "at 0 the shop stops selling it, and should go on" in call("explain", "CUP", "--channel", "woo", scene=scene)
    call("sync", scene=scene)
    assert switches(scene) == {"woo": (False, True), "sho": (True, False)}
    assert "at 0 the shop goes on selling it\n" in call("explain", "CUP", "--channel", "woo", scene=scene)
    assert "at 0 the shop goes on selling it, and should stop" in call("explain", "MUG", "--channel", "sho", scene=scene)
    shown = json.loads(call("listings", "match", "--dry-run", "--json", scene=scene))["problems"]
    assert {each["kind"]: [(item["channel"], item["sku"]) for item in each["items"]] for each in shown} == {
        "oversells": [("sho", "MUG")],
        "stops": [("sho", "CUP")],
    }


def test_a_shop_that_is_only_looked_at_is_told_so(scene: Scene) -> None:
    scene.file.write_text(scene.file.read_text().replace("[channels.woo]", '[channels.woo]\nmode = "shadow"'))
    call("apply", "--yes", scene=scene)
    assert switches(scene)["woo"] == (True, False)
    assert "woo: mode is shadow, so none of its switches is turned" in call("plan", scene=scene)
