"""A store's config file, written by the program: for daemons that tests and rigs start."""

from __future__ import annotations

import json
import os
import random
import socket
import sys
import tomllib
from collections import deque
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


_CLAIMED: Final[deque[int]] = deque()
"""File descriptors of the claims on ports that were given away last; they end with this process."""
CLAIMS_MAX: Final = 64
"""Whoever was given a port so many ports ago listens on it by now."""


def free_port() -> int:
    """Free when it was looked at, and given to nobody else who asks here, in this process or another one. Raises OSError where none of a hundred was."""
    for port in random.SystemRandom().sample(LISTENING, 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                _claim(port)
            except OSError:
                continue
        return port
    raise OSError("none of a hundred ports was free")


def _claim(port: int) -> None:
    """By a name that only one socket of this machine can have (Linux alone knows such names). Raises OSError if another one has it."""
    if sys.platform != "linux":
        return
    with socket.socket(socket.AF_UNIX) as claim:
        claim.bind(f"\0channelsync-port-{port}")
        _CLAIMED.append(claim.detach())
    while len(_CLAIMED) > CLAIMS_MAX:
        os.close(_CLAIMED.popleft())


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
