"""Reading a request as WordPress does: arrays in three spellings, dates in the shop's zone, pages with their headers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from channelsync.testing.standins.woocommerce.state import State

Row = TypeVar("Row")
STAMP = "%Y-%m-%dT%H:%M:%S"


class RestError(Exception):
    """A WP_Error on its way out."""

    def __init__(self, status: int, code: str, message: str, **data: Any) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.data = status, code, message, data

    def body(self, status: int | None = None) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "data": {"status": status or self.status, **self.data}}


def invalid_param(name: str, why: str) -> RestError:
    return RestError(400, "rest_invalid_param", f"Invalid parameter(s): {name}", params={name: why})


@dataclass(frozen=True, slots=True)
class Request:
    """ids: the numbers in the path. write: the key under which the client sent it."""

    method: str
    ids: tuple[int, ...]
    params: Mapping[str, str]
    body: Mapping[str, Any]
    write: str | None = None

    def asked(self, name: str) -> Any:
        """A parameter from the body or else the query."""
        return self.body.get(name, self.params.get(name))

    def flag(self, name: str) -> bool:
        return str(self.asked(name)).lower() in ("1", "true", "yes")

    def numbers(self, name: str) -> list[int] | None:
        text = self.params.get(name)
        return None if text is None else [int(part) for part in text.split(",") if part.strip().isdigit()]


@dataclass(frozen=True, slots=True)
class Reply:
    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def parse_query(query: str) -> dict[str, str]:
    """`include=1,2`, `include[]=1&include[]=2` and `include[0]=1` mean the same."""
    params: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        bare, bracket, _ = name.partition("[")
        params[bare] = f"{params[bare]},{value}" if bracket and bare in params else value
    return params


def parse_body(raw: bytes) -> dict[str, Any]:
    if not raw:
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise RestError(400, "rest_invalid_json", "Invalid JSON body passed.", json_error_code=4) from None
    return body if isinstance(body, dict) else {}


def moment(state: State, request: Request, name: str) -> datetime | None:
    """A date limit as an instant. A zone together with `dates_are_gmt` applies the shop's offset twice (measured)."""
    text = request.params.get(name)
    if text is None:
        return None
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise invalid_param(name, f"{name} is not a valid date.") from None
    if given.tzinfo is not None:
        instant = given.astimezone(UTC)
        return instant + state.offset(instant) if request.flag("dates_are_gmt") else instant
    instant = given.replace(tzinfo=UTC)
    return instant if request.flag("dates_are_gmt") else instant - state.offset(instant)


@dataclass(frozen=True, slots=True)
class Limits:
    """The four date limits of a list request: all strict, in whole seconds."""

    modified_after: datetime | None
    modified_before: datetime | None
    after: datetime | None
    before: datetime | None

    def hold(self, modified: datetime, created: datetime) -> bool:
        return _between(self.modified_after, modified, self.modified_before) and _between(self.after, created, self.before)


def limits(state: State, request: Request) -> Limits:
    names = ("modified_after", "modified_before", "after", "before")
    return Limits(*(moment(state, request, name) for name in names))


def _between(after: datetime | None, at: datetime, before: datetime | None) -> bool:
    return (after is None or at > after) and (before is None or at < before)


def ordered(request: Request, rows: list[Row], keys: Mapping[str, Callable[[Row], Any]]) -> list[Row]:
    by = request.params.get("orderby", "date")
    if by == "include":
        wanted = request.numbers("include") or []
        return sorted(rows, key=lambda row: wanted.index(keys["id"](row)) if keys["id"](row) in wanted else len(wanted))
    if by not in keys:
        raise invalid_param("orderby", f"orderby is not one of {', '.join(keys)}.")
    newest_first = request.params.get("order", "desc") == "desc"
    return sorted(rows, key=lambda row: (keys[by](row), keys["id"](row)), reverse=newest_first)


def paged(request: Request, rows: Sequence[Row], show: Callable[[Row], dict[str, Any]]) -> Reply:
    """A page past the end is an empty list with status 200."""
    per_page, page = _positive(request, "per_page", 10), _positive(request, "page", 1)
    if per_page > 100:
        raise invalid_param("per_page", "per_page must be between 1 (inclusive) and 100 (inclusive)")
    start = int(request.params.get("offset") or (page - 1) * per_page)
    shown = [pick(show(row), request.params.get("_fields")) for row in rows[start : start + per_page]]
    return Reply(shown, headers={"X-WP-Total": str(len(rows)), "X-WP-TotalPages": str(-(-len(rows) // per_page))})


def _positive(request: Request, name: str, default: int) -> int:
    text = request.params.get(name, str(default))
    if not text.isdigit() or int(text) < 1:
        raise invalid_param(name, f"{name} is not of type integer.")
    return int(text)


def pick(shown: dict[str, Any], names: str | None) -> dict[str, Any]:
    """`_fields=a,b.c`: nested names reach into objects, never into lists."""
    if not names:
        return shown
    kept: dict[str, Any] = {}
    for name in names.split(","):
        first, _, rest = name.strip().partition(".")
        if first in shown:
            inner = shown[first]
            if rest and isinstance(inner, dict):
                kept[first] = {**kept.get(first, {}), **pick(inner, rest)}
            elif not rest:
                kept[first] = inner
    return kept


def stamp(at: datetime, seconds: float = 0) -> str:
    return (at + timedelta(seconds=seconds)).strftime(STAMP)
