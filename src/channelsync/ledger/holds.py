"""Open reservations, picked for a batch: their levels locked once, in key order, then read again; taken from in memory, written at the end.

Every change of a reservation happens under the lock of its level row, so what is read after the lock is true until the transaction ends.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, or_, select, update

from channelsync.ledger import bounds, levels
from channelsync.ledger.levels import LevelKey
from channelsync.ledger.refusals import AlreadyResolved, NotAllowed, Refusal
from channelsync.ledger.schema import locations, reservations, skus
from channelsync.ledger.spelt import Spelt, one_of

CHUNK = 400


@dataclass(frozen=True, slots=True)
class Which:
    """Which reservations: one by its id, or all with a reference; of these only a SKU's (a bundle's: its parts) or a location's, if named."""

    reservation: int | None = None
    reference: str | None = None
    sku: str | None = None
    location: str | None = None

    def problem(self) -> NotAllowed | None:
        if (self.reservation is None) == (self.reference is None):
            return NotAllowed("name the reservation either by its id or by its reference, and not by both")
        return bounds.texts(reference=self.reference, sku=self.sku, location=self.location)

    def __str__(self) -> str:
        return f"reservation {self.reservation}" if self.reservation is not None else f"the reservation of reference {self.reference!r}"


@dataclass(slots=True)
class Hold:
    """One open reservation and what the batch has done to it so far. bundle: as part of which it was asked for, `pack` units in one."""

    id: int
    reference: str
    key: LevelKey
    sku: str
    location: str
    kind: str
    open: int
    state: str
    expires_at: datetime | None
    created_at: datetime
    bundle: str | None = None
    pack: int = 1
    resolved_at: datetime | None = None
    changed: bool = False

    @property
    def is_soft(self) -> bool:
        return self.kind == "soft"

    def take(self, units: int, state: str, now: datetime) -> tuple[int, int]:
        """Take units out of the claim, as deltas (soft, hard). The claim ends as `state` with its last unit."""
        self.open -= units
        self.changed = True
        if not self.open:
            self.state, self.resolved_at = state, now
        return (-units, 0) if self.is_soft else (0, -units)


class Holds:
    """The open reservations a batch may touch."""

    def __init__(self, conn: Connection, which: Sequence[Which]) -> None:
        self._conn = conn
        self._by_id = _load(conn, which)

    @property
    def keys(self) -> set[LevelKey]:
        return {hold.key for hold in self._by_id.values()}

    def open(self, which: Which) -> list[Hold]:
        """Those that still hold units, oldest first."""
        return [hold for hold in self._by_id.values() if hold.open and _matches(hold, which)]

    def all_open(self) -> list[Hold]:
        """Every picked claim that still holds units, oldest first."""
        return [hold for hold in self._by_id.values() if hold.open]

    def why_none(self, which: Which) -> Refusal:
        """The named outcome for a request that finds nothing open."""
        state = self.ended_as(which)
        if state is None:
            return NotAllowed(f"nothing is known of {which}; check the id or the reference")
        return AlreadyResolved(str(which), state)

    def ended_as(self, which: Which) -> str | None:
        """How the latest of them ended; None if there never was one."""
        ended = [hold for hold in self._by_id.values() if not hold.open and _matches(hold, which)]
        if ended:
            return ended[-1].state
        query = _NAMED.where(_MEANT).order_by(reservations.c.id.desc())
        if which.sku is not None:
            query = query.where(or_(skus.c.sku == which.sku, _BUNDLE.c.sku == which.sku))
        if which.location is not None:
            query = query.where(locations.c.code == which.location)
        row = self._conn.execute(query.limit(1), _meant([which])).mappings().first()
        return None if row is None else str(row["state"])

    def write(self) -> None:
        rows = [_row(hold) for hold in sorted(self._by_id.values(), key=lambda hold: hold.id) if hold.changed]
        if rows:
            _UPDATE.run_each(self._conn, rows)


class Counted:
    """Claims as they are counted by who names them: by a bundle's SKU in bundles, each a number of units of every part; else in units.

    What was asked for at one place at one time was asked for by one recipe, and nothing is put together across places.
    """

    def __init__(self, found: Sequence[Hold], which: Which) -> None:
        self._found = found
        self._asked: dict[tuple[object, ...], dict[LevelKey, list[Hold]]] = {}
        for hold in found:
            as_bundle = hold.bundle is not None and hold.bundle == which.sku
            asked = self._asked.setdefault((hold.key[1], hold.created_at) if as_bundle else (), {})
            asked.setdefault(hold.key if as_bundle else (0, 0), []).append(hold)
        self._as_bundle = () not in self._asked

    @property
    def held(self) -> int:
        return sum(map(self._whole, self._asked.values()))

    def _whole(self, parts: Mapping[LevelKey, Sequence[Hold]]) -> int:
        return min(sum(hold.open for hold in holds) // self._pack(holds) for holds in parts.values())

    def _pack(self, holds: Sequence[Hold]) -> int:
        return holds[0].pack if self._as_bundle else 1

    def shares(self, units: int | None) -> list[tuple[Hold, int]]:
        """Which claim gives how many SKU units for `units` of what was named, oldest claims first. None: all of them give all they have."""
        if units is None:
            return [(hold, hold.open) for hold in self._found]
        given = list[tuple[Hold, int]]()
        for parts in self._asked.values():
            whole = min(units, self._whole(parts))
            units -= whole
            for holds in parts.values():
                given += _given(holds, whole * self._pack(holds))
        return given


def _given(holds: Iterable[Hold], units: int) -> Iterable[tuple[Hold, int]]:
    for hold in holds:
        part = min(units, hold.open)
        units -= part
        if part:
            yield hold, part


_UPDATE = Spelt(
    update(reservations)
    .where(reservations.c.id == bindparam("_id"))
    .values(
        {name: bindparam(f"_{name}", type_=reservations.c[name].type) for name in ("kind", "open", "state", "expires_at", "resolved_at")}
    )
)


def _row(hold: Hold) -> dict[str, object]:
    return {
        "_id": hold.id,
        "_kind": hold.kind,
        "_open": hold.open,
        "_state": hold.state,
        "_expires_at": hold.expires_at,
        "_resolved_at": hold.resolved_at,
    }


def _load(conn: Connection, which: Sequence[Which]) -> dict[int, Hold]:
    """Look, lock the levels, look again: between the two looks a claim may have ended, or got a fellow on a level that is not locked."""
    usable = [each for each in which if each.problem() is None]
    locked = {hold.key for hold in _read(conn, usable)}
    levels.read(conn, locked, lock=True)
    return {hold.id: hold for hold in _read(conn, usable) if hold.key in locked} if locked else {}


_BUNDLE = skus.alias("bundle")
_NAMED = (
    select(reservations, skus.c.sku, locations.c.code, _BUNDLE.c.sku.label("bundle"))
    .join(skus, skus.c.id == reservations.c.sku_id)
    .outerjoin(_BUNDLE, _BUNDLE.c.id == reservations.c.bundle_id)
    .join(locations, locations.c.id == reservations.c.location_id)
)
_MEANT = or_(one_of(reservations.c.id, "ids"), one_of(reservations.c.reference, "references"))
_OPEN = Spelt(_NAMED.where(reservations.c.state == "open", _MEANT))


def _read(conn: Connection, which: Sequence[Which]) -> list[Hold]:
    found: dict[int, Hold] = {}
    for start in range(0, len(which), CHUNK):
        found |= {row["id"]: _hold(row) for row in _OPEN.mappings(conn, **_meant(which[start : start + CHUNK]))}
    return [found[id_] for id_ in sorted(found)]


_KEYS_OF = Spelt(
    select(reservations.c.sku_id, reservations.c.location_id)
    .where(one_of(reservations.c.reference, "references"), reservations.c.state == "open")
    .distinct()
)


def open_keys(conn: Connection, references: Collection[str]) -> set[LevelKey]:
    """The levels of what is open under these references. Locks nothing."""
    if not references:
        return set()
    return {(sku_id, location_id) for sku_id, location_id in _KEYS_OF.rows(conn, references=sorted(references))}


def _meant(which: Sequence[Which]) -> dict[str, list[Any]]:
    return {
        "ids": sorted({each.reservation for each in which if each.reservation is not None}),
        "references": sorted({each.reference for each in which if each.reference is not None}),
    }


def _hold(row: Mapping[str, Any]) -> Hold:
    key = row["sku_id"], row["location_id"]
    return Hold(
        row["id"], row["reference"], key, row["sku"], row["code"], row["kind"], row["open"], row["state"], row["expires_at"],
        row["created_at"], row["bundle"], row["pack"],
    )  # fmt: skip


def _matches(hold: Hold, which: Which) -> bool:
    return (
        (which.reservation is None or hold.id == which.reservation)
        and (which.reference is None or hold.reference == which.reference)
        and (which.sku is None or which.sku in (hold.sku, hold.bundle))
        and (which.location is None or hold.location == which.location)
    )
