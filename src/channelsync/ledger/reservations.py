"""What becomes of a claim: released, extended, made hard, expired, or taken over by the order it was for. Resolving twice is a named outcome.

`reserve` itself is in `reserving`, shipping in `fulfilment`; both hold to the same rows through `holds`. Claims of order lines are not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, bindparam, select

from channelsync.ledger import bounds, levels, oversells
from channelsync.ledger.holds import Counted, Hold, Holds, Which
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.levels import Entry, LevelKey, MovementType
from channelsync.ledger.patience import lives_on
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.reserving import DEFAULT_TTL, MAX_TTL, Claim, Line, Reserve, Reserved, reserve
from channelsync.ledger.schema import reservations
from channelsync.ledger.spelt import Spelt
from channelsync.ledger.types import Utc

__all__ = [
    "DEFAULT_TTL",
    "Claim",
    "Extend",
    "Extended",
    "Harden",
    "Hardened",
    "Line",
    "Release",
    "Released",
    "Reserve",
    "Reserved",
    "consume",
    "expire",
    "extend",
    "harden",
    "release",
    "reserve",
]


@dataclass(frozen=True, slots=True)
class Release(Keyed):
    """Let claims go: all, `quantity` units (oldest claims first), or all but `keep` units, which may be repeated without a key."""

    which: Which
    quantity: int | None = None
    keep: int = 0
    reason: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Released(Answer):
    """units: let go by this request. held: still claimed. already: there was nothing to let go, because the claim had ended as this
    (released, expired, committed, fulfilled), or "unknown" if there never was one.
    """

    units: int
    held: int
    already: str | None = None


@idempotent(Released)
def release(conn: Connection, items: Sequence[Release], now: datetime) -> Sequence[Released | Refusal]:
    """Give units back. Releasing what is released already is an answer, not an error."""
    holds = Holds(conn, [item.which for item in items])
    entries: list[Entry] = []
    answers = [_release_one(holds, item, entries, now) for item in items]
    holds.write()
    levels.post(conn, entries, now)
    oversells.end(conn, {entry.sku_id for entry in entries}, now)
    return answers


def _release_one(holds: Holds, item: Release, entries: list[Entry], now: datetime) -> Released | Refusal:
    if problem := item.which.problem() or _part_problem(item) or bounds.texts(reason=item.reason, actor=item.actor):
        return problem
    found = holds.open(item.which)
    if not found:
        return Released(0, 0, holds.ended_as(item.which) or "unknown")
    counted = Counted(found, item.which)
    held = counted.held
    units = min(held, item.quantity) if item.quantity is not None else max(0, held - item.keep)
    for hold, part in counted.shares(units if item.quantity is not None or item.keep else None):
        entries += _take([hold], part, MovementType.RELEASE, "released", now, reason=item.reason, actor=item.actor)
    return Released(units, held - units)


def _part_problem(item: Release) -> NotAllowed | None:
    if item.quantity is not None and item.keep:
        return NotAllowed("say either how many units to release or how many to keep, not both")
    return bounds.units(item.keep if item.quantity is None else item.quantity, at_least=0 if item.quantity is None else 1)


@dataclass(frozen=True, slots=True)
class Extend(Keyed):
    """Soft claims live at least `ttl` from now; never shorter than before."""

    which: Which
    ttl: timedelta = DEFAULT_TTL


@dataclass(frozen=True, slots=True)
class Extended(Answer):
    """expires_at: the earliest end among the extended claims."""

    units: int
    expires_at: datetime


@idempotent(Extended)
def extend(conn: Connection, items: Sequence[Extend], now: datetime) -> Sequence[Extended | Refusal]:
    """AlreadyResolved if the claim has ended: reserve again then."""
    holds = Holds(conn, [item.which for item in items])
    answers = [_extend_one(holds, item, now) for item in items]
    holds.write()
    return answers


def _extend_one(holds: Holds, item: Extend, now: datetime) -> Extended | Refusal:
    if problem := item.which.problem():
        return problem
    if not timedelta(0) < item.ttl <= MAX_TTL:
        return NotAllowed(f"a soft reservation lives between a moment and {MAX_TTL.days} days, not {item.ttl}")
    found = holds.open(item.which)
    soft = [hold for hold in found if hold.is_soft]
    if not found:
        return holds.why_none(item.which)
    if not soft:
        return NotAllowed(f"{item.which} is hard: it does not expire, there is nothing to extend")
    ends = []
    for hold in soft:
        hold.expires_at = max(now + item.ttl, hold.expires_at or now)
        hold.changed = True
        ends.append(hold.expires_at)
    return Extended(sum(hold.open for hold in soft), min(ends))


@dataclass(frozen=True, slots=True)
class Harden(Keyed):
    """The cart became an order: its soft claims no longer expire."""

    which: Which
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Hardened(Answer):
    """units: made hard by this request; 0 if all of them were hard already. hard: units that are claimed hard now."""

    units: int
    hard: int


@idempotent(Hardened)
def harden(conn: Connection, items: Sequence[Harden], now: datetime) -> Sequence[Hardened | Refusal]:
    """Soft claims become hard ones, whole. AlreadyResolved if the claim has ended."""
    holds = Holds(conn, [item.which for item in items])
    entries: list[Entry] = []
    answers = [_harden_one(holds, item, entries) for item in items]
    holds.write()
    levels.post(conn, entries, now)
    return answers


def _harden_one(holds: Holds, item: Harden, entries: list[Entry]) -> Hardened | Refusal:
    if problem := item.which.problem() or bounds.texts(actor=item.actor):
        return problem
    found = holds.open(item.which)
    if not found:
        return holds.why_none(item.which)
    soft = [hold for hold in found if hold.is_soft]
    for hold in soft:
        hold.kind, hold.expires_at, hold.changed = "hard", None, True
        moved = Entry(*hold.key, MovementType.RESERVE, soft=-hold.open, hard=hold.open, reference=hold.reference, actor=item.actor)
        entries.append(moved)
    return Hardened(sum(hold.open for hold in soft), sum(hold.open for hold in found))


_NOW = bindparam("now", type_=Utc())
_DUE = Spelt(
    select(reservations.c.id)
    .where(reservations.c.state == "open", reservations.c.expires_at <= _NOW)
    .where(~lives_on(reservations, reservations.c.expires_at, _NOW))
    .order_by(reservations.c.expires_at, reservations.c.id)
    .limit(bindparam("limit", type_=BigInteger()))
)


def expire(conn: Connection, now: datetime, limit: int = 256) -> int:
    """End soft reservations whose time is over, oldest first, at most `limit`. Returns how many: fewer than `limit` means all are done.

    A backorder's policy may let them live on (`patience`).
    Unpaid checkouts of channels are order claims and end with `order_ends.expire_holds`.
    """
    ids = _DUE.scalars(conn, now=now, limit=limit)
    holds = Holds(conn, [Which(reservation=id_) for id_ in ids])
    over = [hold for hold in holds.all_open() if hold.expires_at is not None and hold.expires_at <= now]
    entries = [entry for hold in over for entry in _take([hold], hold.open, MovementType.EXPIRE, "expired", now)]
    holds.write()
    levels.post(conn, entries, now)
    oversells.end(conn, {entry.sku_id for entry in entries}, now)
    return len(ids)


def consume(conn: Connection, reference: str, wanted: Mapping[LevelKey, int], now: datetime) -> list[Entry]:
    """An order takes over the claims it came from (rule 6): up to `wanted` units per (sku_id, location_id), oldest claims first. What it takes from
    another location than it had reserved them at is the same claim: those at the same location come first.

    Returns the movements that end those claims, *not yet posted*: the caller posts them together with the order's own, in this transaction.
    """
    holds = Holds(conn, [Which(reference=reference)])
    entries: list[Entry] = []
    left = dict(wanted)
    for elsewhere in (False, True):
        for key, units in sorted(left.items()):
            found = [hold for hold in holds.all_open() if hold.key[0] == key[0] and (hold.key != key) == elsewhere and hold.open]
            taken = _take(found, units, MovementType.COMMIT, "committed", now)
            entries += taken
            left[key] += sum(entry.soft + entry.hard for entry in taken)
    holds.write()
    return entries


def _take(
    found: Sequence[Hold], units: int, type_: MovementType, state: str, now: datetime, *, reason: str = "", actor: str = ""
) -> list[Entry]:
    """Up to `units` out of the claims, in their order; one movement per claim touched."""
    entries = []
    for hold in found:
        part = min(units, hold.open)
        if part:
            soft, hard = hold.take(part, state, now)
            entries.append(Entry(*hold.key, type_, soft=soft, hard=hard, reference=hold.reference, reason=reason, actor=actor))
            units -= part
    return entries
