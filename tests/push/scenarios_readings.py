"""Gaps, hand edits and brackets: what a reading may end, and what it may not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from channelsync.ledger import pages
from support.push import LAG, SKU, Bench


async def a_gap_stays_while_the_order_may_still_be_on_its_way(bench: Bench) -> None:
    bench.a.standin.buy({SKU: 1})
    await bench.receive(1)
    await bench.a.push()
    for _ in range(2):
        await bench.a.pull()
        await bench.a.push()
    state = bench.a.state()
    assert (state["gap"], state["asked_at"]) == (-1, None)
    assert bench.on_hand == 3
    assert bench.a.shows == 2
    await bench.a.settle()
    assert (bench.on_hand, bench.hard, bench.a.shows) == (3, 1, 2)


async def a_sale_is_not_in_the_list_yet_when_a_bracket_begins(bench: Bench) -> None:
    bench.a.standin.buy({SKU: 1})
    await bench.clock.sleep(2)
    await bench.a.look()
    await bench.a.bracket()
    await bench.a.push()
    assert bench.a.shows == 1, "the unit that was sold is back on sale"
    await bench.a.settle()
    assert (bench.on_hand, bench.hard, bench.a.shows) == (2, 1, 1)
    bench.assert_at_rest()


async def staff_edit_the_number(bench: Bench, edit: int, *, on_hand: int, shows: int) -> None:
    """From 2 to `edit`, and what policy must make of it."""
    bench.a.standin.edit(SKU, edit)
    await bench.a.sweep()
    assert bench.a.state()["gap"] == edit - 2
    if edit == 3:
        await bench.receive(1)
        await bench.a.push()
        assert bench.a.shows == 3, "no raise while the shop shows more than we can explain"
        await bench.take_off(1)
    await bench.a.settle()
    assert (bench.on_hand, bench.a.shows) == (on_hand, shows)
    bench.assert_at_rest()


async def staff_lower_the_number_and_nobody_decides(bench: Bench) -> None:
    bench.a.standin.edit(SKU, 1)
    await bench.a.sweep()
    await bench.a.settle()
    state = bench.a.state()
    assert (state["gap"], bench.a.shows, bench.on_hand) == (-1, 1, 2)
    assert state["asked_at"] is not None


async def a_hand_edit_hides_a_sale(bench: Bench) -> None:
    bench.a.standin.buy({SKU: 1})
    bench.a.standin.edit(SKU, 2)
    await bench.a.settle()
    await bench.a.sweep()
    await bench.a.settle()
    assert (bench.on_hand, bench.hard, bench.a.shows) == (2, 1, 1)
    bench.assert_at_rest()


async def a_webhook_comes_between_pull_and_second_reading(bench: Bench) -> None:
    """The number is the same at both readings: staff put back what the order took."""
    shop = bench.a.standin
    shop.edit(SKU, 3)
    await bench.a.sweep()

    async def sell() -> None:
        await bench.a.webhook(shop.buy({SKU: 1}))
        shop.edit(SKU, 3)

    bench.ledger.slip_after(pages.apply_page, sell)
    assert await bench.a.bracket() == 0, "an order of this shelf was ingested in between"
    await bench.a.settle()
    assert (bench.hard, bench.a.shows) == (1, 1)
    bench.assert_at_rest()


async def a_cancel_comes_between_pull_and_second_reading(bench: Bench) -> None:
    """The number is the same at both readings: an unseen sale took what the cancel gave back. Needs a carrier that is verified."""
    shop = bench.a.standin
    known = shop.buy({SKU: 1})
    await bench.a.webhook(known)
    await bench.receive(1)
    await bench.a.push()
    await bench.clock.sleep(2)

    async def swap() -> None:
        shop.cancel(known)
        shop.buy({SKU: 1})
        await bench.a.webhook(known)

    bench.ledger.slip_after(pages.apply_page, swap)
    await bench.a.bracket()
    await bench.a.push()
    assert bench.a.shows == 2, "the unit that was sold is back on sale"
    await bench.a.settle()
    assert (bench.on_hand, bench.hard, bench.a.shows) == (3, 1, 2)
    bench.assert_at_rest()


async def an_order_is_later_than_the_lag(bench: Bench) -> None:
    shop = bench.a.standin
    shop.index._dials = replace(shop.index._dials, visibility_lag=20 * LAG)
    shop.buy({SKU: 1})
    await bench.clock.sleep(2)
    await bench.a.sweep()
    await bench.a.bracket()
    assert (bench.on_hand, bench.a.state()["adopted"]) == (1, -1), "later than promised, a sale looks like an edit"
    await bench.clock.sleep(20 * LAG)
    await bench.pullers[bench.a.channel].look(widen=timedelta(hours=2))  # the nightly wide look: the cursor is long past it
    await bench.a.settle()
    assert (bench.on_hand, bench.hard, bench.a.shows, bench.a.state()["adopted"]) == (2, 1, 1, 0)
    bench.assert_at_rest()
