"""A store's config file, written by the program: for daemons that tests and rigs start."""

from __future__ import annotations

import json
import random
import socket
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final


def write(file: Path, tables: Mapping[str, Any]) -> Path:
    """Readable by its owner alone, because shops' secrets stand in it."""
    file.touch(mode=0o600)
    text = "\n".join(_toml(tables)) + "\n"
    assert set(tomllib.loads(text)) == set(tables)
    file.write_text(text)
    return file


LISTENING: Final = range(20_000, 32_768)
"""Ports below those that Linux gives to connections going out: between finding one and listening on it, no client can be given it."""


def free_port() -> int:
    """Free when it was looked at. Raises OSError where none of a hundred was."""
    for port in random.SystemRandom().sample(LISTENING, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise OSError("none of a hundred ports was free")


def _toml(tables: Mapping[str, Any], at: str = "") -> list[str]:
    lines = [f"[{at}]"] if at else []
    lines += [f"{name} = {_value(value)}" for name, value in tables.items() if not isinstance(value, Mapping)]
    for name, value in tables.items():
        if isinstance(value, Mapping):
            lines += _toml(value, f"{at}.{name}" if at else name)
    return lines


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(each) for each in value)}]"
    return json.dumps(value if isinstance(value, (bool, int, float)) else str(value), ensure_ascii=False)
