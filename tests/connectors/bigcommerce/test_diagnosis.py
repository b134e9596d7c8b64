"""What doctor finds: each fault is planted alone, found by its code, and comes with a remedy. A sound store has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from channelsync.contract import Diagnosis, Setup
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from channelsync.testing.standins.bigcommerce.state import SCOPES
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_bigcommerce import BigCommerceConnector
from support.bigcommerce import store, tell

URL = "https://hub.test/webhooks/bc"


@dataclass(frozen=True)
class Case:
    code: str
    where: str = ""
    plant: Callable[[BigCommerceStandIn], object] = lambda _: None
    table: tuple[tuple[str, Any], ...] = ()
    locations: tuple[str, ...] = ("1",)
    url: str | None = URL


def first_hook(standin: BigCommerceStandIn) -> Any:
    return next(iter(standin.state.hooks.values()))


def drop_first_hook(standin: BigCommerceStandIn) -> None:
    del standin.state.hooks[first_hook(standin).id]


def set_dial(name: str, value: Any) -> Callable[[BigCommerceStandIn], None]:
    return lambda standin: setattr(standin.dials, name, value)


def block(standin: BigCommerceStandIn) -> None:
    standin.state.blocked["hub.test"] = standin.clock.monotonic() + 180


def point_elsewhere(standin: BigCommerceStandIn) -> None:
    first_hook(standin).destination = "https://old.test/webhooks/bc"


def twice(standin: BigCommerceStandIn) -> None:
    standin.stock([Item("CUP", 1)])


def with_options(standin: BigCommerceStandIn) -> None:
    standin.add_product("SHIRT", tracking="variant", options=("SHIRT-S",))


ORDERS = "store/order/created"
CASES = [
    Case("token-refused", table=(("access_token", "nobody"),)),
    *(Case("scope-missing", scope, set_dial("scopes", tuple(one for one in SCOPES if one != scope))) for scope in SCOPES),
    Case("clock-skew", plant=set_dial("skew_seconds", 300.0)),
    Case("stock-on-shipping", plant=set_dial("update_stock_behavior", "order_completed_or_shipped")),
    Case("cancel-keeps-stock", plant=set_dial("refund_order_stock_adjustment", False)),
    Case("edit-keeps-stock", plant=set_dial("edit_order_stock_adjustment", False)),
    Case("location-unknown", "9", locations=("1", "9")),
    Case("location-disabled", "2", lambda standin: standin.location("SHOP", enabled=False), locations=("1", "2")),
    Case("location-unmapped", "2", lambda standin: standin.location("SHOP")),
    Case("webhook-url", "https://hub.test:8443/x", url="https://hub.test:8443/x"),
    Case("webhook-secret-missing", table=(("webhook_secrets", []),)),
    Case("signature-unchecked", table=(("client_secret", None),)),
    Case("webhook-missing", ORDERS, drop_first_hook),
    Case("webhook-off", ORDERS, lambda standin: setattr(first_hook(standin), "is_active", False)),
    Case("webhook-secret", ORDERS, lambda standin: setattr(first_hook(standin), "headers", {})),
    Case("webhook-elsewhere", "https://old.test/webhooks/bc", point_elsewhere),
    Case("webhook-blocked", "hub.test", block),
    Case("own-safety-stock", "MUG", lambda standin: setattr(standin.row("MUG"), "safety", 2)),
    Case("not-counted", "MUG", lambda standin: standin.untrack("MUG")),
    Case("duplicate-sku", "CUP", twice),
    Case("no-number-yet", "SHIRT-S", with_options),
]


def diagnosed(clock: VirtualClock, standin: BigCommerceStandIn, case: Case) -> list[Diagnosis]:
    found: list[Diagnosis] = []

    async def ready(bc: BigCommerceConnector) -> None:
        await bc.subscribe(URL)

    async def story(bc: BigCommerceConnector) -> None:
        found.extend(await bc.diagnose(Setup(case.url, case.locations, clock.now())))

    tell(clock, standin, ready)
    case.plant(standin)
    hooks = {number: (hook.is_active, dict(hook.headers)) for number, hook in standin.state.hooks.items()}
    tell(clock, standin, story, **dict(case.table))
    assert {number: (hook.is_active, dict(hook.headers)) for number, hook in standin.state.hooks.items()} == hooks, "it writes nothing"
    return found


def sound(clock: VirtualClock) -> BigCommerceStandIn:
    standin = store(clock)
    standin.stock([Item("MUG", 10), Item("CUP", 5)])
    return standin


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {case.where}".strip())
def test_a_planted_fault_is_found(clock: VirtualClock, case: Case) -> None:
    found = diagnosed(clock, sound(clock), case)
    match = [one for one in found if one.code == case.code and case.where in (one.where, "")]
    assert match, found
    assert all(one.remedy and one.what for one in found)


def test_nothing_is_wrong_with_a_sound_store(clock: VirtualClock) -> None:
    assert diagnosed(clock, sound(clock), Case("nothing")) == []
    assert (clock.now() - clock.start) < timedelta(minutes=1)
