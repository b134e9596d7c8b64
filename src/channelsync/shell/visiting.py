"""A short visit to one channel's shop from the command line: its door and its connector, with every secret kept in what they say."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from channelsync.clock import Clock
from channelsync.config import ChannelConfig, Config
from channelsync.contract import Connector, Context, Http
from channelsync.registry import Registry
from channelsync.shell.http import shop_http
from channelsync.shell.hush import hushed
from channelsync.shell.redact import Redactor
from channelsync.shell.retry import RetryRules

IMPATIENT = RetryRules(tries=2, refusals=2, seconds=30.0)
"""Somebody is waiting for the answer."""


@dataclass(frozen=True, slots=True)
class Visit:
    """redactor: knows every secret of the store and what the shop's calls carry, for words that do not come from the connector's verbs."""

    connector: Connector
    redactor: Redactor


@asynccontextmanager
async def visiting(
    config: Config,
    channel: ChannelConfig,
    registry: Registry,
    clock: Clock,
    *,
    rules: RetryRules | None = IMPATIENT,
    through: Callable[[Http], Http] = lambda door: door,
) -> AsyncIterator[Visit]:
    """The channel's connector while its door is open. rules None: as patient as the daemon. through: puts something between the two."""
    redactor = Redactor(config.secrets)
    async with shop_http(
        channel.name,
        clock=clock,
        source=random.Random(),
        timeout=channel.timeout_seconds,
        rules=rules,
        private_hosts=channel.allow_private_hosts,
        redactor=redactor,
    ) as door:
        context = Context(channel.name, through(door), clock, channel.role)
        yield Visit(hushed(registry.connector(channel.connector).connect(channel.settings, context), redactor), redactor)
