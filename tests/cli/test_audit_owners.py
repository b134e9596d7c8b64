"""`audit` of a store whose stock a warehouse system owns: what it counts, and how a number that nobody has read is shown."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from channelsync.cli.app import app
from channelsync.clock import SystemClock
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.memory import MemoryWarehouse
from channelsync.testing.standins.serving import Courier, shop_open
from support.store import PROMPT, QUICK, Scene, in_background, memory_shop, write_config

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def call(scene: Scene, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "-c", str(scene.file)])


def said(scene: Scene, *arguments: str, code: int = 0) -> Any:
    result = call(scene, *arguments, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@asynccontextmanager
async def warehouse_and_shop(folder: Path) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        courier = Courier()
        stack.push_async_callback(courier.close)
        house = MemoryWarehouse(SystemClock(), random.Random(1), name="house")
        house.stock([Item(f"SKU-{number}", 10) for number in (1, 2, 3)])
        shop = memory_shop(courier, "shop")
        urls = {each.name: await stack.enter_async_context(shop_open(each)) for each in (house, shop)}
        tables = {
            "house": {**house.settings(urls["house"]), **QUICK, **PROMPT, "locations": {"store": "main"}},
            "shop": {**shop.settings(urls["shop"]), **QUICK, **PROMPT},
        }
        yield Scene(write_config(folder, tables, opening="house"), {"house": house, "shop": shop})


@pytest.fixture
def owned(tmp_path: Path) -> Iterator[Scene]:
    with in_background(warehouse_and_shop(tmp_path)) as scene:
        said(scene, "apply", "--yes")
        yield scene


def test_on_hand_against_the_warehouse(owned: Scene) -> None:
    assert said(owned, "audit")["findings"] == []
    shown = call(owned, "audit").output
    assert "house: on hand of 3 SKUs at its locations compared" in shown
    assert "shop: 3 numbers and 0 listed orders compared" in shown
    place = owned.shops["house"].place("SKU-2")  # type: ignore[attr-defined]
    place.units, place.changed_at = 4, place.changed_at - timedelta(days=1)
    [only] = said(owned, "audit", code=1)["findings"]
    assert (only["by"], only["what"], only["where"]) == ("house", "physical", "SKU-2, location main")
    assert (only["expected"], only["found"]) == ("10", "4")
    said(owned, "sync")
    assert said(owned, "audit")["findings"] == [], "it was asked for by name"
    assert said(owned, "stock", "show", "SKU-2")["levels"][0]["on_hand"] == 4
