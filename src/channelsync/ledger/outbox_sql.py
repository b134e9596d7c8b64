"""The outbox's statements that every write needs, spelt once: building them takes longer than SQLite takes to answer."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BigInteger, String, Text, bindparam, exists, func, select, update

from channelsync.ledger.due import OPEN_STATES
from channelsync.ledger.many import insert_many
from channelsync.ledger.schema import attempts, channels, listings, push_calls, shelves
from channelsync.ledger.spelt import Spelt, one_of
from channelsync.ledger.types import Utc

_CALL = ("key", "channel_id", "raises", "carrier", "state", "lease_version", "created_at", "first_sent_at", "last_sent_at", "sends")
NEW_CALL = insert_many(push_calls, *_CALL)
NEW_ATTEMPTS = insert_many(
    attempts, "id", "call_key", "position", "shelf_id", "target", "book_at", "delta", "value", "compare", "version", "state", "created_at"
)
CALL = Spelt(select(push_calls).where(push_calls.c.key == bindparam("call")).with_for_update())
CALL_SENT = Spelt(
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
SENT = Spelt(update(attempts).where(one_of(attempts.c.id, "ids")).values(state="sent"))
SENT_WITH = Spelt(select(func.count()).where(attempts.c.call_key == bindparam("call"), attempts.c.state != "withdrawn"))


def rows_in(states: Sequence[str]) -> Spelt:
    """A call's attempts in these states, with their shelves, locked in the shelves' order."""
    return Spelt(
        select(
            *(attempts.c[name] for name in ("position", "id", "shelf_id", "target", "delta", "value", "compare")),
            shelves.c.target.label("now_target"),
            (shelves.c.book + shelves.c.gap).label("now_base"),
            shelves.c.frozen,
            shelves.c.location,
            listings.c.ref,
        )
        .join(shelves, shelves.c.id == attempts.c.shelf_id)
        .join(listings, listings.c.id == shelves.c.listing_id)
        .where(attempts.c.call_key == bindparam("call"), attempts.c.state.in_(states))
        .order_by(shelves.c.id)
        .with_for_update(of=[attempts, shelves], key_share=True)
    )


UNKNOWN = Spelt(update(push_calls).where(push_calls.c.key == bindparam("call")).values(state="unknown"))
OPEN_ROWS = rows_in(OPEN_STATES)
CLOSED = Spelt(
    update(attempts)
    .where(one_of(attempts.c.id, "ids"))
    .values(state=bindparam("to", type_=String), reason=bindparam("why", type_=Text), settled_at=bindparam("at", type_=Utc))
)
ENDED = Spelt(
    update(push_calls)
    .where(
        push_calls.c.key == bindparam("call"), ~exists().where(attempts.c.call_key == bindparam("call"), attempts.c.state.in_(OPEN_STATES))
    )
    .values(state="settled", settled_at=bindparam("at", type_=Utc))
)
LEASE_VERSION = Spelt(select(channels.c.lease_version).where(channels.c.id == bindparam("channel")))
PAUSED_AT = Spelt(select(channels.c.paused_at).where(channels.c.id == bindparam("channel")))
