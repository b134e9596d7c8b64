"""Claims on units: `reserve`. A claim's later life (release, extend, harden, expire, into an order) is in `reservations`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, insert

from channelsync.ledger import bounds, places, skus
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.levels import Entry, Level, LevelKey, MovementType
from channelsync.ledger.places import Places
from channelsync.ledger.refusals import InsufficientStock, NotAllowed, Refusal
from channelsync.ledger.running import Running
from channelsync.ledger.schema import reservations
from channelsync.ledger.skus import Backorder, Sku

DEFAULT_TTL: Final = timedelta(minutes=30)
MAX_TTL: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Line:
    """SKU units wanted at one location. Several lines may name the same SKU."""

    sku: str
    location: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Reserve(Keyed):
    """All lines or none. reference: what it is for (a cart, an order); claims are found by it later. ttl: of a soft claim; hard ones stay."""

    reference: str
    lines: tuple[Line, ...]
    kind: Literal["soft", "hard"] = "soft"
    ttl: timedelta = DEFAULT_TTL
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """One granted reservation. available: what is left for others; negative where a backorder was promised."""

    reservation: int
    sku: str
    location: str
    quantity: int
    available: int


@dataclass(frozen=True, slots=True)
class Reserved(Answer):
    """expires_at: None for hard claims."""

    reference: str
    claims: tuple[Claim, ...]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Granted:
    """A decided request that waits to be written."""

    item: Reserve
    expires_at: datetime | None
    parts: tuple[tuple[LevelKey, Line, int], ...]
    """Key, the lines of that key as one, available after it."""


@idempotent(Reserved)
def reserve(conn: Connection, items: Sequence[Reserve], now: datetime) -> Sequence[Reserved | Refusal]:
    """Claim units, each request whole or not at all. A SKU's lines are summed before they are checked."""
    named = places.resolve(conn, ((line.sku, line.location) for item in items for line in item.lines))
    desk = _Desk(conn, named, named.keys((line.sku, line.location) for item in items for line in item.lines))
    decided = [desk.decide(item, now) for item in items]
    ids = iter(_insert(conn, [granted for granted in decided if isinstance(granted, _Granted)], now))
    desk.running.post(now)
    return [each if isinstance(each, Refusal) else _answer(each, [next(ids) for _ in each.parts]) for each in decided]


class _Desk:
    """Decides on running sums: of two requests for the last unit the first one gets it."""

    def __init__(self, conn: Connection, named: Places, keys: set[LevelKey]) -> None:
        self._places = named
        self._by_id = {sku.id: sku for sku in named.skus.values()}
        limited = {sku.id for sku in self._by_id.values() if _is_limited(sku)}
        # A backorder limit spans the SKU's locations: its own row is locked first, then all its levels, so that nobody can promise beside us.
        skus.lock_rows(conn, limited)
        self.running = Running(conn, keys | skus.level_keys(conn, limited))

    def decide(self, item: Reserve, now: datetime) -> _Granted | Refusal:
        if problem := _problem(item):
            return problem
        wanted: dict[LevelKey, Line] = {}
        for line in item.lines:
            key = self._places.key(line.sku, line.location)
            if isinstance(key, Refusal):
                return key
            before = wanted[key].quantity if key in wanted else 0
            wanted[key] = Line(line.sku, line.location, before + line.quantity)
        return self._short(wanted) or self._grant(item, wanted, now)

    def _short(self, wanted: dict[LevelKey, Line]) -> Refusal | None:
        """The first line that is not covered. A limited SKU is checked with all its lines together."""
        for key, line in wanted.items():
            sku, level = self._by_id[key[0]], self.running.level(key)
            if line.quantity <= level.available or _is_unlimited(sku):
                continue
            if not _is_limited(sku) or self._promised(sku, wanted) > (sku.backorder_limit or 0):
                return InsufficientStock(line.sku, line.location, line.quantity, self._on_offer(sku, level))
        return None

    def _promised(self, sku: Sku, wanted: dict[LevelKey, Line]) -> int:
        """Units of the SKU beyond what there is, over all its locations, if `wanted` were granted."""
        asked = {key: line.quantity for key, line in wanted.items() if key[0] == sku.id}
        return sum(max(0, asked.get(key, 0) - level.available) for key, level in self.running.of_sku(sku.id).items())

    def _on_offer(self, sku: Sku, level: Level) -> int:
        """What one request for this level alone could have got."""
        if not _is_limited(sku):
            return level.available
        promised_elsewhere = self._promised(sku, {}) - max(0, -level.available)
        return level.available + max(0, (sku.backorder_limit or 0) - promised_elsewhere)

    def _grant(self, item: Reserve, wanted: dict[LevelKey, Line], now: datetime) -> _Granted:
        parts = []
        for key, line in wanted.items():
            soft, hard = (line.quantity, 0) if item.kind == "soft" else (0, line.quantity)
            entry = Entry(*key, MovementType.RESERVE, soft=soft, hard=hard, reference=item.reference, actor=item.actor)
            parts.append((key, line, self.running.add(entry).available))
        return _Granted(item, now + item.ttl if item.kind == "soft" else None, tuple(parts))


def _is_limited(sku: Sku) -> bool:
    return sku.backorder is not Backorder.DENY and sku.backorder_limit is not None


def _is_unlimited(sku: Sku) -> bool:
    return sku.backorder is not Backorder.DENY and sku.backorder_limit is None


def _problem(item: Reserve) -> NotAllowed | None:
    if not item.reference or not 0 < len(item.lines) <= bounds.MAX_LINES:
        return NotAllowed(
            f"a reservation needs a reference and 1 to {bounds.MAX_LINES} lines, this one has {len(item.lines)} for {item.reference!r}"
        )
    if not timedelta(0) < item.ttl <= MAX_TTL:
        return NotAllowed(f"a soft reservation lives between a moment and {MAX_TTL.days} days, not {item.ttl}")
    wrong = (bounds.units(line.quantity, at_least=1) for line in item.lines)
    return bounds.texts(reference=item.reference, actor=item.actor) or next((problem for problem in wrong if problem), None)


def _insert(conn: Connection, granted: Sequence[_Granted], now: datetime) -> list[int]:
    """The new rows' ids, in the order of the parts."""
    rows: list[dict[str, Any]] = [
        {
            "reference": each.item.reference,
            "sku_id": key[0],
            "location_id": key[1],
            "kind": each.item.kind,
            "quantity": line.quantity,
            "open": line.quantity,
            "expires_at": each.expires_at,
            "created_at": now,
        }
        for each in granted
        for key, line, _ in each.parts
    ]
    if not rows:
        return []
    return list(conn.scalars(insert(reservations).returning(reservations.c.id, sort_by_parameter_order=True), rows))


def _answer(granted: _Granted, ids: Sequence[int]) -> Reserved:
    claims = tuple(
        Claim(id_, line.sku, line.location, line.quantity, available) for id_, (_, line, available) in zip(ids, granted.parts, strict=True)
    )
    return Reserved(granted.item.reference, claims, granted.expires_at)
