"""What becomes of orders without a new snapshot: deleted at the shop, a hold that ran out, a listing that was mapped at last.

A snapshot's own way into the ledger is `orders`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Connection, Integer, and_, bindparam, literal_column, not_, or_, select, union, update

from channelsync.contract import OrderState
from channelsync.ledger import fitting, inbox, levels, line_sources, order_json, order_mapping, oversells, targets
from channelsync.ledger.dialects import by_keys, keys_of
from channelsync.ledger.levels import Entry, MovementType
from channelsync.ledger.order_rows import OrderKey
from channelsync.ledger.orders import RUN, OrderResult, Sighting, Verdict, apply
from channelsync.ledger.patience import lives_on
from channelsync.ledger.schema import order_lines, orders, set_aside, shelf_feeds, shelves
from channelsync.ledger.spelt import Spelt, one_of
from channelsync.ledger.types import Utc

WAITING = 1_000


@dataclass(frozen=True, slots=True)
class Missing:
    """The channel itself says that it has no such order. sees_back: as in `Gone`."""

    channel_id: int
    ref: str
    read_seq: int
    deliveries: tuple[int, ...] = ()
    sees_back: timedelta | None = None


def gone(conn: Connection, items: Sequence[Missing], now: datetime) -> list[OrderResult]:
    """A deleted order ends like a cancelled one: what it still owed is quarantined unless the shop gave it back before. One that is only too old to be
    shown to us stays as it is.
    """
    found = []
    for item in items:
        stored = _stored(conn, [(item.channel_id, item.ref)]).get((item.channel_id, item.ref))
        last = order_json.from_json(stored[0]) if stored is not None else None
        if last is None or (item.sees_back is not None and last.created_at + item.sees_back <= now):
            inbox.done(conn, list(item.deliveries), now)
            found.append(OrderResult(Verdict.UNCHANGED))
            continue
        dead = replace(last, state=OrderState.DELETED)
        found += apply(conn, [Sighting(item.channel_id, dead, item.read_seq, deliveries=item.deliveries)], now)
    return found


def stored_snapshots(conn: Connection, refs: Sequence[OrderKey], now: datetime) -> list[OrderResult]:
    """Apply the last stored snapshot of these orders again: a listing or location was mapped, and their waiting lines can be applied now.

    Whether an unpaid checkout's hold is over is not judged here: the sweep does it by the shop's clock, and what it has ended stays so.
    """
    results: list[OrderResult] = []
    for start in range(0, len(refs), RUN):
        stored = _stored(conn, refs[start : start + RUN])
        again = [
            Sighting(channel_id, order_json.from_json(snapshot), read_seq, again=True, stored=True)
            for (channel_id, _), (snapshot, read_seq) in stored.items()
        ]
        results += apply(conn, again, now)
    return results


_KEYS = orders.c.channel_id, orders.c.ref
_SNAPSHOTS = select(*_KEYS, orders.c.snapshot, orders.c.read_seq)
_STORED = Spelt({name: _SNAPSHOTS.where(these).order_by(orders.c.id).with_for_update() for name, these in by_keys(_KEYS).items()})


def _stored(conn: Connection, wanted: Sequence[OrderKey]) -> dict[OrderKey, tuple[Any, int]]:
    """Orders as they were last applied (snapshot, read_seq), locked: another node may be storing a newer snapshot at this moment."""
    keys = [(channel_id, ref) for channel_id, ref in wanted if fitting.storable(ref) == ref]  # no other can be ours
    rows = _STORED.rows(conn, **keys_of(keys)) if keys else ()
    return {(channel_id, ref): (snapshot, read_seq) for channel_id, ref, snapshot, read_seq in rows}


def placed(conn: Connection, channel_id: int) -> tuple[str, ...]:
    """Orders with a line that waited for its location to be mapped, and it is now (at most WAITING are named): apply them again."""
    waiting = select(set_aside.c.id, set_aside.c.payload).where(
        set_aside.c.channel_id == channel_id,
        set_aside.c.kind == "line",
        set_aside.c.resolved_at.is_(None),
        set_aside.c.payload.startswith(line_sources.PLACE, autoescape=True),
    )
    mapped, found, after = set[str](), dict[str, None](), 0
    while rows := conn.execute(waiting.where(set_aside.c.id > after).order_by(set_aside.c.id).limit(WAITING)).all():
        mapped = mapped or _mapped(conn, channel_id)
        named = [place for row in rows if (place := line_sources.waits_at(row.payload))]
        found |= dict.fromkeys(order for location, order in named if location in mapped)
        after = rows[-1].id
        if len(found) >= WAITING or len(rows) < WAITING:
            break
    return tuple(found)[:WAITING]


def _mapped(conn: Connection, channel_id: int) -> set[str]:
    """The channel's own locations that a ledger location stands behind."""
    places = order_mapping.channel_rows(conn, [channel_id])[channel_id].places
    fed = select(shelves.c.location).join(shelf_feeds, shelf_feeds.c.shelf_id == shelves.c.id).where(shelves.c.channel_id == channel_id)
    return {ref for ref, place in places.items() if place is not None} | set(conn.scalars(fed.distinct()))


def expire_holds(
    conn: Connection, limit: int, now: datetime, *, grace: timedelta = timedelta(0), shop_times: Mapping[int, datetime] | None = None
) -> int:
    """Unpaid checkouts whose hold ended `grace` ago: the soft claim and the shop's own withholding vanish together. Returns how many.

    Where the policy holds them hard, only the withholding does. A backorder's policy may let a soft claim live on (`patience`), unless the shop
    withholds units for it: what ends there by itself ends here.

    shop_times: channel id -> what its shop's clock says now; for the others it is `now`.
    """
    times = shop_times or {}
    clocks: dict[str, Any] = {"at": now - grace, "latest": max([now, *times.values()]) - grace}
    for place, (channel_id, at) in enumerate(times.items()):
        clocks |= {f"channel_{place}": channel_id, f"at_{place}": at - grace}
    rows = _over(len(times)).mappings(conn, limit=limit, **clocks)
    entries = [
        Entry(
            row["sku_id"],
            row["location_id"],
            MovementType.EXPIRE,
            soft=-row["soft"],
            reference=row["ref"],
            channel_id=row["channel_id"],
            reason="unpaid",
        )
        for row in rows
        if row["soft"]
    ]
    if rows:
        _END.run(conn, ids=[row["id"] for row in rows])
        levels.write(conn, entries, now)
        targets.retarget(
            conn, {row["sku_id"] for row in rows} | targets.skus_of(conn, {row["shelf_id"] for row in rows if row["shelf_id"]})
        )
        oversells.end(conn, {entry.sku_id for entry in entries}, now)
    return len(rows)


_LINE: Final = order_lines.c
_ZERO: Final = literal_column("0", Integer)  # as it stands in the indexes
_END = Spelt(update(order_lines).where(one_of(_LINE.id, "ids")).values(soft=0, withheld=0, hold_until=None))


@cache
def _over(shops: int) -> Spelt:
    """What has ended by the clocks of so many shops (`at_0` of the channel `channel_0`), and `at` for all others. None of them is past `latest`."""
    latest, channel_id = bindparam("latest", type_=Utc()), orders.c.channel_id
    theirs = [(bindparam(f"channel_{n}", type_=BigInteger()), bindparam(f"at_{n}", type_=Utc())) for n in range(shops)]
    ended = or_(
        and_(*(channel_id != channel for channel, _ in theirs), _is_over(bindparam("at", type_=Utc()))),
        *(and_(channel_id == channel, _is_over(at)) for channel, at in theirs),
    )
    ending = (select(_LINE.id).where(units > _ZERO, _LINE.hold_until <= latest) for units in (_LINE.soft, _LINE.withheld))
    return Spelt(
        select(order_lines, orders.c.ref, channel_id)
        .join(orders, orders.c.id == _LINE.order_id)
        .where(_LINE.id.in_(union(*ending)))  # each by its own index: together they are in none
        .where(or_(_LINE.soft > _ZERO, _LINE.withheld > _ZERO), _LINE.hold_until <= latest, ended)
        .order_by(_LINE.sku_id, _LINE.location_id, _LINE.id)
        .limit(bindparam("limit", type_=BigInteger()))
        .with_for_update(of=order_lines)
    )


def _is_over(at: ColumnElement[Any]) -> ColumnElement[bool]:
    alone = and_(_LINE.soft > 0, _LINE.withheld == 0)
    return and_(_LINE.hold_until <= at, not_(and_(alone, lives_on(order_lines, _LINE.hold_until, at))))


def open_refs(conn: Connection, channel_id: int, after: int, limit: int) -> list[tuple[int, str]]:
    """Orders that hold stock, by id after `after`: (id, ref)."""
    held = select(order_lines.c.order_id).where((order_lines.c.soft > 0) | (order_lines.c.hard > 0))
    query = select(orders.c.id, orders.c.ref).where(orders.c.channel_id == channel_id, orders.c.id > after, orders.c.id.in_(held))
    return [(row.id, row.ref) for row in conn.execute(query.order_by(orders.c.id).limit(limit))]
