"""What passes with time alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, insert, select

from channelsync.ledger import aside, expiry
from channelsync.ledger.expiry import CALLS_KEPT, Forget
from channelsync.ledger.schema import attempts, push_calls, set_aside

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def call(conn: Connection, key: str, state: str, settled_at: datetime | None) -> None:
    at = NOW - timedelta(days=400)
    conn.execute(
        insert(push_calls).values(
            key=key, channel_id=1, raises=False, carrier="adjust", state=state, lease_version=1, created_at=at, settled_at=settled_at
        )
    )
    numbers = {"target": 1, "book_at": 2, "delta": -1, "value": 1, "compare": 2, "version": 1}
    ended = "ok" if state == "settled" else "unknown"
    conn.execute(insert(attempts).values(id=f"{key}.0", call_key=key, position=0, shelf_id=len(key), state=ended, created_at=at, **numbers))


def test_calls_settled_long_ago_are_forgotten_and_open_ones_never(conn: Connection) -> None:
    call(conn, "old", "settled", NOW - CALLS_KEPT - timedelta(seconds=1))
    call(conn, "young", "settled", NOW - CALLS_KEPT + timedelta(seconds=1))
    call(conn, "open-for-ever", "unknown", None)
    expiry.forget(conn, [Forget(limit=10, delivery_age=timedelta(days=14))], NOW)
    assert set(conn.scalars(select(push_calls.c.key))) == {"young", "open-for-ever"}
    assert set(conn.scalars(select(attempts.c.call_key))) == {"young", "open-for-ever"}


def test_forgetting_is_bounded(conn: Connection) -> None:
    for number in range(5):
        call(conn, "x" * (number + 1), "settled", NOW - CALLS_KEPT - timedelta(days=number + 1))
    expiry.forget(conn, [Forget(limit=3, delivery_age=timedelta(days=14))], NOW)
    assert set(conn.scalars(select(push_calls.c.key))) == {"x", "xx"}


def was_aside(conn: Connection, refs: str, resolved: timedelta) -> None:
    for ref in refs:
        aside.put(conn, 1, "order", ref, "made no sense", "", NOW - timedelta(days=400))
        aside.resolve(conn, 1, "order", ref, NOW - resolved)


def test_what_was_aside_is_forgotten_with_the_deliveries_and_what_waits_for_a_person_never(conn: Connection) -> None:
    was_aside(conn, "a", timedelta(days=14, seconds=1))
    was_aside(conn, "b", timedelta(days=13))
    aside.put(conn, 1, "order", "waits", "made no sense", "", NOW - timedelta(days=400))
    expiry.forget(conn, [Forget(limit=10, delivery_age=timedelta(days=14))], NOW)
    assert set(conn.scalars(select(set_aside.c.ref))) == {"b", "waits"}


def test_what_was_aside_is_forgotten_in_bounded_steps(conn: Connection) -> None:
    was_aside(conn, "abcde", timedelta(days=20))
    steps = [expiry.forget(conn, [Forget(limit=2, delivery_age=timedelta(days=14))], NOW) for _ in range(4)]
    assert steps == [[2], [2], [1], [0]]
