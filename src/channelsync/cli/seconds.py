"""Times as people write them."""

from __future__ import annotations

import typer

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """`30s`, `2m`, `1h` or a plain number of seconds. Raises BadParameter."""
    unit = UNITS.get(text[-1:])
    try:
        value = float(text[:-1]) * unit if unit else float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 86_400:
        raise typer.BadParameter(f"{text!r} is no time; write it like 30s, 2m or 1h")
    return value
