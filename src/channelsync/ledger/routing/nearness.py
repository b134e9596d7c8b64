"""The order in which locations are taken for a destination, and why in words."""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt
from typing import Final

from channelsync.contract import ShipTo
from channelsync.ledger.routing.areas import ANYWHERE, COUNTRY, NOT, PERHAPS, POSTCODE, REGION, Fit
from channelsync.ledger.routing.model import Candidate

EARTH_KM: Final = 6_371.0088
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate for one destination. km: whole kilometres along the great circle; None: not both ends are known."""

    candidate: Candidate
    fit: Fit
    km: int | None

    @property
    def serves(self) -> bool:
        return self.fit.level != NOT

    @property
    def key(self) -> tuple[int, int, int, int, int, int, str]:
        """Those that do not ship there last; known distances before lists, and lists by how closely they fit; then priority, then the code."""
        far, level, length = (0, 0, 0) if self.km is not None else (1, self.fit.level, -self.fit.length)
        return int(not self.serves), far, self.km or 0, level, length, self.candidate.priority, self.candidate.code

    def differs(self, other: Ranked) -> str:
        """In what it is behind `other`, in words."""
        if self.km is not None and other.km is not None and self.km != other.km:
            return f"{other.km} km against {self.km} km"
        if self.km is None and other.km is not None:
            return "its distance is known"
        mine, theirs = self.key, other.key
        if mine[:5] != theirs[:5]:
            return f"it {other.how}"
        if mine[5] != theirs[5]:
            return f"priority {theirs[5]} against {mine[5]}"
        return "by its code, all else being equal"

    @property
    def how(self) -> str:
        """How near it is, in words."""
        if self.km is None:
            return self.by_lists
        return f"is {self.km} km away" if self.serves else f"is {self.km} km away, but {self.by_lists}"

    @property
    def by_lists(self) -> str:
        match self.fit.level:
            case level if level == POSTCODE:
                return f"lists postcodes {self.fit.entry}"
            case level if level == REGION:
                return f"lists region {self.fit.entry}"
            case level if level == COUNTRY:
                return f"lists country {self.fit.entry}"
            case level if level == ANYWHERE:
                return "ships everywhere"
            case level if level == PERHAPS:
                return f"lists {self.candidate.areas}, and too little is known of the destination"
            case _:
                return f"does not ship there: it lists {self.candidate.areas}"


def ranked(to: ShipTo, candidates: tuple[Candidate, ...]) -> list[Ranked]:
    """All of them, those that are taken first first."""
    found = [Ranked(each, each.areas.fit(to), kilometres(each.point, to.point)) for each in candidates]
    return sorted(found, key=lambda each: each.key)


def kilometres(one: Point | None, other: Point | None) -> int | None:
    """Along the great circle, in whole kilometres (the sphere's error is below 0.6 %)."""
    if one is None or other is None:
        return None
    (north, east), (north_, east_) = [(radians(point[0]), radians(point[1])) for point in (one, other)]
    square = sin((north_ - north) / 2) ** 2 + cos(north) * cos(north_) * sin((east_ - east) / 2) ** 2
    return round(2 * EARTH_KM * asin(min(1.0, sqrt(square))))
