"""Where orders go, as each platform spells it; the conformance suite looks after what must not be told."""

from __future__ import annotations

import math
from typing import Any

import pytest

from channelsync.contract import OrderSnapshot, ShipTo, ship_to
from channelsync.testing.standins.base import Item
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_bigcommerce.rules import Rules
from channelsync_bigcommerce.snapshot import Habits, RawLine
from channelsync_bigcommerce.snapshot import snapshot as bigcommerce_snapshot
from channelsync_moysklad.snapshot import Positions, order_snapshot
from channelsync_woocommerce.orders import FIELDS
from channelsync_woocommerce.snapshot import snapshot as woocommerce_snapshot
from support import moysklad, shopify, woocommerce

STAMP = "2026-11-20T10:00:00"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (("de", " Berlin ", "10115"), ShipTo("DE", "Berlin", "10115")),
        (("DE", "BE", "10115", 52.530812, 13.384567), ShipTo("DE", "BE", "10115", 52.53, 13.38)),
        (("DE", None, None, "52.530812", "13.384567"), ShipTo("DE", "", "", 52.53, 13.38)),
        (("DEU", "BE", 10115), ShipTo("", "BE", "")),
        (("D1", "", ""), None),
        (("DE", "B\x00E", "10115\n"), ShipTo("DE", "", "10115")),
        (("DE", "x" * 65, "1" * 17), ShipTo("DE")),
        (("DE", "", "", 52.5, None), ShipTo("DE")),
        (("DE", "", "", 90.1, 13.0), ShipTo("DE")),
        (("DE", "", "", math.nan, math.inf), ShipTo("DE")),
        (("DE", "", "", 0.0, 0.0), ShipTo("DE")),
        (("DE", "", "", True, True), ShipTo("DE")),
        (("DE", "", "", "1e999", "-1e999"), ShipTo("DE")),
        (([], {}, ("x",), [], {}), None),
        ((), None),
    ],
)
def test_what_shops_send_is_made_fit(told: tuple[Any, ...], expected: ShipTo | None) -> None:
    assert ship_to(*told) == expected
    assert (
        expected is None or ship_to(expected.country, expected.region, expected.postcode, expected.latitude, expected.longitude) == expected
    )


def _woocommerce(**shipping: Any) -> OrderSnapshot:
    raw = {"id": 7, "status": "processing", "date_created_gmt": STAMP, "date_modified_gmt": STAMP, "line_items": [], "shipping": shipping}
    return woocommerce_snapshot(raw, 60)


def test_woocommerce_tells_state_codes_and_an_order_that_is_not_shipped_has_an_empty_address() -> None:
    assert _woocommerce(country="US", state="CA", postcode="90210").ship_to == ShipTo("US", "CA", "90210")
    assert _woocommerce(country="", state="", postcode="").ship_to is None
    assert woocommerce_snapshot({"id": 7, "date_created_gmt": STAMP, "date_modified_gmt": STAMP, "shipping": ["odd"]}, 60).ship_to is None


def test_woocommerce_is_asked_for_three_fields_of_the_address() -> None:
    assert [name for name in FIELDS.split(",") if "shipping" in name] == ["shipping.country", "shipping.state", "shipping.postcode"]
    assert "billing" not in FIELDS


def _bigcommerce(*addresses: dict[str, Any]) -> OrderSnapshot:
    shipping = [{"id": number, **address, "line_items": []} for number, address in enumerate(addresses, 1)]
    raw = {"id": 9, "status_id": 11, "date_created": "Fri, 20 Nov 2026 10:00:00 +0000", "date_modified": "Fri, 20 Nov 2026 10:00:00 +0000"}
    lines = [RawLine({"id": 1, "variant_id": 5, "quantity": 1}, None), RawLine({"id": 2, "variant_id": 6, "quantity": 1}, "4")]
    habits = Habits(frozenset(range(15)), partial_shipment_lowers=True, default_location="1")
    return bigcommerce_snapshot(
        {**raw, "consignments": {"shipping": shipping}}, lines, Rules(on_placed=True, edits=True, gives_back=True), habits
    )


AUSTIN = {"first_name": "Jane", "city": "Austin", "state": "Texas", "zip": "78701", "country": "United States", "country_iso2": "US"}


def test_bigcommerce_tells_names_of_states_and_of_several_addresses_what_they_have_in_common() -> None:
    assert _bigcommerce(AUSTIN).ship_to == ShipTo("US", "Texas", "78701")
    assert _bigcommerce(AUSTIN, {**AUSTIN, "zip": "75201"}).ship_to == ShipTo("US", "Texas")
    assert _bigcommerce(AUSTIN, {**AUSTIN, "country_iso2": "CA", "state": "Quebec", "zip": "1"}).ship_to is None
    assert _bigcommerce().ship_to is None


def test_bigcommerce_assigns_a_location_to_pickups_alone() -> None:
    first, pickup = _bigcommerce(AUSTIN).lines
    assert (first.location, first.assigned) == ("1", False)
    assert (pickup.location, pickup.assigned) == ("4", True)


def _moysklad(**address: Any) -> OrderSnapshot:
    raw = {"id": "11111111-1111-4111-8111-111111111111", "updated": "2026-11-20 10:00:00.000", "shipmentAddressFull": address}
    return order_snapshot(Positions(raw, []), [], [], (), "code")


def test_moysklad_names_countries_by_links_and_russia_is_known() -> None:
    russia = moysklad.link("country", "9df7c2c3-7782-4c5c-a8ed-1102af611608")
    other = moysklad.link("country", "11111111-1111-4111-8111-111111111111")
    moscow = moysklad.link("region", "00000000-0000-0000-0000-000000000077")
    assert _moysklad(postalCode="125009", country=russia, region=moscow, street="Tverskaya").ship_to == ShipTo("RU", "77", "125009")
    assert _moysklad(postalCode="125009", country=russia).ship_to == ShipTo("RU", "", "125009")
    assert _moysklad(postalCode="125009", region=moscow).ship_to == ShipTo("RU", "77", "125009")
    assert _moysklad(postalCode="10115", country=other).ship_to is None
    assert _moysklad(postalCode="10115").ship_to is None
    assert _moysklad(country="odd", region=7).ship_to is None


def test_shopify_is_asked_only_if_the_settings_say_so() -> None:
    clock = VirtualClock()
    shop = shopify.stand_in(clock, Item("MUG", 10))

    async def told() -> list[ShipTo | None]:
        ref = shop.buy({"MUG": 1})
        shop.send_to(ref, "DE", "BE", "10115")
        await clock.sleep(120)
        found: list[ShipTo | None] = []
        for asked in (False, True):
            async with shopify.connected(shop, clock, destinations=asked) as connector:
                (listed,), _ = await shopify.all_orders(connector)
                found += [listed.ship_to, (await connector.order(ref)).ship_to]
        return found

    assert shopify.run(told(), clock) == [None, None, *[ShipTo("DE", "BE", "10115", 52.53, 13.38)] * 2]


def test_woocommerce_end_to_end() -> None:
    clock = VirtualClock()
    shop = woocommerce.shop(clock)
    shop.stock([Item("MUG", 10)])

    async def told() -> ShipTo | None:
        ref = shop.buy({"MUG": 1})
        shop.send_to(ref, "US", "CA", "90210")
        async with woocommerce.connection(shop, clock) as connector:
            found = await connector.order(ref)
        assert isinstance(found, OrderSnapshot)
        return found.ship_to

    assert clock.run(told()) == ShipTo("US", "CA", "90210")
