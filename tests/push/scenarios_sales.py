"""Sales that the ledger has not seen: whatever a push does, it must not put them back on sale. Scenarios without a crash or a lost answer."""

from __future__ import annotations

import asyncio

from channelsync.ledger import pages
from channelsync.testing.standins.memory import Stage
from support.push import SKU, Bench


async def an_unseen_sale_survives_a_raise(bench: Bench) -> None:
    bench.a.standin.buy({SKU: 1})
    await bench.receive(1)
    await bench.a.push()
    await bench.a.push()
    assert bench.a.shows == 2, "the unit that was sold is back on sale"
    await bench.a.settle()
    assert (bench.on_hand, bench.hard) == (3, 1)
    assert bench.a.shows == 2
    bench.assert_at_rest()


async def an_order_is_ingested_while_the_push_is_on_the_wire(bench: Bench) -> None:
    held = bench.a.standin.gate.hold("after")
    await bench.take_off(1)
    pushing = asyncio.ensure_future(bench.a.push())
    await held.arrived.wait()
    order = bench.a.standin.buy({SKU: 1})
    await bench.a.webhook(order)
    held.release()
    await pushing
    state = bench.a.state()
    assert (state["book"], state["target"]) == (0, 0)
    await bench.a.settle()
    assert (bench.a.shows, bench.on_hand, bench.hard) == (0, 1, 1)
    bench.assert_at_rest()


async def a_cancel_is_ingested_while_the_push_is_on_the_wire(bench: Bench) -> None:
    order = bench.a.standin.buy({SKU: 1})
    await bench.a.webhook(order)
    held = bench.a.standin.gate.hold("after")
    await bench.take_off(1)
    pushing = asyncio.ensure_future(bench.a.push())
    await held.arrived.wait()
    await bench.clock.sleep(1)
    bench.a.standin.cancel(order)
    await bench.a.webhook(order)
    held.release()
    await pushing
    await bench.a.push()
    assert bench.a.shows == 1, "one unit is left"
    await bench.a.settle()
    assert (bench.a.shows, bench.on_hand, bench.hard) == (1, 1, 0)
    bench.assert_at_rest()


async def a_sale_is_undone_between_reading_and_pull(bench: Bench) -> None:
    order = bench.a.standin.buy({SKU: 1})
    await bench.a.look()
    bench.a.standin.cancel(order)
    await bench.receive(1)
    await bench.a.push()
    assert bench.a.shows <= 3
    await bench.a.settle()
    assert bench.a.shows == 3
    bench.assert_at_rest()


async def a_sale_is_swallowed_by_a_write(bench: Bench) -> None:
    """The sale falls inside the shop's own read-modify-write, or between our reading and our absolute write."""
    await bench.take_off(1)
    stage: Stage = "between" if bench.carrier == "rmw" else "before"
    held = bench.a.standin.gate.hold(stage)
    pushing = asyncio.ensure_future(bench.a.push())
    await held.arrived.wait()
    order = bench.a.standin.buy({SKU: 1})
    held.release()
    await pushing
    await bench.a.webhook(order)
    state = bench.a.state()
    assert (state["book"], state["target"]) == (0, 0)
    assert bench.a.shows == 1, "the shop has really lost the sale"
    await bench.a.settle()
    assert bench.a.shows == 0
    assert bench.on_hand == 1, "a difference that is our own doing is never adopted"
    bench.assert_at_rest()


async def another_shop_has_sold(bench: Bench) -> None:
    bench.b.standin.buy({SKU: 1})
    await bench.receive(1)
    await bench.a.push()
    assert bench.a.shows == 2
    await bench.a.settle()
    assert bench.a.shows == 2
    bench.assert_at_rest()


async def an_oversold_shop_is_swept(bench: Bench) -> None:
    shop = bench.a.standin
    first = shop.buy({SKU: 2})
    shop.edit(SKU, -1)  # the shop oversold one more that we cannot see yet
    await bench.a.webhook(first)
    await bench.a.sweep()
    await bench.a.push()
    assert bench.a.shows == -1
    shop.cancel(first)
    await bench.a.settle()
    bench.assert_at_rest()


async def an_oversold_shop_gets_a_cancel(bench: Bench) -> None:
    """Needs a shop that sells what is not there."""
    shop = bench.a.standin
    first, second = shop.buy({SKU: 2}), shop.buy({SKU: 1})
    for order in (first, second):
        await bench.a.webhook(order)
    await bench.b.push()
    await bench.a.push()
    await bench.clock.sleep(1)
    shop.cancel(second)
    assert bench.a.shows == 0, "both units are sold"
    await bench.a.settle()
    assert (bench.a.shows, bench.on_hand, bench.hard) == (0, 2, 2)
    bench.assert_at_rest()


async def a_reading_equals_the_target_by_accident(bench: Bench) -> None:
    bench.a.standin.buy({SKU: 1})
    other = bench.b.standin.buy({SKU: 1})
    await bench.b.webhook(other)
    await bench.a.look()
    assert bench.a.shows == bench.a.state()["target"] == 1
    await bench.receive(1)
    await bench.a.push()
    await bench.a.push()
    assert bench.a.shows <= 1, "one unit is left in truth"
    assert bench.a.state()["book"] == 2, "a reading alone moves no book"
    await bench.a.settle()
    assert (bench.on_hand, bench.hard, bench.a.shows) == (3, 2, 1)
    bench.assert_at_rest()


async def a_pull_explains_a_reading_by_accident(bench: Bench) -> None:
    """The book knows order 0; its cancel and a second sale are unseen. The pull brings only the cancel; one unit must not come back."""
    shop = bench.a.standin
    known = shop.buy({SKU: 1})
    await bench.a.webhook(known)
    await bench.clock.sleep(61)
    shop.cancel(known)
    await bench.clock.sleep(58)
    shop.buy({SKU: 1})
    await bench.clock.sleep(2)  # the list now shows the cancel and not yet the second sale
    await bench.receive(1)
    await bench.a.push()
    assert bench.a.shows <= 2
    await bench.a.settle()
    assert bench.a.shows == 2
    bench.assert_at_rest()


async def a_pull_explains_the_reading_of_an_absolute_raise(bench: Bench) -> None:
    """As before, but the cancel comes with the pull between reading and writing; and a unit is taken off, so that no other rule steps in."""
    shop = bench.a.standin
    known = shop.buy({SKU: 1})
    await bench.a.webhook(known)
    await bench.clock.sleep(61)
    shop.cancel(known)
    await bench.clock.sleep(58)
    shop.buy({SKU: 1})
    await bench.receive(2)

    async def cancel_becomes_visible() -> None:
        await bench.clock.sleep(2)
        await bench.take_off(1)

    bench.ledger.slip_after(pages.apply_page, cancel_becomes_visible)
    await bench.a.push()
    assert max(change.after for change in shop.changes if change.cause != "restore") <= 2, "the unit that was sold is back on sale"
    await bench.a.settle()
    assert (bench.a.shows, bench.on_hand, bench.hard) == (2, 3, 1)
    bench.assert_at_rest()


async def a_pull_explains_an_edited_reading_of_an_absolute_raise(bench: Bench) -> None:
    """Two sales and a hand edit are unseen. The pull between reading and writing brings one of the sales, and that explains the number by itself."""
    shop = bench.a.standin
    shop.buy({SKU: 1})
    await bench.clock.sleep(59)
    shop.buy({SKU: 1})
    shop.edit(SKU, 1)
    await bench.receive(3)

    async def sale_becomes_visible() -> None:
        await bench.clock.sleep(2)

    bench.ledger.slip_after(pages.apply_page, sale_becomes_visible)
    await bench.a.push()
    assert bench.a.shows <= 3, "the unit that was sold is back on sale"
    await bench.a.settle()
    assert (bench.a.shows, bench.on_hand, bench.hard) == (3, 5, 2)
    bench.assert_at_rest()
