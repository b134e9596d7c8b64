"""What could not be applied (rule 12), with its reason: shown until it is resolved, and then tried again. One row per thing, not per try."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, bindparam, delete, select, text, update

from channelsync.ledger import fitting
from channelsync.ledger.dialects import by_keys, keys_of, upsert
from channelsync.ledger.schema import RESOLVED, set_aside
from channelsync.ledger.spelt import Spelt
from channelsync.ledger.types import Utc

PAGE = 100
CHUNK = 400


@dataclass(frozen=True, slots=True)
class Aside:
    """kind: order, line, delivery, listing, shelf, export or physical; ref: which one, in the channel's words. updated_at: when it last failed.

    payload: what it takes to try it again or to tell it from others, never more of a buyer than that.
    """

    id: int
    channel_id: int
    kind: str
    ref: str
    reason: str
    payload: str
    created_at: datetime
    updated_at: datetime


_PUT = upsert(set_aside, ("channel_id", "kind", "ref"), ("reason", "payload", "updated_at", "resolved_at"), first=("created_at",))


def put(conn: Connection, channel_id: int, kind: str, ref: str, reason: str, payload: str, now: datetime) -> None:
    """Set something aside, or aside again with the newest reason."""
    told = {"reason": fitting.payload(reason), "payload": fitting.payload(payload), "updated_at": now, "resolved_at": None}
    _PUT.run(conn, channel_id=channel_id, kind=kind, ref=fitting.ref(ref), created_at=now, **told)


_DONE = (
    update(set_aside)
    .where(set_aside.c.kind == bindparam("what"), set_aside.c.resolved_at.is_(None))
    .values(resolved_at=bindparam("now", type_=Utc()), payload="")
)
_RESOLVE = Spelt(_DONE.where(set_aside.c.channel_id == bindparam("channel"), set_aside.c.ref == bindparam("named")))
_RESOLVE_ALL = Spelt({name: _DONE.where(here) for name, here in by_keys((set_aside.c.channel_id, set_aside.c.ref)).items()})


def resolve(conn: Connection, channel_id: int, kind: str, ref: str, now: datetime) -> bool:
    """It was applied after all, or a person has dealt with it. False: it was not aside."""
    return _RESOLVE.run(conn, channel=channel_id, what=kind, named=fitting.ref(ref), now=now).rowcount == 1


def resolve_all(conn: Connection, kind: str, refs: Iterable[tuple[int, str]], now: datetime) -> None:
    """The same for many: (channel id, ref)."""
    keys = sorted({(channel_id, fitting.ref(ref)) for channel_id, ref in refs})
    for start in range(0, len(keys), CHUNK):
        _RESOLVE_ALL.run(conn, what=kind, now=now, **keys_of(keys[start : start + CHUNK]))


def purge(conn: Connection, before: datetime, limit: int) -> int:
    """Forget what was resolved before then, at most `limit` rows. Returns how many. What still waits for a person stays."""
    old = select(set_aside.c.id).where(text(RESOLVED), set_aside.c.resolved_at < before).order_by(set_aside.c.resolved_at).limit(limit)
    return conn.execute(delete(set_aside).where(set_aside.c.id.in_(old))).rowcount


def listed(
    conn: Connection, *, channel_id: int | None = None, kind: str | None = None, ref_prefix: str = "", after: int = 0, limit: int = PAGE
) -> list[Aside]:
    """What is aside now, in the order of its first time; pages by key: `after` is the last id of the page before."""
    query = select(set_aside).where(set_aside.c.resolved_at.is_(None), set_aside.c.id > after)
    if channel_id is not None:
        query = query.where(set_aside.c.channel_id == channel_id)
    if kind is not None:
        query = query.where(set_aside.c.kind == kind)
    if ref_prefix:
        query = query.where(set_aside.c.ref.startswith(ref_prefix, autoescape=True))
    return [_aside(row) for row in conn.execute(query.order_by(set_aside.c.id).limit(limit)).mappings()]


def _aside(row: RowMapping) -> Aside:
    names = ("id", "channel_id", "kind", "ref", "reason", "payload", "created_at", "updated_at")
    return Aside(*(row[name] for name in names))
