"""What only the running process knows about its channels: trouble, rates, whether a shop answers. The rest of `status` is in the ledger."""

from __future__ import annotations

import os
from typing import Any

from channelsync.shell.assemble import Assembly


def live(assembly: Assembly) -> dict[str, Any]:
    """rate: calls (points, units) left of the shop's own budget and how fast it refills. read: what came from it since the start."""
    return {
        "pid": os.getpid(),
        "channels": {channel.name: _channel(assembly, channel.name) for channel in assembly.store.channels.values()},
    }


def _channel(assembly: Assembly, name: str) -> dict[str, Any]:
    channel, door = assembly.store.named(name), assembly.doors[name]
    budget = door.bucket
    return {
        "trouble": channel.trouble,
        "read": dict(assembly.store.read[channel.id]),
        "introduced": channel.introduced,
        "circuit_open": door.circuit.open,
        "rate": {"left": round(budget.level, 1), "of": budget.maximum, "per_second": budget.per_second},
    }
