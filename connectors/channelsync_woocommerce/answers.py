"""Understands what came back: good JSON, JSON behind PHP warnings, WooCommerce's errors, and pages that are not WooCommerce at all.

The content decides, never the status alone: firewalls, caches and maintenance pages answer with any status in HTML.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from channelsync.contract import HttpResponse, require_shallow
from channelsync.errors import ChannelError, Misunderstood, NotReached, RateLimited, Refused, Unauthorized, Unavailable

NO_JSON = object()
GATEWAY = (502, 504)  # a proxy that did not reach the shop
STARTS_TRIED = 50
HINTS = {
    "woocommerce_rest_cannot_view": 'the key is unknown, or the host drops the Authorization header (then set auth = "query")',
    "woocommerce_rest_authentication_error": "the secret is wrong, or the key may not write: it needs permission read/write",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """at: the shop's clock when it answered (None: it did not say). noisy: something stood in front of the JSON. age: seconds in a cache."""

    data: Any
    at: datetime | None
    noisy: bool = False
    age: int = 0

    def rows(self) -> list[dict[str, Any]]:
        if not isinstance(self.data, list) or not all(isinstance(row, dict) for row in self.data):
            raise Misunderstood(f"expected a list of objects, got {str(self.data)[:120]}")
        return self.data

    def object(self) -> dict[str, Any]:
        if not isinstance(self.data, dict):
            raise Misunderstood(f"expected an object, got {str(self.data)[:120]}")
        return self.data


class AnotherPage(Unavailable):
    """Something answered that is not WooCommerce: a firewall, a cache, a maintenance page, PHP itself."""


class ShopRefused(Refused):
    """WooCommerce said no in its own words. Nothing was done."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"the shop answered {status} {code}: {message}")
        self.status, self.code = status, code


def understand(response: HttpResponse) -> Answer:
    """The answer of a call that worked, or the error that says what happens next."""
    data, noisy = decode(response.body)
    if data is NO_JSON:
        raise _page(response)
    if not 200 <= response.status < 300:
        raise _error(response, data if isinstance(data, dict) else {})
    return Answer(data, response.date(), noisy, cache_age(response.headers))


def decode(body: bytes) -> tuple[Any, bool]:
    """The JSON of a body, and whether noise (PHP warnings) stood before it: cut at the first { or [ from which the rest is JSON.

    JSON that was cut short is none: an inner object must not pass for the whole.
    """
    text = body.decode("utf-8-sig", errors="replace").strip()
    for start in islice(re.finditer(r"[{\[]", text), STARTS_TRIED):
        try:
            data = json.loads(text[start.start() :])
            require_shallow(data)
            return data, start.start() > 0
        except json.JSONDecodeError as error:
            if error.pos >= len(text) - start.start():
                break
        except (ValueError, RecursionError):
            break
    return NO_JSON, False


def cache_age(headers: Mapping[str, str]) -> int:
    """How long the answer lay in a shared cache; 0 if it does not say."""
    told = headers.get("age", "").strip()
    return int(told) if re.fullmatch(r"\d{1,9}", told, re.ASCII) else 0


def _page(response: HttpResponse) -> ChannelError:
    """No JSON: a web server, firewall, cache or PHP itself spoke."""
    wait = retry_after(response)
    said = f"{response.status} {response.headers.get('content-type', 'no type')}: {response.body[:80]!r}"
    if response.status == 429:
        return RateLimited(f"the shop's host asks for fewer requests ({said})", retry_after=wait)
    if response.status == 413:
        return ShopRefused(413, "too_large", "the host refuses a body of this size; lower batch_size")
    if 300 <= response.status < 400:
        return Misunderstood(f"the shop redirects to {response.headers.get('location', '?')}: set url to the shop's final address")
    kind = Unavailable if response.status in GATEWAY else AnotherPage
    return kind(f"not WooCommerce but another page answered ({said})", retry_after=wait)


def _error(response: HttpResponse, data: Mapping[str, Any]) -> ChannelError:
    status, code, message = response.status, str(data.get("code", "")), str(data.get("message", ""))[:300]
    if status == 429:
        return RateLimited(f"the shop asks for fewer requests: {code} {message}", retry_after=retry_after(response))
    if status in (401, 403):
        return Unauthorized(f"the shop answered {status} {code}: {message} ({HINTS.get(code, 'check the API key and its user')})")
    if code == "rest_no_route":
        return NotReached("the shop knows no wc/v3 API: WooCommerce is switched off or being updated, or permalinks are set to plain")
    if 400 <= status < 500:
        return ShopRefused(status, code, message)
    return Unavailable(f"the shop answered {status} {code}: {message}", retry_after=retry_after(response))


def retry_after(response: HttpResponse) -> float | None:
    """Seconds. A date counts from the shop's own clock; without that clock it means nothing."""
    text = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return float(text)
    now, until = response.date(), replace(response, headers={"date": text}).date()
    return max(0.0, (until - now).total_seconds()) if now and until else None
