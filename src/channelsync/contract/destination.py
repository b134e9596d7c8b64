"""Where an order's parcels go, as far as the choice of a location needs it: no name, no street, no town."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

REGION_MAX: Final = 64
POSTCODE_MAX: Final = 16
DECIMALS: Final = 2
"""Of a degree: about a kilometre. A house is not to be found again."""


@dataclass(frozen=True, slots=True)
class ShipTo:
    """country: ISO 3166-1, two capital letters. region: its code or its name, as the shop spells it ("CA", "DE-BE", "California"). "": not told.
    latitude, longitude: degrees, both or neither.
    """

    country: str = ""
    region: str = ""
    postcode: str = ""
    latitude: float | None = None
    longitude: float | None = None

    @property
    def point(self) -> tuple[float, float] | None:
        return None if self.latitude is None or self.longitude is None else (self.latitude, self.longitude)


def ship_to(
    country: object = None, region: object = None, postcode: object = None, latitude: object = None, longitude: object = None
) -> ShipTo | None:
    """What a shop sends, made fit: coordinates are rounded to about a kilometre, what makes no sense is left out. None: nothing is left."""
    code = _text(country, 2).upper()
    code = code if len(code) == 2 and code.isascii() and code.isalpha() else ""
    north, east = _degrees(latitude, 90), _degrees(longitude, 180)
    if north is None or east is None or (north, east) == (0.0, 0.0):  # 0, 0 is what programs write that know of no place
        north = east = None
    found = ShipTo(code, _text(region, REGION_MAX), _text(postcode, POSTCODE_MAX), north, east)
    return None if found == ShipTo() else found


def _text(value: object, most: int) -> str:
    """Visible characters, or "" where it is longer than any such thing is."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return text if len(text) <= most and text.isprintable() else ""


def _degrees(value: object, most: int) -> float | None:
    try:
        number = float(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return round(number, DECIMALS) if abs(number) <= most else None
