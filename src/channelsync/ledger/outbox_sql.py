"""The outbox's statements that every write needs, built once: building them takes longer than SQLite takes to answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Select, String, Text, bindparam, exists, select, update

from channelsync.ledger.due import OPEN_STATES
from channelsync.ledger.schema import attempts, channels, listings, push_calls, shelves
from channelsync.ledger.types import Utc

CALL = select(push_calls).where(push_calls.c.key == bindparam("call")).with_for_update()
CALL_SENT = (
    update(push_calls)
    .where(push_calls.c.key == bindparam("call"))
    .values(
        state="sent",
        first_sent_at=bindparam("first", type_=Utc),
        last_sent_at=bindparam("last", type_=Utc),
        sends=push_calls.c.sends + 1,
        lease_version=bindparam("lease", type_=BigInteger),
    )
)
SENT = update(attempts).where(attempts.c.id.in_(bindparam("ids", expanding=True))).values(state="sent")


def rows_in(states: Sequence[str]) -> Select[Any]:
    """A call's attempts in these states, with their shelves, locked."""
    return (
        select(
            attempts,
            shelves.c.target.label("now_target"),
            (shelves.c.book + shelves.c.gap).label("now_base"),
            shelves.c.frozen,
            shelves.c.location,
            listings.c.ref,
        )
        .join(shelves, shelves.c.id == attempts.c.shelf_id)
        .join(listings, listings.c.id == shelves.c.listing_id)
        .where(attempts.c.call_key == bindparam("call"), attempts.c.state.in_(states))
        .order_by(attempts.c.position)
        .with_for_update(of=[attempts, shelves])
    )


OPEN_ROWS = rows_in(OPEN_STATES)
CLOSED = (
    update(attempts)
    .where(attempts.c.id.in_(bindparam("ids", expanding=True)))
    .values(state=bindparam("to", type_=String), reason=bindparam("why", type_=Text), settled_at=bindparam("at", type_=Utc))
)
ENDED = (
    update(push_calls)
    .where(
        push_calls.c.key == bindparam("call"), ~exists().where(attempts.c.call_key == bindparam("call"), attempts.c.state.in_(OPEN_STATES))
    )
    .values(state="settled", settled_at=bindparam("at", type_=Utc))
)
LEASE_VERSION = select(channels.c.lease_version).where(channels.c.id == bindparam("channel"))
PAUSED_AT = select(channels.c.paused_at).where(channels.c.id == bindparam("channel"))
