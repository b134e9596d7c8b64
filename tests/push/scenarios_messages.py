"""The same order told several times, late, doubled or in the wrong order."""

from __future__ import annotations

from channelsync.contract import OrderSnapshot, OrderState
from channelsync.ledger import orders
from channelsync.ledger.orders import Sighting
from support.push import SKU, Bench


async def read(bench: Bench, order: str) -> OrderSnapshot:
    snapshot = await bench.a.channel.connector.order(order)
    assert isinstance(snapshot, OrderSnapshot)
    return snapshot


async def messages_are_late_doubled_and_reversed(bench: Bench) -> None:
    order = bench.a.standin.buy({SKU: 1})
    placed = await read(bench, order)
    await bench.clock.sleep(2)
    bench.a.standin.cancel(order)
    cancelled = await read(bench, order)
    books = []
    for snapshot in (cancelled, placed, placed, cancelled, placed):
        await bench.ledger.run(orders.apply, Sighting(bench.a.channel.id, snapshot, 0, direct=False))
        books.append(bench.a.state()["book"])
    assert books == [2] * 5
    assert (bench.on_hand, bench.hard) == (2, 0)
    await bench.a.settle()
    assert bench.a.shows == 2
    bench.assert_at_rest()


async def a_cancel_comes_before_its_order(bench: Bench) -> None:
    order = bench.a.standin.buy({SKU: 2})
    placed = await read(bench, order)
    await bench.clock.sleep(2)
    bench.a.standin.cancel(order)
    cancelled = await read(bench, order)
    assert cancelled.state is OrderState.CANCELLED
    for snapshot in (cancelled, placed):
        await bench.ledger.run(orders.apply, Sighting(bench.a.channel.id, snapshot, 0, direct=False))
        assert (bench.on_hand, bench.hard) == (2, 0)
