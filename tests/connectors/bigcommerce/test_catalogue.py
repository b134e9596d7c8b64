"""Listings and readings: whose number a listing shows, where it has one, and what the vendor's examples look like to the connector."""

from __future__ import annotations

from channelsync.contract import ChannelLocation, Cursor, Listing, ShelfRef
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from channelsync.testing.standins.bigcommerce.state import Row
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_bigcommerce import BigCommerceConnector
from channelsync_bigcommerce.inventory import StockRow, add_row
from channelsync_bigcommerce.listings import product_listings
from support.bigcommerce import ref, sample, tell


async def listings(bc: BigCommerceConnector, cursor: Cursor = Cursor()) -> tuple[dict[str, Listing], Cursor]:  # noqa: B008
    pages = [page async for page in bc.listings(cursor)]
    return {item.ref: item for page in pages for item in page.items}, Cursor(high_water=pages[-1].high_water)


def test_listings_say_whose_number_they_show_and_where(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    scarf = standin.add_product("SCARF", options=("SCARF-RED", "SCARF-BLUE"))
    shirt = standin.add_product("SHIRT", tracking="variant", options=("SHIRT-S",))
    poster = standin.add_product("POSTER", tracking="none")
    red, small = scarf.variants[0], shirt.variants[0]
    standin.state.rows[f"p:{scarf.id}", 2] = Row(4)

    async def story(bc: BigCommerceConnector) -> None:
        found, _ = await listings(bc)
        cup = found[ref(standin, "CUP")]
        assert (cup.sku, cup.locations, cup.tracked) == ("CUP", ("1", "2"), True)
        assert cup.aliases == (f"v:{standin.state.products[int(cup.ref[2:])].variants[0].id}",)
        keeper, child = found[f"p:{scarf.id}"], found[f"v:{red.id}"]
        assert (keeper.sku, keeper.stock_ref, keeper.locations, keeper.tracked) == ("SCARF", None, ("2",), True)
        assert (child.sku, child.title, child.stock_ref, child.locations) == ("SCARF-RED", "SCARF - SCARF-RED", keeper.ref, ("2",))
        assert f"p:{shirt.id}" not in found
        assert (found[f"v:{small.id}"].stock_ref, found[f"v:{small.id}"].locations) == (None, ("1",))
        assert found[f"p:{poster.id}"].tracked is False

    tell(clock, standin, story)


def test_changed_products_come_again(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    async def story(bc: BigCommerceConnector) -> None:
        await clock.sleep(3600)
        _, cursor = await listings(bc)
        await clock.sleep(3600)
        standin.untrack("MUG")
        found, _ = await listings(bc, cursor)
        assert {item.sku: item.tracked for item in found.values()} == {"MUG": False}

    tell(clock, standin, story)


def test_what_is_not_counted_under_a_ref_reads_none_and_what_never_had_a_number_reads_zero(
    clock: VirtualClock, standin: BigCommerceStandIn
) -> None:
    shirt = standin.add_product("SHIRT", tracking="variant", options=("SHIRT-S", "SHIRT-M"))
    standin.row("SHIRT-S").on_hand = -2
    small, medium = (f"v:{variant.id}" for variant in shirt.variants)
    mug, cup = ref(standin, "MUG"), ref(standin, "CUP")
    standin.untrack("MUG")

    async def story(bc: BigCommerceConnector) -> None:
        names = [small, medium, f"p:{shirt.id}", mug, cup, "v:99999", "p:99999", "nonsense"]
        shows = {reading.shelf.listing: reading.shows for reading in await bc.stock([ShelfRef(name, "1") for name in names])}
        assert shows == {small: -2, medium: 0, f"p:{shirt.id}": None, mug: None, cup: 5}

    tell(clock, standin, story)


def test_locations_are_told_with_those_that_are_switched_off(clock: VirtualClock, standin: BigCommerceStandIn) -> None:
    standin.location("SHOP", enabled=False)

    async def story(bc: BigCommerceConnector) -> None:
        assert await bc.locations() == [ChannelLocation("1", "Default location"), ChannelLocation("2", "SHOP", active=False)]

    tell(clock, standin, story)


def test_the_vendors_stock_row_counts_what_is_for_sale() -> None:
    rows: dict[tuple[str, str], StockRow] = {}
    for row in sample("v3_inventory_items_get.json")["data"]:
        add_row(row, rows, {})
    assert rows == {("p:120", "1"): StockRow(10, 1), ("v:79", "1"): StockRow(10, 1)}


def test_the_vendors_variants_are_listings() -> None:
    raw = {"id": 192, "name": "Shirt", "sku": "SMIT", "inventory_tracking": "variant", "base_variant_id": None}
    found = product_listings(raw | {"variants": sample("v3_product_variants_list.json")["data"]}, {"v:382": ("3", "1")}, ("1",))
    assert [(one.ref, one.sku, one.title, one.locations) for one in found][:2] == [
        ("v:382", "SMIT", "Shirt - Beige", ("1", "3")),
        ("v:383", "SMIT-1", "Shirt - Grey", ("1",)),
    ]
