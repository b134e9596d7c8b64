"""BigCommerce (REST v2 and v3 of api.bigcommerce.com). `connector` is what the entry point names.

A listing's ref names what adjustments may name: "p:113" (a product counted as a whole) or "v:106" (a variant). Numbers travel as relative
adjustments, which the store applies later.
"""

from __future__ import annotations

from typing import Any

from channelsync.contract import Context
from channelsync_bigcommerce.connector import BigCommerceConnector
from channelsync_bigcommerce.settings import Settings


class BigCommerce:
    """The connector type: makes one connector per configured store."""

    name = "bigcommerce"
    settings = Settings

    def connect(self, settings: Any, context: Context) -> BigCommerceConnector:
        return BigCommerceConnector(settings, context)


connector = BigCommerce()

__all__ = ["BigCommerceConnector", "Settings", "connector"]
