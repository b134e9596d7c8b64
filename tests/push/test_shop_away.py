"""A shop that is away, for hours or until it gets new credentials: its deliveries wait, it is asked little, and all goes on by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from channelsync.contract import Delivery, Gone, OrderHint, OrderSnapshot, Parsed
from channelsync.engine import resting
from channelsync.engine.intake import Intake
from channelsync.errors import ChannelError, Misunderstood, NotReached, RateLimited, Unauthorized, Unavailable
from channelsync.ledger import aside, inbox
from channelsync.ledger.inbox import TRIES, Arrived
from support.push import Bench

Play = Callable[..., None]
HOUR = 3600.0
AWAY = [Unavailable("502"), NotReached("no connection"), RateLimited("too often", retry_after=2), Unauthorized("401")]


@dataclass
class Front:
    """Shop a as its webhooks and single orders show it: each delivery names an order, and asking for one fails as it is told to."""

    bench: Bench
    fails: ChannelError | None = None
    odd: dict[str, ChannelError] = field(default_factory=dict)
    asked: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        connector = self.bench.a.channel.connector
        connector.parse = self._parse  # type: ignore[attr-defined]
        connector.order = self._order  # type: ignore[method-assign]
        self.intake = Intake(self.bench.store)

    def _parse(self, delivery: Delivery) -> list[Parsed]:
        return [OrderHint(json.loads(delivery.body)["order"])]

    async def _order(self, ref: str) -> OrderSnapshot | Gone:
        self.asked.append(self.bench.clock.monotonic())
        if (error := self.odd.get(ref) or self.fails) is not None:
            raise error
        return Gone(ref)

    async def hears(self, *refs: str) -> None:
        bench = self.bench
        for ref in refs:
            arrived = Arrived(bench.a.channel.id, f"about {ref}", {}, json.dumps({"order": ref}).encode(), bench.clock.now())
            await bench.ledger.run(inbox.store, arrived)

    async def passes(self, seconds: float, *, well: bool = False) -> None:
        """Time, with the daemon's intake at work. well: the poll comes through meanwhile."""
        until = self.bench.clock.monotonic() + seconds
        while self.bench.clock.monotonic() < until:
            if well:
                self.bench.store.well(self.bench.a.channel)
            await self.intake.run_once()
            await self.bench.clock.sleep(5)

    @property
    def waiting(self) -> int:
        found: dict[int, inbox.Waiting] = self.bench.read(inbox.waiting)
        return found[self.bench.a.channel.id].count if found else 0

    @property
    def aside(self) -> list[str]:
        return [row.ref for row in self.bench.read(aside.listed)]


@pytest.mark.parametrize("error", AWAY, ids=lambda error: type(error).__name__)
def test_deliveries_outlast_an_outage_and_are_handled_when_it_ends(play: Play, error: ChannelError) -> None:
    async def story(bench: Bench) -> None:
        front = Front(bench, error)
        await front.hears("1", "2", "3")
        await front.passes(6 * HOUR)
        assert (front.waiting, front.aside) == (3, [])
        front.fails = None
        bench.store.well(bench.a.channel)
        await front.passes(resting.REST_MOST + 10)
        assert (front.waiting, front.aside) == (0, [])

    play(story)


def test_a_shop_that_is_away_is_asked_one_question_at_a_time_less_and_less_often(play: Play) -> None:
    async def story(bench: Bench) -> None:
        front = Front(bench, NotReached("no connection"))
        await front.hears(*map(str, range(150)))
        await front.passes(HOUR)
        gaps = [after - before for before, after in zip(front.asked, front.asked[1:], strict=False)]
        assert gaps[0] >= resting.REST_FIRST
        assert gaps[-1] >= resting.REST_MOST
        assert gaps == sorted(gaps)
        assert len(gaps) < 20

    play(story)


def test_no_pause_is_shorter_than_the_shop_asks_for(play: Play) -> None:
    async def story(bench: Bench) -> None:
        front = Front(bench, RateLimited("banned for a while", retry_after=2_000))
        await front.hears("1")
        await front.passes(2 * HOUR)
        assert min(after - before for before, after in zip(front.asked, front.asked[1:], strict=False)) >= 2_000

    play(story)


def test_new_credentials_let_deliveries_go_on_at_once(play: Play) -> None:
    async def story(bench: Bench) -> None:
        front = Front(bench, Unauthorized("401"))
        await front.hears("1", "2")
        await front.passes(HOUR)
        front.fails = None
        bench.store.well(bench.a.channel)
        await front.passes(resting.REST_MOST + 10)
        assert front.waiting == 0
        await front.hears("3")
        await front.intake.run_once()
        assert front.waiting == 0

    play(story)


@pytest.mark.parametrize("error", [Misunderstood("no JSON"), Unavailable("500")], ids=["misunderstood", "unavailable"])
def test_one_order_that_a_shop_never_tells_ends_and_holds_up_no_other(play: Play, error: ChannelError) -> None:
    """The shop is well otherwise: it is about this order."""

    async def story(bench: Bench) -> None:
        front = Front(bench, odd={"1": error})
        await front.hears("1", "2", "3")
        await front.passes(60, well=True)
        assert front.waiting == 1
        await front.passes(HOUR, well=True)
        assert (front.waiting, front.aside) == (0, ["about 1"])
        assert len(front.asked) == TRIES + 2

    play(story)


def test_a_shop_that_cannot_say_who_it_is_says_nothing_of_its_deliveries(play: Play) -> None:
    async def story(bench: Bench) -> None:
        async def check() -> None:
            raise Misunderstood("a page for people")

        front = Front(bench)
        bench.a.channel.introduced = False
        bench.a.channel.connector.check = check  # type: ignore[assignment,method-assign]
        await front.hears("1")
        await front.passes(6 * HOUR)
        assert (front.waiting, front.aside, front.asked) == (1, [], [])

    play(story)
