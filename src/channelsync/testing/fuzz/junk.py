"""What does not belong into an answer: values of every wrong kind, and damaged text."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stands in the JSON as it is, because no value of ours would be written so."""

    text: str

    def __repr__(self) -> str:
        return f"{self.text[:60]!s}{f'... ({len(self.text)} characters)' if len(self.text) > 60 else ''}"


def nested(depth: int, opening: str = "[", closing: str = "]") -> Literal:
    return Literal(opening * depth + closing * depth)


NUMBERS: tuple[Any, ...] = (
    -1, 0, 1, 2, -3, 7, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), 10**400, -(10**400), 10**15,
    0.5, -0.5, 1.0, 3.0, 2.9999999999999996, 1e12, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf"),
    Literal("9" * 4300), Literal("-" + "9" * 4300), Literal("9" * 4301), Literal("1e999"), Literal("-0"), Literal("-0.0"), Literal("1E400"),
    Literal("01"), Literal("0x10"), Literal("1_000"), Literal("+1"), Literal(".5"),
)  # fmt: skip
TEXTS: tuple[Any, ...] = (
    "", " ", "x", "0", "-1", "3", "3.0", "1e5", "1e999", "NaN", "inf", " 7 ", "1_000", "0x10", "9" * 400, "9" * 5000, "٣", "²",
    "null", "true", "a\x00b", "\x00", "\ud800", "x\udfffy", "\udc80", "\U0001f9e8", "\u202eabc", "é", "\r\n", "x" * 300, "x" * 5000,
    "[]", "{}", "'; --", "../..", "%s", "gid://shopify/Order/1", "gid://shopify/InventoryItem/x", "gid://shopify/Location/" + "9" * 40,
    "10" * 200, "00000000-0000-0000-0000-000000000000", "https://x/00000000-0000-0000-0000-000000000000/", "http://[", "//",
)  # fmt: skip
DATES: tuple[Any, ...] = (
    "9999-12-31T23:59:59", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59.999999-12:00", "8999-12-31T23:59:59Z",
    "0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "0000-00-00T00:00:00", "0000-00-00 00:00:00",
    "2026-13-45T99:00:00Z", "2026-02-30T00:00:00Z", "2026-01-15", "20260115T100000Z", "2026-W03-4", "12:00", "2026-01-15T10:00:00",
    "2026-01-15T10:00:00+25:00", "2026-01-15T24:00:00Z", "2026-01-15T10:00:60Z", "9999-12-31 23:59:59.999", "0001-01-01 00:00:00",
    "1989-12-31 23:59:59.000", "2026-01-15 10:00:00+03:00", "1969-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "-2026-01-15T10:00:00Z",
    "Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 01 Jan 0001 00:00:00 +2359", "Tue, 05 Mar 99999 21:40:11 +0000", "Tue, 05 Mar 2019 21:40:11",
    "Tue, 05 Mar 2019 21:40:11 -0000", "Tue, 05 Mar 2019 21:40:11 +9999", "Tue, 05 Mar 2019 21:40:11 +99999999999", "Tue, 99 Mar 2019 99:99",
    "Tue, 05 Mar " + "9" * 30 + " 21:40:11 +0000", "Tue", ",", "Mar 2019", "0", 253402300800, 1e18, -1e18, 0, 1768471200, "1768471200",
)  # fmt: skip
HOLDERS: tuple[Any, ...] = (
    [], {}, [None], [[]], [{}], [[[]]], {"id": None}, {"": {}}, {"nodes": None}, {"data": []}, [1, "x", None], {"a": {"b": {"c": []}}},
    Literal('{"id":1,"id":null}'), Literal('{"id":[],"id":1}'),
    nested(50), nested(400), *(nested(depth) for depth in range(900, 990, 6)), nested(3000), nested(100_000), nested(500, '{"a":[', "]}"), nested(200_000, "[", ""),
)  # fmt: skip
ODD: tuple[Any, ...] = (None, True, False)
BYTES = (
    b"\x00", b"\xff", b"\xfe\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xef\xbb\xbf", b"\\u", b"\\ud800", b"\\", b'"',
    b",", b"]", b"}", b"[", b"{", b":", b"1", b"-", b"NaN", b"Infinity", b"null", b"/*", b"\n", b"1e999", b"9" * 5000, b"[" * 2000, b"<br />",
)  # fmt: skip
WHOLE = (
    b"", b" ", b"null", b"true", b"0", b'"x"', b"[]", b"{}", b"[[[[", b"[null]", b"[[]]", b"[{}]", b'{"data":null}', b'{"data":[]}', b'{"data":{}}',
    b'{"errors":[{}]}', b'{"errors":"x"}', b'{"errors":[]}', b'{"rows":[null],"meta":{"size":1}}', b'{"update":[null]}', b"NaN", b"-", b"\xff\xfe",
    b"\xef\xbb\xbf{}", b"[" * 100_000, b'{"a":' * 100_000, b"[" * 930 + b"]" * 930, b"1" * 5000, b"<!DOCTYPE html><html><body>Checking</body></html>",
    b"<br />\n<b>Warning</b>: Undefined array key 0 in <b>/x.php</b> on line <b>1</b><br />\n", b"upstream connect error", b"\x1f\x8b\x08\x00",
)  # fmt: skip
HEADER_TEXTS = ("", "x", "-1", "0", "1e999", "nan", "inf", "9" * 400, "5.5", "ä", "text/html", "application/json", "gzip", *DATES[:39])
STATUSES = (200, 201, 202, 204, 301, 302, 304, 400, 401, 402, 403, 404, 409, 413, 415, 418, 422, 423, 429, 430, 500, 502, 503, 504, 599)


def instead_of(value: Any, source: random.Random) -> Any:
    """Something for the place where `value` stands; mostly of a kind that passes the first look."""
    draw = source.random()
    if draw < 0.45:
        return _alike(value, source)
    pool = source.choice((ODD, NUMBERS, TEXTS, DATES, HOLDERS))
    return source.choice(pool)


def _alike(value: Any, source: random.Random) -> Any:
    match value:
        case bool():
            return source.choice((not value, None, "true", 1, 0))
        case int() | float():
            return source.choice((*NUMBERS, -value, value + 1, value + 2**63, value * 1000, float(value), str(value), value + 0.5, [value]))
        case str() if value[:1].isdigit() or value[3:5] == ", ":
            return source.choice((*DATES, value[:10], value + "Z", value.replace("20", "99", 1), value[::-1], [value]))
        case str():
            return source.choice((*TEXTS, value[:-1], value + "\x00", value.upper(), value * 50, value + "\ud800", [value], {"x": value}))
        case list():
            return source.choice(
                ([], value[:1], value[::-1], value + value, value * 30, [value], [None, *value], dict(enumerate(value)), None)
            )
        case dict():
            return source.choice(
                ({}, [value], list(value.values()), {key.upper(): each for key, each in value.items()}, _twice(value, source), None)
            )
    return source.choice((0, "", [], {}, 1, "x"))


def _twice(value: dict[str, Any], source: random.Random) -> Any:
    """The object with one of its keys there twice; the last one counts."""
    if not value:
        return {}
    key = source.choice(list(value))
    return Literal(f"{json.dumps(value)[:-1]},{json.dumps(key)}:{json.dumps(source.choice((None, 0, 'x', [], {})))}}}")
