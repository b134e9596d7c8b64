"""What a request may carry: lengths that fit the columns, numbers that are numbers of units. Checked before anything is looked up."""

from __future__ import annotations

from typing import Final

from channelsync.ledger.refusals import NotAllowed

MAX_UNITS: Final = 1_000_000_000
MAX_LINES: Final = 1_000
LENGTHS: Final = {"sku": 255, "reference": 255, "reason": 255, "key": 255, "actor": 128}


def units(value: int, *, at_least: int) -> NotAllowed | None:
    """Whole units within bounds, or the reason why not."""
    if isinstance(value, bool) or not isinstance(value, int):
        return NotAllowed(f"the quantity {value!r} is not a whole number of units; send an integer")
    if value < at_least:
        return NotAllowed(f"the quantity {value} is too small here; it must be {at_least} or more")
    if value > MAX_UNITS:
        return NotAllowed(f"the quantity {value} is above the limit of {MAX_UNITS} units for one request; check it, or send it in parts")
    return None


def texts(**fields: str | None) -> NotAllowed | None:
    """Each text fits its column and carries no NUL (PostgreSQL cannot store one)."""
    for name, value in fields.items():
        if value is None:
            continue
        if len(value) > LENGTHS[name]:
            return NotAllowed(f"the {name} has {len(value)} characters, at most {LENGTHS[name]} are stored; shorten it")
        if "\x00" in value:
            return NotAllowed(f"the {name} contains a NUL character; remove it")
    return None


def sku_text(value: str) -> NotAllowed | None:
    """A SKU's name: something visible, without surrounding space (nobody can see the difference)."""
    if not value or value != value.strip():
        return NotAllowed(f"{value!r} is no SKU: it is empty or begins or ends with a space; correct it where it comes from")
    return texts(sku=value)
