"""The memory connector: the smallest complete connector, and the one to read first when writing another.

It speaks to the memory shop, the stand-in in `channelsync.testing.standins.memory`. `settings`: the channel's table. `connector`: the verbs.
`answers`: how an answer is taken. `shapes`: what the shop's JSON means in the contract's words. `authority`: the same for a warehouse that owns on
hand (`role = "authority"`); its stand-in is `MemoryWarehouse`.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from channelsync.contract import Connector, Context, Role
from channelsync_memory.authority import MemoryAuthority
from channelsync_memory.connector import MemoryConnector
from channelsync_memory.settings import Settings

__all__ = ["MemoryAuthority", "MemoryConnector", "Settings", "connector"]


class MemoryConnectorType:
    """What the entry point names: a `ConnectorType`."""

    name = "memory"
    settings: type[BaseModel] = Settings

    def connect(self, settings: Any, context: Context) -> Connector:
        return MemoryAuthority(settings, context) if context.role is Role.AUTHORITY else MemoryConnector(settings, context)


connector = MemoryConnectorType()
