"""Lowers that take more than one call: the commit that settles one lets the next one go, unless something came in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from channelsync.contract import Call, Outcome, WriteResult
from channelsync.engine.leasing import LEASE_MARGIN
from channelsync.errors import ChannelError, NotReached, RateLimited, Unauthorized, Unavailable
from channelsync.ledger import channels, lowering, outbox, settle, stock
from channelsync.ledger.channels import Pause, PauseKind
from push.test_review_protocol import also_sells
from support.push import Bench

Play = Callable[..., None]
Meanwhile = Callable[[Call], Awaitable[Sequence[WriteResult] | None]]
OTHER = "Y"


class Row:
    """Shop a has two shelves to lower, one in a call. The first call's answer comes after `meanwhile`, which may give another one."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.calls: list[Call] = []
        self.verbs: list[Any] = []

    @classmethod
    async def begin(cls, bench: Bench, meanwhile: Meanwhile) -> Row:
        row = cls(bench)
        await also_sells(bench.a, OTHER, 2)
        await bench.take_off(1)
        await row.lower_other(1)
        push, run = bench.a.channel.connector.push, bench.ledger.run

        async def pushed(call: Call) -> Sequence[WriteResult]:
            row.calls.append(call)
            answer = await push(call)
            return (await meanwhile(call) if len(row.calls) == 1 else None) or answer

        async def watched(verb: Any, item: Any) -> Any:
            row.verbs.append(verb)
            return await run(verb, item)

        bench.a.channel.connector.push = pushed  # type: ignore[method-assign]
        bench.ledger.run = watched  # type: ignore[method-assign]
        return row

    async def lower_other(self, units: int) -> None:
        await self.bench.ledger.run(stock.adjust, stock.Change(OTHER, "main", -units, reason="damaged"))

    @property
    def shown(self) -> tuple[int, int]:
        return self.bench.a.shows, self.bench.a.standin.shows(OTHER)

    @property
    def states(self) -> list[str]:
        return [row["state"] for row in self.bench.a.sent()]

    @property
    def commits(self) -> list[Any]:
        """Those that let calls go or book answers, in order."""
        return [verb for verb in self.verbs if verb in (lowering.lower, settle.settle)]


async def nothing(_call: Call) -> None:
    """All is well, and nobody does anything."""


@pytest.mark.parametrize("carrier", ["cas", "adjust-keyed", "adjust"])
def test_the_commit_that_settles_a_call_lets_the_next_one_go(play: Play, carrier: str) -> None:
    async def story(bench: Bench) -> None:
        row = await Row.begin(bench, nothing)
        await bench.a.push()
        assert row.commits == [lowering.lower] * 3, "the last finds nothing more"
        assert (row.shown, row.states) == ((1, 1), ["ok", "ok"])

    play(story, carrier, writes_per_call=1)


def test_what_is_lowered_further_meanwhile_goes_out_as_it_is_then(play: Play) -> None:
    async def story(bench: Bench) -> None:
        row = await Row.begin(bench, lambda _: row.lower_other(1))
        await bench.a.push()
        assert (row.shown, row.states) == ((1, 0), ["ok", "ok"])

    play(story, writes_per_call=1)


def test_a_stop_leaves_nothing_armed_and_nothing_unsettled(play: Play) -> None:
    async def story(bench: Bench) -> None:
        stops = []

        async def stop(_call: Call) -> None:
            stops.append(asyncio.ensure_future(bench.a.dispatcher.stop()))
            await asyncio.sleep(0)

        row = await Row.begin(bench, stop)
        await bench.a.push()
        await stops[0]
        assert (row.shown, row.states) == ((1, 2), ["ok"])

    play(story, writes_per_call=1)


def test_who_waits_for_the_wire_has_it_before_the_next_call(play: Play) -> None:
    async def story(bench: Bench) -> None:
        seen, waiting = list[tuple[int, int]](), list[asyncio.Future[None]]()

        async def switch() -> None:
            async with bench.a.dispatcher.alone() as free:
                assert free
                seen.append(row.shown)

        async def wait(_call: Call) -> None:
            waiting.append(asyncio.ensure_future(switch()))
            await asyncio.sleep(0)

        row = await Row.begin(bench, wait)
        await bench.a.push()
        await waiting[0]
        assert (seen, row.shown, row.states) == ([(1, 2)], (1, 1), ["ok", "ok"])

    play(story, writes_per_call=1)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (RateLimited("slow down", retry_after=9.0), "not_sent"),
        (NotReached("no route"), "not_sent"),
        (Unauthorized("no"), "not_sent"),
        (Unavailable("no answer"), "unknown"),
    ],
)
def test_after_an_error_nothing_more_goes_and_the_rest_is_free(play: Play, error: ChannelError, state: str) -> None:
    async def story(bench: Bench) -> None:
        async def fail(_call: Call) -> None:
            raise error

        row = await Row.begin(bench, fail)
        with pytest.raises(type(error)):
            await bench.a.dispatcher.run_once()
        assert (len(row.calls), row.commits, row.states) == (1, [lowering.lower, settle.settle], [state])

    play(story, writes_per_call=1)


def test_a_stale_shelf_is_read_before_anything_more_is_computed(play: Play) -> None:
    async def story(bench: Bench) -> None:
        async def stale(call: Call) -> Sequence[WriteResult]:
            return [WriteResult(write.id, Outcome.STALE, "another number") for write in call.writes]

        row = await Row.begin(bench, stale)
        asked = list[int]()
        read = bench.a.channel.connector.stock

        async def reading(shelves: Any) -> Any:
            asked.append(len(row.calls))
            return await read(shelves)

        bench.a.channel.connector.stock = reading  # type: ignore[method-assign]
        await bench.a.push()
        assert asked[0] == 1, "before the second call"
        assert row.commits[:3] == [lowering.lower, settle.settle, lowering.lower]

    play(story, writes_per_call=1)


def test_a_pause_meanwhile_lets_nothing_more_go(play: Play) -> None:
    async def story(bench: Bench) -> None:
        async def pause(_call: Call) -> None:
            await bench.ledger.run(channels.pause, Pause(bench.a.channel.id, "wait", PauseKind.PERSON))

        row = await Row.begin(bench, pause)
        await bench.a.push()
        assert (row.shown, row.states) == ((1, 2), ["ok"])

    play(story, writes_per_call=1)


def test_a_holder_that_lost_the_channel_meanwhile_books_nothing_and_sends_nothing(play: Play) -> None:
    async def story(bench: Bench) -> None:
        row = await Row.begin(bench, lambda _: bench.lose_lease())
        await bench.a.push()
        assert (len(row.calls), row.states) == (1, ["sent"])
        assert bench.a.channel.lease is None

    play(story, writes_per_call=1)


def test_a_lease_that_ends_soon_is_renewed_before_the_next_call(play: Play) -> None:
    async def story(bench: Bench) -> None:
        async def long(_call: Call) -> None:
            assert bench.a.channel.lease is not None
            last = bench.a.channel.lease.deadline - (bench.a.channel.settings.timeout + LEASE_MARGIN).total_seconds()
            await bench.clock.sleep(last - bench.clock.monotonic())

        row = await Row.begin(bench, long)
        await bench.a.push()
        assert row.verbs.index(channels.take_lease) < row.verbs.index(settle.settle)
        assert row.verbs[row.verbs.index(settle.settle) + 1] is channels.take_lease
        assert (row.shown, row.states) == ((1, 1), ["ok", "ok"])

    play(story, writes_per_call=1)


def test_an_answer_is_booked_also_if_the_next_call_cannot_be_computed(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    arm, armed = outbox.arm_released, list[str]()

    def fails_from_the_second_on(conn: Any, item: Any, now: Any) -> Any:
        if armed and item.key != armed[0]:
            raise ZeroDivisionError("a bug")
        armed.append(item.key)
        return arm(conn, item, now)

    async def story(bench: Bench) -> None:
        row = await Row.begin(bench, nothing)
        with monkeypatch.context() as patch:
            patch.setattr(outbox, "arm_released", fails_from_the_second_on)
            with pytest.raises(ZeroDivisionError):
                await bench.a.dispatcher.run_once()
        assert (row.shown, row.states) == ((1, 2), ["ok"])
        await bench.a.push()
        assert (row.shown, row.states) == ((1, 1), ["ok", "ok"])

    play(story, writes_per_call=1)


def test_a_write_without_an_answer_is_settled_by_itself(play: Play) -> None:
    async def story(bench: Bench) -> None:
        async def silent(_call: Call) -> Sequence[WriteResult]:
            return [WriteResult("another", Outcome.OK)]

        row = await Row.begin(bench, silent)
        await bench.a.dispatcher.run_once()
        assert row.commits[:2] == [lowering.lower, settle.settle]
        assert sorted(row.states) == ["ok", "unknown"]

    play(story, writes_per_call=1)


def test_a_holder_that_sleeps_before_the_bytes_sends_nothing(play: Play) -> None:
    async def story(bench: Bench) -> None:
        async def sleep() -> None:
            await bench.clock.sleep(120)

        await bench.take_off(1)
        bench.ledger.slip_after(lowering.lower, sleep)
        await bench.a.push()
        assert [change for change in bench.a.standin.changes if change.cause == "write"] == []
        assert [row["state"] for row in bench.a.sent()] == ["not_sent"]
        await bench.a.settle()
        assert bench.a.shows == bench.on_hand

    play(story)
