from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from channelsync.errors import Misunderstood, NotReached, RateLimited, Refused, Unavailable
from channelsync.shell.circuit import CircuitOpen
from channelsync.shell.limiter import OverBudget
from channelsync.shell.retry import ReadRetry, RetryRules
from channelsync.testing.virtual_clock import VirtualClock


class Shop:
    """Raises the given errors one after the other, then answers."""

    def __init__(self, errors: Sequence[Exception], *, forever: bool = False) -> None:
        self.errors = list(errors)
        self.forever = forever
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.forever:
            raise self.errors[0]
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def _run(shop: Shop, rules: RetryRules | None = None, seed: int = 1) -> tuple[str | Exception, float]:
    clock = VirtualClock()

    async def main() -> str | Exception:
        try:
            return await ReadRetry(clock, random.Random(seed), rules).run(shop)
        except Exception as error:
            return error

    return clock.run(main()), clock.monotonic()


def test_unavailable_is_repeated_after_a_pause() -> None:
    shop = Shop([Unavailable("502"), NotReached("refused")])
    result, seconds = _run(shop)
    assert (result, shop.calls) == ("answer", 3)
    assert 0 < seconds <= 0.5 + 1.0


def test_tries_are_bounded_and_the_last_error_comes_out() -> None:
    last = Unavailable("down")
    shop = Shop([last], forever=True)
    result, _ = _run(shop, RetryRules(tries=4))
    assert result is last
    assert shop.calls == 4


@pytest.mark.parametrize("error", [Refused("no"), KeyError("bug"), CircuitOpen("down"), OverBudget("full")])
def test_what_repeating_cannot_help_is_not_repeated(error: Exception) -> None:
    shop = Shop([error], forever=True)
    result, seconds = _run(shop)
    assert (result, shop.calls, seconds) == (error, 1, 0)


def test_an_answer_that_made_no_sense_is_asked_for_once_more() -> None:
    cut_off = Shop([Misunderstood("it ends in the middle")])
    assert (_run(cut_off)[0], cut_off.calls) == ("answer", 2)
    changed = Shop([Misunderstood("no orders in it")], forever=True)
    assert (str(_run(changed)[0]), changed.calls) == ("no orders in it", 2)
    between = Shop([Misunderstood("html"), Unavailable("502"), Misunderstood("html"), Unavailable("502")])
    assert (str(_run(between)[0]), between.calls) == ("html", 3)


def test_refusals_cost_no_try_but_are_bounded() -> None:
    patient = Shop([RateLimited("429")] * 8 + [Unavailable("502")] * 3)
    assert _run(patient, RetryRules(tries=4, refusals=8))[0] == "answer"
    endless = Shop([RateLimited("429")], forever=True)
    _run(endless, RetryRules(refusals=10))
    assert endless.calls == 11


def test_the_shops_retry_after_is_kept() -> None:
    _, seconds = _run(Shop([Unavailable("maintenance", retry_after=42.0)]))
    assert seconds == pytest.approx(42.0)


def test_no_pause_is_begun_that_would_end_after_the_total_time() -> None:
    shop = Shop([Unavailable("maintenance", retry_after=500.0)])
    result, seconds = _run(shop, RetryRules(seconds=120))
    assert isinstance(result, Unavailable)
    assert (shop.calls, seconds) == (1, 0)


def test_pauses_spread_over_the_whole_range_and_repeat_by_seed() -> None:
    firsts = [_run(Shop([Unavailable("x")]), seed=seed)[1] for seed in range(200)]
    assert min(firsts) < 0.05
    assert 0.45 < max(firsts) <= 0.5
    assert firsts == [_run(Shop([Unavailable("x")]), seed=seed)[1] for seed in range(200)]
