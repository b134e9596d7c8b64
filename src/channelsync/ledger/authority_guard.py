"""A run of readings that would empty too much stops its authority and asks: a lost permission, an archived store and a recalculation look just like it.

Nothing of such a run is applied. Once a person has accepted it, a reading that zeroes no other SKU than those that were asked about passes. A full
run without harm ends the question: what was wrong has been put right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, delete, select, update

from channelsync.contract import Physical
from channelsync.ledger import channels, findings, guard
from channelsync.ledger.channels import Pause, PauseKind
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.guard import Alarm
from channelsync.ledger.schema import authority_guards, authority_rows, listings, skus

NAMED = 20


@dataclass(frozen=True, slots=True)
class Run:
    """All numbers of one run, before any is applied."""

    channel_id: int
    told: tuple[Physical, ...]
    full: bool


def judge(conn: Connection, items: Sequence[Run], now: datetime) -> list[str | None]:
    """None: apply it. Else why not; the channel is paused with that reason."""
    return [_judge(conn, item, now) for item in items]


def _judge(conn: Connection, run: Run, now: datetime) -> str | None:
    harm = _harm(conn, run)
    if harm is None:
        if run.full:
            _forget(conn, run.channel_id, now)
        return None
    emptied, there = harm
    if _accepted(conn, run.channel_id, emptied):
        _forget(conn, run.channel_id, now)
        return None
    return _stop(conn, run, emptied, there, now)


def _harm(conn: Connection, run: Run) -> tuple[set[int], int] | None:
    """The SKUs that it would empty, of so many that lie there, if that is too much."""
    limits = guard.limits_of(conn, run.channel_id)
    if limits is None or not limits.zero_share:
        return None
    zeroes = sum(physical.units == 0 for physical in run.told)
    empty = run.full and not any(physical.units is not None for physical in run.told)
    if zeroes < limits.least and not empty:
        return None
    rows = _rows(conn, run.channel_id)
    there = {row["sku_id"] for row in rows if row["on_hand"]}
    emptied = _emptied(rows, run.told)
    too_many = len(emptied) >= limits.least and len(emptied) > limits.zero_share * len(there)
    return (emptied, len(there)) if too_many or (empty and there) else None


def _rows(conn: Connection, channel_id: int) -> Sequence[RowMapping]:
    query = (
        select(listings.c.ref, listings.c.pack, authority_rows.c.location, authority_rows.c.sku_id, authority_rows.c.on_hand)
        .join(listings, listings.c.id == authority_rows.c.listing_id)
        .where(authority_rows.c.channel_id == channel_id, authority_rows.c.sku_id.is_not(None))
    )
    return conn.execute(query).mappings().all()


def _emptied(rows: Sequence[RowMapping], told: Sequence[Physical]) -> set[int]:
    """SKUs that lie there now and would not."""
    numbers = {(physical.listing, physical.location): physical.units for physical in told if physical.units is not None}
    before: dict[int, int] = defaultdict(int)
    after: dict[int, int] = defaultdict(int)
    for row in rows:
        before[row["sku_id"]] += row["on_hand"]
        units = numbers.get((row["ref"], row["location"]))
        after[row["sku_id"]] += row["on_hand"] if units is None else units * row["pack"]
    return {sku_id for sku_id, on_hand in before.items() if on_hand and not after[sku_id]}


def _accepted(conn: Connection, channel_id: int, emptied: set[int]) -> bool:
    mine = authority_guards.c.channel_id == channel_id, authority_guards.c.accepted
    asked = conn.scalar(select(authority_guards.c.zeroes).where(*mine))
    return asked is not None and emptied <= set(asked)


def accept(conn: Connection, channel_id: int) -> None:
    """A person lets through what was stopped, and nothing else."""
    conn.execute(update(authority_guards).where(authority_guards.c.channel_id == channel_id).values(accepted=True))


def standing(conn: Connection, channel_id: int) -> Alarm | None:
    """What was stopped, and neither accepted nor put right since."""
    open_question = authority_guards.c.channel_id == channel_id, authority_guards.c.accepted.is_(False)
    zeroes = conn.scalar(select(authority_guards.c.zeroes).where(*open_question))
    if zeroes is None:
        return None
    there = {row["sku_id"] for row in _rows(conn, channel_id) if row["on_hand"]}
    return Alarm("physical" if zeroes else "nothing", len(zeroes), len(there), _names(conn, zeroes))


def _names(conn: Connection, sku_ids: Collection[int]) -> tuple[str, ...]:
    return tuple(conn.scalars(select(skus.c.sku).where(skus.c.id.in_(sorted(sku_ids)[:NAMED])).order_by(skus.c.sku)))


def _forget(conn: Connection, channel_id: int, now: datetime) -> None:
    conn.execute(delete(authority_guards).where(authority_guards.c.channel_id == channel_id))
    findings.resolve(conn, guard.KIND, channel_id, None, "physical", now)


def _stop(conn: Connection, run: Run, emptied: set[int], there: int, now: datetime) -> str:
    what = f"would set {len(emptied)} of {there} SKUs to zero" if emptied else "brought no number at all"
    reason = f"a reading {what}: nothing of it was applied. Look there for lost permissions or archived stores; if it is right, resume with --accept"
    channels.pause(conn, [Pause(run.channel_id, reason, PauseKind.GUARD)], now)
    detail: Mapping[str, object] = {"zeroed": len(emptied), "of": there, "first": list(_names(conn, emptied)), "numbers": len(run.told)}
    findings.record(conn, guard.KIND, run.channel_id, None, "physical", detail, now)
    insert = insert_into(conn, authority_guards).values(channel_id=run.channel_id, asked_at=now, zeroes=sorted(emptied), accepted=False)
    new = {name: insert.excluded[name] for name in ("asked_at", "zeroes", "accepted")}
    conn.execute(insert.on_conflict_do_update(index_elements=["channel_id"], set_=new))
    return reason
