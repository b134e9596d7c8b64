"""When each shop's webhooks are looked at: at the start, every quarter of an hour, and soon after a busy shop falls silent."""

from __future__ import annotations

from channelsync.config import Config
from channelsync.engine.channel import Channel
from channelsync.engine.loops import Engine
from channelsync.engine.watching import Hooks
from channelsync.ledger import webhooks

TICK_SECONDS = 30.0
REPAIR_SECONDS = 900.0
SILENCE_SECONDS = 300.0
"""A silent shop is looked at no more often than this."""


class Subscriptions:
    """`tend` is the timer's work: one bad shop does not keep the others from being repaired."""

    def __init__(self, engine: Engine, config: Config) -> None:
        self._store = engine.store
        self._base = config.listen.public_url
        self._hooks = {
            channel.id: Hooks(engine.store, channel, engine.pullers[channel])
            for channel in engine.store.channels.values()
            if self._base is not None and config.channels[channel.name].webhooks
        }
        self._looked: dict[int, float] = {}
        self._due: dict[int, float] = {}

    async def tend(self) -> None:
        """Look at those that are due."""
        for channel_id in self._hooks:
            channel = self._store.channels[channel_id]
            if await self._is_due(channel):
                await self.ensure(channel)

    async def ensure(self, channel: Channel) -> None:
        """Look at one now, whatever its time."""
        now, spread = self._store.clock.monotonic(), 0.9 + 0.2 * self._store.random.random()
        self._looked[channel.id], self._due[channel.id] = now, now + REPAIR_SECONDS * spread
        await self._hooks[channel.id].ensure(f"{self._base}/webhooks/{channel.name}")

    async def _is_due(self, channel: Channel) -> bool:
        now = self._store.clock.monotonic()
        if now >= self._due.get(channel.id, now):
            return True
        if now - self._looked[channel.id] < SILENCE_SECONDS:
            return False
        return await self._store.ledger.read(webhooks.silent, channel.id, self._store.clock.now())
