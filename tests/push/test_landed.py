"""A shop that accepts writes and applies them later: a write is settled as soon as a closed bracket shows it, and not before it has drained if it
does not show.
"""

from __future__ import annotations

from collections.abc import Callable

from support.push import Bench, Scenario

DRAIN, LAG = 600.0, 10.0
Play = Callable[..., None]


async def _waited(bench: Bench, seconds: float) -> None:
    await bench.clock.sleep(seconds)
    await bench.a.pull()
    await bench.a.bracket()


def late(play: Play, story: Scenario) -> None:
    play(story, "adjust", drain=DRAIN, lag=LAG, write_visible_after=2.0)


def test_it_is_settled_long_before_it_must_have_drained(play: Play) -> None:
    async def story(bench: Bench) -> None:
        await bench.take_off(1)
        await bench.a.push()
        assert (bench.a.state()["book"], bench.a.sent()[0]["state"]) == (2, "unknown")
        await _waited(bench, 3.0)
        assert (bench.a.shows, bench.a.state()["book"], bench.a.sent()[0]["state"]) == (1, 1, "ok")
        assert bench.clock.monotonic() < DRAIN

    late(play, story)


def test_a_sale_that_looks_like_it_does_not_settle_it(play: Play) -> None:
    """A unit less is seen before the write has landed: it is a sale that the list does not show yet."""

    async def story(bench: Bench) -> None:
        bench.a.standin.writes.catch_up = lambda: None  # type: ignore[method-assign]  # the shop takes its time
        await bench.take_off(1)
        await bench.a.push()
        await bench.clock.sleep(3.0)
        bench.a.standin.buy({"X": 1})
        assert bench.a.shows == 1
        await _waited(bench, 0.0)
        assert bench.a.sent()[0]["state"] == "unknown", "the pull within the bracket has brought the sale, so it did not close"
        await _waited(bench, 1.0)
        assert bench.a.sent()[0]["state"] == "unknown", "the number is what orders explain: nothing has landed"

    late(play, story)


def test_that_it_is_not_there_proves_nothing_before_it_has_drained(play: Play) -> None:
    async def story(bench: Bench) -> None:
        catch_up = bench.a.standin.writes.catch_up
        bench.a.standin.writes.catch_up = lambda: None  # type: ignore[method-assign]
        await bench.take_off(1)
        await bench.a.push()
        await _waited(bench, 60.0)
        assert bench.a.sent()[0]["state"] == "unknown"
        bench.a.standin.writes.catch_up = catch_up  # type: ignore[method-assign]
        await _waited(bench, 1.0)
        assert (bench.a.shows, bench.a.state()["book"], bench.a.sent()[0]["state"]) == (1, 1, "ok")
        assert len(bench.a.sent()) == 1, "there was never a second write"

    late(play, story)
