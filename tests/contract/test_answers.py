"""What every connector asks of an answer: its JSON, and the shop's clock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from channelsync.contract import HttpResponse, decoded
from channelsync.errors import Misunderstood

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "at"),
    [
        ("Thu, 15 Jan 2026 12:00:00 GMT", NOON),
        ("Thu, 15 Jan 2026 12:00:00 -0000", NOON),
        ("Thu, 15 Jan 2026 14:00:00 +0200", NOON),
        ("Thu, 15 Jan 2026 12:00:00 GMT, Thu, 15 Jan 2026 12:00:00 GMT", NOON),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        ("Mon, 01 Jan 0101 00:00:00 +2359", None),
        ("Thu, 15 Jan 99999999999999999999 12:00:00 GMT", None),
        ("Thu, 15 Jan 1970 12:00:00 GMT", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_the_shops_clock(told: str, at: datetime | None) -> None:
    assert HttpResponse(200, {"date": told}, b"").date() == at
    assert HttpResponse(200, {}, b"").date() is None


@pytest.mark.parametrize("body", [b"[" * 200 + b"]" * 200, b'{"a":' * 200 + b"1" + b"}" * 200, b"[" * 100_000, b"\xff", b"", b"1" * 5000])
def test_what_is_nested_too_deep_is_no_json(body: bytes) -> None:
    with pytest.raises(ValueError):
        decoded(body)
    with pytest.raises(Misunderstood):
        HttpResponse(200, {}, body).json()


def test_what_a_shop_sends_is_not_too_deep() -> None:
    assert decoded(b"\xef\xbb\xbf" + b"[" * 60 + b"]" * 60) is not None
    assert decoded(b'{"a": [1, {"b": null}]}') == {"a": [1, {"b": None}]}
