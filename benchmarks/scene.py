"""A store with one shop, as the daemon assembles it, on a database that the caller names. What runs of it is the caller's choice."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from channelsync.clock import SystemClock
from channelsync.config import load
from channelsync.registry import Registry
from channelsync.shell.assemble import Assembly, assembled
from channelsync.shell.log import configure
from channelsync.shell.redact import Redactor

CONFIG = """
[store]
id = "bench"
database = "{url}"
opening = "shop"
[channels.shop]
mode = "live"
"""
GUARD_OFF = "[channels.shop.guard]\nzero_share = 0\nmultiply = 0\n"


@asynccontextmanager
async def store(folder: Path, database: str, shop: Mapping[str, Any], *, inline: bool = False) -> AsyncIterator[Assembly]:
    """shop: its `[channels.shop]` table, as stand-ins tell it. The guard against mass changes is off: these are mass changes."""
    file = folder / "bench.toml"
    file.touch(mode=0o600)
    file.write_text(CONFIG.format(url=database) + "".join(f"{name} = {json.dumps(value)}\n" for name, value in shop.items()) + GUARD_OFF)
    registry, clock = Registry.installed(), SystemClock()
    config = load(file, registry, environ={})
    configure(clock=clock, redactor=Redactor(config.secrets), style="console", level="warning")
    async with assembled(config, registry, clock=clock, source=random.Random(), inline=inline) as assembly:
        yield assembly
