"""What an order must be to be stored at all. One that is not is set aside with the reason; it never reaches the database, and blocks nobody."""

from __future__ import annotations

from collections import Counter
from typing import Final

from channelsync.contract import OrderLine, OrderSnapshot
from channelsync.ledger import fitting
from channelsync.ledger.bounds import MAX_UNITS

NUMBER_LENGTH: Final = 64


def problem(snapshot: OrderSnapshot) -> str | None:
    """Why the ledger cannot take this order, in words for people, or None."""
    if odd := [line.ref for line in snapshot.lines if not line.adds_up()]:
        return f"line {', '.join(odd)} does not add up: shipped + cancelled + quarantined exceed the quantity, or a part is negative"
    if huge := [line.ref for line in snapshot.lines if _most(line) > MAX_UNITS]:
        return f"line {', '.join(huge)} counts more than {MAX_UNITS} units: that is no order but a fault of the shop or its connector"
    if twice := [ref for ref, count in Counter(line.ref for line in snapshot.lines).items() if count > 1]:
        return f"line {', '.join(twice)} is there twice"
    refs = (snapshot.ref, snapshot.reservation_ref or "", *(line.ref for line in snapshot.lines))
    if unfit := next((ref for ref in refs if fitting.ref(ref) != ref), None):
        return f"{unfit[:40]!r} is longer than {fitting.REF_LENGTH} characters, or has a character that no database can store"
    return None


def _most(line: OrderLine) -> int:
    return max(line.quantity, line.withheld, sum(abs(effect.units) for effect in line.effects))


def number(snapshot: OrderSnapshot) -> str:
    """The order's number as people see it, cut to its column."""
    return fitting.storable(snapshot.number)[:NUMBER_LENGTH]
