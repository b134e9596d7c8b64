"""Claims on units: `reserve`. A claim's later life (release, extend, harden, expire, into an order) is in `reservations`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection

from channelsync.ledger import bounds, places, skus
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.levels import Entry, Level, LevelKey, MovementType
from channelsync.ledger.many import insert_many
from channelsync.ledger.places import Places
from channelsync.ledger.purchase_limits import PurchaseLimits
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
class _Part:
    """The lines of one level as one claim. bundle_id: asked for as parts of this bundle, `pack` units for each of it."""

    key: LevelKey
    line: Line
    bundle_id: int | None = None
    pack: int = 1


@dataclass(frozen=True, slots=True)
class _Granted:
    """A decided request that waits to be written. parts: each with what is available after it."""

    item: Reserve
    expires_at: datetime | None
    parts: tuple[tuple[_Part, int], ...]


@idempotent(Reserved)
def reserve(conn: Connection, items: Sequence[Reserve], now: datetime) -> Sequence[Reserved | Refusal]:
    """Claim units, each request whole or not at all. A SKU's lines are summed before they are checked. A bundle's claims are those of its parts."""
    named = places.resolve(conn, ((line.sku, line.location) for item in items for line in item.lines))
    keys = named.keys((line.sku, line.location) for item in items for line in item.lines)
    desk = _Desk(conn, named, locked(conn, named, keys), {item.reference for item in items})
    decided = [desk.decide(item, now) for item in items]
    ids = iter(_insert(conn, [granted for granted in decided if isinstance(granted, _Granted)], now))
    desk.running.post(now)
    return [each if isinstance(each, Refusal) else _answer(each, [next(ids) for _ in each.parts]) for each in decided]


def locked(conn: Connection, named: Places, keys: set[LevelKey]) -> Running:
    """Everything that a decision about these levels hangs on, held until the transaction ends, in the one order that everybody takes.

    Limits span a SKU's locations: its own row is locked first (for a backorder's limit all its levels then), so that nobody can promise beside us.
    """
    found = {sku.id: sku for sku in (*named.skus.values(), *named.parts.values())}
    everywhere = {id_ for id_, sku in found.items() if _is_limited(sku)}
    skus.lock_rows(conn, everywhere | {id_ for id_, sku in found.items() if sku.reference_limit is not None})
    return Running(conn, keys | skus.level_keys(conn, everywhere))


class _Desk:
    """Decides on running sums: of two requests for the last unit the first one gets it."""

    def __init__(self, conn: Connection, named: Places, running: Running, references: set[str]) -> None:
        self._places = named
        self._by_id = {sku.id: sku for sku in named.skus.values()} | dict(named.parts)
        self._limits = PurchaseLimits(conn, self._by_id.values(), references)
        self.running = running

    def decide(self, item: Reserve, now: datetime) -> _Granted | Refusal:
        if problem := _problem(item):
            return problem
        parts: dict[tuple[LevelKey, int | None], _Part] = {}
        for line in item.lines:
            found = self._parts(line)
            if isinstance(found, Refusal):
                return found
            for part in found:
                before = parts.get((part.key, part.bundle_id))
                parts[part.key, part.bundle_id] = part if before is None else _joined(before, part)
        wanted = _summed(parts.values())
        of_sku = Counter[int]()
        for key, line in wanted.items():
            of_sku[key[0]] += line.quantity
        if refused := self._limits.refusal(item.reference, of_sku) or self._short(wanted):
            return refused
        self._limits.granted(item.reference, of_sku)
        return self._grant(item, list(parts.values()), now)

    def _parts(self, line: Line) -> list[_Part] | Refusal:
        key = self._places.key(line.sku, line.location)
        if isinstance(key, Refusal):
            return key
        if key[0] not in self._places.recipes:
            return [_Part(key, line)]
        return [
            _Part((sku_id, key[1]), Line(self._by_id[sku_id].sku, line.location, line.quantity * units), key[0], units)
            for sku_id, units in self._places.recipes[key[0]]
        ]

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

    def _grant(self, item: Reserve, wanted: Sequence[_Part], now: datetime) -> _Granted:
        parts = []
        for part in wanted:
            soft, hard = (part.line.quantity, 0) if item.kind == "soft" else (0, part.line.quantity)
            entry = Entry(*part.key, MovementType.RESERVE, soft=soft, hard=hard, reference=item.reference, actor=item.actor)
            parts.append((part, self.running.add(entry).available))
        return _Granted(item, now + item.ttl if item.kind == "soft" else None, tuple(parts))


def _joined(one: _Part, other: _Part) -> _Part:
    return replace(one, line=replace(one.line, quantity=one.line.quantity + other.line.quantity))


def _summed(parts: Iterable[_Part]) -> dict[LevelKey, Line]:
    """What is wanted of each level, alone and in bundles."""
    wanted: dict[LevelKey, Line] = {}
    for part in parts:
        before = wanted.get(part.key)
        wanted[part.key] = part.line if before is None else replace(part.line, quantity=before.quantity + part.line.quantity)
    return wanted


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


_INSERT = insert_many(
    reservations, "reference", "sku_id", "location_id", "kind", "quantity", "open", "bundle_id", "pack", "expires_at", "created_at",
    returning=("id",),
)  # fmt: skip


def _insert(conn: Connection, granted: Sequence[_Granted], now: datetime) -> list[int]:
    """The new rows' ids, in the order of the parts."""
    rows: list[dict[str, Any]] = [
        {
            "reference": each.item.reference,
            "sku_id": part.key[0],
            "location_id": part.key[1],
            "kind": each.item.kind,
            "quantity": part.line.quantity,
            "open": part.line.quantity,
            "bundle_id": part.bundle_id,
            "pack": part.pack,
            "expires_at": each.expires_at,
            "created_at": now,
        }
        for each in granted
        for part, _ in each.parts
    ]
    return sorted(_INSERT.run(conn, rows)) if rows else []


def _answer(granted: _Granted, ids: Sequence[int]) -> Reserved:
    claims = tuple(
        Claim(id_, part.line.sku, part.line.location, part.line.quantity, available)
        for id_, (part, available) in zip(ids, granted.parts, strict=True)
    )
    return Reserved(granted.item.reference, claims, granted.expires_at)
