"""GET /availability...: what is there, for everybody. Bare ASGI beside the webhook receiver. Nothing of ours is said in an error."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from importlib.resources import files
from urllib.parse import unquote_plus

import structlog

from channelsync.errors import ChannelsyncError
from channelsync.shell.receiver import Receive, Scope, Send
from channelsync.shell.storefront.answers import answer, cors, header
from channelsync.shell.storefront.board import Board
from channelsync.shell.storefront.live import Streams

log = structlog.get_logger(__name__)

PREFIX = "/availability"
SKUS_MAX = 100
QUERY_MAX = 32 * 1024
UNKNOWN = b'{"error":"unknown"}'
HOUR = b"public, max-age=3600"
NEVER = b"no-store"


class Storefront:
    """An ASGI app for the paths under /availability. origins: pages of other hosts whose scripts may read the answers."""

    def __init__(self, board: Board, streams: Streams, origins: Collection[str]) -> None:
        self._board, self._streams, self._origins = board, streams, frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shared = cors(scope, self._origins)
        path: str = scope["path"]
        if scope["method"] == "OPTIONS":
            asked = [(b"access-control-allow-methods", b"GET, HEAD"), (b"access-control-allow-headers", b"if-none-match")]
            await answer(scope, send, 204, keep=HOUR, more=[*shared, *asked, (b"access-control-max-age", b"3600")])
        elif scope["method"] not in ("GET", "HEAD"):
            await answer(scope, send, 405, keep=NEVER, more=[(b"allow", b"GET, HEAD, OPTIONS")])
        elif path == f"{PREFIX}/embed.js":
            more = [(b"cross-origin-resource-policy", b"cross-origin")]
            await answer(scope, send, 200, script(), kind=b"text/javascript; charset=utf-8", keep=HOUR, more=more)
        elif path == f"{PREFIX}/stream":
            await self._live(scope, receive, send)
        elif path == PREFIX:
            await self._many(scope, send)
        elif path.startswith(f"{PREFIX}/") and len(path) > len(PREFIX) + 1:
            await self._one(path[len(PREFIX) + 1 :], scope, send)
        else:
            await answer(scope, send, 404, UNKNOWN, more=shared)

    async def _one(self, sku: str, scope: Scope, send: Send) -> None:
        shared = cors(scope, self._origins)
        try:
            found = await self._board.look([sku])
        except ChannelsyncError as error:
            await self._away(error, scope, send)
            return
        if sku in found:
            await answer(scope, send, 200, found[sku].encode(), more=shared)
        else:
            await answer(scope, send, 404, UNKNOWN, more=shared)

    async def _many(self, scope: Scope, send: Send) -> None:
        shared = cors(scope, self._origins)
        asked = skus_asked(scope)
        if asked is None:
            await answer(scope, send, 400, _wrong(), more=shared)
            return
        try:
            found = await self._board.look(asked)
        except ChannelsyncError as error:
            await self._away(error, scope, send)
            return
        await answer(scope, send, 200, f'{{"items":[{",".join(found.values())}]}}'.encode(), more=shared)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        shared = cors(scope, self._origins)
        asked = skus_asked(scope)
        if asked is None:
            await answer(scope, send, 400, _wrong(), keep=NEVER, more=shared)
        elif scope["method"] == "HEAD":
            await answer(scope, send, 405, keep=NEVER, more=[*shared, (b"allow", b"GET")])
        elif header(scope, b"origin") not in ("", *self._origins):  # its page could not read it, and shall not hold a place
            await answer(scope, send, 403, b'{"error":"origin"}', keep=NEVER, more=shared)
        elif not self._streams.has_room:
            await answer(scope, send, 503, b'{"error":"full"}', keep=NEVER, more=[*shared, (b"retry-after", b"60")])
        else:
            await self._streams.serve(asked, scope, receive, send, shared)

    async def _away(self, error: ChannelsyncError, scope: Scope, send: Send) -> None:
        log.warning("availability could not be read", error=str(error))
        more = [*cors(scope, self._origins), (b"retry-after", b"5")]
        await answer(scope, send, 503, b'{"error":"away"}', keep=NEVER, more=more)


def skus_asked(scope: Scope) -> list[str] | None:
    """`?sku=a,b`, also more than once. None: none, more than 100, or a query that is none. A SKU with a comma is asked for by its path."""
    query: bytes = scope.get("query_string", b"")
    if len(query) > QUERY_MAX:
        return None
    found: dict[str, None] = {}
    for part in query.decode("latin-1").split("&"):
        name, _, value = part.partition("=")
        if name == "sku":
            found |= dict.fromkeys(sku for sku in unquote_plus(value).split(",") if sku)
    return list(found) if 0 < len(found) <= SKUS_MAX else None


def _wrong() -> bytes:
    return f'{{"error":"ask for 1 to {SKUS_MAX} SKUs: ?sku=a,b"}}'.encode()


@cache
def script() -> bytes:
    return files("channelsync.shell.storefront").joinpath("embed.js").read_bytes()
