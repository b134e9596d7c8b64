"""A kiosk's till as a channel. `connector` is what the entry point names."""

from __future__ import annotations

from channelsync.contract import Context
from channelsync_kiosk.connector import KioskConnector, Settings


class _Kiosk:
    name = "kiosk"
    settings = Settings

    def connect(self, settings: Settings, context: Context) -> KioskConnector:
        return KioskConnector(settings, context)


connector = _Kiosk()

__all__ = ["KioskConnector", "Settings", "connector"]
