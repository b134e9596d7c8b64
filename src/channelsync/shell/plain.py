"""What an answer looks like as JSON values."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter


def plain(value: Any) -> Any:
    """Dataclasses, times and enums as JSON values."""
    return TypeAdapter(type(value)).dump_python(value, mode="json")
