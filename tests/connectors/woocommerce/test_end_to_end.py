"""The connector against the stand-in, through the real door, in virtual time: streams that lose nothing, pushes, webhooks, bad days."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from channelsync.contract import Call, Cursor, Delivery, Gone, OrderHint, OrderSnapshot, OrderState, Outcome, Page, ShelfRef, Write
from channelsync.errors import ChannelError, Unauthorized, Unavailable
from channelsync.testing.standins.base import Faults, Item
from channelsync.testing.standins.woocommerce import WooCommerceStandIn
from channelsync.testing.standins.woocommerce import orders as desk
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_woocommerce import WooCommerceConnector
from support.woocommerce import connection, shop

Story = Callable[[WooCommerceConnector], Awaitable[None]]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def standin(clock: VirtualClock) -> WooCommerceStandIn:
    made = shop(clock)
    made.stock([Item("MUG", 10), Item("CUP", 5)])
    return made


def tell(clock: VirtualClock, standin: WooCommerceStandIn, story: Story, **settings: Any) -> None:
    async def told() -> None:
        async with connection(standin, clock, **settings) as woo:
            await story(woo)

    clock.run(told())


async def orders(woo: WooCommerceConnector, cursor: Cursor, **options: Any) -> tuple[dict[str, OrderSnapshot], Cursor]:
    """A whole run, resumed from its own marks after every page, as after a crash. The last version of each order counts."""
    found: dict[str, OrderSnapshot] = {}
    while True:
        page: Page[OrderSnapshot] = await anext(aiter(woo.orders(cursor, **options)))
        assert (page.resume is None) != (page.high_water is None)
        assert page.refused == ()
        found |= {order.ref: order for order in page.items}
        if page.high_water is not None:
            return found, Cursor(high_water=page.high_water)
        cursor = Cursor(cursor.high_water, page.resume)


def ref(standin: WooCommerceStandIn, sku: str) -> str:
    return next(str(product.id) for product in standin.state.products.values() if product.sku == sku)


def write(listing: str, value: int, delta: int) -> Write:
    return Write(listing, ShelfRef(listing), value, value - delta, delta)


# -- who is there --------------------------------------------------------------------------------------------------------------------------------


def test_check_tells_who_the_shop_is(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    async def story(woo: WooCommerceConnector) -> None:
        found = await woo.check()
        assert (found.shop, found.facts["version"], found.facts["manage_stock"]) == ("woocommerce.example", "10.0.2", "yes")

    tell(clock, standin, story)


def test_wrong_keys_are_unauthorized(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    async def story(woo: WooCommerceConnector) -> None:
        with pytest.raises(Unauthorized, match='auth = "query"'):
            await woo.check()

    tell(clock, standin, story, consumer_key="ck_other")


def test_keys_in_the_query_work_too(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    async def story(woo: WooCommerceConnector) -> None:
        assert (await woo.check()).shop

    tell(clock, standin, story, auth="query")


# -- orders --------------------------------------------------------------------------------------------------------------------------------------


def test_the_first_run_brings_every_order_that_can_still_change_stock(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    standin.dials.extra_statuses = ("packed",)
    open_ones = [standin.buy({"MUG": 1}), standin.buy({"CUP": 1}, paid=False)]
    packed = standin.buy({"MUG": 1})
    standin.state.orders[int(packed)].status = "packed"
    done = standin.buy({"MUG": 1})
    standin.ship(done)

    async def story(woo: WooCommerceConnector) -> None:
        found, cursor = await orders(woo, Cursor())
        assert set(found) == {*open_ones, packed}
        assert cursor.high_water == "2026-01-01T00:00:00"
        assert found[open_ones[1]].state is OrderState.PENDING

    tell(clock, standin, story)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata"])
def test_later_runs_bring_what_changed_wherever_the_shop_is(clock: VirtualClock, standin: WooCommerceStandIn, zone: str) -> None:
    standin.dials.timezone = zone
    old = standin.buy({"MUG": 1})

    async def story(woo: WooCommerceConnector) -> None:
        _, cursor = await orders(woo, Cursor())
        await clock.sleep(3600)
        fresh = standin.buy({"MUG": 2})
        found, cursor = await orders(woo, cursor)
        assert set(found) == {old, fresh}  # the cursor starts at the first run's beginning
        assert cursor.high_water == "2026-01-01T01:00:00"
        await clock.sleep(3600)
        found, again = await orders(woo, cursor)
        assert set(found) <= {fresh}
        assert again == cursor
        wide, _ = await orders(woo, cursor, widen=timedelta(hours=2))
        assert set(wide) == {old, fresh}

    tell(clock, standin, story)


def test_the_trash_is_found_and_does_not_pass_unseen_orders(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    ref_ = standin.buy({"MUG": 1})

    async def story(woo: WooCommerceConnector) -> None:
        _, cursor = await orders(woo, Cursor())
        await clock.sleep(3600)
        order = standin.state.orders[int(ref_)]
        desk.trash(standin.state, order)
        found, _ = await orders(woo, cursor)
        assert (found[ref_].state, found[ref_].lines[0].quarantined) == (OrderState.DELETED, 1)

    tell(clock, standin, story)


def test_more_orders_than_a_page_in_one_second_are_all_found(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    standin.edit("MUG", 1000)

    async def story(woo: WooCommerceConnector) -> None:
        _, cursor = await orders(woo, Cursor())
        await clock.sleep(100)
        made = [standin.buy({"MUG": 1}) for _ in range(30)]
        await clock.sleep(1)
        made += [standin.buy({"MUG": 1}) for _ in range(250)]
        await clock.sleep(1)
        made += [standin.buy({"MUG": 1}) for _ in range(30)]
        found, _ = await orders(woo, cursor)
        assert set(found) == set(made)

    tell(clock, standin, story)


def test_orders_that_change_while_a_run_goes_on_are_not_lost(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    standin.edit("MUG", 1000)
    standin.dials.request_seconds = 0.5
    dice = random.Random(3)

    async def story(woo: WooCommerceConnector) -> None:
        _, cursor = await orders(woo, Cursor())
        made: list[str] = []
        for _ in range(350):
            made.append(standin.buy({"MUG": 1}))
            await clock.sleep(dice.random() * 0.2)
        found: dict[str, OrderSnapshot] = {}
        stream = woo.orders(cursor)
        async for page in stream:
            found |= {order.ref: order for order in page.items}
            for order in dice.sample(made, 5):
                standin.ship(order)
        assert set(found) == set(made)
        cursor = Cursor(high_water=page.high_water)
        later, _ = await orders(woo, cursor)
        found |= later
        shipped = {order for order in made if standin.state.orders[int(order)].status == "completed"}
        assert {order for order, seen in found.items() if seen.lines[0].shipped} == shipped

    tell(clock, standin, story, overlap_seconds=30)


def test_late_orders_are_found_by_the_overlap(clock: VirtualClock) -> None:
    standin = shop(clock, visibility_lag=20.0)
    standin.stock([Item("MUG", 1000)])

    async def story(woo: WooCommerceConnector) -> None:
        _, cursor = await orders(woo, Cursor())
        made: set[str] = set()
        found: dict[str, OrderSnapshot] = {}
        for _ in range(60):
            made.add(standin.buy({"MUG": 1}))
            await clock.sleep(2)
            more, cursor = await orders(woo, cursor)
            found |= more
        assert set(found) < made
        await clock.sleep(20)
        more, cursor = await orders(woo, cursor)
        assert set(found | more) == made

    tell(clock, standin, story)


def test_an_order_by_id_is_direct_and_gone_is_the_shops_own_word(clock: VirtualClock, standin: WooCommerceStandIn) -> None:
    standin.dials.visibility_lag = 60
    made = standin.buy({"MUG": 1}, reservation_ref="r-7")

    async def story(woo: WooCommerceConnector) -> None:
        found = await woo.order(made)
        assert isinstance(found, OrderSnapshot)
        assert found.reservation_ref == "r-7"
        assert await woo.order("99999") == Gone("99999")
        standin.dials.maintenance = True
        with pytest.raises(Unavailable):
            await woo.order("99999")

    tell(clock, standin, story)


@pytest.mark.parametrize("seed", range(5))
def test_the_snapshots_of_a_long_life_agree_with_the_truth(clock: VirtualClock, standin: WooCommerceStandIn, seed: int) -> None:
    """Whatever shoppers and staff do, in any order: shipped, cancelled and open units of every line are what they truly are."""
    standin.edit("MUG", 10_000)
    dice = random.Random(seed)

    def live() -> None:
        made = [standin.buy({"MUG": dice.randint(1, 4)}, paid=dice.random() < 0.8) for _ in range(60)]
        for _ in range(150):
            order = dice.choice(made)
            truth = standin.orders[order].lines[0]
            deed = dice.choice(["pay", "ship", "cancel", "keep", "refund"])
            if deed == "refund" and not standin.orders[order].pending and truth.quantity - truth.cancelled - truth.returned > 0:
                standin.refund(order, "MUG", 1, restock=dice.random() < 0.5)
            elif deed == "keep" and truth.open:
                standin.cancel(order, restock=False)
            elif deed in ("pay", "ship") or (deed == "cancel" and dice.random() < 0.3):
                {"pay": standin.pay, "ship": standin.ship, "cancel": standin.cancel}[deed](order)
            clock.jump(2)

    async def story(woo: WooCommerceConnector) -> None:
        live()
        took = 0
        for name, true in standin.orders.items():
            found = await woo.order(name)
            assert isinstance(found, OrderSnapshot)
            line, truth = found.lines[0], true.lines[0]
            assert (line.shipped, line.outstanding, line.restocked) == (truth.shipped, truth.open, truth.returned), name
            assert (found.state is OrderState.PENDING) is true.pending
            took += line.channel_took
        assert took == sum(change.before - change.after for change in standin.changes if change.cause != "edit")

    tell(clock, standin, story)


# -- listings and stock --------------------------------------------------------------------------------------------------------------------------


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


# -- webhooks --------------------------------------------------------------------------------------------------------------------------------------


def test_webhooks_are_created_once_armed_again_and_their_deliveries_verify(clock: VirtualClock) -> None:
    arrived: list[Delivery] = []

    async def receive(url: str, headers: Any, body: bytes) -> int:
        arrived.append(Delivery("woo", headers, body, clock.now()))
        return 200

    standin = shop(clock, deliver=receive)
    standin.stock([Item("MUG", 10)])

    async def story(woo: WooCommerceConnector) -> None:
        url = "https://sync.test/webhooks/woo"
        first = await woo.subscribe(url)
        await standin.work()  # the pings
        standin.state.webhooks[int(first[1].ref)].status = "disabled"
        assert [found.active for found in await woo.subscriptions()].count(False) == 1
        assert await woo.subscribe(url) == first
        assert len(await woo.subscriptions()) == 8
        made = standin.buy({"MUG": 1})
        await clock.sleep(1)
        await standin.work()
        hints = [hint for delivery in arrived if woo.verify(delivery) for hint in woo.parse(delivery)]
        assert OrderHint(made) in hints
        assert len({woo.verify(delivery) for delivery in arrived}) == len(arrived)

    tell(clock, standin, story)
