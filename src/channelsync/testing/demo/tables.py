"""The demo's config: what the stand-ins promise, and answers to hand edits that need no person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channelsync.testing.config_file import free_port
from channelsync.testing.demo.options import (
    DRAIN_SECONDS,
    OVERLAP_SECONDS,
    POLL_SECONDS,
    SWEEP_SECONDS,
    TIMEOUT_SECONDS,
    VISIBILITY_SECONDS,
)
from channelsync.testing.standins.base import StandIn
from channelsync.testing.standins.bigcommerce import BigCommerceStandIn
from channelsync.testing.standins.moysklad import MoyskladStandIn


def tables(shops: Mapping[str, StandIn], urls: Mapping[str, str], *, safety_stock: int) -> dict[str, Any]:
    """As they would stand in a config file."""
    port = free_port()
    return {
        "store": {"id": "demo", "opening": "moysklad"},
        "listen": {"public": {"port": port}, "private": {"port": 0}, "public_url": f"http://127.0.0.1:{port}"},
        "rules": {"safety_stock": safety_stock},
        "channels": {name: {**shop.settings(urls[name]), **_promises(shop)} for name, shop in shops.items()},
    }


def _promises(shop: StandIn) -> dict[str, Any]:
    """What the stand-ins hold us to, much shorter than in life; and how often we look."""
    often = {"poll_seconds": POLL_SECONDS, "timeout_seconds": TIMEOUT_SECONDS, "allow_private_hosts": True}
    if isinstance(shop, MoyskladStandIn):
        return {
            **often,
            "role": "authority",
            "locations": {shop.state.main_store: "main"},
            "overlap_minutes": 1,
            "visibility_lag_seconds": 1,
        }
    own = {"write_visible_seconds": VISIBILITY_SECONDS} if isinstance(shop, BigCommerceStandIn) else {}
    return {
        **often,
        **own,
        "visibility_lag_seconds": VISIBILITY_SECONDS,
        "write_drains_seconds": DRAIN_SECONDS,
        "overlap_seconds": OVERLAP_SECONDS,
        "sweep_seconds": SWEEP_SECONDS,
        "on_edit": {"lower": "overwrite", "higher": "overwrite"},
    }
