"""The step that releases a write, and what happens when the channel changes hands around it."""

from __future__ import annotations

import asyncio

from channelsync.ledger import channels, outbox
from support.push import Bench


async def the_ledger_moves_before_the_release(bench: Bench) -> None:
    await bench.receive(1)
    bench.ledger.slip_before(outbox.release, bench.take_off)
    await bench.a.push()
    assert bench.a.shows == 2
    assert [row["state"] for row in bench.a.sent()] == ["withdrawn"]
    bench.assert_at_rest()


async def a_holder_sleeps_past_its_lease(bench: Bench) -> None:
    async def sleep() -> None:
        await bench.clock.sleep(120)  # SIGSTOP between the stored attempt and the bytes
        await bench.second_node().dispatcher.run_once()

    await bench.receive(1)
    bench.ledger.slip_after(outbox.arm, sleep)
    await bench.a.push()
    writes = [change for change in bench.a.standin.changes if change.cause == "write"]
    assert [change.after for change in writes] == [3], "the second node alone has written"
    assert bench.a.state()["book"] == 3


async def a_holder_sleeps_between_the_release_and_the_bytes(bench: Bench) -> None:
    """The second node finds the write on its way, reads twice that it has not landed, and writes itself. The first one wakes up and must not."""

    async def sleep() -> None:
        await bench.clock.sleep(120)
        second = bench.second_node()
        for _ in range(3):
            await second.dispatcher.run_once()
            await second.reconciler.close_brackets()
            await bench.clock.sleep(10)
        assert [change.after for change in bench.a.standin.changes if change.cause == "write"] == [3], "the second node has written"

    await bench.receive(1)
    bench.ledger.slip_after(outbox.release, sleep)
    await bench.a.push()
    assert [change.after for change in bench.a.standin.changes if change.cause == "write"] == [3], "the first one has, too"
    assert bench.a.channel.lease is None
    await bench.clock.sleep(120)
    await bench.a.settle()
    assert bench.a.shows == 3
    bench.assert_at_rest()


async def an_old_holder_settles_late(bench: Bench) -> None:
    await bench.receive(1)
    held = bench.a.standin.gate.hold("after")
    pushing = asyncio.ensure_future(bench.a.push())
    await held.arrived.wait()
    version = await bench.ledger.run(channels.take_lease, channels.LeaseRequest(bench.a.channel.id, "node-2", 60.0))
    assert version is None, "the first holder's lease is still good"
    before = bench.a.state()["book"]
    await bench.lose_lease()
    held.release()
    await pushing
    assert bench.a.state()["book"] == before
    assert bench.a.channel.lease is None
    await bench.clock.sleep(200)
    await bench.a.settle()
    assert bench.a.shows == 3
    bench.assert_at_rest()


async def a_new_holder_comes_while_a_request_is_on_the_wire(bench: Bench) -> None:
    await bench.receive(1)
    held = bench.a.standin.gate.hold("before")
    pushing = asyncio.ensure_future(bench.a.push())
    await held.arrived.wait()
    await bench.clock.sleep(1)
    await pushing
    await bench.clock.sleep(120)
    second = bench.second_node().dispatcher
    if bench.carrier == "cas":
        held.release()
        await bench.clock.sleep(0.1)
    await second.run_once()
    held.release()
    await bench.clock.sleep(1)
    bench.a.dispatcher = second
    await bench.a.settle()
    writes = [change for change in bench.a.standin.changes if change.cause == "write"]
    assert len(writes) == 1
    assert bench.a.shows == 3
