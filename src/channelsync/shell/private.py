"""The private listener: health, readiness, and the API behind its tokens. Never to be exposed."""

from __future__ import annotations

import json
from typing import Any

from channelsync.shell.pulse import Pulse
from channelsync.shell.receiver import Receive, Scope, Send
from channelsync.shell.serve import App


class Private:
    """An ASGI app. Health: 200 or 503, and the reasons as JSON. ready: False until the daemon is up, and again while it stops."""

    def __init__(self, pulse: Pulse, api: App) -> None:
        self._pulse, self._api = pulse, api
        self.ready = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        if path.startswith("/api/"):
            await self._api(scope, receive, send)
            return
        if path not in ("/healthz", "/readyz"):
            await _say(send, 404, {"error": "not found"})
        elif method not in ("GET", "HEAD"):
            await _say(send, 405, {"error": "GET only"})
        else:
            problems = await self._pulse.problems()
            if path == "/readyz" and not self.ready:
                problems.append("starting or stopping")
            await _say(send, 503 if problems else 200, {"ok": not problems, "problems": problems})


async def _say(send: Send, status: int, answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
