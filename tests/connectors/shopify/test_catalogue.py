"""Listings and readings: what is asked, and what the answers mean."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from channelsync.contract import Cursor, Listing, Page, Reading, ShelfRef
from channelsync.errors import Misunderstood
from channelsync_shopify import documents
from support.shopify import LOCATION, answer, page, replayed, run


def variant(number: int = 1, **changes: Any) -> dict[str, Any]:
    item = {"id": f"gid://shopify/InventoryItem/{number}", "tracked": True, "inventoryLevel": {"isActive": True}}
    return {
        "id": f"gid://shopify/ProductVariant/{number}",
        "sku": f"SKU-{number}",
        "barcode": "4006381333931",
        "displayName": "Mug - Blue",
        "requiresComponents": False,
        "product": {"isGiftCard": False},
        "inventoryItem": {**item, **changes.pop("item", {})},
        **changes,
    }


def variants(*nodes: Any, end_cursor: str | None = None, **more: Any) -> Any:
    return answer({"productVariants": page(nodes, end_cursor)}, **more)


def read(shop: Any, cursor: Cursor | None = None) -> list[Page[Listing]]:
    async def drain() -> list[Page[Listing]]:
        return [each async for each in shop.listings(cursor or Cursor())]

    return run(drain())


def the_listing(**changes: Any) -> Listing:
    shop, _ = replayed(variants(variant(**changes)))
    (only,) = read(shop)[0].items
    return only


def test_a_listing_is_the_inventory_item_and_the_variant_its_alias() -> None:
    assert the_listing() == Listing(
        ref="gid://shopify/InventoryItem/1",
        sku="SKU-1",
        title="Mug - Blue",
        aliases=("gid://shopify/ProductVariant/1",),
        locations=(LOCATION,),
        barcode="4006381333931",
    )


def test_what_cannot_be_written_says_why() -> None:
    assert "bundle" in str(the_listing(requiresComponents=True).problem)
    assert "gift card" in str(the_listing(product={"isGiftCard": True}).problem)
    for level in (None, {"isActive": False}):
        away = the_listing(item={"inventoryLevel": level})
        assert "not stocked at" in str(away.problem)
        assert away.locations == ()


def test_untracked_and_nameless_items_are_listed_as_they_are() -> None:
    assert the_listing(item={"tracked": False}).tracked is False
    assert the_listing(sku="").sku is None
    assert the_listing(sku=None, barcode=None).sku is None


def test_it_tells_whether_the_shop_goes_on_selling_at_zero() -> None:
    told = [the_listing(**change).sells_below_zero for change in ({"inventoryPolicy": "CONTINUE"}, {"inventoryPolicy": "DENY"}, {})]
    assert told == [True, False, None]


def test_a_whole_run_over_two_pages() -> None:
    shop, http = replayed(
        variants(variant(1), end_cursor="c1", date="Thu, 15 Jan 2026 12:00:00 GMT"),
        variants(variant(2), date="Thu, 15 Jan 2026 12:00:09 GMT"),
    )
    first, last = read(shop)
    assert http.variables(0) == {"first": documents.LISTINGS_PAGE, "after": None, "query": None}
    assert http.variables(1)["after"] == "c1"
    assert (first.high_water, last.resume) == (None, None)
    assert last.high_water == "2026-01-15T12:00:00+00:00"


def test_later_runs_ask_for_what_changed() -> None:
    shop, http = replayed(variants(date="Thu, 15 Jan 2026 13:00:00 GMT"))
    (only,) = read(shop, Cursor(high_water="2026-01-15T12:00:00+00:00"))
    assert http.variables()["query"] == "updated_at:>='2026-01-15T11:50:00Z'"
    assert only.high_water == "2026-01-15T13:00:00+00:00"


def test_a_broken_run_goes_on() -> None:
    shop, _ = replayed(variants(variant(1), end_cursor="c1"), variants())
    resume = read(shop)[0].resume
    shop, http = replayed(variants(variant(2), date="Thu, 15 Jan 2026 13:00:00 GMT"))
    (only,) = read(shop, Cursor(resume=resume))
    assert http.variables()["after"] == "c1"
    assert only.high_water == "2026-01-15T12:00:00+00:00"


def test_a_bad_variant_is_set_aside() -> None:
    shop, _ = replayed(variants(variant(1), {"id": "gid://shopify/ProductVariant/2"}, variant(3)))
    (only,) = read(shop)
    assert [each.sku for each in only.items] == ["SKU-1", "SKU-3"]
    assert [ref for ref, _, _ in only.refused] == ["gid://shopify/ProductVariant/2"]


def item(number: int, available: int | None, **changes: Any) -> dict[str, Any]:
    quantities = [] if available is None else [{"name": "available", "quantity": available}]
    level = {"isActive": True, "quantities": quantities}
    return {"id": f"gid://shopify/InventoryItem/{number}", "tracked": True, "inventoryLevel": level, **changes}


def shelf(number: int, location: str = LOCATION) -> ShelfRef:
    return ShelfRef(f"gid://shopify/InventoryItem/{number}", location)


def shown(*nodes: Any) -> list[int | None]:
    shop, _ = replayed(answer({"nodes": list(nodes)}))
    return [reading.shows for reading in run(shop.stock([shelf(1), shelf(2)]))]


def test_a_reading_has_the_shops_time() -> None:
    shop, _ = replayed(answer({"nodes": [item(1, 7)]}))
    assert list(run(shop.stock([shelf(1)]))) == [Reading(shelf(1), 7, datetime(2026, 1, 15, 12, tzinfo=UTC))]


def test_negative_numbers_are_real_and_order_does_not_matter() -> None:
    assert shown(item(2, -4), item(1, 0)) == [0, -4]


def test_what_is_not_counted_is_none_and_never_zero() -> None:
    assert shown(item(1, 7, tracked=False), item(2, 7, inventoryLevel=None)) == [None, None]
    inactive = {"isActive": False, "quantities": [{"name": "available", "quantity": 7}]}
    assert shown(item(1, 7, inventoryLevel=inactive)) == [None]


def test_what_the_shop_does_not_know_is_absent() -> None:
    assert shown(None, {}) == []


def test_a_missing_number_is_not_made_up() -> None:
    for nodes in ([item(1, None)], None, [{"id": "gid://shopify/InventoryItem/1"}]):
        shop, _ = replayed(answer({"nodes": nodes}))
        with pytest.raises(Misunderstood):
            run(shop.stock([shelf(1)]))


def test_many_shelves_are_asked_for_in_batches_by_location() -> None:
    other = "gid://shopify/Location/9"
    shop, http = replayed(*[answer({"nodes": []}) for _ in range(3)])
    shelves = [shelf(number) for number in range(300)] + [shelf(1, other), shelf(2, "")]
    run(shop.stock(shelves))
    assert [(len(http.variables(index)["ids"]), http.variables(index)["location"]) for index in range(3)] == [
        (250, LOCATION),
        (51, LOCATION),
        (1, other),
    ]
