"""Moysklad (JSON API 1.2; Kladana abroad), as a stock authority or as a channel. `connector` is what the entry point names.

A listing's ref is the good's id, a location's the store's. Stock is what its documents add up to; there is no number to write.
"""

from __future__ import annotations

from typing import Any

from channelsync.contract import Context
from channelsync_moysklad.connector import MoyskladConnector
from channelsync_moysklad.settings import Settings


class Moysklad:
    """The connector type: makes one connector per configured account."""

    name = "moysklad"
    settings = Settings

    def connect(self, settings: Any, context: Context) -> MoyskladConnector:
        return MoyskladConnector(settings, context)


connector = Moysklad()

__all__ = ["MoyskladConnector", "Settings", "connector"]
