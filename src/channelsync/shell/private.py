"""The private listener: health, readiness, metrics, and the API behind its tokens. Never to be exposed."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from channelsync.shell.pulse import Pulse, Readiness
from channelsync.shell.receiver import Receive, Scope, Send
from channelsync.shell.serve import App

STATES = ("/healthz", "/readyz")


class Private:
    """An ASGI app. Health: 200 or 503, and the reasons as JSON. ready: False until the daemon is up, and again while it stops.

    metrics: their text, and its content type.
    """

    def __init__(self, pulse: Pulse, readiness: Readiness, metrics: tuple[Callable[[], Awaitable[bytes]], str], api: App) -> None:
        self._pulse, self._readiness, self._api = pulse, readiness, api
        self._metrics, self._metrics_type = metrics
        self.ready = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        if path.startswith("/api/"):
            await self._api(scope, receive, send)
        elif path not in (*STATES, "/metrics"):
            await _say(send, 404, {"error": "not found"})
        elif method not in ("GET", "HEAD"):
            await _say(send, 405, {"error": "GET only"}, (b"allow", b"GET, HEAD"))
        elif path == "/metrics":
            await _answer(send, 200, await self._metrics(), self._metrics_type)
        else:
            await self._state(path, send)

    async def _state(self, path: str, send: Send) -> None:
        problems = await self._pulse.problems()
        if path == "/readyz":
            problems += [] if self.ready else ["starting or stopping"]
            problems += await self._readiness.problems() if not problems else []
        await _say(send, 503 if problems else 200, {"ok": not problems, "problems": problems})


async def _say(send: Send, status: int, answer: dict[str, Any], *headers: tuple[bytes, bytes]) -> None:
    await _answer(send, status, json.dumps(answer).encode(), "application/json", *headers)


async def _answer(send: Send, status: int, body: bytes, media_type: str, *more: tuple[bytes, bytes]) -> None:
    headers = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
