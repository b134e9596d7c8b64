"""Serves an ASGI app from inside our own event loop: uvicorn, with the deadlines it lacks.

uvicorn by itself keeps a connection that sends its head or body one byte at a time for ever, and waits for it at shutdown.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from asyncio import TimerHandle
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, cast

import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from channelsync.errors import ChannelsyncError

log = structlog.get_logger(__name__)

App = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[MutableMapping[str, Any]]], Callable[[MutableMapping[str, Any]], Awaitable[None]]],
    Awaitable[None],
]

HEAD_SECONDS = 10.0
BODY_SECONDS = 20.0
HEAD_MAX_BYTES = 256 * 1024  # of whole reads, which may carry the beginning of the body
REQUEST_MAX_BYTES = 64 * 1024 * 1024
CONNECTIONS_MAX = 512
KEEP_ALIVE_SECONDS = 5
STOP_SECONDS = 20
CUT = "channelsync.cut"
"""The ASGI extension by which an app ends a connection whose client does not read: `scope["extensions"][CUT]["now"]()`."""


class CannotListen(ChannelsyncError):
    """The address is taken, not ours, or not allowed."""


class Address(NamedTuple):
    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"


class DeadlineProtocol(HttpToolsProtocol):
    """A request's head must be complete within `head_seconds` of the connection or of its first byte, its body within `body_seconds`
    more, and both are bounded in bytes: the parser keeps header lines, trailers and chunk extensions that no app gets to count.
    """

    head_seconds = HEAD_SECONDS
    body_seconds = BODY_SECONDS

    _deadline: TimerHandle | None = None
    _bytes = 0  # of the request that is coming in
    _bytes_max = HEAD_MAX_BYTES

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._set_deadline(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._set_deadline(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._expect_head()
        super().data_received(data)
        self._bytes += len(data)
        if self._bytes > self._bytes_max:
            self.transport.abort()

    def on_message_begin(self) -> None:
        self._expect_head()  # here for a pipelined request that begins in the middle of the data
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)["extensions"] = {CUT: {"now": self._cut_off}}

    def on_headers_complete(self) -> None:
        self._set_deadline(self.body_seconds)
        self._bytes_max = REQUEST_MAX_BYTES
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._set_deadline(None)
        self._bytes, self._bytes_max = 0, HEAD_MAX_BYTES
        super().on_message_complete()

    def _expect_head(self) -> None:
        if self._deadline is None:
            self._set_deadline(self.head_seconds)

    def _set_deadline(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._cut_off)

    def _cut_off(self) -> None:
        """Abort, not close: whoever is this slow may not be reading either, and close would wait for that."""
        self._deadline = None
        self.transport.abort()


class _Server(uvicorn.Server):
    """The daemon owns the signals."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def cut_connections(self) -> None:
        for connection in list(self.server_state.connections):
            cast("HttpToolsProtocol", connection).transport.abort()


@asynccontextmanager
async def serving(
    app: App, host: str, port: int, *, protocol: type[DeadlineProtocol] = DeadlineProtocol, stop_seconds: int = STOP_SECONDS
) -> AsyncIterator[Address]:
    """Listens as long as the block runs; port 0 takes any free one. Raises CannotListen.

    At the end: no new connections, requests under way may finish for `stop_seconds`, then they are cut off.
    """
    listener = _listen(host, port)
    address = Address(*listener.getsockname()[:2])
    server = _Server(_settings(app, protocol, stop_seconds))
    running = asyncio.create_task(server.serve(sockets=[listener]), name=f"serving {address.url}")
    running.add_done_callback(lambda _: server.ready.set())
    try:
        await server.ready.wait()
        yield address
    finally:
        server.should_exit = True
        await _stopped(server, running, stop_seconds)
        listener.close()


def _settings(app: App, protocol: type[DeadlineProtocol], stop_seconds: int) -> uvicorn.Config:
    return uvicorn.Config(
        cast("Any", app),
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=stop_seconds,
    )


async def _stopped(server: _Server, running: asyncio.Task[None], stop_seconds: int) -> None:
    """uvicorn cancels late requests but keeps their connections: those are ours to cut."""
    done, _ = await asyncio.wait([running], timeout=stop_seconds + 1)
    server.cut_connections()
    if not done:
        log.warning("listener did not stop in time", seconds=stop_seconds)
        running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while")[0]  # what follows is the address once more
        raise CannotListen(f"cannot listen on {host}:{port} ({reason}); free the port or change [listen] in the config") from error
    # asyncio sets it only on sockets whose protocol it can read; without it the second part of an answer waits 40 ms for the first one's receipt
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
