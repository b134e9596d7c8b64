"""JSON from outside: a delivery, a shop's answer, a line of a file."""

from __future__ import annotations

import json
from typing import Any

DEPTH_MAX = 64
"""No platform nests a tenth of it. What is deeper was made to exhaust whoever reads it, or writes it down again."""

NESTS = frozenset({dict, list})


class NotJson(ValueError):
    """Not JSON, not UTF-8, or nested without end."""


def decoded(body: bytes) -> Any:
    """A UTF-8 BOM is tolerated. Raises NotJson."""
    try:
        value = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise NotJson(f"not JSON: {body[:120]!r}") from error
    require_shallow(value)
    return value


def require_shallow(value: Any) -> None:
    """Level by level, so that it takes no depth itself. Raises NotJson."""
    level: list[Any] = [value] if type(value) in NESTS else []
    for _ in range(DEPTH_MAX):
        level = [inner for each in level for inner in (each.values() if type(each) is dict else each) if type(inner) in NESTS]
        if not level:
            return
    raise NotJson(f"JSON that nests deeper than {DEPTH_MAX} levels")
