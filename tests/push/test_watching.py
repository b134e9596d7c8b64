"""Webhooks that go missing are put back and their gap looked through; a lost credential is asked again until it works. In virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from channelsync.engine.loops import Engine
from channelsync.engine.poll import Puller
from channelsync.engine.watching import Hooks, Watch
from channelsync.errors import Unauthorized, Unavailable
from channelsync.ledger import channels, webhooks
from channelsync.ledger.channels import Pause, PauseKind
from channelsync.ledger.webhooks import Delivered, HookState
from channelsync.shell.subscribing import Subscriptions
from channelsync.testing.conformance.wire import Break
from support.push import Bench, Shop

Play = Callable[..., None]

URL = "https://sync.example.com/webhooks/a"
ELSEWHERE = "https://other.example.com/hook"
MINUTE = 60.0


class Looks:
    """Notes how far back the puller was asked to look, and looks."""

    def __init__(self, puller: Puller) -> None:
        self._puller = puller
        self.widened: list[timedelta] = []
        self.fails = False

    async def look(self, *, widen: timedelta = timedelta(0)) -> None:
        self.widened.append(widen)
        if self.fails:
            raise Unavailable("no answer")
        await self._puller.look(widen=widen)


def _hooks(shop: Shop) -> tuple[Hooks, Looks]:
    looks = Looks(shop.bench.pullers[shop.channel])
    return Hooks(shop.bench.store, shop.channel, looks), looks  # type: ignore[arg-type]


def _known(shop: Shop) -> HookState:
    known: HookState | None = shop.bench.read(lambda conn: webhooks.of_channel(conn, shop.channel.id))
    assert known is not None
    return known


def _ours(shop: Shop) -> dict[str, bool]:
    return {hook.topic: hook.active for hook in shop.standin.hooks.hooks.values() if hook.url == URL}


async def _delivered(shop: Shop) -> datetime:
    now = shop.bench.clock.now()
    await shop.bench.ledger.run(webhooks.note_delivered, Delivered(shop.channel.id, 1, now))
    return now


def test_the_first_registration_fills_nothing_and_leaves_others_alone(play: Play) -> None:
    async def story(bench: Bench) -> None:
        shop = bench.a
        foreign = shop.standin.hooks.create("order.changed", ELSEWHERE)
        foreign.active = False
        hooks, looks = _hooks(shop)
        await hooks.ensure(URL)
        assert _ours(shop) == dict.fromkeys(("order.changed", "stock.changed", "listing.changed"), True)
        known = _known(shop)
        assert (known.ours, known.others, known.problem, known.filled_from) == (3, 1, None, None)
        assert looks.widened == []
        assert not foreign.active
        await hooks.ensure(URL)
        assert len(bench.read(lambda conn: webhooks.changes(conn, shop.channel.id))) == 3, "nothing more to repair"

    play(story)


@pytest.mark.parametrize("lost", ["switched off", "deleted"])
def test_a_lost_subscription_is_put_back_and_its_gap_looked_through_once(play: Play, lost: str) -> None:
    async def story(bench: Bench) -> None:
        shop = bench.a
        hooks, looks = _hooks(shop)
        await hooks.ensure(URL)
        since = await _delivered(shop)
        await bench.clock.sleep(40 * MINUTE)
        [ref] = [hook.ref for hook in shop.standin.hooks.hooks.values() if hook.topic == "order.changed"]
        if lost == "deleted":
            del shop.standin.hooks.hooks[ref]
        else:
            shop.standin.hooks.hooks[ref].active = False
        await hooks.ensure(URL)
        assert _ours(shop)["order.changed"]
        assert [widen >= timedelta(minutes=40) for widen in looks.widened] == [True]
        known = _known(shop)
        assert known.filled_from is not None
        assert known.filled_from <= since
        assert known.filled_at is not None
        [(_, newest), *_rest] = bench.read(lambda conn: webhooks.changes(conn, shop.channel.id))
        assert (newest.change, newest.topic) == ("made" if lost == "deleted" else "armed", "order.changed")
        await hooks.ensure(URL)
        assert len(looks.widened) == 1

    play(story)


def test_a_gap_that_could_not_be_looked_through_is_tried_again(play: Play) -> None:
    async def story(bench: Bench) -> None:
        hooks, looks = _hooks(bench.a)
        await hooks.ensure(URL)
        for hook in bench.a.standin.hooks.hooks.values():
            hook.active = False
        looks.fails = True
        await hooks.ensure(URL)
        assert _known(bench.a).filled_at is None
        looks.fails = False
        await hooks.ensure(URL)
        assert _known(bench.a).filled_at is not None
        assert len(looks.widened) == 2

    play(story)


def test_a_shop_that_does_not_answer_is_noted_and_polling_goes_on(play: Play) -> None:
    async def story(bench: Bench) -> None:
        hooks, _ = _hooks(bench.a)
        bench.a.standin.token = "changed"
        await hooks.ensure(URL)
        assert "401" in str(_known(bench.a).problem) or "unauthorized" in str(_known(bench.a).problem).lower()

    play(story)


def _state(bench: Bench) -> Any:
    return bench.read(lambda conn: channels.state_of(conn, bench.a.channel.id))


def test_new_credentials_end_the_pause_by_themselves(play: Play) -> None:
    async def story(bench: Bench) -> None:
        shop, token = bench.a, bench.a.standin.token
        watch = Watch(bench.store, shop.channel)
        shop.standin.token = "changed"
        await bench.receive(3)
        await shop.push()
        assert _state(bench).paused_kind is PauseKind.CREDENTIALS
        await watch.run_once()
        assert _state(bench).paused_kind is PauseKind.CREDENTIALS
        shop.standin.token = token
        await bench.clock.sleep(73)
        await watch.run_once()
        assert _state(bench).paused_at is None
        assert shop.channel.trouble is None
        await shop.push()
        assert shop.shows == 5

    play(story)


def test_a_shop_that_no_longer_speaks_our_language_stops_its_channel_and_says_what_is_needed(play: Play) -> None:
    class Outgrown(Unauthorized):
        needs = "a newer channelsync"

    async def story(bench: Bench) -> None:
        pause = await bench.store.troubled(bench.a.channel, Outgrown("another version answers"))
        assert pause > 0
        state = _state(bench)
        assert (state.paused_kind, state.paused_reason) == (PauseKind.CREDENTIALS, "needs a newer channelsync: another version answers")
        await Watch(bench.store, bench.a.channel).run_once()
        assert _state(bench).paused_at is None, "it goes on by itself"

    play(story)


def test_the_shop_is_asked_less_and_less_often(play: Play) -> None:
    async def story(bench: Bench) -> None:
        bench.a.standin.token = "changed"
        await bench.a.push()
        await bench.ledger.run(channels.pause, Pause(bench.a.channel.id, "needs new credentials", PauseKind.CREDENTIALS))
        watch, asked, begun = Watch(bench.store, bench.a.channel), [], bench.clock.monotonic()
        check = bench.a.channel.connector.check

        async def counting() -> Any:
            asked.append(bench.clock.monotonic() - begun)
            return await check()

        bench.a.channel.connector.check = counting  # type: ignore[method-assign]
        for _ in range(4 * 90):
            await watch.run_once()
            await bench.clock.sleep(15)
        gaps = [later - earlier for earlier, later in zip(asked, asked[1:], strict=False)]
        assert gaps[0] < 90
        assert max(gaps) < 19 * MINUTE
        assert min(gaps[-2:]) > 11 * MINUTE
        assert len(asked) < 12

    play(story)


def test_a_persons_pause_is_not_ended_by_working_credentials(play: Play) -> None:
    async def story(bench: Bench) -> None:
        channel = bench.a.channel
        for kind in (PauseKind.CREDENTIALS, PauseKind.PERSON):
            await bench.ledger.run(channels.pause, Pause(channel.id, "because", kind))
        await Watch(bench.store, channel).run_once()
        assert _state(bench).paused_kind is PauseKind.PERSON

    play(story)


@pytest.mark.parametrize("kind", [PauseKind.GUARD, PauseKind.LOCATION, PauseKind.PERSON])
def test_a_shop_that_stands_still_sells_on_and_is_asked_before_a_raise(play: Play, kind: PauseKind) -> None:
    async def story(bench: Bench) -> None:
        await bench.ledger.run(channels.pause, Pause(bench.b.channel.id, "because", kind))
        bench.b.standin.buy({"X": 1})
        await bench.receive(3)
        await bench.a.push()
        assert bench.a.shows == 4, "a pause stops writing, not selling"

    play(story)


@pytest.mark.parametrize(("kind", "shows"), [(PauseKind.GUARD, 2), (PauseKind.PERSON, 5)])
def test_a_shop_that_cannot_be_asked_holds_down_the_others_until_a_person_has_paused_it(play: Play, kind: PauseKind, shows: int) -> None:
    async def story(bench: Bench) -> None:
        await bench.ledger.run(channels.pause, Pause(bench.b.channel.id, "because", kind))
        with bench.b.http.wire.broken(Break.REFUSED, times=5):
            await bench.receive(3)
            await bench.a.push()
        assert bench.a.shows == shows

    play(story)


def test_nothing_is_raised_that_a_shop_without_credentials_may_have_sold(play: Play) -> None:
    async def story(bench: Bench) -> None:
        token, bench.b.standin.token = bench.b.standin.token, "changed"
        await bench.receive(3)
        await bench.a.push()
        assert bench.a.shows == 2
        bench.b.standin.token = token
        await Watch(bench.store, bench.b.channel).run_once()
        await bench.a.push()
        assert bench.a.shows == 5

    play(story)


def test_a_shop_that_refuses_our_credentials_is_left_alone_until_it_takes_them(play: Play) -> None:
    """By every task, and by the raises of the other shops; all go on as soon as the watch is let in."""

    async def story(bench: Bench) -> None:
        engine, token = Engine(bench.store, forgiving=False, tick=30.0), bench.b.standin.token
        bench.b.standin.token = "changed"
        tasks = [asyncio.ensure_future(work()) for work in engine.tasks().values()]
        await bench.receive(3)
        await bench.clock.sleep(60)
        before = bench.b.http.wire.calls
        await bench.clock.sleep(3 * 60 * MINUTE)
        asked = bench.b.http.wire.calls - before
        bench.b.standin.token = token
        await bench.clock.sleep(20 * MINUTE)
        assert asked < 3 * 60, "less than once a minute, all tasks together"
        assert bench.a.shows == bench.b.shows == 5
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    play(story)


def test_when_a_shops_webhooks_are_looked_at(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start, every quarter of an hour, and soon after a busy shop falls silent; never where the config says no."""
    looked: list[float] = []

    async def story(bench: Bench) -> None:
        async def note(_hooks: Hooks, url: str) -> None:
            assert url == URL
            looked.append(bench.clock.monotonic() - begun)

        monkeypatch.setattr(Hooks, "ensure", note)
        begun = bench.clock.monotonic()
        channel = {name: SimpleNamespace(webhooks=name == "a") for name in ("a", "b")}
        config = SimpleNamespace(listen=SimpleNamespace(public_url="https://sync.example.com"), channels=channel)
        subscriptions = Subscriptions(Engine(bench.store), config)  # type: ignore[arg-type]

        async def minutes(count: int, *, busy: bool) -> None:
            for _ in range(2 * count):
                await subscriptions.tend()
                if busy:
                    await _delivered(bench.a)
                await bench.clock.sleep(30)

        await minutes(60, busy=True)
        assert 4 <= len(looked) <= 6
        assert looked[0] == 0
        looked.clear()
        await minutes(14, busy=False)
        assert len(looked) >= 2, "silence is looked into every five minutes"

    play(story)
