"""For the tests of all documents of the back room: the proof at their end, and stock that another system owns."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, update

from channelsync.ledger.audit import audit
from channelsync.ledger.schema import locations
from channelsync.ledger.verifier import verify
from support.stock import NOW, assert_adds_up, open_channel


def proven(conn: Connection) -> None:
    assert audit(conn) == []
    assert verify(conn, NOW + timedelta(days=1)).mismatches == ()
    assert_adds_up(conn)


def own_to(conn: Connection, location: str) -> None:
    """On hand there belongs to the channel erp."""
    channel = open_channel(conn, "erp", None)
    conn.execute(update(locations).where(locations.c.code == location).values(authority_id=channel))
