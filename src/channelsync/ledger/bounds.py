"""What a request may carry: lengths that fit the columns, numbers that are numbers of units. Checked before anything is looked up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from channelsync.ledger import fitting
from channelsync.ledger.refusals import NotAllowed

MAX_UNITS: Final = 1_000_000_000
MAX_LINES: Final = 1_000
AHEAD: Final = timedelta(minutes=5)
"""How far the clock of another system may be ahead of ours."""
LENGTHS: Final = {
    "sku": 255,
    "location": 64,
    "reference": 255,
    "reason": 255,
    "key": 255,
    "actor": 128,
    "text": 128,
    "supplier": 64,
    "code": 255,
    "name": 255,
    "note": 2_000,
    "prefix": 255,
    "after": 255,
    "counted_by": 128,
}


def units(value: int, *, at_least: int) -> NotAllowed | None:
    """Whole units within bounds, or the reason why not."""
    if isinstance(value, bool) or not isinstance(value, int):
        return NotAllowed(f"the quantity {value!r} is not a whole number of units; send an integer")
    if value < at_least:
        return NotAllowed(f"the quantity {value} is too small here; it must be {at_least} or more")
    if value > MAX_UNITS:
        return NotAllowed(f"the quantity {value} is above the limit of {MAX_UNITS} units for one request; check it, or send it in parts")
    return None


def happened(name: str, at: datetime | None, now: datetime) -> NotAllowed | None:
    """What has happened has an instant that has been. None: now. Clocks may differ a little."""
    if at is None or at <= now + AHEAD:
        return None
    return NotAllowed(
        f"{name} {at.isoformat()} is in the future (it is {now.isoformat()} here); correct it, or set the clock of the sender"
    )


def texts(**fields: str | None) -> NotAllowed | None:
    """Each text can be stored and fits its column."""
    for name, value in fields.items():
        if value is None:
            continue
        if len(value) > LENGTHS[name]:
            return NotAllowed(f"the {name} has {len(value)} characters, at most {LENGTHS[name]} are stored; shorten it")
        if fitting.storable(value) != value:
            return NotAllowed(f"the {name} {value!r} contains a character that no database can store; remove it")
    return None


def findable(names: Iterable[str]) -> list[str]:
    """Those of the names that a database can be asked for, sorted; the others name nothing it could hold."""
    return sorted({name for name in names if fitting.storable(name) == name})


def sku_text(value: str) -> NotAllowed | None:
    """A SKU's name: something visible, without surrounding space (nobody can see the difference)."""
    if not value or value != value.strip():
        return NotAllowed(f"{value!r} is no SKU: it is empty or begins or ends with a space; correct it where it comes from")
    return texts(sku=value)
