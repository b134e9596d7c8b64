"""What the judge is told, in order of happening: what the shops did, what the ledger knew, what was sent. Values only.

`item` and `unit` are `goods`' words. `at` is monotonic time in seconds, the same for everybody. Recorders (`recorder`) produce these; the judge (`judge`) reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from channelsync.testing.standins.base import Change


@dataclass(frozen=True, slots=True)
class Supplied:
    """Physical units came (> 0) or went (< 0) otherwise than by orders: the first stock, receipts, corrections.

    told: the ledger hears of it at once; False: an authority's affair, which the ledger learns of by its next reading.
    """

    at: float
    unit: str
    units: int
    told: bool = True


@dataclass(frozen=True, slots=True)
class Changed:
    """A number of a shop changed, as the shop itself remembers it."""

    at: float
    shop: str
    change: Change


@dataclass(frozen=True, slots=True)
class Claimed:
    """An order claims `pieces` of an item that its shop has not taken out of its number (an unpaid checkout); 0 when it no longer does."""

    at: float
    shop: str
    order: str
    item: str
    pieces: int


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of a shelf from now on. took: the shop's own effects it has applied. frozen: nothing is to be written to it."""

    at: float
    shop: str
    item: str
    target: int | None
    book: int | None
    took: int
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """How many of a unit the ledger knows to be promised by a shop's orders from now on, shipped ones included, less what came back."""

    at: float
    shop: str
    unit: str
    promised: int


@dataclass(frozen=True, slots=True)
class Looked:
    """A complete run over a shop's orders is applied; it began at `began`."""

    at: float
    shop: str
    began: float


@dataclass(frozen=True, slots=True)
class Armed:
    """An attempt was computed and stored. seen_at: when the reading it rests on was asked for (absolute writes)."""

    at: float
    shop: str
    key: str
    item: str
    target: int
    delta: int
    seen_at: float


@dataclass(frozen=True, slots=True)
class Released:
    """The ledger let a call go on the wire, without the items that were withdrawn from it.

    knew: by item, what it was known to know when it was asked to; beside a real daemon more may have been told since. Absent: as told last.
    """

    at: float
    key: str
    withdrawn: frozenset[str] = frozenset()
    knew: Mapping[str, Known] = field(default_factory=dict)


Event = Supplied | Changed | Claimed | Known | Counted | Looked | Armed | Released
