"""Freezing against the real dispatcher and a shop that counts: whatever becomes due, its number is not touched."""

from __future__ import annotations

from typing import Any

import pytest

from channelsync.ledger import freezing, outbox
from channelsync.ledger.freezing import Freeze, Scope, Thaw
from support.push import CARRIERS, SKU, Bench

Play = Any


@pytest.mark.parametrize("carrier", list(CARRIERS))
def test_a_frozen_shop_is_not_written_and_catches_up_when_thawed(play: Play, carrier: str) -> None:
    async def story(bench: Bench) -> None:
        await bench.ledger.run(freezing.freeze, Freeze(Scope(SKU, channel="a"), "recall"))
        before = len(bench.a.sent())
        await bench.receive(5)
        await bench.a.settle(2)
        bench.b.standin.buy({SKU: 1})
        await bench.b.settle(2)
        assert (bench.a.shows, bench.b.shows) == (2, 6)
        await bench.take_off(6)
        await bench.a.settle(2)
        assert (bench.a.shows, bench.b.shows) == (2, 0)
        assert len(bench.a.sent()) == before
        await bench.ledger.run(freezing.thaw, Thaw(Scope(SKU, channel="a")))
        await bench.a.settle(4)
        assert bench.a.shows == 0
        bench.assert_at_rest()

    play(story, carrier)


@pytest.mark.parametrize("carrier", ["cas", "adjust-keyed", "adjust"])
@pytest.mark.parametrize("stage", ["before", "after"])
def test_what_was_under_way_ends_and_no_more_is_sent(play: Play, carrier: str, stage: Any) -> None:
    async def story(bench: Bench) -> None:
        bench.a.standin.gate.drop(stage)  # the answer never comes; before: nor did the request
        await bench.receive(3)
        await bench.a.push()
        await bench.ledger.run(freezing.freeze, Freeze(Scope(SKU), "recall"))
        shown = bench.a.shows
        await bench.receive(3)
        await bench.a.settle(4)
        assert bench.a.shows == shown, "neither repeated nor sent anew"
        state = bench.a.state()
        assert (state["book"], state["target"], state["due"]) == (shown, 8, False)
        assert not [row for row in bench.a.sent() if row["state"] in ("armed", "sent", "unknown")]

    play(story, carrier)


def test_a_freeze_between_arming_and_release_stops_the_write(play: Play) -> None:
    async def story(bench: Bench) -> None:
        async def freeze() -> None:
            await bench.ledger.run(freezing.freeze, Freeze(Scope(SKU), "recall"))

        bench.ledger.slip_before(outbox.release, freeze)
        await bench.receive(3)
        await bench.a.push()
        assert (bench.a.shows, [row["state"] for row in bench.a.sent()]) == (2, ["withdrawn"])

    play(story)
