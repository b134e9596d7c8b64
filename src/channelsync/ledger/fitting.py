"""Other systems' texts cut to what a column holds. What we only show may be shortened; it must never make a verb fail."""

from __future__ import annotations

import hashlib

REF_LENGTH = 255
PAYLOAD_LENGTH = 65_536


def ref(value: str, length: int = REF_LENGTH) -> str:
    """At most `length` characters, still different for different refs."""
    value = storable(value)
    if len(value) <= length:
        return value
    digest = hashlib.sha256(value.encode()).hexdigest()
    return f"{value[: length - len(digest) - 1]}~{digest}"


def payload(value: str) -> str:
    """For people to read; at most 64 thousand characters."""
    return storable(value)[:PAYLOAD_LENGTH]


def storable(value: str) -> str:
    """Without what PostgreSQL cannot store: NUL, and the halves of surrogate pairs that JSON can smuggle in."""
    if value.isascii() and "\x00" not in value:
        return value
    return value.replace("\x00", "\N{SYMBOL FOR NULL}").encode(errors="replace").decode()
