"""Another program writes its own number into a shop, over and over: it is named, and fought no more; sold units are still taken off."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from channelsync.ledger import edits, findings
from support.push import OVERWRITE, SKU, Bench

Play = Callable[..., None]


def named(bench: Bench) -> list[str]:
    return [each.reference for each in bench.read(lambda conn: findings.listed(conn, kind=edits.FOREIGN))]


def writes(bench: Bench) -> int:
    return len([row for row in bench.a.sent() if row["state"] in ("ok", "bracketed")])


async def written_over_and_over(bench: Bench) -> None:
    for _ in range(3 * edits.OVERWRITES_MAX):
        bench.a.standin.edit(SKU, 9)
        await bench.a.sweep()
        await bench.a.settle(2)


@pytest.mark.parametrize("carrier", ["cas", "adjust-keyed", "adjust", "rmw"])
def test_a_program_that_comes_again_and_again_is_fought_a_few_times_only(play: Play, carrier: str) -> None:
    async def story(bench: Bench) -> None:
        await written_over_and_over(bench)
        assert named(bench) == [f"{bench.a.standin.shelves.products[SKU].ref}@"]
        assert writes(bench) == edits.OVERWRITES_MAX
        assert bench.a.shows == 9
        await bench.take_off(1)
        await bench.a.settle(2)
        assert bench.a.shows == 8, "lowers never wait"
        bench.b.standin.buy({SKU: 1})
        await bench.a.settle(3)
        assert (bench.on_hand, bench.hard, bench.a.shows) == (1, 1, 7)
        await bench.receive(5)
        await bench.a.settle(3)
        assert bench.a.shows == 7, "no raise on top of what nobody can explain"
        assert len(named(bench)) == 1

    play(story, carrier, on_edit=OVERWRITE)


def test_a_lower_of_an_absolute_carrier_says_the_whole_number_and_the_next_edit_asks_at_once(play: Play) -> None:
    async def story(bench: Bench) -> None:
        await written_over_and_over(bench)
        assert (len(named(bench)), writes(bench)) == (1, edits.OVERWRITES_MAX)
        await bench.take_off(1)
        await bench.a.settle(3)
        assert (bench.a.shows, named(bench)) == (1, []), "it shows what it should: there is nothing to ask"
        bench.a.standin.edit(SKU, 9)
        await bench.a.sweep()
        await bench.a.settle(3)
        assert (bench.a.shows, len(named(bench))) == (9, 1)

    play(story, "set", on_edit=OVERWRITE)


@pytest.mark.parametrize("carrier", ["cas", "adjust", "rmw", "set"])
def test_a_program_that_answers_each_write_of_ours_at_once(play: Play, carrier: str) -> None:
    async def story(bench: Bench) -> None:
        seen = -1
        for _ in range(8 * edits.OVERWRITES_MAX):
            await bench.a.settle(1)
            if writes(bench) > seen:
                bench.a.standin.edit(SKU, 9)
                seen = writes(bench)
            await bench.a.sweep()
        assert named(bench) == [f"{bench.a.standin.shelves.products[SKU].ref}@"]
        assert writes(bench) <= edits.OVERWRITES_MAX + 1

    play(story, carrier, on_edit=OVERWRITE)
