"""The marks of a memory shop's streams: "<lower bound>|<time of the run's start>|<the shop's own page mark>"."""

from __future__ import annotations

from channelsync.contract import Cursor
from channelsync.errors import Misunderstood


def marks(cursor: Cursor) -> tuple[str, str, str]:
    """Lower bound, start of the run, page mark: all empty for a first run."""
    if cursor.resume is None:
        return cursor.high_water or "", "", ""
    parts = cursor.resume.split("|", 2)
    if len(parts) != 3:
        raise Misunderstood(f"not a mark of this connector: {cursor.resume!r}")
    return parts[0], parts[1], parts[2]


def present(**params: str) -> dict[str, str]:
    return {name: value for name, value in params.items() if value}
