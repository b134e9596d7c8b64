"""A WooCommerce stand-in behind a real door in process, its captures, and a server for scripts that need a socket."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from channelsync.clock import Clock
from channelsync.testing.standins.woocommerce import WooCommerceStandIn

SHARED = Path(__file__).resolve().parents[3] / "shared"


def shared(path: str) -> Path:
    """A file or folder of the reference material beside the project; skips the test when it is not there."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"no reference material at {path}")
    return found


def shop(clock: Clock, seed: int = 1, **dials: Any) -> WooCommerceStandIn:
    return WooCommerceStandIn(clock, random.Random(seed), **dials)


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The app on a free port of this machine, in a thread. The shop's own Date header stands, so uvicorn's is off."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", date_header=False, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
