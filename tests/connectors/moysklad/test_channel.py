"""Where the ledger owns the stock: sales made in Moysklad, and numbers written as documents."""

from __future__ import annotations

from channelsync.contract import Call, Cursor, OrderSnapshot, OrderState, Outcome, Role, ShelfRef, Write
from channelsync.testing.conformance import drain
from channelsync.testing.standins.moysklad import MoyskladStandIn
from channelsync.testing.virtual_clock import VirtualClock
from channelsync_moysklad import MoyskladConnector
from support.moysklad import Api, order_body, position, tell


async def later(ms: MoyskladConnector, cursor: Cursor) -> dict[str, OrderSnapshot]:
    found, _ = await drain(ms.orders, cursor)
    return {order.ref: order for order in found}


async def begun(ms: MoyskladConnector, clock: VirtualClock) -> Cursor:
    _, cursor = await drain(ms.orders)
    await clock.sleep(3600)
    return cursor


def test_a_sale_at_the_till_and_a_shipment_without_an_order_are_sales(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    async def story(ms: MoyskladConnector) -> None:
        cursor = await begun(ms, virtual)
        till = shop.till_sale({"MUG": 2})
        loose = f"demand/{shop.unlinked_demand({'CUP': 1})}"
        found = await later(ms, cursor)
        assert {ref: [(line.sku, line.shipped, line.channel_took) for line in order.lines] for ref, order in found.items()} == {
            till: [("MUG", 2, 2)],
            loose: [("CUP", 1, 1)],
        }
        assert await ms.order(till) == found[till]

    tell(virtual, shop, story)


def test_a_shipment_counts_even_if_it_leaves_the_orders_own_time_alone(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    shop.dials.shipment_updates = False
    order = shop.buy({"MUG": 2})

    async def story(ms: MoyskladConnector) -> None:
        cursor = await begun(ms, virtual)
        shop.ship(order)
        first = (await later(ms, cursor))[order]
        assert (first.lines[0].shipped, first.lines[0].channel_took) == (2, 2)
        shop.salesreturn(order, {"MUG": 1})
        back = (await later(ms, cursor))[order]
        assert (back.lines[0].restocked, back.lines[0].channel_took) == (1, 1)

    tell(virtual, shop, story)


def test_the_bin_a_cancelled_state_and_an_unposted_order_hold_nothing(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    orders = [shop.buy({"MUG": 1}) for _ in range(4)]
    parked = shop.state.new_id()
    shop.state.states[parked] = ("Под вопросом", "Regular")

    async def story(ms: MoyskladConnector) -> None:
        cursor = await begun(ms, virtual)
        api = Api(shop)
        shop.trash(orders[0])
        shop.cancel(orders[1])
        await api.ask("PUT", f"/entity/customerorder/{orders[2]}", {"applicable": False})
        state = {"meta": {"href": f"https://api.moysklad.ru/api/remap/1.2/entity/customerorder/metadata/states/{parked}", "type": "state"}}
        await api.ask("PUT", f"/entity/customerorder/{orders[3]}", {"state": state})
        found = await later(ms, cursor)
        assert [found[ref].state for ref in orders] == [OrderState.DELETED, *[OrderState.CANCELLED] * 3]

    tell(virtual, shop, story, cancelled_states=["Под вопросом"])


def test_orders_that_we_exported_do_not_come_back_as_sales(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    async def story(ms: MoyskladConnector) -> None:
        await Api(shop).ask("POST", "/entity/customerorder", order_body(shop, position(shop, "MUG", 1), externalCode="cs:woo:12"))
        mine = shop.buy({"MUG": 1})
        assert (await later(ms, Cursor())).keys() == {mine}

    tell(virtual, shop, story)


def test_an_order_by_weight_is_set_aside_and_the_page_lives(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    async def story(ms: MoyskladConnector) -> None:
        odd = await Api(shop).ask("POST", "/entity/customerorder", order_body(shop, position(shop, "MUG", 1.5)))
        good = shop.buy({"CUP": 1})
        (page,) = [page async for page in ms.orders(Cursor())]
        assert [order.ref for order in page.items] == [good]
        ((ref, reason, _),) = page.refused
        assert (ref, "whole" in reason) == (odd["id"], True)

    tell(virtual, shop, story)


def test_more_positions_than_expand_shows_are_all_read(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    async def story(ms: MoyskladConnector) -> None:
        rows = [position(shop, "MUG", 1) for _ in range(250)]
        made = await Api(shop).ask("POST", "/entity/customerorder", order_body(shop, *rows))
        found = await ms.order(made["id"])
        assert isinstance(found, OrderSnapshot)
        assert sum(line.quantity for line in found.lines) == 250
        assert {line.sku for line in found.lines} == {"MUG"}

    tell(virtual, shop, story)


def test_numbers_of_several_stores_are_one_document_each(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    main, shown = shop.state.main_store, shop.add_store("Витрина")
    mug, cup = shop.good("MUG").id, shop.good("CUP").id
    shop.receive("MUG", 3, store=shown)
    writes = tuple(
        Write(name, ShelfRef(good, store), 0, -delta, delta)
        for name, good, store, delta in (("a", mug, main, -4), ("b", cup, main, -1), ("c", mug, shown, -3))
    )

    async def story(ms: MoyskladConnector) -> None:
        results = await ms.push(Call("call-1", writes))
        assert {result.id: result.outcome for result in results} == dict.fromkeys("abc", Outcome.OK)
        losses = [document for document in shop.state.documents.values() if document.kind == "loss"]
        assert sorted(len(document.positions) for document in losses) == [1, 2]
        shows = {reading.shelf: reading.shows for reading in await ms.stock([write.shelf for write in writes])}
        assert shows == {ShelfRef(mug, main): 6, ShelfRef(cup, main): 4, ShelfRef(mug, shown): 0}

    tell(virtual, shop, story, stores=[main, shown], corrections="enter_loss")


def test_by_default_nothing_is_ever_written(virtual: VirtualClock, shop: MoyskladStandIn) -> None:
    write = Write("a", ShelfRef(shop.good("MUG").id, shop.state.main_store), 0, 10, -10)

    async def story(ms: MoyskladConnector) -> None:
        (result,) = await ms.push(Call("call-1", (write,)))
        assert result.outcome is Outcome.REFUSED
        assert shop.shows("MUG") == 10

    tell(virtual, shop, story)
    tell(virtual, shop, story, Role.AUTHORITY, corrections="enter_loss")
