"""Understands what came back: JSON, an empty list as 204, BigCommerce's errors in both shapes, and pages that are not BigCommerce at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from channelsync.contract import Budget, HttpResponse, NotJson, decoded
from channelsync.errors import ChannelError, Misunderstood, Refused, Unauthorized, Unavailable

OVERLOADED_SECONDS = 60.0  # a 429 without quota headers means that the platform itself is overloaded
NO_JSON = object()
NUMBER = re.compile(r"\d{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """data: None for 204. at: the store's clock when it answered (None: it did not say)."""

    data: Any
    at: datetime | None

    def rows(self) -> list[dict[str, Any]]:
        """A v2 list; 204 is an empty one."""
        return [] if self.data is None else _objects(self.data)

    def data_rows(self) -> list[dict[str, Any]]:
        """The `data` list of a v3 answer."""
        return _objects(self.object().get("data"))

    def data_object(self) -> dict[str, Any]:
        found = self.object().get("data")
        if not isinstance(found, dict):
            raise Misunderstood(f"expected an object in data, got {str(self.data)[:120]}")
        return found

    def object(self) -> dict[str, Any]:
        if not isinstance(self.data, dict):
            raise Misunderstood(f"expected an object, got {str(self.data)[:120]}")
        return self.data


class StoreRefused(Refused):
    """BigCommerce said no in its own words. Nothing was done, except where a batch may have been applied in part.

    in_v2: in the array that only v2's own resources answer with, not a gateway's object.
    """

    def __init__(self, status: int, title: str, *, in_v2: bool = False) -> None:
        super().__init__(f"the store answered {status}: {title}")
        self.status, self.title, self.in_v2 = status, title, in_v2


def understand(response: HttpResponse) -> Answer:
    """The answer of a call that worked, or the error that says what happens next."""
    if response.status == 204 and not response.body.strip():
        return Answer(None, response.date())
    data = _decode(response.body)
    if data is NO_JSON:
        said = f"{response.status} {response.headers.get('content-type', 'no type')}: {response.body[:80]!r}"
        raise Unavailable(f"not BigCommerce but another page answered ({said})")
    if not 200 <= response.status < 300:
        raise _error(response, data)
    return Answer(data, response.date())


def _decode(body: bytes) -> Any:
    try:
        return decoded(body)
    except NotJson:
        return NO_JSON


def _error(response: HttpResponse, data: Any) -> ChannelError:
    status, title = response.status, _title(data)
    if status == 401:
        return Unauthorized(f"the store does not know the access token (401 {title}): check store_hash and access_token")
    if status == 403:
        return Unauthorized(f"the API account lacks a scope (403 {title})")
    if status in (404, 409, 413, 422, 400) and title is not None:
        return StoreRefused(status, title, in_v2=isinstance(data, list))
    if 400 <= status < 500 and status != 423:
        return Misunderstood(f"the store answered {status} in a way that is not documented: {str(data)[:120]}")
    return Unavailable(f"the store answered {status}: {title}", retry_after=_number(response.headers.get("x-retry-after")))


def _title(data: Any) -> str | None:
    """The words of an error: v2 answers an array, v3 an object. None: neither, so a proxy spoke."""
    row = data[0] if isinstance(data, list) and data else data
    if not isinstance(row, dict) or "status" not in row:
        return None
    return str(row.get("title") or row.get("message") or "")[:2000]


def _objects(rows: Any) -> list[dict[str, Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Misunderstood(f"expected a list of objects, got {str(rows)[:120]}")
    return rows


def learn(budget: Budget, headers: Mapping[str, str]) -> None:
    """One unit per request, shared by all apps of the store, in windows of some 30 seconds. Unlimited plans may say nothing."""
    names = ("requests-quota", "requests-left", "time-window-ms", "time-reset-ms")
    quota, left, window, reset = (_number(headers.get(f"x-rate-limit-{name}")) for name in names)
    if quota and left is not None and window:
        resets_in = None if reset is None else reset / 1000
        budget.learn(remaining=left, maximum=quota, per_second=quota * 1000 / window, resets_in=resets_in)


def refusal(response: HttpResponse) -> float:
    """Seconds that a 429 asks us to wait."""
    told = _number(response.headers.get("x-retry-after"))
    reset = _number(response.headers.get("x-rate-limit-time-reset-ms"))
    if told is not None:
        return told
    return OVERLOADED_SECONDS if reset is None else reset / 1000


def _number(text: str | None) -> float | None:
    return float(text) if text and NUMBER.fullmatch(text) else None
