"""Lost answers and crashes: a write whose outcome nobody knows has one effect, whatever is done about it."""

from __future__ import annotations

import asyncio

from channelsync.ledger import lowering, outbox
from support.push import SKU, Bench


class Died(BaseException):
    """The daemon is gone; nothing after this line of its code has happened."""


async def die() -> None:
    raise Died


async def die_at(bench: Bench, step: str, *, raises: bool = True) -> None:
    """Push at shop a and die. armed: before the release, which for most lowers is the first step. released: after it, with nothing on the wire."""
    slip = bench.ledger.slip_before if step == "armed" else bench.ledger.slip_after
    slip(outbox.release if raises or bench.carrier == "set" else lowering.lower, die)
    try:
        await bench.a.dispatcher.run_once()
    except Died:
        await bench.crash()
        return
    raise AssertionError(f"the push never came to {step!r}")


async def a_lower_is_unanswered_and_a_unit_is_sold(bench: Bench) -> None:
    bench.a.standin.gate.drop("after")
    await bench.take_off(1)
    await bench.a.push()
    assert bench.a.shows == 1
    bench.a.standin.buy({SKU: 1})
    await bench.a.push()
    assert bench.a.shows == 0, "the unit that was sold is back on sale"
    assert len(bench.a.sent()) == 1, "while an outcome is unknown nothing else is sent to that shelf"
    await bench.a.settle()
    assert bench.a.shows == 0
    bench.assert_at_rest()


async def a_raise_is_unanswered_after_an_unseen_sale(bench: Bench) -> None:
    bench.a.standin.buy({SKU: 1})
    bench.a.standin.gate.drop("after")
    await bench.receive(1)
    await bench.a.push()
    await bench.a.push()
    assert bench.a.shows == 2
    await bench.a.settle()
    assert (bench.a.shows, bench.on_hand) == (2, 3)
    bench.assert_at_rest()


async def a_write_is_applied_after_the_first_reading(bench: Bench) -> None:
    held = bench.a.standin.gate.hold("before")
    await bench.receive(1)
    await bench.a.push()

    async def late() -> None:
        await bench.clock.sleep(20)
        held.release()

    releasing = asyncio.ensure_future(late())
    await bench.a.sweep()
    await releasing
    await bench.a.settle()
    assert bench.a.shows == 3
    bench.assert_at_rest()


async def a_raise_is_stored_and_no_longer_due(bench: Bench) -> None:
    await bench.receive(1)
    await die_at(bench, "armed")
    await bench.take_off(1)
    await bench.a.push()
    await bench.a.settle()
    assert [change.after for change in bench.a.standin.changes] == []
    assert bench.a.shows == 2
    bench.assert_at_rest()


async def a_raise_is_released_never_sent_and_no_longer_due(bench: Bench) -> None:
    await bench.receive(1)
    await die_at(bench, "released")
    await bench.take_off(1)
    await bench.clock.sleep(5)
    await bench.a.push()
    await bench.a.settle()
    assert 3 not in [change.after for change in bench.a.standin.changes]
    assert bench.a.shows == 2
    bench.assert_at_rest()


async def a_crash_after_the_effect(bench: Bench) -> None:
    await bench.receive(1)
    bench.a.standin.gate.drop("after")
    await bench.a.push()
    await bench.crash()
    await bench.clock.sleep(5)
    await bench.a.push()
    assert bench.a.state()["book"] == bench.a.shows == 3
    writes = [change for change in bench.a.standin.changes if change.cause == "write"]
    assert len(writes) == 1
    await bench.b.push()
    bench.assert_at_rest()


async def a_sale_after_a_lost_answer(bench: Bench) -> None:
    await bench.receive(1)
    bench.a.standin.gate.drop("after")
    await bench.a.push()
    order = bench.a.standin.buy({SKU: 1})
    await bench.a.webhook(order)
    await bench.a.settle()
    assert (bench.on_hand, bench.hard, bench.a.shows) == (3, 1, 2)
    assert bench.a.state()["adopted"] == 0
    bench.assert_at_rest()


async def a_crash_between_two_steps(bench: Bench, step: str, *, raises: bool) -> None:
    """armed, released: see `die_at`. applied: the answer is lost. never: the request is."""
    await (bench.receive(1) if raises else bench.take_off(1))
    if step in {"applied", "never"}:
        bench.a.standin.gate.drop("after" if step == "applied" else "before")
        await bench.a.push()
        await bench.crash()
    else:
        await die_at(bench, step, raises=raises)
    await bench.a.settle()
    assert bench.a.shows == bench.on_hand == (3 if raises else 1)
    bench.assert_at_rest()
