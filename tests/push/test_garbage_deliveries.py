"""Deliveries that nobody can read: genuine, stored, answered 200; they must not be lost, and must not hold up the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from channelsync.engine.intake import Intake
from channelsync.ledger import aside, inbox
from channelsync.ledger.inbox import Arrived
from channelsync_memory import MemoryConnector
from support.push import Bench

Play = Callable[..., None]
PING = b'{"topic": "ping"}'


async def arrives(bench: Bench, channel_id: int, *bodies: bytes) -> None:
    for number, body in enumerate(bodies):
        delivery = Arrived(channel_id, f"{channel_id}-{number}", {}, body, bench.clock.now())
        await bench.ledger.run(inbox.store, delivery)


def set_aside(bench: Bench) -> list[str]:
    return [shown.ref for shown in bench.read(lambda conn: aside.listed(conn, kind="delivery"))]


def test_what_cannot_be_read_goes_aside_and_the_rest_goes_on(play: Play) -> None:
    async def story(bench: Bench) -> None:
        mine = bench.a.channel.id
        await arrives(bench, mine, b"<html>", PING)
        assert await Intake(bench.store).run_once() == 2
        assert set_aside(bench) == [f"{mine}-0"]
        assert bench.read(inbox.waiting) == {}

    play(story)


def test_a_delivery_of_a_channel_that_does_not_run_goes_aside(play: Play) -> None:
    async def story(bench: Bench) -> None:
        other = bench.b.channel.id
        del bench.store.channels[other]
        await arrives(bench, other, PING)
        await Intake(bench.store).run_once()
        assert set_aside(bench) == [f"{other}-0"]

    play(story)


def test_a_connector_that_breaks_while_it_reads_is_tried_again(play: Play) -> None:
    def breaks(_self: MemoryConnector, _delivery: Any) -> Any:
        raise KeyError("topic")

    async def story(bench: Bench) -> None:
        await arrives(bench, bench.a.channel.id, PING)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(MemoryConnector, "parse", breaks)
            await Intake(bench.store).run_once()
        assert (set_aside(bench), list(bench.read(inbox.waiting))) == ([], [bench.a.channel.id])
        await bench.clock.sleep(inbox.FIRST_PAUSE.total_seconds() + 1)
        await Intake(bench.store).run_once()
        assert bench.read(inbox.waiting) == {}

    play(story)
