"""Keeps each shop's webhooks pointed at us: made at the start, repaired on a timer, because platforms switch them off after failures."""

from __future__ import annotations

import structlog

from channelsync.config import Config
from channelsync.contract import RegistersWebhooks
from channelsync.engine.channel import Channel
from channelsync.engine.introduce import introduce
from channelsync.engine.store import Store
from channelsync.errors import ChannelError

log = structlog.get_logger(__name__)

REPAIR_SECONDS = 900.0


class Subscriptions:
    """`ensure` is the timer's work: one bad shop does not keep the others from being repaired."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store, self._config = store, config
        self._base = config.listen.public_url

    async def ensure(self) -> None:
        if self._base is None:
            return
        for channel in self._store.channels.values():
            if self._config.channels[channel.name].webhooks:
                await self._ensure(channel, f"{self._base}/webhooks/{channel.name}")

    async def _ensure(self, channel: Channel, url: str) -> None:
        if not isinstance(channel.connector, RegistersWebhooks):
            return
        try:
            await introduce(self._store, channel)
            ours = await channel.connector.subscribe(url)
        except ChannelError as error:
            log.warning("webhooks not registered; polling goes on", channel=channel.name, error=str(error))
            return
        log.debug("webhooks registered", channel=channel.name, topics=[subscription.topic for subscription in ours])
