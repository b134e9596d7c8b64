"""/availability/stream: server-sent events. Each client hears what it asked for when it comes, and then what has changed.

A client's queue holds the newest state of each of its SKUs and nothing else, so it cannot grow. One that does not take what it is sent within
SLOW_SECONDS is cut off; the others never wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from channelsync.clock import Clock
from channelsync.errors import ChannelsyncError
from channelsync.shell.receiver import Receive, Scope, Send
from channelsync.shell.serve import CUT
from channelsync.shell.storefront.answers import Header
from channelsync.shell.storefront.board import Board
from channelsync.shell.within import within

log = structlog.get_logger(__name__)

PING_SECONDS = 15.0
SLOW_SECONDS = 10.0
RETRY_MILLISECONDS = 3000
_HEAD: tuple[Header, ...] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-accel-buffering", b"no"),  # nginx would keep it to itself
)


class _TooSlow(Exception):
    pass


@dataclass(eq=False, slots=True)
class Client:
    """said: the state last queued for each SKU. queue: what it has not been sent yet."""

    skus: frozenset[str]
    said: dict[str, str] = field(default_factory=dict)
    queue: dict[str, str] = field(default_factory=dict)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, sku: str, text: str) -> None:
        if self.said.get(sku) != text:
            self.said[sku] = self.queue[sku] = text
            self.woken.set()

    def take(self) -> bytes:
        events = "".join(f"data: {text}\n\n" for text in self.queue.values())
        self.queue.clear()
        self.woken.clear()
        return events.encode()


class Streams:
    """All clients. most: how many at the same time."""

    def __init__(self, board: Board, clock: Clock, most: int, *, ping: float = PING_SECONDS, slow: float = SLOW_SECONDS) -> None:
        self._board, self._clock, self._most, self._ping, self._slow = board, clock, most, ping, slow
        self._clients: set[Client] = set()
        self._open = True
        self.dropped = 0
        self.somebody = asyncio.Event()

    @property
    def has_room(self) -> bool:
        return self._open and len(self._clients) < self._most

    @property
    def watched(self) -> set[str]:
        return {sku for client in self._clients for sku in client.skus}

    def tell(self, states: Mapping[str, str]) -> None:
        """SKU -> its state as JSON. Who has heard it already does not hear it again."""
        for client in self._clients:
            for sku in client.skus & states.keys():
                client.hear(sku, states[sku])

    def tell_gone(self, states: Mapping[str, str]) -> None:
        """The same, to those alone who have heard of the SKU: nobody else is told anything of what is not known."""
        for client in self._clients:
            for sku in client.said.keys() & states.keys():
                client.hear(sku, states[sku])

    def close(self) -> None:
        """Every stream ends in order, and no new one begins."""
        self._open = False
        for client in self._clients:
            client.woken.set()

    async def serve(self, skus: Iterable[str], scope: Scope, receive: Receive, send: Send, headers: Collection[Header]) -> None:
        """Until the client leaves, is too slow, or we stop."""
        client = Client(frozenset(skus))
        self._clients.add(client)  # first: what changes while its first state is read is not missed
        self.somebody.set()
        left = asyncio.create_task(_left(receive))
        telling = asyncio.create_task(self._tell_all(client, send, headers))
        try:
            await asyncio.wait((left, telling), return_when=asyncio.FIRST_COMPLETED)
            if telling.done() and isinstance(telling.exception(), _TooSlow):
                self.dropped += 1
                log.info("a client of live availability was too slow and is cut off", clients=len(self._clients) - 1)
                scope.get("extensions", {}).get(CUT, {}).get("now", _nothing)()
                await within(self._clock, self._slow, _ended(left))
            elif telling.done():
                telling.result()
        except TimeoutError:
            pass
        finally:
            self._forget(client)
            left.cancel()
            telling.cancel()
            await asyncio.gather(left, telling, return_exceptions=True)

    def _forget(self, client: Client) -> None:
        self._clients.discard(client)
        if not self._clients:
            self.somebody.clear()

    async def _tell_all(self, client: Client, send: Send, headers: Collection[Header]) -> None:
        await self._send(send, {"type": "http.response.start", "status": 200, "headers": [*_HEAD, *headers]})
        await self._chunk(send, f"retry: {RETRY_MILLISECONDS}\n\n".encode())
        try:
            for sku, (_, text) in (await self._board.fresh(client.skus)).items():
                if sku not in client.said:  # what the feed has told meanwhile is newer
                    client.hear(sku, text)
        except ChannelsyncError as error:  # it comes again by itself, later
            log.warning("availability could not be read", error=str(error))
            self._clients.discard(client)
        while self._open and client in self._clients:
            await self._chunk(send, client.take() or b": ping\n\n")
            try:
                await within(self._clock, self._ping, _event(client.woken))
            except TimeoutError:
                continue
        await self._send(send, {"type": "http.response.body", "body": b"", "more_body": False})

    async def _chunk(self, send: Send, body: bytes) -> None:
        await self._send(send, {"type": "http.response.body", "body": body, "more_body": True})

    async def _send(self, send: Send, message: dict[str, Any]) -> None:
        """The listener makes us wait while too much lies in the client's socket."""
        try:
            await within(self._clock, self._slow, _sent(send, message))
        except TimeoutError as error:
            raise _TooSlow from error


async def _sent(send: Send, message: dict[str, Any]) -> None:
    await send(message)


async def _event(event: asyncio.Event) -> None:
    await event.wait()


async def _ended(task: asyncio.Task[None]) -> None:
    await asyncio.wait((task,))


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _nothing() -> None:
    pass
