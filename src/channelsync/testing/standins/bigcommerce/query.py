"""Reading a request as BigCommerce does: comma lists, two date spellings, pages, and its two error shapes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl

T = TypeVar("T")
TYPE = "https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes"


class ApiError(Exception):
    """An error on its way out; `body` gives it the shape of the API's version."""

    def __init__(self, status: int, title: str, **errors: str) -> None:
        super().__init__(title)
        self.status, self.title, self.errors = status, title, errors

    def body(self, version: str) -> Any:
        if version == "v2":
            return [{"status": self.status, "message": self.title, **({"details": self.errors} if self.errors else {})}]
        return {"status": self.status, "title": self.title, "type": TYPE, "errors": self.errors}


@dataclass(frozen=True, slots=True)
class Request:
    """ids: the numbers in the path."""

    method: str
    ids: tuple[int, ...]
    params: Mapping[str, str]
    body: Mapping[str, Any]

    def numbers(self, name: str) -> set[int] | None:
        text = self.params.get(name)
        return None if text is None else {int(part) for part in text.split(",") if part.strip().isdigit()}

    def number(self, name: str, default: int, maximum: int) -> int:
        text = self.params.get(name, str(default))
        if not text.isdigit() or int(text) < 1:
            raise ApiError(400, f"The field '{name}' is invalid.")
        if int(text) > maximum:
            raise ApiError(413, f"The field '{name}' must not exceed {maximum}.")
        return int(text)


@dataclass(frozen=True, slots=True)
class Reply:
    """body None: no content."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def parse_query(query: str) -> dict[str, str]:
    return dict(parse_qsl(query, keep_blank_values=True))


def parse_body(raw: bytes) -> Mapping[str, Any]:
    if not raw:
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise ApiError(400, "Input is invalid JSON") from None
    return body if isinstance(body, dict) else {}


def moment(request: Request, name: str) -> datetime | None:
    """RFC 2822 or ISO 8601, in whole seconds."""
    text = request.params.get(name)
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            raise ApiError(400, f"The field '{name}' is invalid.") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)


def paged(request: Request, rows: Sequence[T], show: Callable[[T], Any], *, default: int = 50, maximum: int = 250) -> Reply:
    """A v3 list with its `meta`; past the end it is empty."""
    limit, page = request.number("limit", default, maximum), request.number("page", 1, 10**9)
    shown = [show(row) for row in rows[(page - 1) * limit : page * limit]]
    pagination = {
        "total": len(rows),
        "count": len(shown),
        "per_page": limit,
        "current_page": page,
        "total_pages": -(-len(rows) // limit),
        "links": {"current": f"?limit={limit}&page={page}"},
    }
    return Reply({"data": shown, "meta": {"pagination": pagination}})


def rfc2822(at: datetime) -> str:
    return format_datetime(at)
