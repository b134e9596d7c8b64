"""A delivery answered with 200 is stored once, handled until it has an end, and forgotten only after that."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, select

from channelsync.ledger import aside, inbox, schema
from channelsync.ledger.inbox import TRIES, Arrived, Claim, Claimed, Failure, Receipt
from support.clock import ManualClock

NEW, REPEAT = Receipt.NEW, Receipt.REPEAT


def arrived(key: str, clock: ManualClock, channel_id: int = 1, body: bytes = b"{}") -> Arrived:
    return Arrived(channel_id, key, {"x-topic": "orders/create"}, body, clock.now())


def store(conn: Connection, clock: ManualClock, *keys: str) -> list[Receipt]:
    return inbox.store(conn, [arrived(key, clock) for key in keys], clock.now())


def claim(conn: Connection, now: datetime, limit: int = 100) -> list[Claimed]:
    [claimed] = inbox.claim(conn, [Claim(limit, 60)], now)
    return claimed


def fail(conn: Connection, row: Claimed, now: datetime, *, final: bool = False) -> bool:
    [was_last] = inbox.fail(conn, [Failure(row.id, "no answer", final=final)], now)
    return was_last


def test_repeats_are_told_from_new_deliveries(conn: Connection, clock: ManualClock) -> None:
    assert store(conn, clock, "a", "b", "a") == [NEW, NEW, REPEAT]
    assert store(conn, clock, "b", "c") == [REPEAT, NEW]
    assert inbox.store(conn, [arrived("a", clock, channel_id=2)], clock.now()) == [NEW]
    assert store(conn, clock) == []


def test_keys_of_any_length_are_told_apart(conn: Connection, clock: ManualClock) -> None:
    long = "k" * 300
    assert store(conn, clock, long + "1", long + "2", long + "1") == [NEW, NEW, REPEAT]
    assert store(conn, clock, long + "2") == [REPEAT]


def test_a_claim_carries_the_delivery_as_it_arrived(conn: Connection, clock: ManualClock) -> None:
    body = b"\x00\xff raw {"
    inbox.store(conn, [arrived("a", clock, body=body), arrived("a", clock, body=b"second")], clock.now())
    [row] = claim(conn, clock.now())
    assert (row.channel_id, row.key, row.body, row.received_at, row.tries) == (1, "a", body, clock.now(), 1)
    assert row.headers == {"x-topic": "orders/create"}


def test_several_at_once_are_stored_each_as_it_arrived(conn: Connection, clock: ManualClock) -> None:
    told = [("a", {"x": '{"a, b"}', "y": "\\\\ \x00 \u2603"}, b'\\x00 {"NULL"}'), ('b{,}"', {}, b""), ("c", {"x": "NULL"}, b"\x00\xff\\")]
    came = [Arrived(1, key, headers, body, clock.now()) for key, headers, body in told]
    assert inbox.store(conn, came, clock.now()) == [NEW, NEW, NEW]
    assert [(row.key, row.headers, row.body) for row in claim(conn, clock.now())] == told


def test_claims_do_not_overlap_and_lapse(conn: Connection, clock: ManualClock) -> None:
    store(conn, clock, "a", "b", "c")
    assert [row.key for row in claim(conn, clock.now(), limit=2)] == ["a", "b"]
    assert [row.key for row in claim(conn, clock.now())] == ["c"]
    assert claim(conn, clock.advance(59)) == []
    assert [(row.key, row.tries) for row in claim(conn, clock.advance(1))] == [("a", 2), ("b", 2), ("c", 2)]


def test_done_is_done(conn: Connection, clock: ManualClock) -> None:
    store(conn, clock, "a", "b")
    first, second = claim(conn, clock.now())
    inbox.done(conn, [first.id], clock.now())
    assert inbox.waiting(conn)[1].count == 1
    inbox.settle_done(conn, [(second.id,), ()], clock.now())
    assert inbox.waiting(conn) == {}
    assert claim(conn, clock.advance(3600)) == []
    assert fail(conn, first, clock.now()) is False
    assert store(conn, clock, "a") == [REPEAT]


def test_a_failure_comes_again_later_each_time_and_then_goes_aside(conn: Connection, clock: ManualClock) -> None:
    store(conn, clock, "a")
    for pause in (15, 60, 240, 960):
        [row] = claim(conn, clock.now())
        assert not fail(conn, row, clock.now())
        assert claim(conn, clock.advance(pause - 1)) == []
        clock.advance(1)
    [row] = claim(conn, clock.now())
    assert row.tries == TRIES
    assert fail(conn, row, clock.now())
    assert claim(conn, clock.advance(1e6)) == []
    [shown] = aside.listed(conn, kind="delivery")
    assert (shown.ref, shown.reason) == ("a", "no answer")
    assert shown.payload == "", "the body, with the buyer in it, is kept once: where it is replayed from"


def test_a_shop_that_is_away_costs_no_try_however_long(conn: Connection, clock: ManualClock) -> None:
    store(conn, clock, "a")
    for _ in range(3 * TRIES):
        [row] = claim(conn, clock.now())
        assert row.tries == 1
        assert inbox.fail(conn, [Failure(row.id, "no answer", wait=200)], clock.now()) == [False]
        assert inbox.waiting(conn)[1].count == 1
        assert claim(conn, clock.advance(199)) == []
        clock.advance(1)
    assert aside.listed(conn) == []


def test_claims_without_an_outcome_stay_counted_while_its_shop_is_away(conn: Connection, clock: ManualClock) -> None:
    store(conn, clock, "a")
    for _ in range(TRIES):
        [row] = claim(conn, clock.now())
        inbox.fail(conn, [Failure(row.id, "no answer", wait=1)], clock.now())
        assert len(claim(conn, clock.advance(1))) == 1
        clock.advance(60)
    assert claim(conn, clock.now()) == []
    [shown] = aside.listed(conn)
    assert "without an outcome" in shown.reason


def test_what_cannot_be_understood_goes_aside_at_once_and_can_be_replayed(conn: Connection, clock: ManualClock) -> None:
    store(conn, clock, "a")
    [row] = claim(conn, clock.now())
    assert fail(conn, row, clock.now(), final=True)
    assert inbox.waiting(conn) == {}
    assert inbox.replay(conn, [(1, "a"), (1, "unknown")], clock.now()) == [True, False]
    assert aside.listed(conn) == []
    [again] = claim(conn, clock.now())
    assert (again.key, again.tries) == ("a", 1)


def test_a_delivery_that_kills_its_worker_every_time_is_set_aside(conn: Connection, clock: ManualClock) -> None:
    store(conn, clock, "bad", "good")
    for _ in range(TRIES):
        rows = claim(conn, clock.now())
        assert rows[0].key == "bad"
        inbox.done(conn, [row.id for row in rows if row.key == "good"], clock.now())
        clock.advance(60)
    assert claim(conn, clock.now()) == []
    [shown] = aside.listed(conn, channel_id=1)
    assert "without an outcome" in shown.reason


def test_waiting_says_since_when(conn: Connection, clock: ManualClock) -> None:
    began = clock.now()
    store(conn, clock, "a")
    clock.advance(10)
    inbox.store(conn, [arrived("b", clock), arrived("c", clock, channel_id=2)], clock.now())
    assert inbox.waiting(conn) == {1: inbox.Waiting(2, began), 2: inbox.Waiting(1, clock.now())}


def test_bodies_then_keys_are_forgotten_but_never_what_is_not_settled(conn: Connection, clock: ManualClock) -> None:
    store(conn, clock, "a done", "b aside", "c open")
    done, refused, _ = claim(conn, clock.now())
    inbox.done(conn, [done.id], clock.now())
    fail(conn, refused, clock.now(), final=True)
    bodies = select(schema.inbox.c.key, schema.inbox.c.body).order_by(schema.inbox.c.id)

    assert inbox.purge_bodies(conn, clock.now(), 10) == 0
    later = clock.advance(1)
    assert inbox.purge_bodies(conn, later, 10) == 1
    assert [tuple(row) for row in conn.execute(bodies)] == [("a done", None), ("b aside", b"{}"), ("c open", b"{}")]
    assert store(conn, clock, "a done") == [REPEAT]
    assert inbox.purge_bodies(conn, later + timedelta(days=30), 10) == 1
    assert list(conn.execute(bodies).scalars()) == ["b aside", "c open"]


def test_purging_is_bounded(conn: Connection, clock: ManualClock) -> None:
    store(conn, clock, *"abcde")
    inbox.done(conn, [row.id for row in claim(conn, clock.now())], clock.now())
    later = clock.advance(1)
    assert [inbox.purge_bodies(conn, later, 2) for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_two_nodes_claim_different_deliveries(engine: Engine, clock: ManualClock) -> None:
    with engine.begin() as conn:
        store(conn, clock, "a", "b")
    with engine.connect() as here, engine.connect() as there, here.begin(), there.begin():
        assert [row.key for row in claim(here, clock.now(), limit=1)] == ["a"]
        assert [row.key for row in claim(there, clock.now())] == ["b"]
