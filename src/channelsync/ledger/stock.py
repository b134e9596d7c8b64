"""Physical stock: the verbs people and imports move units with. Claims on units are in `reservations`, shipping a claim in `fulfilment`.

Nothing in here can name a soft or hard bucket: no path leads from a count or an import to a reserved number (rule 7).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, Literal, TypeVar

from sqlalchemy import Connection, select

from channelsync.ledger import bounds, oversells, owning, places, skus
from channelsync.ledger.dialects import among
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.levels import COUNTING, Entry, Level, LevelKey, MovementType
from channelsync.ledger.refusals import NotAllowed, Refusal, too_few
from channelsync.ledger.returns import waiting
from channelsync.ledger.running import Running
from channelsync.ledger.schema import movements
from channelsync.ledger.since import NOTHING, since, there_now

CHUNK = 400
_TOLD: Final = tuple(type_.value for type_ in (*COUNTING, MovementType.TRANSFER_OUT, MovementType.TRANSFER_IN))
"""A level with such a movement is kept by the ledger: an opening number would come on top of what is there."""
RETURNS: Final = re.compile(r"RET-[0-9]+")


@dataclass(frozen=True, slots=True)
class Change(Keyed):
    """One (SKU, location) and a number of SKU units, which each verb reads in its own way. occurred_at: None means now.

    reference: anything but what a return's own movements carry, such as RET-12.
    """

    sku: str
    location: str
    quantity: int
    reference: str = ""
    reason: str = ""
    actor: str = ""
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WriteOff(Change):
    """bucket: where the units are now."""

    bucket: Literal["on_hand", "quarantined", "damaged"] = "quarantined"


@dataclass(frozen=True, slots=True)
class Posted(Answer):
    """The level after the change."""

    sku: str
    location: str
    on_hand: int
    available: int
    quarantined: int
    damaged: int


@dataclass(frozen=True, slots=True)
class Deltas:
    """The physical buckets a verb may move. There is no soft and no hard."""

    on_hand: int = 0
    quarantined: int = 0
    damaged: int = 0


C = TypeVar("C", bound=Change)
Check = Callable[[Change], NotAllowed | None]
"""Is the request itself well formed?"""
Decide = Callable[[C, LevelKey, Level], Deltas | Refusal]
"""What a well-formed request does to the level as it stands."""


@idempotent(Posted)
def seed(conn: Connection, items: Sequence[Change], now: datetime) -> Sequence[Posted | Refusal]:
    """`quantity` is the opening number of a level; a new SKU is made. Refused once the level was seeded, received, adjusted or counted, or units were
    transferred there.
    """
    skus.ensure(conn, {item.sku for item in items if _ill_formed(item, _absolute, now) is None}, now)
    batch = _Batch(conn, items, _absolute)
    kept = _kept_already(conn, batch.keys)

    def decide(item: Change, key: LevelKey, _: Level) -> Deltas | Refusal:
        if key in kept:
            return NotAllowed(f"SKU {item.sku!r} at {item.location!r} is kept by the ledger already; use count to set a new number")
        kept.add(key)
        return Deltas(on_hand=item.quantity)

    return batch.post(MovementType.SEED, decide, now)


@idempotent(Posted)
def receive(conn: Connection, items: Sequence[Change], now: datetime) -> Sequence[Posted | Refusal]:
    """`quantity` units (1 or more) arrived."""
    return _Batch(conn, items, _some).post(MovementType.RECEIVE, lambda item, _key, _level: Deltas(on_hand=item.quantity), now)


@idempotent(Posted)
def adjust(conn: Connection, items: Sequence[Change], now: datetime) -> Sequence[Posted | Refusal]:
    """`quantity` units more (> 0) or fewer (< 0) than the ledger says. `reason` is required. More than is there cannot be taken."""

    def decide(item: Change, _: LevelKey, level: Level) -> Deltas | Refusal:
        if level.on_hand + item.quantity < 0:
            return too_few(item.sku, item.location, -item.quantity, "on_hand", level.on_hand)
        return Deltas(on_hand=item.quantity)

    return _Batch(conn, items, _more_or_fewer).post(MovementType.ADJUST, decide, now)


@idempotent(Posted)
def count(conn: Connection, items: Sequence[Change], now: datetime) -> Sequence[Posted | Refusal]:
    """`quantity` units are there, or were there at `occurred_at`: then what has come and gone since is added. A count that confirms the number is a
    movement too: of nothing, but at a time and by somebody. Refused if somebody has said how many there are after `occurred_at`.
    """
    batch = _Batch(conn, items, _absolute)
    early = {item.occurred_at for item in items if item.occurred_at is not None and item.occurred_at < now}
    log = {instant: since(conn, batch.keys, instant) for instant in early}

    def decide(item: Change, key: LevelKey, level: Level) -> Deltas | Refusal:
        happened = log[item.occurred_at].get(key, NOTHING) if item.occurred_at in log else NOTHING
        there = there_now(item.sku, item.location, item.quantity, item.occurred_at, happened)
        if isinstance(there, NotAllowed):
            return there
        return Deltas(on_hand=there - level.on_hand)

    return batch.post(MovementType.COUNT, decide, now)


@idempotent(Posted)
def take_back(conn: Connection, items: Sequence[Change], now: datetime) -> Sequence[Posted | Refusal]:
    """`quantity` units came back from a customer. They wait in quarantine until they are inspected: `restock` or `write_off`."""
    return _Batch(conn, items, _some).post(MovementType.QUARANTINE, lambda item, _key, _level: Deltas(quarantined=item.quantity), now)


@idempotent(Posted)
def restock(conn: Connection, items: Sequence[Change], now: datetime) -> Sequence[Posted | Refusal]:
    """`quantity` inspected units leave quarantine and are on sale again."""
    batch = _Batch(conn, items, _some)
    kept = waiting.at(conn, batch.keys)

    def decide(item: Change, key: LevelKey, level: Level) -> Deltas | Refusal:
        if item.quantity > level.quarantined - kept.get(key, 0):
            return _not_in_quarantine(item, level, kept.get(key, 0))
        return Deltas(on_hand=item.quantity, quarantined=-item.quantity)

    return batch.post(MovementType.RETURN, decide, now)


@idempotent(Posted)
def write_off(conn: Connection, items: Sequence[WriteOff], now: datetime) -> Sequence[Posted | Refusal]:
    """`quantity` units are given up. From on_hand or quarantined they become damaged; from damaged they leave the house. `reason` is required."""
    batch = _Batch(conn, items, _some_with_reason)
    kept = waiting.at(conn, batch.keys)

    def decide(item: WriteOff, key: LevelKey, level: Level) -> Deltas | Refusal:
        waits = kept.get(key, 0)
        there = {"on_hand": level.on_hand, "quarantined": level.quarantined - waits, "damaged": level.damaged}[item.bucket]
        if item.quantity > there and item.bucket == "quarantined":
            return _not_in_quarantine(item, level, waits)
        if item.quantity > there:
            return too_few(item.sku, item.location, item.quantity, item.bucket, there)
        if item.bucket == "damaged":
            return Deltas(damaged=-item.quantity)
        if item.bucket == "on_hand":
            return Deltas(on_hand=-item.quantity, damaged=item.quantity)
        return Deltas(quarantined=-item.quantity, damaged=item.quantity)

    return batch.post(MovementType.WRITE_OFF, decide, now)


def _not_in_quarantine(item: Change, level: Level, kept: int) -> Refusal:
    """kept: what waits there for the inspection of a return."""
    if item.quantity > level.quarantined:
        return too_few(item.sku, item.location, item.quantity, "quarantined", level.quarantined)
    return NotAllowed(
        f"{kept} of the {level.quarantined} units of SKU {item.sku!r} in quarantine at {item.location!r} belong to returns; inspect those there: "
        "channelsync returns list --waiting"
    )


class _Batch(Generic[C]):
    """What all verbs here share: names to keys, levels locked once, each item decided on the running sums, everything written at the end."""

    def __init__(self, conn: Connection, items: Sequence[C], check: Check) -> None:
        self._conn = conn
        self._items = items
        self._check = check
        self._places = places.resolve(conn, ((item.sku, item.location) for item in items))
        self._owners = owning.owners(conn, self._places.locations.values())
        self.keys = self._places.keys((item.sku, item.location) for item in items)
        self._running = Running(conn, self.keys)

    def post(self, type_: MovementType, decide: Decide[C], now: datetime) -> list[Posted | Refusal]:
        answers = [self._one(item, type_, decide, now) for item in self._items]
        if type_ in {MovementType.SEED, MovementType.COUNT}:
            done = [answer.sku for answer in answers if isinstance(answer, Posted)]
            skus.mark_counted(self._conn, (self._places.skus[sku].id for sku in done))
        self._running.post(now)
        oversells.watch(self._conn, self._running.before, self._running.after, now)
        return answers

    def _one(self, item: C, type_: MovementType, decide: Decide[C], now: datetime) -> Posted | Refusal:
        key = _ill_formed(item, self._check, now) or self._places.key(item.sku, item.location)
        if isinstance(key, Refusal):
            return key
        if key[0] in self._places.recipes:
            return no_own_stock(item.sku, [self._places.parts[sku_id].sku for sku_id, _ in self._places.recipes[key[0]]])
        if key[1] in self._owners and _changes_on_hand(item, type_):
            return owning.refusal(item.location, self._owners[key[1]])
        deltas = decide(item, key, self._running.level(key))
        if isinstance(deltas, Refusal):
            return deltas
        level = self._running.add(_entry(item, key, type_, deltas))
        return Posted(item.sku, item.location, level.on_hand, level.available, level.quarantined, level.damaged)


def _changes_on_hand(item: Change, type_: MovementType) -> bool:
    """What is quarantined or damaged is a matter of our own, wherever it lies."""
    if isinstance(item, WriteOff):
        return item.bucket == "on_hand"
    return type_ in COUNTING or type_ is MovementType.RETURN


def no_own_stock(sku: str, parts: list[str]) -> NotAllowed:
    return NotAllowed(f"SKU {sku!r} is a bundle and has no stock of its own; receive, count or adjust its parts: {', '.join(parts)}")


def _entry(item: Change, key: LevelKey, type_: MovementType, deltas: Deltas) -> Entry:
    return Entry(
        *key,
        type_,
        on_hand=deltas.on_hand,
        quarantined=deltas.quarantined,
        damaged=deltas.damaged,
        reference=item.reference,
        reason=item.reason,
        actor=item.actor,
        occurred_at=item.occurred_at,
    )


def _ill_formed(item: Change, check: Check, now: datetime) -> NotAllowed | None:
    texts = bounds.sku_text(item.sku) or bounds.texts(reference=item.reference, reason=item.reason, actor=item.actor)
    return texts or bounds.happened("occurred_at", item.occurred_at, now) or _of_a_return(item) or check(item)


def _of_a_return(item: Change) -> NotAllowed | None:
    """What a return has moved is what the log tells under its reference, and nothing else."""
    if RETURNS.fullmatch(item.reference) is None:
        return None
    return NotAllowed(
        f"{item.reference} is what the movements of a return are called; receive and inspect it (channelsync returns), or refer to it otherwise"
    )


def _absolute(item: Change) -> NotAllowed | None:
    return bounds.units(item.quantity, at_least=0)


def _some(item: Change) -> NotAllowed | None:
    return bounds.units(item.quantity, at_least=1)


def _some_with_reason(item: Change) -> NotAllowed | None:
    return _some(item) or _reasoned(item)


def _more_or_fewer(item: Change) -> NotAllowed | None:
    return bounds.units(abs(item.quantity), at_least=1) or _reasoned(item)


def _reasoned(item: Change) -> NotAllowed | None:
    if item.reason.strip():
        return None
    return NotAllowed(f"this change of SKU {item.sku!r} at {item.location!r} needs a reason code; say why the number changes")


def _kept_already(conn: Connection, keys: set[LevelKey]) -> set[LevelKey]:
    """Those of the keys whose physical number somebody has told the ledger before, or where a transfer was."""
    columns = movements.c.sku_id, movements.c.location_id
    told: set[LevelKey] = set()
    wanted = sorted(keys)
    for start in range(0, len(wanted), CHUNK):
        here = among(conn, columns, wanted[start : start + CHUNK])
        query = select(*columns).distinct().where(here, movements.c.type.in_(_TOLD))
        told |= {(row[0], row[1]) for row in conn.execute(query)}
    return told
