"""Listings, readings and pushes against the stand-in, on good days and bad ones."""

from __future__ import annotations

from channelsync.contract import Call, Cursor, Outcome, ShelfRef
from channelsync.errors import ChannelError, Unavailable
from channelsync.testing.standins.base import Faults, Item
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_woocommerce import WooCommerceConnector
from support.woocommerce_live import orders, ref, tell, write


def family(standin: WooCommerceStandIn) -> None:
    """A shirt with own stock per size, and a scarf whose colours share one number."""
    stamps = {"date_created_gmt": "2025-01-01T00:00:00", "date_modified_gmt": "2025-01-01T00:00:00"}
    rows = [
        {"id": 30, "name": "Shirt", "type": "variable", "sku": "SHIRT", "manage_stock": False},
        {"id": 31, "name": "S", "type": "variation", "sku": "SHIRT-S", "parent_id": 30, "manage_stock": True, "stock_quantity": 4},
        {"id": 40, "name": "Scarf", "type": "variable", "sku": "SCARF", "manage_stock": True, "stock_quantity": 6},
        {"id": 41, "name": "Red", "type": "variation", "sku": "SCARF-RED", "parent_id": 40, "manage_stock": "parent"},
        {"id": 50, "name": "Poster", "type": "simple", "sku": "", "manage_stock": False},
        {"id": 60, "name": "Set", "type": "grouped", "sku": "SET", "manage_stock": False},
    ]
    standin.load([row | stamps for row in rows])


def test_listings_say_whose_stock_they_show(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    family(standin)

    async def story(woo: WooCommerceConnector) -> None:
        found = {item.ref: item async for page in woo.listings(Cursor()) for item in page.items}
        assert set(found) == {ref(standin, "MUG"), ref(standin, "CUP"), "30", "30:31", "40", "40:41", "50", "60"}
        assert (found["30:31"].sku, found["30:31"].title, found["30:31"].stock_ref, found["30:31"].tracked) == (
            "SHIRT-S",
            "Shirt - S",
            None,
            True,
        )
        assert (found["40:41"].stock_ref, found["40:41"].tracked, found["40"].tracked) == ("40", True, True)
        assert (found["50"].sku, found["50"].tracked, found["50"].problem) == (None, False, None)
        assert found["60"].problem
        assert found["30"].problem

    tell(clock, standin, story)


def test_changed_listings_come_again(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    family(standin)

    async def story(woo: WooCommerceConnector) -> None:
        (first,) = [page async for page in woo.listings(Cursor())]
        await clock.sleep(3600)
        standin.edit("SHIRT-S", 9)
        (second,) = [page async for page in woo.listings(Cursor(high_water=first.high_water))]
        assert {item.ref for item in second.items} == {ref(standin, "MUG"), ref(standin, "CUP"), "30", "30:31"}
        (third,) = [page async for page in woo.listings(Cursor(high_water=second.high_water))]
        assert {item.ref for item in third.items} == {"30", "30:31"}

    tell(clock, standin, story)


def test_stock_of_many_shelves(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    family(standin)
    standin.stock([Item(f"X{index}", index) for index in range(150)])
    many = [ref(standin, f"X{index}") for index in range(150)]

    async def story(woo: WooCommerceConnector) -> None:
        shelves = [ShelfRef(name) for name in [*many, "30:31", "40:41", "40", "50", "30:99", "99999", "nonsense"]]
        shows = {reading.shelf.listing: reading.shows for reading in await woo.stock(shelves)}
        assert shows == {name: index for index, name in enumerate(many)} | {"30:31": 4, "40:41": 6, "40": 6, "50": None}

    tell(clock, standin, story)


def test_pushed_differences_survive_a_sale_we_have_not_seen(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    family(standin)
    mug = ref(standin, "MUG")

    async def story(woo: WooCommerceConnector) -> None:
        standin.buy({"MUG": 3})
        results = await woo.push(Call("k", (write(mug, 9, -1), write("30:31", 2, -2), write("40:41", 1, -1), write("50", 1, -1))))
        said = {result.id: (result.outcome, result.shows) for result in results}
        assert said[mug] == (Outcome.OK, 6)
        assert said["30:31"] == (Outcome.OK, 2)
        assert said["40:41"][0] is said["50"][0] is Outcome.REFUSED
        assert {change.write for change in standin.changes if change.cause == "write"} == {"k"}

    tell(clock, standin, story)


def test_a_shop_that_does_not_know_the_delta_is_found_out(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    standin.dials.knows_delta = False

    async def story(woo: WooCommerceConnector) -> None:
        (result,) = await woo.push(Call("k", (write(ref(standin, "MUG"), 9, -1),)))
        assert result.outcome is Outcome.UNKNOWN
        assert 'stock_write = "absolute"' in result.reason

    tell(clock, standin, story)


def test_absolute_pushes(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    async def story(woo: WooCommerceConnector) -> None:
        (result,) = await woo.push(Call("k", (write(ref(standin, "MUG"), 7, -3),)))
        assert (result.outcome, standin.shows("MUG")) == (Outcome.OK, 7)

    tell(clock, standin, story, stock_write="absolute")


def test_noise_on_every_answer_changes_nothing(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    standin.dials.php_noise = 1.0
    made = standin.buy({"MUG": 1})

    async def story(woo: WooCommerceConnector) -> None:
        found, _ = await orders(woo, Cursor())
        assert set(found) == {made}
        (result,) = await woo.push(Call("k", (write(ref(standin, "MUG"), 8, -1),)))
        assert (result.outcome, result.shows) == (Outcome.OK, 8)

    tell(clock, standin, story)


def test_on_a_bad_day_an_ok_was_written_and_a_not_sent_was_not(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    standin.faults = Faults.some()
    family(standin)
    mug = ref(standin, "MUG")

    async def story(woo: WooCommerceConnector) -> None:
        outcomes: dict[Outcome, int] = {}
        for turn in range(300):
            call = Call(f"k{turn}", (write(mug, 0, -1), write("30:31", 0, 1)))
            before = len(standin.changes)
            try:
                results = await woo.push(call)
            except ChannelError as error:
                sure = not isinstance(error, Unavailable) or type(error) is not Unavailable
                assert not sure or len(standin.changes) == before
                continue
            written = {change.sku for change in standin.changes[before:]}
            for result, sku in zip(sorted(results, key=lambda result: result.id != mug), ("MUG", "SHIRT-S"), strict=True):
                outcomes[result.outcome] = outcomes.get(result.outcome, 0) + 1
                if result.outcome is not Outcome.UNKNOWN:
                    assert (sku in written) is (result.outcome is Outcome.OK)
        assert outcomes[Outcome.OK] > 200
        assert outcomes[Outcome.UNKNOWN] > 5

    tell(clock, standin, story)
