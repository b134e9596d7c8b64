"""What is wrong with a config file, in words for the person who wrote it. Values are never repeated: any of them may be a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from channelsync.errors import ChannelsyncError

Key = tuple[str | int, ...]
"""The way to a value: ("channels", "shop", "webhook_secrets", 0)."""


@dataclass(frozen=True, slots=True)
class Problem:
    """key: dotted path in the file, "" for the file as a whole. message: what is wrong and what to do."""

    file: Path
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.message}" if self.key else f"{self.file}: {self.message}"


class ConfigError(ChannelsyncError):
    """Everything that is wrong with a config file, at once."""

    code = "misconfigured"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n".join([f"{count} in the configuration:", *(f"  {problem}" for problem in self.problems)]))


def dotted(key: Key) -> str:
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def from_validation(error: ValidationError, at: Key, known: Iterable[str], model: type[BaseModel] | None = None) -> list[tuple[Key, str]]:
    """pydantic's errors in our words. known: key names that belong at `at`, for unknown keys and near misses; model: tells those further in."""
    names = sorted(known)
    return [
        ((*at, *_way(loc)), _say(details, names if len(loc) == 1 else _names_at(model, loc[:-1])))
        for details in error.errors(include_url=False)
        for loc in (details["loc"],)
    ]


def _names_at(model: type[BaseModel] | None, way: Key) -> Sequence[str]:
    """The keys of a table inside a table; none where it is not a plain one."""
    for step in way:
        field = model.model_fields.get(str(step)) if model else None
        inner = field.annotation if field else None
        model = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
    return sorted(field.alias or name for name, field in model.model_fields.items()) if model else ()


def _way(loc: Key) -> Key:
    """pydantic marks an error in a table's key itself by a last step "[key]"."""
    return loc[:-1] if loc and loc[-1] == "[key]" else loc


def _say(details: Mapping[str, Any], known: Sequence[str]) -> str:
    kind, loc = details["type"], details["loc"]
    if kind == "extra_forbidden":
        return _unknown(str(loc[-1]), known)
    if kind == "missing":
        return "is missing; add it"
    if kind in _WANTED:
        return f"must be {_WANTED[kind]}, not {_described(details['input'])}{_quotes(kind, details['input'])}"
    if kind in ("value_error", "assertion_error"):
        return str(details["ctx"]["error"])
    return re.sub(r"^(Input|String|List|Value|Data|Dictionary) should", "must", str(details["msg"]))


_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text in quotes",
    "tuple_type": "a list [...]",
    "list_type": "a list [...]",
    "dict_type": "a table",
    "mapping_type": "a table",
    "model_type": "a table",
}


def _described(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    names: dict[type, str] = {str: "text", list: "a list", dict: "a table"}
    return names.get(type(value), "this")


def _quotes(kind: str, value: object) -> str:
    return "; remove the quotes" if isinstance(value, str) and kind in ("int_type", "float_type", "bool_type") else ""


def _unknown(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    if near:
        return f"unknown key; did you mean {near[0]!r}?"
    return f"unknown key; known here: {', '.join(known)}" if known else "unknown key; remove it"
