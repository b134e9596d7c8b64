"""Raw deliveries hold personal data: they are kept for as many days as the config says, and then only their keys, to tell repeats."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from channelsync.config import parse
from channelsync.ledger import inbox
from channelsync.ledger.inbox import Arrived, Claim, Receipt
from channelsync.ledger.schema import inbox as rows
from channelsync.registry import Registry
from channelsync.shell.assemble import assembled
from channelsync.testing.virtual_clock import VirtualClock

DAY = timedelta(days=1).total_seconds()


def _bodies(conn: Connection) -> list[bytes | None]:
    return list(conn.execute(select(rows.c.body)).scalars())


@pytest.mark.parametrize(("said", "days"), [({}, 14), ({"retention": {"delivery_days": 3}}, 3)])
def test_bodies_are_kept_for_the_days_of_the_config_and_keys_for_thirty_more(
    tmp_path: Path, said: dict[str, dict[str, int]], days: int
) -> None:
    clock, registry = VirtualClock(), Registry.installed()
    channel = {"connector": "memory", "url": "http://shop.test", "token": "t"}
    store = {"id": "acme", "database": f"sqlite:///{tmp_path / 'store.db'}"}
    config = parse({"store": store, "channels": {"shop": channel}, **said}, registry, file=tmp_path / "store.toml")

    async def story() -> None:
        async with assembled(config, registry, clock=clock, source=random.Random(1), inline=True) as assembly:
            ledger, housekeeping = assembly.ledger, assembly.engine.housekeeping
            (channel_id,) = assembly.store.channels
            arrived = Arrived(channel_id, "key", {"x": "y"}, b"Ann Example, Main Street 1", clock.now())

            async def later(seconds: float) -> list[bytes | None]:
                await clock.sleep(seconds)
                await housekeeping.run_once()
                return await ledger.read(_bodies)

            assert await ledger.run(inbox.store, arrived) is Receipt.NEW
            (claimed,) = await ledger.run(inbox.claim, Claim(10, 60.0))
            await ledger.run(inbox.settle_done, (claimed.id,))
            assert await later(days * DAY - 3600) == [arrived.body]
            assert await later(7200) == [None]
            assert await later(30 * DAY - 14400) == [None]
            assert await ledger.run(inbox.store, arrived) is Receipt.REPEAT
            assert await later(14400) == []

    clock.run(story())
