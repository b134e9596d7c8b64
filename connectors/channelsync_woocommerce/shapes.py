"""Reads single fields of wc/v3 objects: dates, numbers, meta data, refs. Raises Misunderstood naming the field."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from channelsync.errors import Misunderstood

STAMP = "%Y-%m-%dT%H:%M:%S"
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
        return from_naive_utc(text)
    except (TypeError, ValueError):
        raise Misunderstood(f"{name}_gmt is not a date: {str(text)[:40]!r}") from None


def required_time(raw: Mapping[str, Any], name: str) -> datetime:
    at = optional_time(raw, name)
    if at is None:
        raise Misunderstood(f"{name}_gmt is missing")
    return at


def number_id(raw: Mapping[str, Any], name: str = "id", *, missing: int | None = None) -> int:
    value = missing if raw.get(name) is None else raw[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Misunderstood(f"{name} is not an id: {str(value)[:40]!r}")
    return value


def units(value: Any, name: str) -> int:
    """Whole units of an order line; meta data spells them as text. Plug-ins for fractional quantities are not understood."""
    try:
        number = float(value or 0)
    except (TypeError, ValueError):
        raise Misunderstood(f"{name} is not a number: {str(value)[:40]!r}") from None
    if not number.is_integer():
        raise Misunderstood(f"{name} is not a whole number: {value!r}")
    return int(number)


def shown(value: Any) -> int | None:
    """A stock figure as customers may count on it: fractions are floored."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Misunderstood(f"stock_quantity is not a number: {str(value)[:40]!r}")
    return math.floor(value)


def meta_value(raw: Mapping[str, Any], *keys: str) -> Any:
    """The value of the first of these meta keys; None if there is none."""
    rows = raw.get("meta_data") or []
    found = {row.get("key"): row.get("value") for row in reversed(rows) if isinstance(row, dict)}
    return next((found[key] for key in keys if key in found), None)


def listing_ref(product: int, variation: int = 0) -> str:
    return f"{product}:{variation}" if variation else str(product)


def ref_of(raw: Mapping[str, Any]) -> str:
    """The ref of a product object; variations carry their parent."""
    parent = raw.get("parent_id") or 0
    return listing_ref(parent, number_id(raw)) if raw.get("type") == "variation" and parent else listing_ref(number_id(raw))


def split_ref(ref: str) -> tuple[int, int] | None:
    """(parent or 0, id); None if it is no ref of ours."""
    found = REF.fullmatch(ref)
    return (int(found[1] or 0), int(found[2])) if found else None
