"""The demo's config: what the stand-ins promise, and answers to hand edits that need no person."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from channelsync.testing.demo.options import (
    DRAIN_SECONDS,
    OVERLAP_SECONDS,
    POLL_SECONDS,
    SWEEP_SECONDS,
    TIMEOUT_SECONDS,
    VISIBILITY_SECONDS,
)
from channelsync.testing.standins.base import StandIn


def tables(shops: Mapping[str, StandIn], urls: Mapping[str, str], *, safety_stock: int) -> dict[str, Any]:
    """As they would stand in a config file."""
    port = _free_port()
    promises = {
        "visibility_lag_seconds": VISIBILITY_SECONDS,
        "write_drains_seconds": DRAIN_SECONDS,
        "overlap_seconds": OVERLAP_SECONDS,
        "poll_seconds": POLL_SECONDS,
        "sweep_seconds": SWEEP_SECONDS,
        "timeout_seconds": TIMEOUT_SECONDS,
        "on_edit": {"lower": "overwrite", "higher": "overwrite"},
    }
    return {
        "store": {"id": "demo", "opening": "shopify"},
        "listen": {"public": {"port": port}, "private": {"port": 0}, "public_url": f"http://127.0.0.1:{port}"},
        "rules": {"safety_stock": safety_stock},
        "channels": {name: {**shop.settings(urls[name]), **promises} for name, shop in shops.items()},
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
