"""An absolute write is never repeated, not even under a key: the reading it rests on has aged, and a sale since then would be undone."""

from __future__ import annotations

import asyncio

from channelsync.testing.conformance.wire import Break
from support.push import SKU, Bench


def test_a_lost_set_is_not_sent_again_under_its_key(play) -> None:  # type: ignore[no-untyped-def]
    async def scenario(bench: Bench) -> None:
        await bench.receive(1)
        with bench.a.http.wire.broken(Break.LOST_REQUEST, kind="write"):
            await bench.a.push()
        bench.a.standin.buy({SKU: 1})  # 2 -> 1; the order list will not show it for a while
        await asyncio.sleep(5)
        await bench.a.push()
        assert bench.a.shows == 1
        await bench.a.settle()
        assert (bench.a.shows, bench.hard) == (2, 1)
        bench.assert_at_rest()

    play(scenario, "set", key_memory=86_400.0)
