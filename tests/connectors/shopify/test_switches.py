"""The shop's own backorder switch at Shopify: what is asked, what is written, and what the answers mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from channelsync.contract import Cursor, Diagnosis, Setup, Switch, SwitchResult
from channelsync.errors import Misunderstood, Refused, Unauthorized, Unavailable
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.standins.shopify.shop import SCOPES
from channelsync.testing.virtual_clock import VirtualClock
from support.shopify import Api, answer, connected, page, replayed, run, stand_in

READ_ONLY = [scope for scope in SCOPES if scope != "write_products"]
ITEM = "gid://shopify/InventoryItem/1"


def turned(shop: ShopifyStandIn, clock: VirtualClock, **switches: bool) -> dict[str, bool | None]:
    """SKU = on or off."""
    refs = {sku: shop.variant(sku).inventory_item.id for sku in switches}

    async def main() -> Sequence[SwitchResult]:
        async with connected(shop, clock) as connector:
            found: Sequence[SwitchResult] = await connector.turn([Switch(refs[sku], on) for sku, on in switches.items()])
            return found

    told = {result.listing: result.sells_on for result in run(main(), clock)}
    return {sku: told[ref] for sku, ref in refs.items()}


def test_what_says_something_else_is_written_and_nothing_else_is() -> None:
    clock = VirtualClock()
    shop = stand_in(clock)
    shop.set_sells_on("CUP", on=True)
    written = shop.variant("CUP").updated_at
    clock.run(clock.sleep(5))
    assert turned(shop, clock, MUG=True, CUP=True) == {"MUG": True, "CUP": True}
    assert (shop.admin.calls["Policies"], shop.admin.calls["SetPolicies"]) == (1, 1)
    assert shop.variant("CUP").updated_at == written
    assert (shop.changes, shop.shows("MUG")) == ([], 10)
    assert turned(shop, clock, MUG=False) == {"MUG": False}
    assert not shop.sells_on("MUG")


def test_a_shop_that_sells_on_can_be_bought_from_and_the_catalogue_tells() -> None:
    clock = VirtualClock()
    shop = stand_in(clock)
    turned(shop, clock, MUG=True)
    shop.buy({"MUG": 12})
    assert shop.shows("MUG") == -2

    async def main() -> dict[str, bool | None]:
        async with connected(shop, clock) as connector:
            return {each.sku: each.sells_below_zero async for found in connector.listings(Cursor()) for each in found.items}

    assert run(main(), clock) == {"MUG": True, "CUP": False}


def test_many_are_read_in_batches() -> None:
    clock = VirtualClock()
    shop = stand_in(clock, *(Item(f"S{number}", 1) for number in range(60)))
    names = {f"S{number}": True for number in range(60)}
    assert turned(shop, clock, **names) == names
    assert shop.admin.calls["Policies"] == 2


def test_without_the_scope_the_shop_lets_us_turn_none_and_the_channel_is_not_paused_for_it() -> None:
    clock = VirtualClock()
    shop = stand_in(clock, scopes=READ_ONLY)
    with pytest.raises(Refused, match="write_products"):
        turned(shop, clock, MUG=True)
    assert not shop.sells_on("MUG")
    assert turned(shop, clock, MUG=False) == {"MUG": False}, "what is right already needs no right"


def test_the_doctor_misses_the_scope_only_where_switches_are_turned() -> None:
    clock = VirtualClock()
    shop = stand_in(clock, scopes=READ_ONLY)

    async def main(*, turns: bool) -> list[Diagnosis]:
        async with connected(shop, clock) as connector:
            return list(await connector.diagnose(Setup(None, (shop.location.id,), clock.now(), turns)))

    assert run(main(turns=False), clock) == []
    [found] = run(main(turns=True), clock)
    assert (found.code, found.where) == ("scope-missing", "write_products")
    assert 'backorder_switch = "read"' in found.remedy


def items(*policies: str, item: str = ITEM) -> Any:
    """One item with so many variants."""
    variants = [
        {"id": f"gid://shopify/ProductVariant/{n}", "inventoryPolicy": policy, "product": {"id": "gid://shopify/Product/1"}}
        for n, policy in enumerate(policies, 1)
    ]
    return answer({"nodes": [{"id": item, "variants": page(variants)}]})


def updated(*policies: str, errors: Sequence[dict[str, Any]] = ()) -> Any:
    rows = [{"id": f"gid://shopify/ProductVariant/{n}", "inventoryPolicy": policy} for n, policy in enumerate(policies, 1)]
    return answer({"productVariantsBulkUpdate": {"productVariants": rows or None, "userErrors": list(errors)}})


def told(*answers: Any) -> tuple[SwitchResult, Any]:
    connector, http = replayed(*answers)
    [result] = run(connector.turn([Switch(ITEM, True)]))
    return result, http


def test_the_write_names_the_switch_and_no_quantity() -> None:
    result, http = told(items("DENY"), updated("CONTINUE"))
    assert result == SwitchResult(ITEM, True)
    assert http.verbs == ["read", "write"]
    variant = {"id": "gid://shopify/ProductVariant/1", "inventoryPolicy": "CONTINUE"}
    assert http.variables() == {"product": "gid://shopify/Product/1", "variants": [variant]}


def test_a_listing_says_what_all_of_its_variants_say() -> None:
    result, http = told(items("DENY", "CONTINUE"), updated("CONTINUE"))
    assert result.sells_on is True
    assert len(http.variables()["variants"]) == 1
    result, _ = told(items("DENY", "DENY"), updated("CONTINUE"))
    assert result.sells_on is None, "one of them was not written"


def test_a_refused_variant_keeps_its_switch_and_tells_why() -> None:
    result, _ = told(
        items("DENY"), updated(errors=[{"code": "PRODUCT_SUSPENDED", "field": ["productId"], "message": "Product is suspended"}])
    )
    assert result == SwitchResult(ITEM, False, "PRODUCT_SUSPENDED: Product is suspended")


@pytest.mark.parametrize("node", [None, {}, {"id": ITEM, "variants": None}])
def test_what_the_shop_does_not_know_is_not_written(node: Any) -> None:
    result, http = told(answer({"nodes": [node]}))
    assert result == SwitchResult(ITEM, None, "the shop does not know it")
    assert http.verbs == ["read"]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([answer({"nodes": 5})], Misunderstood),
        ([answer({"nodes": [{"id": ITEM}]})], Misunderstood),
        ([items("DENY"), answer({})], Misunderstood),
        ([items("DENY"), answer({}, status=503)], Unavailable),
        ([items("DENY"), answer({}, status=401)], Unauthorized),
    ],
)
def test_an_answer_that_is_none_is_an_error(answers: Sequence[Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        told(*answers)


MUTATION = """mutation($product: ID!, $variants: [ProductVariantsBulkInput!]!, $part: Boolean) {
  productVariantsBulkUpdate(productId: $product, variants: $variants, allowPartialUpdates: $part) {
    product { id } productVariants { id inventoryPolicy } userErrors { code field }
  }
}"""


@pytest.mark.parametrize("part", [True, False])
def test_the_stand_in_writes_good_variants_beside_bad_ones_only_where_that_is_allowed(part: bool) -> None:
    clock = VirtualClock()
    shop = stand_in(clock)
    mug, cup = shop.variant("MUG"), shop.variant("CUP")
    wanted = [{"id": each, "inventoryPolicy": "CONTINUE"} for each in (mug.id, cup.id, None)]

    async def main() -> Any:
        return await Api(shop).data(MUTATION, product=mug.product.id, variants=wanted, part=part)

    done = run(main(), clock)["productVariantsBulkUpdate"]
    assert [error["code"] for error in done["userErrors"]] == ["PRODUCT_VARIANT_DOES_NOT_EXIST", "PRODUCT_VARIANT_ID_MISSING"]
    assert done["productVariants"] == ([{"id": mug.id, "inventoryPolicy": "CONTINUE"}] if part else None)
    assert (shop.sells_on("MUG"), shop.sells_on("CUP")) == (part, False)


def test_the_stand_in_knows_no_product_that_is_not_there() -> None:
    clock = VirtualClock()
    shop = stand_in(clock)

    async def main() -> Any:
        return await Api(shop).data(MUTATION, product="gid://shopify/Product/1", variants=[], part=True)

    done = run(main(), clock)["productVariantsBulkUpdate"]
    assert (done["product"], done["userErrors"]) == (None, [{"code": "PRODUCT_DOES_NOT_EXIST", "field": ["productId"]}])
