"""A shop that floods us, or an intake that has stopped, does not fill the disk: past a bound its shop is asked to come again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from channelsync.config import parse
from channelsync.contract import Delivery
from channelsync.ledger import inbox
from channelsync.ledger.inbox import Claim
from channelsync.registry import Registry
from channelsync.shell.assemble import Assembly, assembled
from channelsync.shell.inlet import Inlets
from channelsync.shell.receiver import RETRY_SECONDS, InboxFull, Inlet, Receiver
from channelsync.testing.virtual_clock import START, VirtualClock

DELIVERY = Delivery("east", {}, b"{}", START)


@asynccontextmanager
async def _store(folder: Path, clock: VirtualClock) -> AsyncIterator[Assembly]:
    registry = Registry.installed()
    channel = {"connector": "memory", "url": "https://shop.test", "token": "t"}
    store = {"id": "acme", "database": f"sqlite:///{folder / 'store.db'}"}
    config = parse({"store": store, "channels": {"east": channel, "west": channel}}, registry, file=folder / "store.toml")
    async with assembled(config, registry, clock=clock, source=random.Random(1), inline=True) as assembly:
        yield assembly


def test_past_the_bound_a_channel_is_asked_to_come_again_until_its_deliveries_are_applied(tmp_path: Path) -> None:
    clock = VirtualClock()

    async def story() -> None:
        async with _store(tmp_path, clock) as assembly:
            inlets = Inlets(assembly.engine, waiting_max=3)
            for key in ("a", "a", "b", "c"):  # a repeat takes no room
                await inlets.keep("east", key, DELIVERY)
            for _ in range(2):
                with pytest.raises(InboxFull):
                    await inlets.keep("east", "d", DELIVERY)
                await inlets.tell()  # they still wait
            await inlets.keep("west", "d", replace(DELIVERY, channel="west"))
            done = [row.id for row in await assembly.ledger.run(inbox.claim, Claim(10, 60.0))]
            await assembly.ledger.run(inbox.settle_done, tuple(done))
            await inlets.tell()
            await inlets.keep("east", "d", DELIVERY)

    clock.run(story())


def test_the_shop_hears_when_to_come_again() -> None:
    class Any:
        def verify(self, delivery: Delivery) -> str:
            return "key"

        def parse(self, delivery: Delivery) -> tuple[()]:
            return ()

    async def full(channel: str, key: str, delivery: Delivery) -> None:
        raise InboxFull("3 deliveries wait")

    async def main() -> httpx.Response:
        receiver = Receiver({"shop": Inlet(Any())}, VirtualClock(), full, lambda channel, why: None)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(receiver), base_url="http://us") as client:
            return await client.post("/webhooks/shop", content=b"{}")

    answer = asyncio.run(main())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, str(RETRY_SECONDS))
