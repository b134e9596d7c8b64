"""The work that a daemon would do, done in the command's own process where none runs."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from channelsync.cli.store import LOCK_PATIENCE_SECONDS
from channelsync.clock import SystemClock
from channelsync.config import Config
from channelsync.registry import Registry
from channelsync.shell.assemble import assembled
from channelsync.shell.desk import Desk
from channelsync.shell.lock import exclusive
from channelsync.shell.log import configure
from channelsync.shell.redact import Redactor


@asynccontextmanager
async def own_desk(config: Config, registry: Registry) -> AsyncIterator[Desk]:
    """The ledger's lock and a desk of our own."""
    clock, redactor = SystemClock(), Redactor(config.secrets)
    configure(clock=clock, redactor=redactor, style="console", level="warning")
    async with (
        exclusive(config, clock, patience=LOCK_PATIENCE_SECONDS),
        assembled(config, registry, clock=clock, source=random.Random(), inline=True, redactor=redactor) as assembly,
    ):
        yield Desk(assembly, running=False)
