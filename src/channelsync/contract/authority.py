"""The words that pass between a stock authority and the engine: what lies there, and our orders as it should hold them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Physical:
    """What a stock authority says lies at one of its own locations, in the listing's units: physical stock, before any reservation.

    units: None while the authority is recalculating: ask again. Never a stand-in for 0.
    reserved: what the authority holds back there for anybody, the claims we exported included; None: it did not say. Where the two numbers are asked
    for apart, `reserved` is asked for first: a shipment in between then counts twice for a moment, never not at all.
    read_as: the number as it stood there, where it is not a whole number of at least 0 ("-2", "46.5"); `units` is then floored, and at least 0.
    """

    listing: str
    location: str
    units: int | None
    reserved: int | None = None
    read_as: str = ""


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """One line of an order of ours, at one location of the authority, in the listing's units. quantity: ordered; held: to be kept back now."""

    ref: str
    listing: str
    location: str
    quantity: int
    held: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What the authority should know about one of our orders, in absolute numbers: a claim whose lines hold nothing is a cancelled one.

    key: ours, stable for ever; what makes a repeat safe. number: for people. document: the authority's own ref of it, once it is known.
    """

    key: str
    number: str
    lines: tuple[ClaimLine, ...]
    document: str | None = None


@dataclass(frozen=True, slots=True)
class ClaimedLine:
    """What the authority says about a line: what it holds for it, and what its own shipment documents have taken out of its stock."""

    ref: str
    held: int
    shipped: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim as the authority has it now. gone: its document was deleted there; it holds nothing any more."""

    key: str
    document: str
    lines: tuple[ClaimedLine, ...]
    gone: bool = False
