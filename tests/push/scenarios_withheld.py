"""Unpaid checkouts that a shop holds back by itself, without lowering its number."""

from __future__ import annotations

from channelsync.engine.housekeeping import Housekeeping
from support.push import SKU, Bench


async def a_checkout_is_paid(bench: Bench) -> None:
    pending = bench.a.standin.buy({SKU: 1}, paid=False)
    await bench.a.webhook(pending)
    await bench.b.push()
    assert (bench.a.shows, bench.b.shows) == (2, 1)
    assert bench.a.state()["target"] == 2
    bench.a.standin.pay(pending)
    await bench.a.webhook(pending)
    sent = len(bench.a.sent())
    await bench.a.push()
    assert (bench.a.shows, bench.b.shows, len(bench.a.sent())) == (1, 1, sent)
    await bench.a.settle()
    assert (bench.a.shows, bench.b.shows) == (1, 1)
    bench.assert_at_rest()


async def a_checkout_expires(bench: Bench) -> None:
    pending = bench.a.standin.buy({SKU: 1}, paid=False)
    await bench.a.webhook(pending)
    await bench.b.push()
    assert (bench.a.shows, bench.b.shows) == (2, 1)
    await bench.clock.sleep(700)
    await Housekeeping(bench.store).run_once()
    await bench.b.push()
    assert (bench.a.shows, bench.b.shows) == (2, 2)
    bench.assert_at_rest()


async def a_checkout_is_paid_before_anybody_sees_it(bench: Bench) -> None:
    pending = bench.a.standin.buy({SKU: 1}, paid=False)
    bench.a.standin.pay(pending)
    await bench.a.settle()
    assert (bench.a.shows, bench.b.shows, bench.hard) == (1, 1, 1)
    bench.assert_at_rest()
