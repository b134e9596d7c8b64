"""`orders`: listed, shown, and told where they are shipped from."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from channelsync.clock import SystemClock
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.memory import MemoryStandIn
from channelsync.testing.standins.serving import shop_open
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from cli.test_commands import call, said
from support.store import Scene, in_background, two_shops, write_config
from support.woocommerce_api import Api, number, run

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

PLACES = """
[routing]
enabled = true
[locations.main]
latitude = 48.14
longitude = 11.58
[locations.annex]
priority = 1
latitude = 52.52
longitude = 13.40
"""

BY_COUNTRY = """
[routing]
enabled = true
[locations.main]
[locations.annex]
priority = 1
postcodes = ["DE-10"]
"""
BOTH = 'locations = { "" = ["main", "annex"] }'


def opened(scene: Scene) -> None:
    """The first plan is accepted, five of SKU-1 are at annex, and what is ordered now is from after that."""
    said("apply", "--yes", scene=scene)
    said("stock", "receive", "SKU-1", "5", "--location", "annex", scene=scene)
    time.sleep(1)  # shops tell times in whole seconds: an order of the second of the opening may be from before it


@pytest.fixture
def routed(tmp_path: Path) -> Iterator[tuple[Scene, str]]:
    """Two shops, ten of SKU-1 at main, and five at annex, which is nearer to an order of two for Berlin."""
    with in_background(two_shops(tmp_path)) as scene:
        text = scene.file.read_text()
        for name in ("east", "west"):
            text = text.replace(f"[channels.{name}]", f'[channels.{name}]\nlocation = "main"')
        scene.file.write_text(text + PLACES)
        opened(scene)
        shop = scene.shops["east"]
        assert isinstance(shop, MemoryStandIn)
        ref = shop.buy({"SKU-1": 2})
        shop.send_to(ref, "DE", "BE", "10115")
        said("sync", "east", scene=scene)
        yield scene, ref


def test_an_order_is_shown_explained_and_moved(routed: tuple[Scene, str]) -> None:
    scene, ref = routed
    explained = call("orders", "route", ref, "--explain", scene=scene).stdout
    assert f"order {ref.removeprefix('order-')} of east, to DE BE 10115" in explained
    assert "+ annex: is 2 km away; ships line SKU-1" in explained
    assert "- main: is 505 km away; has it all; annex comes first: 2 km against 505 km" in explained
    assert said("orders", "route", ref, "--explain", scene=scene)["lines"][0]["location"] == "annex"
    moved = call("orders", "route", ref, "--to", "main", "--reason", "van", scene=scene)
    assert moved.exit_code == 0
    assert f"order {ref} of east: shipped from main: by hand: van" in moved.stdout
    assert said("stock", "show", "SKU-1", scene=scene)["levels"][0]["available"] == 8
    anew = said("orders", "route", ref, "--key", "k1", scene=scene)
    assert (anew["lines"][0]["before"], anew["lines"][0]["location"], anew["repeat"]) == ("main", "annex", False)
    assert said("orders", "route", ref, "--key", "k1", scene=scene)["repeat"] is True
    shown = call("orders", "show", ref, scene=scene).stdout
    assert "annex" in shown
    assert "one parcel, from annex" in shown
    assert shown.count(f"order {ref.removeprefix('order-')} of east") == 1
    assert said("orders", "show", ref, scene=scene)["order"]["lines"][0]["location"] == "annex"
    assert said("orders", "route", ref, "--explain", scene=scene)["decisions"][1]["actor"].startswith("cli")
    shop = scene.shops["east"]
    assert isinstance(shop, MemoryStandIn)
    shop.ship(ref)
    said("sync", "east", scene=scene)
    explained = call("orders", "route", ref, "--explain", scene=scene).stdout
    assert "what was considered was forgotten with where the order went" in explained
    assert "km away" not in explained


def test_orders_are_listed_as_before_and_by_name(routed: tuple[Scene, str]) -> None:
    scene, ref = routed
    assert [row["ref"] for row in said("orders", scene=scene)] == [row["ref"] for row in said("orders", "list", scene=scene)] == [ref]
    assert said("orders", "--channel", "west", scene=scene) == said("orders", "list", "--channel", "west", scene=scene) == []


def test_what_cannot_be_is_said(routed: tuple[Scene, str]) -> None:
    scene, ref = routed
    for asked, code, why in (
        (("orders", "route", "none"), 1, "no channel has told of an order 'none'"),
        (("orders", "show", "none", "--channel", "east"), 1, "'east' has told of no order 'none'"),
        (("orders", "route", ref, "--channel", "nope"), 1, "there is no channel 'nope'"),
        (("orders", "route", ref, "--to", "atlantis"), 1, "no location 'atlantis'"),
        (("orders", "route", ref, "--to", "main", "--line", "none"), 1, "holds nothing"),
        (("orders", "route", ref, "--explain", "--to", "main"), 2, "only tells how it is"),
    ):
        result = call(*asked, scene=scene)
        assert result.exit_code == code, asked
        assert why in " ".join(result.stderr.split()), asked


@pytest.mark.parametrize(
    ("feeds", "numbers"),
    [
        ('location = "main"', {"before": 10, "sold": 8, "routed": 10, "by hand": 8}),
        (BOTH, {"before": 15, "sold": 13, "routed": 13, "by hand": 13}),
    ],
    ids=["main alone", "both"],
)
def test_what_a_shop_shows_hangs_on_what_feeds_it_not_on_what_may_ship(tmp_path: Path, feeds: str, numbers: dict[str, int]) -> None:
    """The example of docs/routing.md, What a shop shows, and its table."""
    example = (Path(__file__).parents[2] / "docs" / "routing.md").read_text(encoding="utf-8")
    assert f"| `{feeds}` | {' | '.join(str(number) for number in numbers.values())} |" in example
    with in_background(two_shops(tmp_path)) as scene:
        text = scene.file.read_text().replace("[channels.west]", '[channels.west]\nlocation = "main"').replace("safety_stock = 2", "")
        scene.file.write_text(text.replace("[channels.east]", f"[channels.east]\n{feeds}") + PLACES)
        shop, other = scene.shops["east"], scene.shops["west"]
        assert isinstance(shop, MemoryStandIn)
        opened(scene)
        said("sync", scene=scene)
        shown = {"before": shop.shows("SKU-1")}
        ref = shop.buy({"SKU-1": 2})
        shop.send_to(ref, "DE", "BE", "10115")
        shown["sold"] = shop.shows("SKU-1")
        said("sync", scene=scene)
        shown["routed"] = shop.shows("SKU-1")
        assert (said("orders", "route", ref, "--explain", scene=scene)["lines"][0]["location"], other.shows("SKU-1")) == ("annex", 10)
        said("orders", "route", ref, "--to", "main", scene=scene)
        said("sync", scene=scene)
        shown["by hand"] = shop.shows("SKU-1")
        assert (shown, other.shows("SKU-1")) == (numbers, 8)


@asynccontextmanager
async def woo_shop(folder: Path) -> AsyncIterator[Scene]:
    shop = WooCommerceStandIn(SystemClock(), random.Random(1), name="woo")
    shop.stock([Item("SKU-1", 10)])
    async with shop_open(shop) as url:
        keys = {"visibility_lag_seconds": 0, "overlap_seconds": 2, "timeout_seconds": 5.0, "allow_private_hosts": True}
        yield Scene(write_config(folder, {"woo": {**shop.settings(url), **keys, "location": "main"}}, opening="woo"), {"woo": shop})


def test_an_order_of_woocommerce_leaves_from_where_it_is_near(tmp_path: Path) -> None:
    """Placed over the shop's own API, read by the connector: nothing of it is made for the test but the shop."""
    with in_background(woo_shop(tmp_path)) as scene:
        scene.file.write_text(scene.file.read_text() + BY_COUNTRY)
        shop = scene.shops["woo"]
        assert isinstance(shop, WooCommerceStandIn)
        opened(scene)
        line, api = {"product_id": number(shop, "SKU-1"), "quantity": 2}, Api(shop)
        refs = []
        for to in ({"country": "DE", "state": "DE-BE", "postcode": "10115"}, {"country": "AT", "state": "", "postcode": "1010"}):
            body = {"status": "processing", "line_items": [line], "shipping": to}
            refs.append(str(run(api.ask("POST", "/orders", body, expect=201))["id"]))
        said("sync", "woo", scene=scene)
        found = [said("orders", "route", ref, "--explain", scene=scene) for ref in refs]
        assert [each["lines"][0]["location"] for each in found] == ["annex", "main"]
        assert (found[0]["to"]["country"], found[0]["to"]["postcode"]) == ("DE", "10115")
