"""Broken bodies for parsers: some with damaged bytes, most still JSON with one thing that does not belong there. Seeded."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

STRANGE: tuple[Any, ...] = (
    None,
    True,
    "",
    "x",
    "ä\u0000",
    -1,
    0,
    2**63,
    1.5,
    "1e999",
    [],
    {},
    [None],
    {"id": None},
    "2026-13-45T99:00:00Z",
)


def mutated(body: bytes, count: int, *, seed: int) -> Iterator[bytes]:
    source = random.Random(seed)
    yield from (b"", b"null", b"[]", b"{}", b'"x"', b"[[[[", b"\xff\xfe", b"NaN", b"[" * 100_000, b"1" * 5000)
    for _ in range(count):
        yield _json(body, source) if source.random() < 0.7 else _bytes(body, source)


def _bytes(body: bytes, source: random.Random) -> bytes:
    place = source.randrange(len(body))
    match source.randrange(3):
        case 0:
            return body[:place]
        case 1:
            return body[:place] + bytes([source.randrange(256)]) + body[place + 1 :]
    return body[:place] + body[place + source.randrange(1, 40) :]


def _json(body: bytes, source: random.Random) -> bytes:
    try:
        content = json.loads(body)
    except ValueError:
        return _bytes(body, source)
    places = list(_places(content))
    if not places:
        return json.dumps(source.choice(STRANGE)).encode()
    holder, name = source.choice(places)
    if isinstance(holder, dict) and source.random() < 0.3:
        del holder[name]
    else:
        holder[name] = source.choice(STRANGE)
    return json.dumps(content).encode()


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of the document at which a value stands, as (container, key or index)."""
    names = list(content) if isinstance(content, dict) else range(len(content)) if isinstance(content, list) else ()
    for name in names:
        yield content, name
        yield from _places(content[name])
