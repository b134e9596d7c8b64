"""The public listener's webhook route: verify, store, and only then say 200. Bare ASGI, because it is the one hot route of the daemon.

A delivery is not parsed here, and nothing about a rejected one is stored: strangers must not be able to fill the inbox.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from channelsync.clock import Clock
from channelsync.contract.values import Delivery
from channelsync.contract.verbs import ReceivesWebhooks
from channelsync.errors import BadDelivery, ChannelsyncError

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
RawHeaders = Iterable[tuple[bytes, bytes]]

Store = Callable[[str, str, Delivery], Awaitable[None]]
"""(channel, key, delivery): returns after the commit. A repeat is success. Raising means: not stored, the shop shall come again; InboxFull
has been told to people already.
"""

Rejected = Callable[[str, str], None]
"""(channel, why): a delivery that did not verify; channel is "" if there is no such channel. Must not block."""

RETRY_SECONDS = 30
OURS = "x-channelsync-"
"""How headers begin that a shop was told to send, to say that it is the shop: for `verify` alone, and never kept."""

PATH_SECRET, QUERY = f"{OURS}path-secret", f"{OURS}query"


class InboxFull(ChannelsyncError):
    """As many deliveries of this channel wait as may."""


@dataclass(frozen=True, slots=True)
class Inlet:
    """How one channel's deliveries are judged. secrets: the last part of the address is one of them, for platforms that cannot sign; none: not
    used.
    """

    connector: ReceivesWebhooks
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """body: bytes of one delivery. pending, pending_bytes: of all deliveries that are being received or stored at the same time."""

    body: int = 1024 * 1024
    pending: int = 256
    pending_bytes: int = 64 * 1024 * 1024


class Receiver:
    """An ASGI app: `POST /webhooks/{channel}`, `POST /webhooks/{channel}/{secret}` and `GET /healthz`."""

    def __init__(self, inlets: Mapping[str, Inlet], clock: Clock, store: Store, rejected: Rejected, limits: Limits | None = None) -> None:
        self._inlets = inlets
        self._clock = clock
        self._store = store
        self._rejected = rejected
        self._limits = limits or Limits()
        self._load = _Load()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        if path == "/healthz":
            await _respond(send, 200 if method in ("GET", "HEAD") else 405, allow="GET, HEAD")
            return
        status = await self._webhook(path.split("/"), method, told(scope), receive)
        if status is not None:
            await _respond(send, status, allow="POST")

    async def _webhook(self, path: list[str], method: str, headers: dict[str, str], receive: Receive) -> int | None:
        """The status, or None if the sender hung up."""
        if len(path) not in (3, 4) or path[:2] != ["", "webhooks"]:
            return 404
        if method != "POST":
            return 405
        if self._load.deliveries >= self._limits.pending:
            return 503
        self._load.deliveries += 1
        try:
            return await self._delivery(path[2], path[3] if len(path) == 4 else None, headers, receive)
        finally:
            self._load.deliveries -= 1

    async def _delivery(self, channel: str, secret: str | None, headers: dict[str, str], receive: Receive) -> int | None:
        if secret is not None:
            headers[PATH_SECRET] = secret
        body = _Body(self._limits, self._load)
        try:
            status = await body.read(receive, headers.get("content-length", ""))
            if status != 200:
                return status
            return await self._judge(Delivery(channel, headers, bytes(body.data), self._clock.now()), secret)
        finally:
            self._load.bytes -= len(body.data)

    async def _judge(self, delivery: Delivery, secret: str | None) -> int:
        channel = delivery.channel
        inlet = self._inlets.get(channel)
        try:
            key = _verified(inlet, secret, delivery)
        except BadDelivery as error:
            self._rejected(channel if inlet else "", str(error))
            return 400 if error.genuine else 401
        except Exception as error:  # whatever a stranger sends must look the same from outside
            log.exception("connector failed to verify a delivery", channel=channel)
            self._rejected(channel, f"verification failed: {type(error).__name__}")
            return 401
        kept = {name: value for name, value in delivery.headers.items() if name == QUERY or not name.startswith(OURS)}
        try:
            await self._store(channel, key, replace(delivery, headers=kept))
        except InboxFull:
            return 503
        except ChannelsyncError as error:  # an outage of the database: one line for each, not its whole history
            log.error("delivery not stored; the shop is asked to come again", channel=channel, error=str(error))
            return 503
        except Exception:
            log.exception("delivery not stored; the shop is asked to come again", channel=channel)
            return 503
        return 200


@dataclass(slots=True)
class _Load:
    """What is being received or stored at this moment."""

    deliveries: int = 0
    bytes: int = 0


class _Body:
    """A request's body, counted while it streams in, against its own limit and that of all together."""

    def __init__(self, limits: Limits, load: _Load) -> None:
        self._limits = limits
        self._load = load
        self.data = bytearray()

    async def read(self, receive: Receive, announced: str) -> int | None:
        """200, 413 (too large), 503 (too much at once), or None if the sender hung up."""
        if announced.isdecimal() and (len(announced) > 15 or int(announced) > self._limits.body):
            return 413
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            part = message.get("body", b"")
            self.data += part
            self._load.bytes += len(part)
            if len(self.data) > self._limits.body:
                return 413
            if self._load.bytes > self._limits.pending_bytes:
                return 503
            if not message.get("more_body"):
                return 200


def told(scope: Scope) -> dict[str, str]:
    """A call's headers, and the query of its address as a header of ours, which nobody else can set."""
    raw: RawHeaders = scope["headers"]
    named = ((name.decode("latin-1").lower(), value) for name, value in raw)
    headers = {name: value.decode("latin-1") for name, value in named if name not in (PATH_SECRET, QUERY)}
    query: bytes = scope.get("query_string", b"")
    return {**headers, QUERY: query.decode("latin-1")} if query else headers


def _verified(inlet: Inlet | None, secret: str | None, delivery: Delivery) -> str:
    """The delivery's key. An unknown channel costs a signature's work too, so that its answer comes neither sooner nor different."""
    if inlet is None:
        hmac.compare_digest(hmac.digest(b"no such channel", delivery.body, hashlib.sha256), bytes(32))
        raise BadDelivery("unknown channel")
    if not _fits(inlet.secrets, secret):
        raise BadDelivery("wrong secret in the address")
    return inlet.connector.verify(delivery)


def _fits(secrets: tuple[str, ...], given: str | None) -> bool:
    if given is None or not secrets:
        return given is None and not secrets
    return any([hmac.compare_digest(each.encode(), given.encode(errors="surrogateescape")) for each in secrets])  # noqa: C419  all of them


async def _respond(send: Send, status: int, *, allow: str) -> None:
    """An empty body always: nothing to learn from it."""
    headers = [(b"content-length", b"0")]
    if status in (413, 503):
        headers.append((b"connection", b"close"))  # the rest of the body is not worth reading
    if status == 503:
        headers.append((b"retry-after", str(RETRY_SECONDS).encode()))
    if status == 405:
        headers.append((b"allow", allow.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
