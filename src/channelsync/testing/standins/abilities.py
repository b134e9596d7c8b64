"""What staff can do at some stand-ins and not at others. What every one can do is in `base`."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Amends(Protocol):
    """A stand-in whose staff can change how many units a placed order has."""

    def amend(self, order: str, sku: str, units: int) -> None:
        """Add units to a line (> 0), or take some out that have not shipped (< 0), never the last one. Raises SoldOut or ValueError; nothing happens then."""


@runtime_checkable
class Renames(Protocol):
    """A stand-in whose staff can give an article another SKU text."""

    def rename(self, sku: str, text: str) -> None:
        """From now on the shop tells `text`. Whoever deals with the stand-in itself goes on saying `sku`."""


@runtime_checkable
class SellsOn(Protocol):
    """A stand-in with a backorder switch for each article."""

    def sells_on(self, sku: str) -> bool:
        """It is sold on at 0."""

    def set_sells_on(self, sku: str, *, on: bool) -> None:
        """Staff turn the switch."""


@runtime_checkable
class Relists(Protocol):
    """A stand-in whose staff can take an article off for good, and enter it again as a new one."""

    def sells(self, sku: str) -> bool:
        """It has a listing of it now."""

    def take_off(self, sku: str) -> None:
        """The listing is deleted, and its number with it (it counts as edited to 0). Nobody can buy it, and its orders move no number any more."""

    def enter_again(self, sku: str) -> None:
        """A new listing under another ref, that shows 0."""


@runtime_checkable
class ShipsTo(Protocol):
    """A stand-in whose orders have an address: somebody's name and street, of which a connector takes nothing."""

    def send_to(self, order: str, country: str, region: str, postcode: str) -> None:
        """Staff correct where the order goes. country: two letters. region: its code."""
