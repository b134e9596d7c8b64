"""Reading a request as Moysklad does: filters, pages, expand, and its error shape."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from channelsync.testing.standins.moysklad.state import from_msk

API = "/api/remap/1.2"
ROOT = f"https://api.moysklad.ru{API}"
PART = re.compile(r"([A-Za-z.]+)(>=|<=|!=|~=|=~|=|<|>|~)(.*)", re.DOTALL)
EXPAND_MAX = 100
Row = TypeVar("Row")


class ApiError(Exception):
    """An error on its way out. code None: the body is empty."""

    def __init__(self, status: int, code: int | None, message: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, dict(headers or {})

    def body(self) -> Any:
        if self.code is None:
            return None
        return {
            "errors": [
                {"error": self.message, "code": self.code, "moreInfo": f"https://dev.moysklad.ru/doc/api/remap/1.2/#error_{self.code}"}
            ]
        }


@dataclass(frozen=True, slots=True)
class Request:
    """ids: the parts of the path that vary. muted: address prefixes that must not hear of what this request does."""

    method: str
    ids: tuple[str, ...]
    params: Mapping[str, str]
    body: Any
    muted: tuple[str, ...] = ()
    beta: str = ""

    @property
    def expand(self) -> frozenset[str]:
        return frozenset(self.params.get("expand", "").split(","))

    @property
    def expand_list(self) -> frozenset[str]:
        """In a list silently ignored with a limit above 100."""
        return self.expand if number(self, "limit", 1000) <= EXPAND_MAX else frozenset()


@dataclass(frozen=True, slots=True)
class Reply:
    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def parse_query(query: str) -> dict[str, str]:
    return dict(parse_qsl(query, keep_blank_values=True))


def parse_body(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        raise ApiError(400, 2001, "Ошибка формата: неверный JSON") from None


def number(request: Request, name: str, default: int, *, most: int = 1000) -> int:
    text = request.params.get(name, str(default))
    if not text.isdigit() or not (0 if name == "offset" else 1) <= int(text) <= (10**9 if name == "offset" else most):
        raise ApiError(400, 1003, f"Неверное значение параметра {name}")
    return int(text)


def not_found(kind: str, ref: str) -> ApiError:
    return ApiError(404, 1021, f"Объект с типом '{kind}' и идентификатором '{ref}' не найден")


def missing(name: str) -> ApiError:
    return ApiError(412, 3000, f"Ошибка сохранения объекта: поле '{name}' не может быть пустым или отсутствовать")


Field = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    operator: str
    value: str


def parts(text: str) -> list[Part]:
    """`;` joins; `\\;` is a semicolon."""
    found = []
    for piece in re.split(r"(?<!\\);", text):
        match = PART.fullmatch(piece.replace("\\;", ";"))
        if match:
            found.append(Part(match[1], match[2], match[3]))
        elif piece:
            raise ApiError(400, 1013, f"Неверный фильтр: {piece}")
    return found


def matching(text: str, rows: Sequence[Row], fields: Mapping[str, Field]) -> list[Row]:
    """Repeated `=` on one field means any of them; everything else must hold together. A reference is compared by the id at its end."""
    wanted = parts(text)
    for part in wanted:
        if part.name not in fields:
            raise ApiError(400, 1002, f"Неизвестный параметр фильтрации '{part.name}'")
    equal: dict[str, set[Any]] = {}
    for part in wanted:
        if part.operator == "=":
            equal.setdefault(part.name, set()).add(_value(part, fields))
    rest = [part for part in wanted if part.operator != "="]
    return [
        row
        for row in rows
        if all(fields[name](row) in values for name, values in equal.items()) and all(_holds(part, fields, row) for part in rest)
    ]


DATES = ("updated", "created", "deleted", "moment")


def _value(part: Part, fields: Mapping[str, Field]) -> Any:
    if part.name in DATES:
        try:
            return from_msk(part.value)
        except ValueError:
            raise ApiError(400, 1014, f"Неверное значение '{part.value}' параметра фильтрации '{part.name}'") from None
    if part.value in {"true", "false"}:
        return part.value == "true"
    return part.value.rsplit("/", 1)[-1] if part.value.startswith("https://") else part.value


def _holds(part: Part, fields: Mapping[str, Field], row: Any) -> bool:
    have, want = fields[part.name](row), _value(part, fields)
    if part.operator == "!=":
        return bool(have != want)
    if have is None:
        return False
    if isinstance(have, datetime):
        return bool({">": have > want, "<": have < want, ">=": have >= want, "<=": have <= want}.get(part.operator, False))
    text, piece = str(have).lower(), str(want).lower()
    return {"~": piece in text, "~=": text.startswith(piece), "=~": text.endswith(piece)}.get(part.operator, False)


def listed(request: Request, path: str, rows: Sequence[Row], show: Callable[[Row], dict[str, Any]]) -> Reply:
    limit, offset = number(request, "limit", 1000), number(request, "offset", 0)
    meta: dict[str, Any] = {
        "href": f"{ROOT}/{path}",
        "type": path.rsplit("/", 1)[-1],
        "mediaType": "application/json",
        "size": len(rows),
        "limit": limit,
        "offset": offset,
    }
    if offset + limit < len(rows):
        meta["nextHref"] = f"{ROOT}/{path}?limit={limit}&offset={offset + limit}"
    return Reply(
        {
            "context": {"employee": {"meta": {"href": f"{ROOT}/context/employee"}}},
            "meta": meta,
            "rows": [show(row) for row in rows[offset : offset + limit]],
        }
    )


def id_of(value: Any, kind: str = "") -> str:
    """The id within a `{"meta": {"href"}}`; "" if there is none. Raises on a wrong host or type (1059, 1060)."""
    meta = value.get("meta") if isinstance(value, dict) else None
    if not isinstance(meta, dict):
        return ""
    href = str(meta.get("href", ""))
    if not href.startswith("https://api.moysklad.ru/"):
        raise ApiError(400, 1059, "Неверная ссылка в meta")
    if kind and meta.get("type") != kind:
        raise ApiError(400, 1060, "Неверный тип в meta")
    return href.rsplit("/", 1)[-1]
