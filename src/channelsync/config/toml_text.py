"""Tables as TOML text, for a person to put into the config file: the program itself never writes there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def table(path: Sequence[str], fields: Mapping[str, Any], *, one_of_many: bool = False) -> str:
    """One table with its head; fields that are None are left out. one_of_many: as an element of an array of tables."""
    head = ".".join(key(name) for name in path)
    lines = [f"[[{head}]]" if one_of_many else f"[{head}]"]
    lines += [f"{key(name)} = {value(each)}" for name, each in fields.items() if each is not None]
    return "\n".join(lines) + "\n"


def key(name: str) -> str:
    return name if _BARE.fullmatch(name) else value(name)


def value(of: Any) -> str:
    if isinstance(of, datetime):
        return of.isoformat()
    if isinstance(of, (list, tuple)):
        return f"[{', '.join(value(each) for each in of)}]"
    return json.dumps(of, ensure_ascii=False).replace("\x7f", "\\u007f")
