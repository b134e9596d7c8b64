"""What an audit says of one shop, or of a system that owns on hand. Only the words; comparing is in `auditing` and `auditing_owners`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ShopDifference:
    """kind: number, order, or physical (of a system that owns on hand). what: the shelf's SKU and listing, the SKU and its location, or the order's
    ref. ledger and shop: what each of them says.
    """

    channel: str
    kind: str
    what: str
    ledger: str
    shop: str
    cause: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared with one shop. busy: shelves with a write on its way, or numbers that are being recalculated: they prove nothing. unasked:
    differences past the limit of what is asked for one by one. owns: it owns on hand, and the numbers are its physical stock.
    """

    channel: str
    numbers: int
    busy: int
    orders: int
    unasked: int
    owns: bool = False


@dataclass(frozen=True, slots=True)
class ShopAudit:
    compared: tuple[Compared, ...]
    differences: tuple[ShopDifference, ...]
    troubles: dict[str, str]
