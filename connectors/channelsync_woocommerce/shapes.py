"""Reads single fields of wc/v3 objects: dates, numbers, meta data, refs. Raises Misunderstood naming the field."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from channelsync.errors import Misunderstood

STAMP = "%Y-%m-%dT%H:%M:%S"
YEARS = range(1990, 9000)
UNITS_MAX = 10**12
"""More is a fault of the shop; compared before anything is reckoned, so that NaN fails too."""
REF = re.compile(r"(?:([1-9]\d{0,18}):)?([1-9]\d{0,18})", re.ASCII)


def naive_utc(at: datetime) -> str:
    """For `modified_after` together with `dates_are_gmt=true`: a zone would be applied twice."""
    return at.astimezone(UTC).strftime(STAMP)


def from_naive_utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def optional_time(raw: Mapping[str, Any], name: str) -> datetime | None:
    """The field `<name>_gmt`."""
    text = raw.get(f"{name}_gmt")
    if not text:
        return None
    try:
        at = from_naive_utc(text)
    except (TypeError, ValueError):
        at = None
    if at is None or at.year not in YEARS:
        raise Misunderstood(f"{name}_gmt is not a date: {str(text)[:40]!r}")
    return at


def required_time(raw: Mapping[str, Any], name: str) -> datetime:
    at = optional_time(raw, name)
    if at is None:
        raise Misunderstood(f"{name}_gmt is missing")
    return at


def number_id(raw: Mapping[str, Any], name: str = "id", *, missing: int | None = None) -> int:
    """`missing` stands in where there is none (null); WooCommerce itself writes 0 for none."""
    value = raw.get(name) or missing
    if isinstance(value, bool) or not isinstance(value, int) or (value < 1 and value != missing):
        raise Misunderstood(f"{name} is not an id: {str(value)[:40]!r}")
    return value


def units(value: Any, name: str) -> int:
    """Whole units of an order line; meta data spells them as text. Plug-ins for fractional quantities are not understood."""
    try:
        number = float(value or 0)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not abs(number) <= UNITS_MAX:
        raise Misunderstood(f"{name} is not a number of units: {str(value)[:40]!r}")
    if not number.is_integer():
        raise Misunderstood(f"{name} is not a whole number: {value!r}")
    return int(number)


def shown(value: Any) -> int | None:
    """A stock figure as customers may count on it: fractions are floored."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= UNITS_MAX:
        raise Misunderstood(f"stock_quantity is not a number: {str(value)[:40]!r}")
    return math.floor(value)


def meta_value(raw: Mapping[str, Any], *keys: str) -> Any:
    """The value of the first of these meta keys; None if there is none."""
    rows = objects(raw, "meta_data")
    return next((row.get("value") for key in keys for row in rows if row.get("key") == key), None)


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


def listing_ref(product: int, variation: int = 0) -> str:
    return f"{product}:{variation}" if variation else str(product)


def ref_of(raw: Mapping[str, Any]) -> str:
    """The ref of a product object; variations carry their parent."""
    parent = number_id(raw, "parent_id", missing=0)
    return listing_ref(parent, number_id(raw)) if raw.get("type") == "variation" and parent else listing_ref(number_id(raw))


def split_ref(ref: str) -> tuple[int, int] | None:
    """(parent or 0, id); None if it is no ref of ours."""
    found = REF.fullmatch(ref)
    return (int(found[1] or 0), int(found[2])) if found else None
