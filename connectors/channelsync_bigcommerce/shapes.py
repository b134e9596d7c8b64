"""Reads single fields of v2 and v3 objects: dates, numbers, ids, refs. Raises Misunderstood naming the field."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from channelsync.errors import Misunderstood

YEARS = range(1990, 9000)
REF = re.compile(r"([pv]):([1-9]\d{0,18})", re.ASCII)
ID_MAX = 2**63
UNITS_MAX = 10**12
"""More is a fault of the store; compared before anything is reckoned, so that NaN fails too."""


def iso(at: datetime) -> str:
    """For `min_date_modified` and its like, in whole seconds, UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_iso(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None or at.year not in YEARS:
        raise ValueError(f"no time with a zone: {text[:40]!r}")
    return at.astimezone(UTC)


def time_field(raw: Mapping[str, Any], name: str) -> datetime:
    """RFC 2822 in v2, RFC 3339 in v3; UTC, one second fine."""
    text = raw.get(name)
    try:
        at = from_iso(text) if isinstance(text, str) and text[:1].isdigit() else _from_rfc(str(text))
    except (ValueError, TypeError, OverflowError, IndexError):
        at = None
    if at is None or at.year not in YEARS:
        raise Misunderstood(f"{name} is not a date: {str(text)[:40]!r}")
    return at


def unix_time(raw: Mapping[str, Any], name: str) -> datetime:
    """Whole seconds."""
    try:
        at = datetime.fromtimestamp(units(raw, name), UTC)
    except (ValueError, OverflowError, OSError):
        at = None
    if at is None or at.year not in YEARS:
        raise Misunderstood(f"{name} is not a time: {str(raw.get(name))[:40]!r}")
    return at


def _from_rfc(text: str) -> datetime:
    """A zone of -0000 is UTC, too, and not this machine's own."""
    at = parsedate_to_datetime(text)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def number_id(raw: Mapping[str, Any], name: str = "id", *, missing: int | None = None) -> int:
    """`missing` stands in where there is none; BigCommerce writes null or 0 for none."""
    value = raw.get(name) or missing
    if isinstance(value, bool) or not isinstance(value, int) or (value != missing and not 0 < value < ID_MAX):
        raise Misunderstood(f"{name} is not an id: {str(value)[:40]!r}")
    return value


def units(raw: Mapping[str, Any], name: str) -> int:
    """A count of at least 0; absent means none."""
    value = raw.get(name) or 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= UNITS_MAX:
        raise Misunderstood(f"{name} is not a number of units: {str(value)[:40]!r}")
    if value != int(value):
        raise Misunderstood(f"{name} is not a whole number: {value!r}")
    return int(value)


def shown(raw: Mapping[str, Any], name: str) -> int:
    """A stock figure as customers may count on it: fractions are floored, a number below zero stays what it is."""
    value = raw.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= UNITS_MAX:
        raise Misunderstood(f"{name} is not a number: {str(value)[:40]!r}")
    return math.floor(value)


def objects(raw: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects; absent means empty."""
    rows = raw.get(name) or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Misunderstood(f"{name} is not a list of objects: {str(rows)[:80]}")
    return rows


def inner(raw: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object within an object; anything else means empty."""
    found = raw.get(name)
    return found if isinstance(found, dict) else {}


def text(value: Any) -> str:
    """What people may read; nothing else than text and numbers is."""
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def product_ref(number: int) -> str:
    return f"p:{number}"


def variant_ref(number: int) -> str:
    return f"v:{number}"


def split_ref(ref: str) -> tuple[str, int] | None:
    """("product_id" or "variant_id", number), as adjustments name items; None if it is no ref of ours."""
    found = REF.fullmatch(ref)
    return ({"p": "product_id", "v": "variant_id"}[found[1]], int(found[2])) if found else None
