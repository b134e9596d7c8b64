"""Bounds of one API request: its bytes, whatever its head announces."""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from typing import Any

from channelsync.shell.api.problems import MEDIA_TYPE, body
from channelsync.shell.receiver import Receive, Scope, Send
from channelsync.shell.serve import App

BODY_MAX = 2 * 1024 * 1024
"""A batch of 1,000 lines, each with the longest texts, fits."""


class _TooLarge(Exception):
    pass


IMPORT_MAX = 16 * 1024 * 1024
"""A file of 250,000 rows, usually; it goes to disk and not into memory."""


def bounded(app: App, others: Mapping[str, int] | None = None) -> App:
    """The app, with 413 for a request of more than 2 MiB. others: how a path begins -> how many bytes such a request may have."""

    async def within(scope: Scope, receive: Receive, send: Send) -> None:
        seen, began = 0, False
        path = str(scope.get("path", ""))
        most = next((size for begin, size in (others or {}).items() if path.startswith(begin)), BODY_MAX)

        async def counted() -> MutableMapping[str, Any]:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise _TooLarge
            return message

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal began
            if seen <= most or began:  # what the app says to half a request is not told
                began = True
                await send(message)

        announced = next((value for name, value in scope.get("headers", ()) if name == b"content-length"), b"0")
        try:
            if announced.isdigit() and int(announced) > most:
                raise _TooLarge
            await app(scope, counted, watched)
            too_large = seen > most
        except _TooLarge:
            too_large = True
        if too_large and not began:
            await _refuse(send, most)

    return within


async def _refuse(send: Send, most: int) -> None:
    told = json.dumps(body(413, "too_large", f"a request may have {most:,} bytes; send it in parts")).encode()
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(told)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": told})
