"""What the choice of locations is made from, and what it answers. Plain values: no database here, no clock, and no network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from channelsync.contract import ShipTo
from channelsync.ledger.routing.areas import Areas


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order. It leaves from one place as a whole. parts: what it takes, units by SKU; more than one SKU: a bundle.

    home: where it is held if no location has any of it; "": where the request says.
    """

    ref: str
    parts: Mapping[str, int]
    home: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A location that may ship. available: units that nobody else holds, by SKU; a SKU that is not named is not there.

    point: its latitude and longitude in degrees; None: not known. priority: lower ships first.
    """

    code: str
    available: Mapping[str, int]
    priority: int = 0
    point: tuple[float, float] | None = None
    areas: Areas = field(default_factory=Areas)


@dataclass(frozen=True, slots=True)
class Request:
    """home: where a line is held that no location has. used: locations from which the order is shipped anyway; another line from there is no
    further parcel.
    """

    to: ShipTo
    lines: tuple[Line, ...]
    candidates: tuple[Candidate, ...]
    home: str
    used: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Assigned:
    """Where one line is held. missing: units that are not there, by SKU; none: all of it is. why: in plain words."""

    line: str
    location: str
    missing: Mapping[str, int]
    why: str


@dataclass(frozen=True, slots=True)
class Considered:
    """Why a location was chosen or was not, in plain words."""

    location: str
    chosen: bool
    why: str


@dataclass(frozen=True, slots=True)
class Choice:
    """lines: by ref. considered: every candidate, in their order. summary: one sentence."""

    lines: tuple[Assigned, ...]
    considered: tuple[Considered, ...]
    summary: str

    @property
    def parcels(self) -> tuple[str, ...]:
        """The locations that ship, each once, by code."""
        return tuple(sorted({each.location for each in self.lines}))
