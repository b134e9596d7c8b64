"""The whole catalogue and all its numbers by bulk operation: complete or not at all, without a secret at the storage host, and resumed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from channelsync.contract import Cursor, Listing, Page, ShelfRef
from channelsync.errors import Misunderstood, Unavailable
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_shopify import bulk_catalogue, documents
from channelsync_shopify.connector import Shopify
from support.shopify import connected, run, stand_in

SKUS = [f"SKU-{number}" for number in range(7)]


def world(**dials: Any) -> tuple[VirtualClock, ShopifyStandIn]:
    clock = VirtualClock()
    return clock, stand_in(clock, *(Item(sku, 10) for sku in SKUS), **{"bulk_seconds": 30.0, **dials})


async def pages(connector: Shopify, cursor: Cursor | None = None) -> list[Page[Listing]]:
    return [page async for page in connector.listings(cursor or Cursor())]


def skus(read: list[Page[Listing]]) -> list[str | None]:
    return [listing.sku for page in read for listing in page.items]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_catalogue, "ROWS_PER_PAGE", 3)


def test_a_large_catalogue_is_one_operation_and_the_same_as_page_by_page() -> None:
    clock, shop = world()

    async def main() -> None:
        async with connected(shop, clock, bulk_from=7) as connector, connected(shop, clock) as by_pages:
            read = await pages(connector)
            assert [listing for page in read for listing in page.items] == [i for page in await pages(by_pages) for i in page.items]
            assert [len(page.items) for page in read] == [0, 3, 3, 1, 0]
            assert [page.high_water is not None for page in read] == [False, False, False, False, True]
            assert shop.bulk.leaks == 0
            assert shop.admin.calls["BulkRun"] == 1

    run(main(), clock)


def test_a_small_catalogue_and_changes_are_read_page_by_page() -> None:
    clock, shop = world()

    async def main() -> None:
        async with connected(shop, clock, bulk_from=8) as connector:
            assert skus(await pages(connector)) == SKUS
        async with connected(shop, clock, bulk_from=1) as connector:
            mark = (await pages(connector))[-1].high_water
            await clock.sleep(3600)
            await pages(connector, Cursor(high_water=mark))
            assert shop.admin.calls["BulkRun"] == 1
            assert shop.admin.calls["Listings"] == 2

    run(main(), clock)


def test_a_mark_is_the_time_before_the_first_row_was_read() -> None:
    clock, shop = world()
    began = shop.seconds()

    async def main() -> None:
        async with connected(shop, clock, bulk_from=1) as connector:
            assert (await pages(connector))[-1].high_water == began.isoformat()

    run(main(), clock)


@pytest.mark.parametrize("broken_off_after", [1, 2, 4])
def test_a_run_that_was_broken_off_goes_on_with_the_same_operation(broken_off_after: int) -> None:
    clock, shop = world()

    async def main() -> None:
        async with connected(shop, clock, bulk_from=1) as connector:
            first = []
            async for page in connector.listings(Cursor()):
                first.append(page)
                if len(first) == broken_off_after:
                    break
            rest = await pages(connector, Cursor(resume=first[-1].resume))
            assert skus(first) + skus(rest) == SKUS
            assert rest[-1].high_water
            assert shop.admin.calls["BulkRun"] == 1

    run(main(), clock)


def fails(how: str) -> Callable[[ShopifyStandIn], None]:
    return lambda shop: setattr(shop.bulk, "fails", how)


def crowded(shop: ShopifyStandIn) -> None:
    for _ in range(5):
        shop.bulk.run_query(documents.bulk_listings(shop.location.id))


@pytest.mark.parametrize("trouble", [fails("FAILED"), fails("CANCELED"), crowded], ids=["failed", "cancelled", "no room"])
def test_an_operation_that_brings_nothing_is_replaced_by_pages(trouble: Callable[[ShopifyStandIn], None]) -> None:
    clock, shop = world()
    trouble(shop)

    async def main() -> None:
        async with connected(shop, clock, bulk_from=1) as connector:
            read = await pages(connector)
            assert skus(read) == SKUS
            assert read[-1].high_water
            assert shop.admin.calls["Listings"] == 1

    run(main(), clock)


def test_a_file_that_is_too_old_is_replaced_by_pages() -> None:
    clock, shop = world()

    async def main() -> None:
        async with connected(shop, clock, bulk_from=1) as connector:
            first = await anext(aiter(connector.listings(Cursor())))
            await clock.sleep(timedelta(days=8).total_seconds())
            assert skus(await pages(connector, Cursor(resume=first.resume))) == SKUS

    run(main(), clock)


def test_a_file_that_was_cut_never_ends_a_run() -> None:
    clock, shop = world()

    async def main() -> None:
        async with connected(shop, clock, bulk_from=1) as connector:
            whole = await pages(connector)
            assert skus(whole) == SKUS
            lines = next(iter(shop.bulk._files.values()))[0].splitlines(keepends=True)
            shop.bulk.cut = sum(len(line) for line in lines[:4])
            seen = []
            with pytest.raises(Misunderstood, match="has 4 rows, 7 were announced"):
                async for page in connector.listings(Cursor()):
                    seen.append(page)  # noqa: PERF401 - what came before the error counts
            assert all(page.high_water is None for page in seen)

    run(main(), clock)


def test_an_operation_that_never_ends_is_asked_for_again_later() -> None:
    clock, shop = world(bulk_seconds=5000.0)

    async def main() -> None:
        async with connected(shop, clock, bulk_from=1) as connector:
            seen: list[Page[Listing]] = []
            with pytest.raises(Unavailable, match="has not ended"):
                async for page in connector.listings(Cursor()):
                    seen.append(page)  # noqa: PERF401 - what came before the error counts
            assert skus(await pages(connector, Cursor(resume=seen[-1].resume))) == SKUS
            assert shop.admin.calls["BulkRun"] == 1

    run(main(), clock)


def test_numbers_by_the_thousand_are_one_operation_read_after_the_call_began() -> None:
    clock, shop = world()
    shop.untrack("SKU-6")
    shelves = [ShelfRef(shop.variant(sku).inventory_item.id, shop.location.id) for sku in SKUS]
    unknown = ShelfRef("gid://shopify/InventoryItem/1", shop.location.id)

    async def main() -> None:
        async with connected(shop, clock, bulk_from=7) as connector:
            shop.edit("SKU-0", 4)
            told = await connector.stock([*shelves, unknown])
            assert {reading.shelf: reading.shows for reading in told} == dict(zip(shelves, [4, 10, 10, 10, 10, 10, None], strict=True))
            assert {reading.at for reading in told} == {shop.seconds()}
            assert (shop.admin.calls["BulkRun"], shop.admin.calls["Stock"]) == (1, 0)
            shop.bulk.fails = "FAILED"
            assert list(await connector.stock(shelves)) == list(await connector.stock(shelves[:6])) + list(
                await connector.stock(shelves[6:])
            )

    run(main(), clock)


def test_a_file_without_https_is_not_fetched_for_a_shop_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, shop = world()
    monkeypatch.setattr(shop.bulk, "asked_at", lambda _: setattr(shop.bulk, "_host", "localhost:1"))

    async def main() -> None:
        async with connected(shop, clock, bulk_from=1) as connector:
            with pytest.raises(Misunderstood, match="without https"):
                await pages(connector)

    run(main(), clock)


def test_both_ways_ask_the_same_of_a_variant() -> None:
    def words(text: str) -> set[str]:
        return set(text.replace("{", " ").replace("}", " ").split()) - {"edges", "node", "nodes", "pageInfo", "hasNextPage", "endCursor"}

    paged = documents.listings(["here", "there"]).text.split("{", 1)[1]
    alone = {"productVariants(first:", "$first,", "after:", "$after,", "query:", "$query,", "sortKey:", "ID)"}
    assert words(paged) - alone == words(documents.bulk_listings(["here", "there"])) - {"productVariants"}
