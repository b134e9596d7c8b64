"""Each fault that is planted in a shop is found under its own code, with a remedy that names the thing to do; a healthy shop gives none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from channelsync.contract import Diagnosis, Setup, Severity
from channelsync.errors import Unavailable
from channelsync.testing.standins.base import Faults
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_woocommerce import connector
from channelsync_woocommerce.findings import of_index
from support.woocommerce import connection

URL = "https://hub.test/webhooks/shop"


def found(
    standin: WooCommerceStandIn,
    clock: VirtualClock,
    *,
    subscribed: bool = True,
    hook_url: str | None = URL,
    off: timedelta = timedelta(0),
    before: Callable[[WooCommerceStandIn], None] | None = None,
    **settings: Any,
) -> list[Diagnosis]:
    async def main() -> list[Diagnosis]:
        async with connection(standin, clock) as sound:
            if subscribed:
                await sound.subscribe(URL)
        if before:
            before(standin)
        async with connection(standin, clock, **settings) as woo:
            return list(await woo.diagnose(Setup(hook_url, (), clock.now() + off)))

    return clock.run(main())


def dial(**values: Any) -> Callable[[WooCommerceStandIn], None]:
    def turn(standin: WooCommerceStandIn) -> None:
        for name, value in values.items():
            setattr(standin.state.dials, name, value)

    return turn


def product(**values: Any) -> Callable[[WooCommerceStandIn], None]:
    def turn(standin: WooCommerceStandIn) -> None:
        for name, value in values.items():
            setattr(next(iter(standin.state.products.values())), name, value)

    return turn


def test_a_healthy_shop_gives_no_finding(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    assert found(standin, clock) == []


def test_without_webhooks_nothing_is_said_about_them(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    assert found(standin, clock, subscribed=False, hook_url=None) == []


def other_address(standin: WooCommerceStandIn) -> None:
    for webhook in standin.state.webhooks.values():
        webhook.delivery_url = "https://old.test/webhooks/shop"


def paused(standin: WooCommerceStandIn) -> None:
    next(iter(standin.state.webhooks.values())).status = "paused"


CASES: list[tuple[str, str, Severity, dict[str, Any]]] = [
    ("credentials", "consumer_key", Severity.ERROR, {"consumer_key": f"ck_{0:040x}"}),
    ("credentials", "consumer_secret", Severity.ERROR, {"consumer_secret": f"cs_{0:040x}"}),
    ("key-read-only", "Read/Write", Severity.ERROR, {"before": dial(permissions="read")}),
    ("stock-management-off", "Enable stock management", Severity.ERROR, {"before": dial(manage_stock=False)}),
    ("hold-minutes", "hold_stock_minutes = 15", Severity.WARNING, {"before": dial(hold_stock_minutes=15), "hold_stock_minutes": 60}),
    ("legacy-orders", "order storage", Severity.NOTE, {"before": dial(hpos=False)}),
    ("cron-off", "wp-cron.php", Severity.WARNING, {"before": dial(wp_cron=False)}),
    ("version-old", "update WooCommerce", Severity.ERROR, {"before": dial(version="5.7.1")}),
    ("other-page", "permalinks", Severity.ERROR, {"before": dial(plain_permalinks=True)}),
    ("other-page", "firewall", Severity.ERROR, {"before": dial(html_page="<html>Checking your browser</html>")}),
    ("other-page", "maintenance", Severity.ERROR, {"before": dial(maintenance=True)}),
    ("cached", "exclude /wp-json/", Severity.WARNING, {"before": dial(cache_age=300)}),
    ("clock-skew", "NTP", Severity.WARNING, {"off": timedelta(minutes=3)}),
    ("clock-skew", "NTP", Severity.WARNING, {"off": -timedelta(minutes=3)}),
    ("no-tls", "https://", Severity.WARNING, {"url": "http://shop.test", "allow_http": True}),
    ("webhook-secret", "webhook_secrets", Severity.ERROR, {"webhook_secrets": []}),
    ("webhook-missing", "the key may write", Severity.WARNING, {"subscribed": False}),
    ("webhook-off", "arms them again", Severity.WARNING, {"before": WooCommerceStandIn.switch_off_hooks}),
    ("webhook-off", "arms them again", Severity.WARNING, {"before": paused}),
    ("webhook-elsewhere", "delete them there", Severity.WARNING, {"before": other_address}),
    ("webhook-port", "http_allowed_safe_ports", Severity.WARNING, {"hook_url": "https://hub.test:9443/webhooks/shop"}),
    ("webhook-plain", "https://", Severity.WARNING, {"hook_url": "http://hub.test/webhooks/shop"}),
    ("unmanaged", "Track stock quantity", Severity.NOTE, {"before": product(managed=False)}),
    ("backorders", "Do not allow", Severity.WARNING, {"before": product(backorders="notify")}),
    ("duplicate-sku", "its own SKU", Severity.WARNING, {"before": product(sku="CUP")}),
    ("sku-missing", "listings link", Severity.NOTE, {"before": product(sku="")}),
]


@pytest.mark.parametrize(("code", "remedy", "severity", "more"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)])
def test_a_planted_fault_is_found(
    clock: VirtualClock, standin: WooCommerceStandIn, code: str, remedy: str, severity: Severity, more: dict[str, Any]
) -> None:
    said = {each.code: each for each in found(standin, clock, **more)}
    assert code in said, said
    assert said[code].severity is severity
    assert remedy in said[code].remedy


def test_a_fixed_offset_is_worth_a_note() -> None:
    """A shop whose time zone is a city gives none, whatever its offset."""
    settings = connector.settings.model_validate({"url": "https://shop.test", "consumer_key": "ck_1", "consumer_secret": "cs_1"})
    assert [each.code for each in of_index({"gmt_offset": 3, "timezone_string": ""}, settings)] == ["time-zone-offset"]
    assert list(of_index({"gmt_offset": 3, "timezone_string": "Europe/Kyiv"}, settings)) == []
    assert list(of_index({"gmt_offset": 0, "timezone_string": ""}, settings)) == []


def test_wordpress_without_woocommerce_is_an_error() -> None:
    settings = connector.settings.model_validate({"url": "https://shop.test", "consumer_key": "ck_1", "consumer_secret": "cs_1"})
    (only,) = of_index({"namespaces": ["wp/v2"]}, settings)
    assert (only.code, only.severity) == ("api-off", Severity.ERROR)
    assert "activate WooCommerce" in only.remedy


def test_a_checkup_changes_nothing(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    found(standin, clock)
    assert standin.changes == []
    assert (standin.shows("MUG"), standin.shows("CUP")) == (10, 5)


def test_a_shop_that_does_not_answer_is_no_finding(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    standin.faults = Faults(drop_before=1.0)
    with pytest.raises(Unavailable):
        found(standin, clock, subscribed=False)
