"""check(): the shop's own identity, and every way in which it is not the shop we think."""

from __future__ import annotations

import pytest

from channelsync.contract import HttpResponse, Identity
from channelsync.errors import Misunderstood, Unauthorized
from support.shopify import LOCATION, SCOPES, answer, health, page, replayed, run


def places(*names: str) -> HttpResponse:
    rows = [{"id": f"gid://shopify/Location/{number}", "name": name, "isActive": name != "Closed"} for number, name in enumerate(names, 1)]
    return answer({"locations": page(rows)})


def test_the_shop_says_who_it_is() -> None:
    shop, _ = replayed(health())
    found = run(shop.check())
    assert found == Identity("gid://shopify/Shop/7", "Example", found.facts)
    assert found.facts["domain"] == "example.myshopify.com"
    assert found.facts["scopes"].split() == sorted(SCOPES)


def test_missing_scopes_are_named() -> None:
    shop, _ = replayed(health(scopes=("read_products", "read_inventory", "read_locations")))
    with pytest.raises(Unauthorized, match="write_inventory, read_orders"):
        run(shop.check())


def test_a_write_scope_includes_its_read_scope() -> None:
    shop, _ = replayed(health(scopes=("write_products", "write_inventory", "read_locations", "write_orders")))
    assert run(shop.check()).shop


def test_another_version_that_answers_is_alarming() -> None:
    shop, _ = replayed(health(served="2026-10"))
    with pytest.raises(Unauthorized, match=r"2026-07 was asked for, 2026-10 answered"):
        run(shop.check())
    shop, _ = replayed(health(versions=("2026-10",)))
    with pytest.raises(Unauthorized, match="a release that knows one of 2026-10"):
        run(shop.check())


def test_another_shop_that_answers_is_alarming() -> None:
    shop, _ = replayed(health(domain="other.myshopify.com"))
    with pytest.raises(Misunderstood, match=r"other\.myshopify\.com answers"):
        run(shop.check())


def test_locations_are_told_with_their_names_and_a_shop_without_any_is_alarming() -> None:
    shop, _ = replayed(health(), places("Warehouse", "Window", "Closed"), shop_location=None)
    with pytest.raises(Unauthorized, match="read_merchant_managed_fulfillment_orders"):
        run(shop.check())
    shop, _ = replayed(places("Warehouse", "Window", "Closed"), shop_location=None)
    found = run(shop.locations())
    assert [(place.ref.rpartition("/")[2], place.name, place.active) for place in found] == [
        ("1", "Warehouse", True),
        ("2", "Window", True),
        ("3", "Closed", False),
    ]
    shop, _ = replayed(health(), places("Closed"), shop_location=None)
    with pytest.raises(Misunderstood, match="no active location"):
        run(shop.check())


def test_a_chosen_location_is_the_only_one_told() -> None:
    shop, _ = replayed(places("Warehouse", "Window"), shop_location="gid://shopify/Location/2")
    assert [place.name for place in run(shop.locations())] == ["Window"]


def test_traits_follow_the_settings() -> None:
    shop, _ = replayed(visibility_lag_seconds=90, write_drains_seconds=30)
    assert shop.traits.visibility_lag.total_seconds() == 90
    assert shop.traits.write_drains_within.total_seconds() == 30
    assert shop.traits.key_memory is not None
    assert shop.traits.key_memory.total_seconds() < 24 * 3600
    assert (shop.traits.carrier, shop.traits.atomic, shop.traits.withholds) == ("compare_and_set", True, False)
    assert LOCATION.startswith("gid://")
