"""The database does not answer for a while: every task goes on soon after it does, and none of them ends of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select

from channelsync.engine.loops import Engine
from channelsync.ledger.door import Door
from channelsync.ledger.group import NotRead, NotStored
from channelsync.ledger.schema import orders
from support.push import SKU, Bench

Play = Callable[..., None]


class Outage:
    """A door to a database that does not answer while `on`."""

    def __init__(self, door: Door) -> None:
        self._door, self.on = door, True

    async def start(self) -> None:
        await self._door.start()

    async def close(self) -> None:
        await self._door.close()

    async def run(self, verb: Any, item: Any) -> Any:
        if self.on:
            raise NotStored("connection refused")
        return await self._door.run(verb, item)

    async def read(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        if self.on:
            raise NotRead("connection refused")
        return await self._door.read(query, *args, **kwargs)


def known(bench: Bench) -> int:
    return bench.read(lambda conn: int(conn.execute(select(func.count()).select_from(orders)).scalar_one()))


def test_a_task_goes_on_soon_after_the_database_answers_again(play: Play) -> None:
    async def scenario(bench: Bench) -> None:
        bench.store.ledger = outage = Outage(bench.store.ledger)
        polling = asyncio.ensure_future(Engine(bench.store).tasks()["a.poll"]())
        bench.a.standin.buy({SKU: 1})
        await bench.clock.sleep(3)
        outage.on = False
        await bench.clock.sleep(3)
        assert known(bench) == 1
        assert not polling.done()

    play(scenario, lag=0)


def test_a_shop_that_says_no_while_the_database_is_away_ends_no_task(play: Play) -> None:
    """The pause could not be written down, and that error left the task, which ended the daemon."""

    async def scenario(bench: Bench) -> None:
        right, bench.a.standin.token = bench.a.standin.token, "another"
        bench.a.channel.introduced = False
        bench.store.ledger = outage = Outage(bench.store.ledger)
        polling = asyncio.ensure_future(Engine(bench.store).tasks()["a.poll"]())
        await bench.clock.sleep(3)
        assert not polling.done()
        bench.a.standin.token, outage.on = right, False
        bench.a.standin.buy({SKU: 1})
        await bench.clock.sleep(3)
        assert known(bench) == 1

    play(scenario, lag=0)
