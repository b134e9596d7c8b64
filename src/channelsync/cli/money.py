"""Values of documents for people: units whose cost is not known are left out of a sum, and it says so."""

from __future__ import annotations


def known_value(value: str, units: int, uncosted: int) -> str | None:
    """For a column; None if nothing of it is known. units: all of them; uncosted: those of unknown cost."""
    return None if uncosted and uncosted == units else value


def worth(value: str, units: int, uncosted: int, currency: str) -> str:
    """The same as words."""
    if known_value(value, units, uncosted) is None:
        return f"not known: no cost is known of its {units} units"
    return f"{value} {currency}" + (f" (without {uncosted} of {units} units, whose cost is not known)" if uncosted else "")
