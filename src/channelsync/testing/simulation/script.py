"""Deeds at given times: what a world's people do, and what befalls single writes of ours, when no dice decide it. Values; `player` carries them out.

`at` is seconds from the start of the trade. Of a world that begins with levels of its own, deeds below 0 are done before the daemon's first day.
`order` and `reservation` are the script's own names. heard False: no webhook tells of it, a poll has to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from channelsync.testing.simulation.network import Fate


@dataclass(frozen=True, slots=True)
class Buy:
    at: float
    shop: str
    order: str
    basket: Mapping[str, int]
    paid: bool = True
    reservation: str | None = None
    heard: bool = True


@dataclass(frozen=True, slots=True)
class Pay:
    at: float
    shop: str
    order: str
    heard: bool = True


@dataclass(frozen=True, slots=True)
class Cancel:
    at: float
    shop: str
    order: str
    restock: bool = True
    heard: bool = True


@dataclass(frozen=True, slots=True)
class Refund:
    at: float
    shop: str
    order: str
    item: str
    units: int
    restock: bool = True
    heard: bool = True


@dataclass(frozen=True, slots=True)
class Ship:
    at: float
    shop: str
    order: str
    heard: bool = True


@dataclass(frozen=True, slots=True)
class Edit:
    """Staff type a number that is off by so many units from what the shop shows."""

    at: float
    shop: str
    item: str
    by: int
    location: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """Units come (> 0) or go (< 0) at a ledger location."""

    at: float
    sku: str
    place: str
    units: int


@dataclass(frozen=True, slots=True)
class Hold:
    """A storefront of our own reserves. seconds None: until it is let go of."""

    at: float
    reservation: str
    sku: str
    place: str
    units: int
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class LetGo:
    at: float
    reservation: str


@dataclass(frozen=True, slots=True)
class Lose:
    """What becomes of the shop's next write, if one comes within so many seconds: it never arrives, its answer never does, or the shop says "later"."""

    at: float
    shop: str
    what: Fate
    within: float = 60.0


Deed = Buy | Pay | Cancel | Refund | Ship | Edit | Move | Hold | LetGo | Lose


@dataclass(frozen=True, slots=True)
class Script:
    """levels: (SKU, ledger location) -> units on the first day; then the shops begin with their own `shows`, and no shop's number opens the ledger.

    None: the world opens as any other does.
    """

    deeds: tuple[Deed, ...]
    levels: Mapping[tuple[str, str], int] | None = None
