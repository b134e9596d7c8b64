"""A repeat that does not leave (rate limit, no connection, an open circuit) says nothing about the request before it, which may have landed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from channelsync.testing.conformance.wire import Break
from support.push import Bench

Play = Callable[..., None]


def _changes(bench: Bench) -> int:
    return sum(change.cause == "write" for change in bench.a.standin.changes)


async def _try_in_vain(bench: Bench, why: str) -> None:
    """A round in which no write leaves."""
    shop: Any = bench.a
    match why:
        case "connection":
            with shop.http.wire.broken(Break.REFUSED, kind="write"):
                await shop.push()
        case "limit":
            shop.http.budget.refused(20.0)
            await shop.push()
        case "credentials":
            right, shop.standin.token = shop.standin.token, "another"
            await shop.push()
            shop.standin.token = right


@pytest.mark.parametrize("carrier", ["cas", "adjust-keyed"])
def test_a_raise_that_landed_unanswered_is_not_written_again(play: Play, carrier: str) -> None:
    """The repeat was refused, the book forgot the first one, and the same unit went on sale a second time."""

    async def scenario(bench: Bench) -> None:
        bench.a.standin.gate.drop("after")
        await bench.receive(1)
        await bench.a.push()
        assert bench.a.shows == 3
        await asyncio.sleep(5)
        await _try_in_vain(bench, "connection")
        assert [row["state"] for row in bench.a.sent()] == ["unknown"]
        await bench.a.settle()
        assert (bench.a.shows, _changes(bench)) == (3, 1)
        bench.assert_at_rest()

    play(scenario, carrier)


@pytest.mark.parametrize("why", ["connection", "limit", "credentials"])
def test_a_lower_that_landed_unanswered_is_not_written_again(play: Play, why: str) -> None:
    async def scenario(bench: Bench) -> None:
        bench.a.standin.gate.drop("after")
        await bench.take_off(1)
        await bench.a.push()
        await asyncio.sleep(5)
        await _try_in_vain(bench, why)
        await bench.a.settle()
        assert (bench.a.shows, _changes(bench)) == (1, 1)
        bench.assert_at_rest()

    play(scenario, "adjust-keyed")
