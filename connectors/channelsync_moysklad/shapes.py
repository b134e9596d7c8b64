"""Reads single fields of Moysklad's objects: dates in Moscow time, ids within links, numbers. Raises Misunderstood naming the field."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from channelsync.errors import Misunderstood

Raw = dict[str, Any]
MSK = timezone(timedelta(hours=3))  # no daylight saving time
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
YEARS = range(1990, 9000)
UNITS_MAX = 10**12
"""More is a fault; compared before anything is reckoned, so that NaN fails too."""
REST_OF_MILLISECOND = timedelta(milliseconds=1) - timedelta(microseconds=1)


def to_msk(at: datetime) -> str:
    """For filters: no zone, no T. Milliseconds are kept."""
    local = at.astimezone(MSK)
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d}"


def from_msk(text: Any, name: str) -> datetime:
    """`YYYY-MM-DD HH:MM:SS[.mmm]` as UTC."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        at = None
    if at is None or at.tzinfo is not None or at.year not in YEARS:
        raise Misunderstood(f"{name} is not a date: {str(text)[:40]!r}")
    return at.replace(tzinfo=MSK).astimezone(UTC)


def time_of(raw: Mapping[str, Any], name: str) -> datetime:
    if not raw.get(name):
        raise Misunderstood(f"{name} is missing")
    return from_msk(raw[name], name)


def optional_time(raw: Mapping[str, Any], name: str) -> datetime | None:
    return from_msk(raw[name], name) if raw.get(name) else None


def id_of(raw: Mapping[str, Any], name: str = "id") -> str:
    value = raw.get(name)
    if not isinstance(value, str) or not UUID.fullmatch(value):
        raise Misunderstood(f"{name} is not an id: {str(value)[:60]!r}")
    return value


def linked(raw: Mapping[str, Any], name: str) -> tuple[str, str] | None:
    """(type, id) of what a link names; None if there is no such link. Compared by id: hosts in links differ with the way they were made."""
    target = raw.get(name)
    if target is None:
        return None
    found = linked_in(target)
    if found is None:
        raise Misunderstood(f"{name} is not a link: {str(target)[:80]!r}")
    return found


def linked_in(target: Any) -> tuple[str, str] | None:
    meta = target.get("meta") if isinstance(target, dict) else None
    if not isinstance(meta, dict) or not isinstance(meta.get("href"), str):
        return None
    ids = UUID.findall(meta["href"])
    return (text(meta.get("type")), ids[-1]) if ids else None


def linked_id(raw: Mapping[str, Any], name: str) -> str:
    """The id of what a link names; "" if there is none."""
    found = linked(raw, name)
    return found[1] if found else ""


def objects(value: Any, name: str) -> list[Raw]:
    """A list of objects; absent means empty."""
    rows = value if value is not None else []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Misunderstood(f"{name} is not a list of objects: {str(rows)[:80]}")
    return rows


def inner(raw: Mapping[str, Any], name: str) -> Raw:
    found = raw.get(name)
    return found if isinstance(found, dict) else {}


def number(value: Any, name: str) -> float:
    """Absent means 0: empty optional fields are not printed."""
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= UNITS_MAX:
        raise Misunderstood(f"{name} is not a number: {str(value)[:40]!r}")
    return float(value)


def whole(value: Any, name: str) -> int:
    """Whole units: what is sold by weight or length is not understood."""
    found = number(value, name)
    if not found.is_integer() or found < 0:
        raise Misunderstood(f"{name} is not a whole number of units: {value!r}")
    return int(found)


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def counted(value: float) -> tuple[int, str]:
    """A stock figure as it may be counted on, and as it stood there where it is not a whole number of at least 0."""
    exact = value.is_integer() and value >= 0
    return max(0, math.floor(value)), "" if exact else f"{value:g}"
