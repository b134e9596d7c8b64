"""The memory shops that the tests of this folder are run against: one per carrier, and the odd ones; and a way to put another connector there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from channelsync.contract import Connector, ConnectorType, Context
from channelsync.testing.conformance import World, build_world
from channelsync.testing.standins.memory import MemoryStandIn
from channelsync_memory import MemoryConnector, Settings, connector

SHOPS: dict[str, dict[str, Any]] = {
    "compare_and_set": {},
    "adjust, keyed": {"carrier": "adjust"},
    "adjust": {"carrier": "adjust", "key_memory": None},
    "adjust, racing": {"carrier": "adjust", "key_memory": None, "race_seconds": 0.01},
    "set": {"carrier": "set", "key_memory": None},
    "slow and late": {"carrier": "adjust", "key_memory": None, "write_visible_after": 20.0, "visibility_lag": 30.0, "lag_varies": True},
    "withholds": {"withholds": True, "lowers_stock_on": "paid", "restores_on_cancel": "yes", "lines_name_variants": True},
    "lowers on shipping": {"lowers_stock_on": "shipped", "restores_on_cancel": "no", "all_or_nothing": True},
    "two locations": {"locations": ("main", "annex"), "request_seconds": 0.2},
}


def memory_world(shop: str, kind: ConnectorType = connector) -> World:
    return build_world(
        kind,
        lambda clock, source, deliver: MemoryStandIn(clock, source, deliver=deliver, **SHOPS[shop]),
        wrong={"token": "nobody", "webhook_secrets": ["nothing"]},
    )


@dataclass(frozen=True)
class Kind:
    """A `ConnectorType` that makes memory connectors of another class."""

    made: type[MemoryConnector]
    name: str = "memory"
    settings: type[BaseModel] = Settings

    def connect(self, settings: Any, context: Context) -> Connector:
        return self.made(settings, context)
