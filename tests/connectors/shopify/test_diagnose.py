"""Each fault that is planted in a shop is found under its own code, with a remedy that names the thing to do; a healthy shop gives none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from channelsync.contract import Diagnosis, Setup, Severity
from channelsync.errors import Unavailable
from channelsync.testing.standins.base import Faults, Item
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.standins.shopify.shop import SCOPES
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_shopify.connector import Shopify
from support.shopify import connected, run, stand_in

URL = "https://hub.test/webhooks/shop"
PLACES = ("Warehouse", "Window")


def without(*scopes: str) -> list[str]:
    return [scope for scope in SCOPES if not any(part in scope for part in scopes)]


def found(
    shop: ShopifyStandIn,
    clock: VirtualClock,
    /,
    *,
    subscribed: bool = True,
    mapped: tuple[str, ...] | None = None,
    url: str | None = URL,
    off: timedelta = timedelta(0),
    before: Callable[[ShopifyStandIn], None] | None = None,
    **settings: Any,
) -> list[Diagnosis]:
    async def main() -> list[Diagnosis]:
        async with connected(shop, clock) as sound:
            if subscribed:
                await sound.subscribe(URL)
        if before:
            before(shop)
        async with connected(shop, clock, **settings) as connector:
            assert isinstance(connector, Shopify)
            places = shop.places() if mapped is None else mapped
            return list(await connector.diagnose(Setup(url, places, clock.now() + off)))

    return run(main(), clock)


def codes(diagnoses: list[Diagnosis]) -> dict[str, Diagnosis]:
    return {each.code: each for each in diagnoses}


@pytest.mark.parametrize("dials", [{}, {"locations": PLACES}, {"login": "client_credentials"}])
def test_a_healthy_shop_gives_no_finding(dials: dict[str, Any]) -> None:
    clock = VirtualClock()
    assert found(stand_in(clock, **dials), clock) == []


def test_without_webhooks_nothing_is_said_about_them() -> None:
    clock = VirtualClock()
    assert found(stand_in(clock), clock, subscribed=False, url=None) == []


def other_address(shop: ShopifyStandIn) -> None:
    for hook in shop.hooks.subscriptions.values():
        hook.uri = "https://old.test/webhooks/shop"


def old_version(shop: ShopifyStandIn) -> None:
    for hook in shop.hooks.subscriptions.values():
        hook.api_version = {"handle": "2026-04", "displayName": "2026-04", "supported": True}


def never_sells_out(shop: ShopifyStandIn) -> None:
    shop.variant("MUG").inventory_policy = "CONTINUE"


def same_sku(shop: ShopifyStandIn) -> None:
    shop.variant("MUG").inventory_item.sku = "CUP"


def no_sku(shop: ShopifyStandIn) -> None:
    shop.variant("MUG").inventory_item.sku = None


CASES: list[tuple[str, str, Severity, dict[str, Any], dict[str, Any]]] = [
    ("credentials", "access_token", Severity.ERROR, {}, {"access_token": "shpat_nobody"}),
    ("api-version", "api_version", Severity.ERROR, {}, {"before": lambda shop: shop.retire("2026-07")}),
    ("other-shop", "correct shop", Severity.ERROR, {}, {"shop": "another.myshopify.com"}),
    ("scope-missing", "access scopes", Severity.ERROR, {"scopes": without("write_inventory")}, {}),
    ("scope-missing", "shop_location", Severity.ERROR, {"scopes": without("fulfillment_orders"), "locations": PLACES}, {}),
    ("orders-60-days", "read_all_orders", Severity.WARNING, {"scopes": without("read_all_orders")}, {}),
    ("returns-unseen", "read_returns", Severity.NOTE, {"scopes": without("read_returns")}, {}),
    ("protected-data", "protected customer data", Severity.ERROR, {"orders_protected": True}, {}),
    ("clock-skew", "NTP", Severity.WARNING, {}, {"off": timedelta(minutes=3)}),
    ("clock-skew", "NTP", Severity.WARNING, {}, {"off": -timedelta(minutes=3)}),
    ("low-limit", "poll_seconds", Severity.WARNING, {"restore_rate": 20}, {}),
    ("location-unknown", "Warehouse", Severity.ERROR, {}, {"mapped": ("gid://shopify/Location/1",), "shop_location": None}),
    ("webhook-url", "public_url", Severity.ERROR, {}, {"url": "http://hub.test/webhooks/shop"}),
    ("webhook-secret", "webhook_secrets", Severity.ERROR, {}, {"webhook_secrets": []}),
    ("webhook-missing", "makes them again", Severity.WARNING, {}, {"before": ShopifyStandIn.switch_off_hooks}),
    ("webhook-elsewhere", "delete them there", Severity.WARNING, {}, {"before": other_address}),
    ("webhook-version", "webhook API version", Severity.WARNING, {}, {"before": old_version}),
    ("untracked", "Track quantity", Severity.NOTE, {}, {"before": lambda shop: shop.untrack("MUG")}),
    ("overselling", "Continue selling", Severity.WARNING, {}, {"before": never_sells_out}),
    ("duplicate-sku", "its own SKU", Severity.WARNING, {}, {"before": same_sku}),
    ("sku-missing", "listings link", Severity.NOTE, {}, {"before": no_sku}),
]


@pytest.mark.parametrize(("code", "remedy", "severity", "dials", "more"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)])
def test_a_planted_fault_is_found(code: str, remedy: str, severity: Severity, dials: dict[str, Any], more: dict[str, Any]) -> None:
    clock = VirtualClock()
    said = codes(found(stand_in(clock, **dials), clock, **more))
    assert code in said, said
    assert said[code].severity is severity
    assert remedy in said[code].remedy


def test_each_missing_scope_is_a_finding_of_its_own() -> None:
    clock = VirtualClock()
    shop = stand_in(clock, scopes=("read_products", "read_inventory", "read_all_orders", "read_returns"))
    missing = {each.where for each in found(shop, clock) if each.code == "scope-missing"}
    assert missing == {"write_inventory", "read_locations", "read_orders"}


def test_a_location_that_holds_stock_and_is_not_mapped_is_shown_with_the_line_to_add() -> None:
    clock = VirtualClock()
    shop = stand_in(clock, Item("MUG", 4, at=(("Window", 6),)), locations=PLACES)
    said = codes(found(shop, clock, mapped=shop.places()[:1]))
    assert set(said) == {"location-unmapped"}
    assert said["location-unmapped"].where == shop.places()[1]
    assert f'locations = {{ "{shop.places()[1]}" =' in said["location-unmapped"].remedy


def test_an_empty_location_that_is_not_mapped_is_nobodys_trouble() -> None:
    clock = VirtualClock()
    shop = stand_in(clock, locations=PLACES)
    assert found(shop, clock, mapped=shop.places()[:1]) == []


def test_a_mapped_location_that_was_deactivated_is_an_error() -> None:
    clock = VirtualClock()
    shop = stand_in(clock, locations=PLACES)
    said = codes(found(shop, clock, before=lambda each: each.deactivate(each.places()[1])))
    assert said["location-inactive"].severity is Severity.ERROR
    assert "activate it" in said["location-inactive"].remedy


def test_a_bucket_too_small_for_a_page_is_an_error() -> None:
    clock = VirtualClock()
    shop = stand_in(clock)

    def shrink(_: ShopifyStandIn) -> None:
        shop.bucket.size = shop.bucket.level = 700

    assert codes(found(shop, clock, before=shrink))["low-limit"].severity is Severity.ERROR


def test_a_shop_that_does_not_answer_is_no_finding() -> None:
    clock = VirtualClock()
    shop = stand_in(clock, faults=Faults(server_error_before=1.0))
    with pytest.raises(Unavailable):
        found(shop, clock, subscribed=False)
