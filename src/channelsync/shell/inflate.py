"""Decompresses an answer while it streams in, and never produces more than asked for: a gzip bomb costs its limit and no more."""

from __future__ import annotations

import zlib
from collections.abc import Callable

ACCEPT_ENCODING = "gzip"  # the one encoding every shop speaks; "deflate" means two different things in the wild
_GZIP = zlib.MAX_WBITS | 16


class TooLarge(Exception):
    """The body, as sent or decompressed, is larger than the limit."""


class Broken(Exception):
    """The body is not what its Content-Encoding says, or ends too early."""


class Body:
    """Collects a body of at most `limit` bytes; or hands it on, piece by piece, to `keep`. Raises TooLarge and Broken."""

    def __init__(self, encoding: str, limit: int, keep: Callable[[bytes], object] | None = None) -> None:
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise Broken(f"has a Content-Encoding we did not ask for: {encoding[:40]!r}")
        self._limit = limit
        self._received = 0
        self._size = 0
        self._parts: list[bytes] = []
        self._hand_on = keep or self._parts.append
        self._inflater = None if encoding in ("", "identity") else zlib.decompressobj(_GZIP)

    def feed(self, chunk: bytes) -> None:
        self._received += len(chunk)
        if self._received > self._limit:
            raise TooLarge
        self._keep(chunk if self._inflater is None else self._inflate(chunk))

    def finish(self) -> bytes:
        if self._inflater is not None and self._received and not self._inflater.eof:
            raise Broken("ends in the middle of its compressed data")
        return b"".join(self._parts)

    def _inflate(self, chunk: bytes) -> bytes:
        assert self._inflater is not None
        room = self._limit - self._size + 1  # one byte more than allowed is enough to know
        try:
            return self._inflater.decompress(chunk, room)
        except zlib.error as error:
            raise Broken(f"cannot be decompressed ({error})") from error

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            raise TooLarge
        self._hand_on(data)
