"""The one function that moves stock: movements and levels in one step, in one transaction (rule 1). Verbs decide, this module writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import BigInteger, Connection, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from channelsync.ledger import targets
from channelsync.ledger.dialects import by_keys, keys_of
from channelsync.ledger.many import insert_many, run_both, update_many
from channelsync.ledger.schema import BUCKETS, movements, skus, stock_levels
from channelsync.ledger.spelt import Spelt

CHUNK = 400
LevelKey = tuple[int, int]
"""(sku_id, location_id)"""


class MovementType(StrEnum):
    SEED = "seed"
    RECEIVE = "receive"
    ADJUST = "adjust"
    COUNT = "count"
    IMPORT = "import"
    RESERVE = "reserve"
    RELEASE = "release"
    EXPIRE = "expire"
    COMMIT = "commit"
    FULFIL = "fulfil"
    RETURN = "return"
    QUARANTINE = "quarantine"
    SHORTAGE = "shortage"
    WRITE_OFF = "write_off"
    TRANSFER_OUT = "transfer_out"
    TRANSFER_IN = "transfer_in"
    EXPECT = "expect"  # units are on their way here, or (< 0) are not coming after all
    SUPPLIER_RETURN = "supplier_return"  # from quarantine, back to whom it was bought from
    DEFER = "defer"  # beside another one: the part of it that is not the ledger's to post, or not yet
    DEBIT = "debit"  # what was shipped is out of its authority's own number
    CORRECT = "correct"  # `audit --repair`: a claim and the log say the same again, or a level does (then it moves nothing)


COUNTING = frozenset({MovementType.SEED, MovementType.RECEIVE, MovementType.ADJUST, MovementType.COUNT, MovementType.IMPORT})


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement to be: the deltas of one (SKU, location), in SKU units, with why and who."""

    sku_id: int
    location_id: int
    type: MovementType
    on_hand: int = 0
    soft: int = 0
    hard: int = 0
    incoming: int = 0
    quarantined: int = 0
    damaged: int = 0
    pending_debit: int = 0
    held_elsewhere: int = 0
    reference: str = ""
    reason: str = ""
    actor: str = ""
    channel_id: int | None = None
    occurred_at: datetime | None = None

    @property
    def key(self) -> LevelKey:
        return self.sku_id, self.location_id

    def deltas(self) -> dict[str, int]:
        return {bucket: getattr(self, bucket) for bucket in BUCKETS}


@dataclass(frozen=True, slots=True)
class Level:
    """A StockLevel as it stands. A key without a row reads as all zero."""

    on_hand: int = 0
    soft: int = 0
    hard: int = 0
    incoming: int = 0
    quarantined: int = 0
    damaged: int = 0
    pending_debit: int = 0
    held_elsewhere: int = 0

    @property
    def available(self) -> int:
        return self.on_hand - self.soft - self.hard - self.pending_debit - self.held_elsewhere

    def after(self, entry: Entry) -> Level:
        return Level(
            self.on_hand + entry.on_hand,
            self.soft + entry.soft,
            self.hard + entry.hard,
            self.incoming + entry.incoming,
            self.quarantined + entry.quarantined,
            self.damaged + entry.damaged,
            self.pending_debit + entry.pending_debit,
            self.held_elsewhere + entry.held_elsewhere,
        )


NONE: Final = Level()


def read(conn: Connection, keys: Iterable[LevelKey], *, lock: bool = False) -> dict[LevelKey, Level]:
    """The levels of the keys, all present in the answer. lock: hold the rows until the transaction ends, in key order."""
    wanted = sorted(set(keys))
    there = _read(conn, wanted, lock=lock)
    if lock and len(there) < len(wanted):
        _create(conn, [key for key in wanted if key not in there])
        there = _read(conn, wanted, lock=lock)
    return {key: there.get(key, NONE) for key in wanted}


_COLUMNS = stock_levels.c.sku_id, stock_levels.c.location_id
_LEVELS = select(*_COLUMNS, *(stock_levels.c[bucket] for bucket in BUCKETS)).order_by(*_COLUMNS)
_HERE = by_keys(_COLUMNS)
_READ = Spelt({name: _LEVELS.where(here) for name, here in _HERE.items()})
_LOCK = Spelt({name: _LEVELS.where(here).with_for_update(key_share=True) for name, here in _HERE.items()})


def _read(conn: Connection, wanted: Sequence[LevelKey], *, lock: bool) -> dict[LevelKey, Level]:
    """Those that have a row."""
    query = _LOCK if lock else _READ
    found: dict[LevelKey, Level] = {}
    for start in range(0, len(wanted), CHUNK):
        rows = query.rows(conn, **keys_of(wanted[start : start + CHUNK]))
        found.update({(row[0], row[1]): Level(*row[2:]) for row in rows})
    return found


def post(conn: Connection, entries: Sequence[Entry], now: datetime, *, there: Container[LevelKey] = ()) -> None:
    """Write the movements, move the levels, and give every dependent shelf its new target. A CHECK that fails aborts the transaction.
    there: levels that the caller has locked already.
    """
    if not entries:
        return
    write(conn, entries, now, there=there)
    targets.retarget(conn, {entry.sku_id for entry in entries})


def write(conn: Connection, entries: Sequence[Entry], now: datetime, *, there: Container[LevelKey] = ()) -> None:
    """`post` without the targets: for verbs that change more than levels and retarget once at their end."""
    if not entries:
        return
    sums = _sum_up(entries)
    read(conn, [key for key in sums if key not in there], lock=True)
    run_both(conn, _ADD, [_row(entry, now) for entry in entries], _MOVE, _moves(sums))
    _mark_counted(conn, {entry.sku_id for entry in entries if counts(entry)})


def counts(entry: Entry) -> bool:
    """Whether somebody has said by it how many there are."""
    return entry.type in COUNTING and entry.on_hand != 0


def _row(entry: Entry, now: datetime) -> dict[str, object]:
    return {
        "sku_id": entry.sku_id,
        "location_id": entry.location_id,
        "type": entry.type.value,
        **entry.deltas(),
        "reference": entry.reference,
        "reason": entry.reason,
        "actor": entry.actor,
        "channel_id": entry.channel_id,
        "occurred_at": entry.occurred_at or now,
        "recorded_at": now,
    }


def _sum_up(entries: Sequence[Entry]) -> Mapping[LevelKey, dict[str, int]]:
    sums: dict[LevelKey, dict[str, int]] = defaultdict(lambda: dict.fromkeys(BUCKETS, 0))
    for entry in entries:
        level = sums[entry.key]
        for bucket, delta in entry.deltas().items():
            if delta:
                level[bucket] += delta
    return sums


def _create(conn: Connection, keys: Sequence[LevelKey]) -> None:
    """Rows for those that have none."""
    if not keys:
        return
    make = postgres_insert if conn.dialect.name == "postgresql" else sqlite_insert
    rows = [{"sku_id": sku_id, "location_id": location_id} for sku_id, location_id in keys]
    conn.execute(make(stock_levels).on_conflict_do_nothing(), rows)


def _mark_counted(conn: Connection, sku_ids: set[int]) -> None:
    ids = sorted(sku_ids)
    for start in range(0, len(ids), CHUNK):
        conn.execute(update(skus).where(skus.c.id.in_(ids[start : start + CHUNK]), skus.c.counted.is_(False)).values(counted=True))


_ADD = insert_many(
    movements, "sku_id", "location_id", "type", *BUCKETS, "reference", "reason", "actor", "channel_id", "occurred_at", "recorded_at"
)
_MOVE = update_many(
    stock_levels,
    {"_sku": stock_levels.c.sku_id, "_location": stock_levels.c.location_id},
    {f"d_{bucket}": BigInteger() for bucket in BUCKETS},
    lambda row: {bucket: stock_levels.c[bucket] + row[f"d_{bucket}"] for bucket in BUCKETS},
)


def _moves(sums: Mapping[LevelKey, dict[str, int]]) -> list[dict[str, int]]:
    return [
        {"_sku": key[0], "_location": key[1], **{f"d_{bucket}": delta for bucket, delta in sums[key].items()}}
        for key in sorted(sums)
        if any(sums[key].values())
    ]
