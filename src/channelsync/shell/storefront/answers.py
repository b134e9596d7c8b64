"""What every answer to the public has: a size, a time to be kept, an ETag, and for which pages a browser may read it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from channelsync.shell.receiver import Scope, Send

Header = tuple[bytes, bytes]

MINUTE = b"public, max-age=60"
JSON = b"application/json"


def header(scope: Scope, name: bytes) -> str:
    values: list[bytes] = [value for key, value in scope["headers"] if key.lower() == name]
    return values[0].decode("latin-1") if values else ""


def cors(scope: Scope, origins: Collection[str]) -> list[Header]:
    """Vary always, so that a cache between us keeps the answers for different pages apart."""
    origin = header(scope, b"origin")
    allowed = [(b"access-control-allow-origin", origin.encode("latin-1"))] if origin in origins else []
    return [*allowed, (b"vary", b"origin")]


async def answer(
    scope: Scope, send: Send, status: int, body: bytes = b"", *, kind: bytes = JSON, keep: bytes = MINUTE, more: Collection[Header] = ()
) -> None:
    """A good answer gets an ETag, and a caller that has it already only a 304."""
    headers: list[Header] = [(b"x-content-type-options", b"nosniff"), (b"cache-control", keep), *more]
    if status == 200:
        tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        headers.append((b"etag", tag.encode()))
        if tag in _tags(header(scope, b"if-none-match")):
            await _send(send, 304, headers, b"")
            return
    if body:
        headers.append((b"content-type", kind))
    headers.append((b"content-length", str(len(body)).encode()))
    await _send(send, status, headers, b"" if scope["method"] == "HEAD" else body)


def _tags(text: str) -> set[str]:
    return {each.strip().removeprefix("W/") for each in text.split(",")}


async def _send(send: Send, status: int, headers: list[Header], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
