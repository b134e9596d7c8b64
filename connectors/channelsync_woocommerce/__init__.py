"""WooCommerce (REST wc/v3, from 5.4 on; facts measured on 10.0.2). `connector` is what the entry point names.

A listing's ref is the product id ("12"), or parent and variation ("32:33"). Numbers travel as `inventory_delta` unless told otherwise.
"""

from __future__ import annotations

from typing import Any

from channelsync.contract import Context
from channelsync_woocommerce.connector import WooCommerceConnector
from channelsync_woocommerce.settings import Settings


class WooCommerce:
    """The connector type: makes one connector per configured shop."""

    name = "woocommerce"
    settings = Settings

    def connect(self, settings: Any, context: Context) -> WooCommerceConnector:
        return WooCommerceConnector(settings, context)


connector = WooCommerce()

__all__ = ["Settings", "WooCommerceConnector", "connector"]
