"""A stand-in shop on a real socket: its API served by uvicorn, its webhooks posted by a real client, its own clock work running."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
import uvicorn

from channelsync.testing.standins.base import AsgiApp, StandIn

DELIVER_SECONDS = 5.0
STOP_SECONDS = 2


class Courier:
    """Posts webhooks as the internet does. Pass `deliver` to a stand-in; closed at the end."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(timeout=DELIVER_SECONDS, follow_redirects=False)

    async def deliver(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        try:
            answer = await self._client.post(url, headers=dict(headers), content=body)
        except httpx.HTTPError as error:
            raise OSError(str(error)) from error
        return answer.status_code

    async def close(self) -> None:
        await self._client.aclose()


@asynccontextmanager
async def shop_open(shop: StandIn, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """The shop's base URL, as long as the block runs; port 0 takes a free one."""
    async with served(shop.app, shop.name, host=host, port=port) as url:
        living = asyncio.create_task(shop.run(), name=f"{shop.name} lives")
        try:
            yield url
        finally:
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)


@asynccontextmanager
async def served(app: AsgiApp, name: str, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """An application's base URL, as long as the block runs."""
    listener = socket.create_server((host, port))
    server = _Server(_settings(app))
    serving = asyncio.create_task(server.serve(sockets=[listener]), name=f"{name} serves")
    try:
        while not server.started and not serving.done():  # noqa: ASYNC110  uvicorn has no event for it
            await asyncio.sleep(0.005)
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # a shop that closes drops its hung requests, which is no error
        server.should_exit = server.force_exit = True
        await asyncio.gather(serving, return_exceptions=True)
        listener.close()


class _Server(uvicorn.Server):
    """Signals belong to whoever runs us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _settings(app: AsgiApp) -> uvicorn.Config:
    """The shop says its own Date, so the server says none."""
    return uvicorn.Config(
        cast("Any", app),
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        date_header=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
