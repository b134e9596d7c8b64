"""Idempotency keys of the API as the ledger knows them: keys of different tokens never meet, nor does a batch's with that of a single request."""

from __future__ import annotations


def stored(sent: str, token: str, line: int | None = None) -> str:
    """token: its public id. line: of a batch."""
    return f"api:{token if line is None else f'{token}#{line}'}:{sent}"


def as_sent(key: str) -> str:
    """What the caller wrote, of a key that `stored` made; any other key as it is."""
    kind, _, rest = key.partition(":")
    return rest.partition(":")[2] if kind == "api" else key
