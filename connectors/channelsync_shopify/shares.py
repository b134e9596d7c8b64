"""An order line's units by the location they are taken from. Pure.

What still is to be shipped stands in the fulfillment orders, what left in the fulfillments. Which place a unit belonged to that was removed
before it left is told only where it was put back on sale; of the others, the fulfillment orders' totals are the best hint.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from channelsync.contract import Effect
from channelsync_shopify.order_answers import Fulfillment, FulfillmentOrder, Line

CLOSED = ("CANCELLED", "CLOSED")
NEVER_LEFT = ("CANCELLED", "ERROR", "FAILURE")
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Spot:
    """One line at one location. total: units that were ever assigned to it. since: the latest change of the part it belongs to."""

    total: int = 0
    waiting: int = 0
    shipped: int = 0
    since: datetime | None = None


Spots = dict[str, Spot]
"""By location GID, oldest part first."""


@dataclass(slots=True)
class Back:
    """Units of one line that were put back on sale at one location, by restock type, and when."""

    cancelled: int = 0  # CANCEL: not shipped
    returned: int = 0  # RETURN: shipped; or taken in without a refund
    legacy: int = 0  # LEGACY_RESTOCK: the shop does not say whether it had shipped
    effects: list[Effect] = field(default_factory=list)

    def add(self, restock_type: str, units: int, at: datetime) -> None:
        """Types that are not known put nothing back on sale, like NO_RESTOCK: too low a number is the safe mistake."""
        if restock_type == "CANCEL":
            self.cancelled += units
        elif restock_type == "RETURN":
            self.returned += units
        elif restock_type == "LEGACY_RESTOCK":
            self.legacy += units
        else:
            return
        if units:
            self.effects.append(Effect(-units, at))


@dataclass(frozen=True, slots=True)
class Share:
    """What one location has of a line: `shipped` from there, `gone` (will not ship) from there, and what came back to there."""

    location: str
    quantity: int
    shipped: int
    gone: int
    back: Back
    since: datetime | None = None


def spots_of(parts: Iterable[FulfillmentOrder], parcels: Iterable[Fulfillment]) -> Mapping[str, Spots]:
    """By line. A part whose location was deleted says nothing."""
    found: dict[str, Spots] = {}
    for part in parts:
        if part.assigned_location.location is None:
            continue
        for row in part.line_items.nodes:
            spot = found.setdefault(row.line_item.id, {}).setdefault(part.assigned_location.location.id, Spot())
            spot.total += row.total_quantity
            spot.waiting += 0 if part.status in CLOSED else row.remaining_quantity
            changed = part.updated_at.astimezone(UTC)
            spot.since = max(spot.since or changed, changed)
    for parcel in parcels:
        if parcel.location is None or parcel.status in NEVER_LEFT:
            continue
        for packed in parcel.fulfillment_line_items.nodes:
            spot = found.setdefault(packed.line_item.id, {}).setdefault(parcel.location.id, Spot())
            spot.shipped += packed.quantity or 0
    return found


def shares(line: Line, spots: Spots, backs: Mapping[str, Back], fallback: str) -> Sequence[Share]:
    """The line's own quantities are the truth; the places only say where. One share for each place that was ever named."""
    home = next((ref for ref, spot in spots.items() if spot.waiting), next(iter(spots), fallback))
    shipped_in_all = line.quantity - line.unfulfilled_quantity - line.non_fulfillable_quantity
    shipped = _fitted({ref: spot.shipped for ref, spot in spots.items()}, shipped_in_all, home)
    waiting = _fitted({ref: spot.waiting for ref, spot in spots.items()}, line.unfulfilled_quantity, home)
    newest = sorted(spots, key=lambda ref: (spots[ref].since or NEVER, list(spots).index(ref)), reverse=True)
    room = {ref: spots[ref].total - shipped.get(ref, 0) - waiting.get(ref, 0) for ref in newest}
    gone = _gone(line.non_fulfillable_quantity, room, backs, home)
    refs = dict.fromkeys((*spots, *shipped, *waiting, *gone, *backs))
    stray = sum(back.cancelled - min(back.cancelled, gone.get(ref, 0)) for ref, back in backs.items())
    made = []
    for ref in refs:
        back = _counted(backs.get(ref), shipped.get(ref, 0), gone.get(ref, 0))
        more = min(stray, gone.get(ref, 0) - back.cancelled)  # removed here, put back on sale elsewhere
        back.cancelled, stray = back.cancelled + more, stray - more
        units = shipped.get(ref, 0) + waiting.get(ref, 0) + gone.get(ref, 0)
        since = spots[ref].since if ref in spots else None
        made.append(Share(ref, units, shipped.get(ref, 0), gone.get(ref, 0), back, since))
    return made


def _fitted(told: Mapping[str, int], wanted: int, home: str) -> dict[str, int]:
    """The told numbers, made to sum up to `wanted`: what is missing lies at home, what is too much is taken from the newest places."""
    fitted = {ref: units for ref, units in told.items() if units}
    surplus = sum(fitted.values()) - wanted
    if surplus < 0:
        fitted[home] = fitted.get(home, 0) - surplus
        return fitted
    for ref in reversed(list(fitted)):
        taken = min(surplus, fitted[ref])
        fitted[ref] -= taken
        surplus -= taken
    return {ref: units for ref, units in fitted.items() if units}


def _gone(units: int, room: Mapping[str, int], backs: Mapping[str, Back], home: str) -> dict[str, int]:
    """Where the units were that will not ship: where they were put back on sale, then where the part changed last has room, then at home.

    A part that units were moved away from keeps its total, but does not change when they are removed.
    """
    gone: dict[str, int] = {}
    for ref, back in backs.items():
        if ref in room and (taken := min(units, back.cancelled)):
            gone[ref] = taken
            units -= taken
    for ref, most in room.items():
        if (taken := min(units, most - gone.get(ref, 0))) > 0:
            gone[ref] = gone.get(ref, 0) + taken
            units -= taken
    if units:
        gone[home] = gone.get(home, 0) + units
    return gone


def _counted(back: Back | None, shipped: int, gone: int) -> Back:
    """What came back to a place, as far as it had left from there or been removed there. The effects on its number stay whole.

    Units that left from elsewhere raise this place's number, and are on nobody's hands here until a person counts them: too low is safe.
    """
    if back is None:
        return Back()
    returned = min(back.returned, shipped)
    return Back(min(back.cancelled, gone), returned, min(back.legacy, shipped - returned + gone), list(back.effects))
