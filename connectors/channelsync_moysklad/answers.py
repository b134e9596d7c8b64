"""Understands what came back: JSON, Moysklad's error codes, and pages that are not Moysklad at all. Codes are compared, never texts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from channelsync.contract import HttpResponse, NotJson, decoded
from channelsync.errors import ChannelError, Misunderstood, RateLimited, Refused, Unauthorized, Unavailable
from channelsync_moysklad.shapes import Raw, inner

NO_JSON = object()
PARALLEL_PAUSE_SECONDS = 0.3
NOT_FOUND, CHANGED_MEANWHILE, MAINTENANCE = 1021, 1065, 1074
HINTS = {
    13003: "the employee lacks the permission for stock reports",
    13004: "the employee must be an administrator or have the permission for stock",
    30004: "webhooks need an administrator",
    30006: "the plan has no webhooks: a paid or a trial plan is needed",
    1048: "too many wrong logins; wait, then correct the credentials",
    1061: "this user's access to the API is switched off; ask Moysklad's support to restore it",
    1070: "the plan does not include this",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """at: the shop's clock when it answered (None: it did not say)."""

    data: Any
    at: datetime | None

    def object(self) -> Raw:
        if not isinstance(self.data, dict):
            raise Misunderstood(f"expected an object, got {str(self.data)[:120]}")
        return self.data

    def entity(self) -> Raw:
        """An object that names itself: anything else is not what was asked for."""
        found = self.object()
        if not isinstance(found.get("id"), str):
            raise Misunderstood(f"expected an entity with an id, got {str(found)[:120]}")
        return found

    def array(self) -> list[Raw]:
        if not isinstance(self.data, list) or not all(isinstance(row, dict) for row in self.data):
            raise Misunderstood(f"expected a list of objects, got {str(self.data)[:120]}")
        return self.data

    def rows(self) -> list[Raw]:
        """The rows of one page of a list."""
        found = self.object()
        rows, meta = found.get("rows"), inner(found, "meta")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows) or not isinstance(meta.get("size"), int):
            raise Misunderstood(f"expected a list with rows, got {str(found)[:120]}")
        return rows

    @property
    def size(self) -> int:
        """Of the whole list."""
        return int(inner(self.object(), "meta").get("size", 0))


class ShopRefused(Refused):
    """Moysklad said no in its own words. Nothing was done."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(f"Moysklad answered {status} with code {code}: {message}")
        self.status, self.code = status, code


def understand(response: HttpResponse) -> Answer:
    """The answer of a call that worked, or the error that says what happens next."""
    data = _decoded(response.body)
    if 200 <= response.status < 300:
        if data is NO_JSON:
            raise Unavailable(f"not Moysklad but another page answered ({_said(response)})")
        return Answer(data, response.date())
    raise _error(response, data)


def done(response: HttpResponse) -> Answer:
    """The answer of a call whose success has no body."""
    if response.status in {200, 204} and not response.body:
        return Answer(None, response.date())
    return understand(response)


def refusal(response: HttpResponse) -> float | None:
    """How long a 429 asks us to wait: for the rate it says so in milliseconds, for too many at once it says nothing."""
    wait = response.headers.get("x-lognex-retry-after", "")
    if re.fullmatch(r"\d{1,9}", wait):
        return int(wait) / 1000
    return PARALLEL_PAUSE_SECONDS if response.headers.get("x-lognex-auth") == "429005" else None


def _decoded(body: bytes) -> Any:
    try:
        return decoded(body)
    except NotJson:
        return NO_JSON


def _error(response: HttpResponse, data: Any) -> ChannelError:
    status, (code, message) = response.status, told(data)
    if status == 415:
        return Misunderstood("Moysklad answered 415: something between us dropped the header Accept-Encoding: gzip")
    if 300 <= status < 400:
        return Misunderstood(f"Moysklad redirects to {response.headers.get('location', '?')[:120]}: check api_url")
    if data is NO_JSON or status >= 500 or code in {CHANGED_MEANWHILE, MAINTENANCE}:
        return Unavailable(f"no usable answer ({_said(response)} {code or ''} {message})")
    if status == 429:
        return RateLimited(f"too many requests: {code} {message}", retry_after=refusal(response))
    if status in (401, 403) or code in HINTS:
        return Unauthorized(
            f"Moysklad answered {status} with code {code}: {message} ({HINTS.get(code, 'check the credentials and rights')})"
        )
    return ShopRefused(status, code, message) if code else Misunderstood(f"an error without a code ({_said(response)})")


def told(data: Any) -> tuple[int, str]:
    """(code, text) of the first error; code 0 where there is none."""
    errors = data.get("errors") if isinstance(data, dict) else None
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    code = first.get("code")
    return code if isinstance(code, int) and not isinstance(code, bool) else 0, str(first.get("error", ""))[:200]


def _said(response: HttpResponse) -> str:
    return f"{response.status} {response.headers.get('content-type', 'no type')}: {response.body[:80]!r}"
