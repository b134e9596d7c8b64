"""What to send to one shelf: the arithmetic of the safe push, pure. Push a difference, never a number.

`base` is what the shop shows as far as we know (book + suspended gap). After the write it shows target + whatever the ledger has not seen yet.
"""

from __future__ import annotations

from dataclasses import dataclass

from channelsync.contract import Carrier


@dataclass(frozen=True, slots=True)
class Look:
    """A fresh reading of one shelf, and the book and own-effect counter from just before it was asked for."""

    shows: int
    book: int
    own_seq: int


@dataclass(frozen=True, slots=True)
class Difference:
    """compare -> value on the wire; `delta` = value - compare is what the book moves by once it is confirmed."""

    target: int
    book: int
    compare: int
    value: int

    @property
    def delta(self) -> int:
        return self.value - self.compare


def difference(carrier: Carrier, *, target: int, book: int, gap: int, verify: bool, own_seq: int, look: Look | None) -> Difference | None:
    """The write that is due, or None: nothing to send in this state."""
    if carrier is Carrier.SET:
        value, base = _set_value(target, book, gap, verify, own_seq, look)
    else:
        base = book + gap
        step = target - book
        if gap > 0 or verify:
            step = min(step, 0)  # no raise while the shop shows more than we can explain, or while our own last write is not verified
        value = base + step
    value = max(value, min(base, 0))  # a clamp never raises: a negative number below zero stays
    return Difference(target, book, base, value) if value != base else None


def _set_value(target: int, book: int, gap: int, verify: bool, own_seq: int, look: Look | None) -> tuple[int, int]:
    """An absolute write loses whatever happens between reading and writing: it raises only from a quiet reading that equals the book."""
    if look is None:
        return book, book
    low, high = min(look.book, book), max(look.book, book)
    shows = look.shows
    unexplained = 0 if low <= shows <= high else shows - (low if shows < low else high)
    if gap or verify or unexplained:
        step = target - book
        if unexplained > 0:
            step = min(step, 0)
        return min(shows + step, target + min(unexplained, 0), shows), shows
    if own_seq == look.own_seq and shows == book:
        return target, shows
    return min(target + min(0, shows - high), shows), shows
