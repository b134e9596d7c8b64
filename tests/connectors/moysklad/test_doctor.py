"""What `doctor` finds: each planted fault by its code, and nothing where all is well."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from channelsync.contract import Diagnosis, Role, Setup, Severity
from channelsync.testing.standins.moysklad import MoyskladStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_moysklad import MoyskladConnector
from support.moysklad import tell

HOOKS = "https://us.test/webhooks/ms"
LOST = "00000000-0000-0000-0000-000000000001"
FINE = {"weight", "ships-below-zero"}

Plant = Callable[[MoyskladStandIn], dict[str, Any]]


def dial(**values: Any) -> Plant:
    def plant(shop: MoyskladStandIn) -> dict[str, Any]:
        for name, value in values.items():
            setattr(shop.dials, name, value)
        return {}

    return plant


def goods(sku: str, **fields: Any) -> Plant:
    def plant(shop: MoyskladStandIn) -> dict[str, Any]:
        shop.add_good(sku, **fields)
        return {}

    return plant


def archived(shop: MoyskladStandIn) -> dict[str, Any]:
    shop.state.stores[shop.state.main_store].archived = True
    return {}


def nested(shop: MoyskladStandIn) -> dict[str, Any]:
    stores = [shop.state.main_store]
    shop.add_store("Комната", parent=stores[0])
    return {"stores": stores}


def no_hook(shop: MoyskladStandIn) -> dict[str, Any]:
    del shop.state.hooks[next(iter(shop.state.hooks))]
    return {}


def hooks_off(shop: MoyskladStandIn) -> dict[str, Any]:
    shop.switch_off_hooks()
    return {}


PLANTS: list[tuple[str, Plant]] = [
    ("credentials", lambda shop: {"token": "nobody"}),
    ("stock-permission", dial(stock_permission=False)),
    ("webhook-rights", dial(admin=False)),
    ("not-admin", dial(admin=False)),
    ("store-unknown", lambda shop: {"stores": [LOST]}),
    ("store-archived", archived),
    ("store-nested", nested),
    ("organization-missing", lambda shop: {"organization": None}),
    ("agent-missing", lambda shop: {"agent": None}),
    ("organization-unknown", lambda shop: {"organization": LOST}),
    ("agent-unknown", lambda shop: {"agent": LOST}),
    ("sku-duplicate", goods("MUG")),
    ("sku-empty", goods("")),
    ("goods-marked", goods("CIGARS", marked=True)),
    ("clock-skew", dial(clock_skew_seconds=-7200.0)),
    ("webhook-missing", no_hook),
    ("webhook-disabled", hooks_off),
    ("webhook-secret", lambda shop: {"webhook_secrets": []}),
]


def examined(virtual: VirtualClock, shop: MoyskladStandIn, plant: Plant) -> list[Diagnosis]:
    found: list[Diagnosis] = []

    async def subscribe(ms: MoyskladConnector) -> None:
        await ms.subscribe(HOOKS)

    async def story(ms: MoyskladConnector) -> None:
        found.extend(await ms.diagnose(Setup(HOOKS, (), virtual.now() + timedelta(seconds=0))))

    tell(virtual, shop, subscribe)
    changed = plant(shop)
    tell(virtual, shop, story, Role.AUTHORITY, **changed)
    return found


def test_where_all_is_well_there_are_only_notes(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    found = examined(virtual, shop, lambda shop: {})
    assert {finding.code for finding in found} == FINE
    assert {finding.severity for finding in found} == {Severity.NOTE}
    shop.dials.check_shipping_stock = True
    assert {finding.code for finding in examined(virtual, shop, lambda shop: {})} == {"weight"}


@pytest.mark.parametrize(("code", "plant"), PLANTS, ids=[code for code, _ in PLANTS])
def test_a_planted_fault_is_found_and_has_a_remedy(virtual: VirtualClock, shop: MoyskladStandIn, code: str, plant: Plant) -> None:
    written = len(shop.state.documents)
    found = {finding.code: finding for finding in examined(virtual, shop, plant)}
    assert code in found
    assert found[code].remedy
    assert found[code].what
    others = found.keys() - FINE - {code}
    assert others <= {"webhook-rights", "not-admin"} or code == "credentials", f"besides it there was {others}"
    assert len(shop.state.documents) == written, "doctor writes nothing"
