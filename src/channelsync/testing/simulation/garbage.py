"""Answers that no shop means to give: cut, swapped, swollen or senseless, and plainly so. A plausible lie is not among them: nobody can know it."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

DEPTH = 100_000
DIGITS = 6_000
"""More than Python reads as one number."""

BOMB_BYTES, BIG_BYTES = 80 * 1024 * 1024, 52 * 1024 * 1024
SELDOM = 0.1
"""The share of garbage that is megabytes."""

JSON = (("content-type", "application/json"),)
ZIPPED = (*JSON, ("content-encoding", "gzip"))


@dataclass(frozen=True, slots=True)
class Made:
    """An answer's place is taken by this. kind: as it is counted."""

    kind: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = JSON


@cache
def _bomb() -> bytes:
    return gzip.compress(b"0" * BOMB_BYTES, 1)


@cache
def _big() -> bytes:
    return b'{"padding": "' + b"x" * BIG_BYTES + b'"}'


SMALL: tuple[Callable[[], Made], ...] = (
    lambda: Made("of another type", b"42"),
    lambda: Made("of another type", b'"no"'),
    lambda: Made("of another type", b"null"),
    lambda: Made("bad unicode", b'{"data": "\xff\xfe\xed\xa0\x80"}'),
    lambda: Made("a huge number", b'{"data": ' + b"9" * DIGITS + b"}"),
    lambda: Made("deeply nested", b"[" * DEPTH),
    lambda: Made("no gzip", b"plainly not", ZIPPED),
)
LARGE: tuple[Callable[[], Made], ...] = (
    lambda: Made("50 MB", _big()),
    lambda: Made("a gzip bomb", _bomb(), ZIPPED),
)


class Garbage:
    """Draws from a source of its own, so that worlds without it stay what they are."""

    def __init__(self, source: random.Random) -> None:
        self._random = source

    def instead(self, share: float) -> Made | None:
        """None: the answer stands."""
        if self._random.random() >= share:
            return None
        return self._random.choice(LARGE if self._random.random() < SELDOM else SMALL)()
