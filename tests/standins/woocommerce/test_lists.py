"""Lists: what they hide, shift, widen and show late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from channelsync.testing.standins.base import Item
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from support.clock import ManualClock
from support.woocommerce import shop
from support.woocommerce_api import Api, run, stamp


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC"])
def test_a_zone_with_the_gmt_flag_is_shifted_by_the_shops_offset(api: Api, standin: WooCommerceStandIn, zone: str) -> None:
    standin.dials.timezone = zone
    standin.buy({"MUG": 1})
    at = standin.clock.now()
    offset = standin.state.offset(at)
    just_before = stamp(at - timedelta(seconds=1))
    spellings: dict[str, dict[str, Any]] = {
        "right": {"modified_after": just_before, "dates_are_gmt": "true"},
        "zone": {"modified_after": just_before + "Z"},
        "zone and flag": {"modified_after": stamp(at - offset - timedelta(seconds=1)) + "Z", "dates_are_gmt": "true"},
        "local": {"modified_after": stamp(at + offset - timedelta(seconds=1))},
    }
    for name, params in spellings.items():
        assert len(run(api.ask("GET", "/orders", **params))) == 1, name
    assert len(run(api.ask("GET", "/orders", modified_after=stamp(at), dates_are_gmt="true"))) == 0
    shifted = run(api.ask("GET", "/orders", modified_after=stamp(at - timedelta(minutes=30)) + "Z", dates_are_gmt="true"))
    assert len(shifted) == (0 if offset > timedelta(minutes=30) else 1)


def test_a_sku_filter_widens_the_list_to_variations(api: Api) -> None:
    parent = run(api.ask("POST", "/products", {"sku": "TEE", "type": "variable"}, expect=201))
    run(api.ask("POST", f"/products/{parent['id']}/variations", {"sku": "TEE-S", "manage_stock": True, "stock_quantity": 2}, expect=201))
    assert {row["sku"] for row in run(api.ask("GET", "/products"))} == {"MUG", "CUP", "TEE"}
    assert {row["sku"] for row in run(api.ask("GET", "/products", sku="tee-s,MUG,NOPE"))} == {"MUG", "TEE-S"}
    run(api.ask("GET", "/products", type="variation", expect=400))
    run(api.ask("GET", "/products", orderby="sku", expect=400))


def test_pages_say_how_many_rows_there_are(api: Api, standin: WooCommerceStandIn) -> None:
    standin.stock([Item(f"S{index}", 1) for index in range(9)])
    rows = run(api.ask("GET", "/products", per_page="4", page="3", orderby="id", order="asc", _fields="id,sku"))
    assert (len(rows), list(rows[0])) == (3, ["id", "sku"])
    assert (api.answers[-1].headers["x-wp-total"], api.answers[-1].headers["x-wp-totalpages"]) == ("11", "3")


def test_a_change_reaches_lists_late_and_by_id_reads_at_once(clock: ManualClock) -> None:
    standin = shop(clock, visibility_lag=30.0)
    standin.stock([Item("MUG", 10)])
    api = Api(standin)
    ref = standin.buy({"MUG": 1})
    assert run(api.ask("GET", "/orders")) == []
    assert run(api.ask("GET", f"/orders/{ref}"))["status"] == "processing"
    clock.advance(30)
    standin.ship(ref)
    assert [row["status"] for row in run(api.ask("GET", "/orders"))] == ["processing"]
    clock.advance(30)
    assert [row["status"] for row in run(api.ask("GET", "/orders"))] == ["completed"]


def test_options_tell_the_statuses_of_plugins(api: Api, standin: WooCommerceStandIn) -> None:
    standin.dials.extra_statuses = ("packed",)
    told = run(api.ask("OPTIONS", "/orders"))
    assert "packed" in told["endpoints"][1]["args"]["status"]["enum"]
