"""The queue: in order per target, once, later and later while a target does not answer, and never for ever."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, insert, select

from channelsync.ledger import alert_counts, alert_pages, alert_queue, doctoring
from channelsync.ledger.alert_counts import AlertCounts, OpenAlerts, Queue
from channelsync.ledger.alert_queue import AGE_MAX, BATCH, PAUSES, Claim, Message, Outcome, Retry, Said
from channelsync.ledger.alert_rules import Route, Rules
from channelsync.ledger.schema import alert_messages, alert_targets
from support.alerts import RULES, look, queued, sell, stocked
from support.stock import NOW, open_locations

LEASE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def put(conn: Connection, count: int, target: str = "phone", now: datetime = NOW) -> None:
    row = {"event": "opened", "kind": "drift", "severity": "warning", "data": {}, "target": target, "created_at": now, "queued_at": now}
    conn.execute(insert(alert_messages), [{**row, "title": f"matter {number}"} for number in range(count)])


def claim(conn: Connection, now: datetime = NOW, target: str = "phone") -> list[Message]:
    (found,) = alert_queue.claim(conn, [Claim(target, LEASE)], now)
    return found


def settle(
    conn: Connection, message: Message, said: Said, now: datetime = NOW, *, last: bool = False, wait: timedelta | None = None
) -> None:
    alert_queue.settle(conn, [Outcome("phone", message.id, said, "why", wait, 1.0, LEASE, last)], now)


def next_at(conn: Connection) -> datetime | None:
    return conn.scalar(select(alert_targets.c.next_at))


def states(conn: Connection) -> list[str]:
    return [row[0] for row in queued(conn, "state")]


def test_a_batch_is_claimed_once_in_order_and_settled_one_by_one(conn: Connection) -> None:
    put(conn, BATCH + 2)
    batch = claim(conn)
    assert [each.title for each in batch] == [f"matter {number}" for number in range(BATCH)]
    assert claim(conn) == [], "somebody sends to it"
    assert alert_queue.due(conn, NOW) == set()
    for message in batch[:-1]:
        settle(conn, message, Said.SENT)
    assert claim(conn) == []
    settle(conn, batch[-1], Said.SENT, last=True)
    assert alert_queue.due(conn, NOW) == {"phone"}
    assert [each.title for each in claim(conn)] == [f"matter {BATCH}", f"matter {BATCH + 1}"]


def test_a_sender_that_died_gives_up_its_claim_by_time(conn: Connection) -> None:
    put(conn, 2)
    first = claim(conn)
    settle(conn, first[0], Said.SENT, NOW + 50 * SECOND)
    assert claim(conn, NOW + 109 * SECOND) == []
    assert [each.title for each in claim(conn, NOW + 110 * SECOND)] == ["matter 1"], "what was settled is not sent again"


def test_a_target_that_is_down_is_asked_later_and_later_and_holds_its_own_back(conn: Connection) -> None:
    put(conn, 3)
    put(conn, 1, "mail")
    now, pauses = NOW, []
    for _ in range(4):
        settle(conn, claim(conn, now)[0], Said.LATER, now)
        at = next_at(conn)
        assert at is not None
        pauses.append(at - now)
        assert claim(conn, at - SECOND) == []
        now = at
    assert tuple(pauses) == PAUSES[:4]
    assert alert_queue.due(conn, NOW + SECOND) == {"mail"}
    batch = claim(conn, now)
    assert [each.title for each in batch] == ["matter 0", "matter 1", "matter 2"]
    for number, message in enumerate(batch):
        settle(conn, message, Said.SENT, now, last=number == 2)
    assert states(conn) == ["sent", "sent", "sent", "waiting"]
    assert next_at(conn) is None


def test_a_target_may_ask_for_more_time(conn: Connection) -> None:
    put(conn, 1)
    settle(conn, claim(conn)[0], Said.LATER, wait=timedelta(hours=1))
    assert next_at(conn) == NOW + timedelta(hours=1)


def test_one_message_that_is_refused_does_not_hold_up_the_rest_for_ever(conn: Connection) -> None:
    put(conn, 2)
    now = NOW
    for _ in range(5):
        settle(conn, claim(conn, now)[0], Said.REFUSED, now)
        now = next_at(conn) or now
    assert states(conn) == ["failed", "waiting"]
    assert [each.title for each in claim(conn, now)] == ["matter 1"]


def test_what_is_too_old_is_given_up_together(conn: Connection) -> None:
    put(conn, 2)
    put(conn, 1, now=NOW + AGE_MAX)
    settle(conn, claim(conn, NOW + AGE_MAX + SECOND)[0], Said.LATER, NOW + AGE_MAX + SECOND)
    assert states(conn) == ["failed", "failed", "waiting"]


def test_a_target_that_wants_nothing_more_is_switched_off_until_a_person_says_so(conn: Connection) -> None:
    put(conn, 2)
    settle(conn, claim(conn)[0], Said.GONE)
    assert claim(conn, NOW + timedelta(days=3)) == []
    assert alert_queue.due(conn, NOW + timedelta(days=3)) == set()
    (view,) = alert_pages.every_target(conn)
    assert (view.waiting, view.disabled_at, view.reason) == (2, NOW, "why")
    assert alert_queue.retry(conn, [Retry("phone")], NOW) == [2]
    assert len(claim(conn)) == 2


def test_retry_takes_up_what_was_given_up(conn: Connection) -> None:
    put(conn, 1)
    late = NOW + AGE_MAX + SECOND
    settle(conn, claim(conn, late)[0], Said.LATER, late)
    assert claim(conn, late + timedelta(days=2)) == []
    assert alert_queue.retry(conn, [Retry()], late) == [1]
    settle(conn, claim(conn, late)[0], Said.LATER, late)
    assert states(conn) == ["waiting"], "its age begins anew"


@pytest.mark.parametrize("known", [True, False])
def test_messages_to_a_target_that_left_the_config_are_given_up(conn: Connection, known: bool) -> None:
    look(conn, Rules(routes=(Route("route 1", ("phone",)),)))
    put(conn, 1)
    look(conn, Rules(routes=(Route("route 1", ("phone", "mail") if known else ("mail",)),)))
    assert states(conn) == ["waiting" if known else "failed"]


def test_doctor_tells_of_targets_that_do_not_hear(conn: Connection) -> None:
    put(conn, 2)
    now = NOW
    for tries in range(1, 4):
        settle(conn, claim(conn, now)[0], Said.LATER, now)
        now = next_at(conn) or now
        assert [each.code for _, each in doctoring.examine(conn, now, {})] == (["alerts-failing"] if tries == 3 else [])
    settle(conn, claim(conn, now)[0], Said.GONE, now)
    ((_, found),) = doctoring.examine(conn, now, {})
    assert (found.code, found.what) == ("alerts-off", "alerts to phone are switched off, 2 wait: why")


def test_what_is_open_waits_and_was_given_up_is_counted(conn: Connection) -> None:
    assert alert_counts.alert_counts(conn) == AlertCounts((), ())
    open_locations(conn, "main")
    stocked(conn, 9, 9, 9, rules=RULES)
    for sku in "AB":
        sell(conn, sku, 5)
    sell(conn, "C", 9)
    look(conn)
    put(conn, 2, "erp", NOW + SECOND)
    for message in claim(conn)[:2]:
        settle(conn, message, Said.SENT)
    alert_queue.drop_others(conn, ["erp"], NOW)
    put(conn, 1, "erp", NOW - SECOND)
    counted = alert_counts.alert_counts(conn)
    assert counted.open == (OpenAlerts("low-stock", "info", 2), OpenAlerts("out-of-stock", "warning", 1))
    assert counted.queues == (Queue("erp", 3, NOW - SECOND, 0), Queue("phone", 0, None, 1))
    alert_queue.retry(conn, [Retry()], NOW + 2 * SECOND)
    assert alert_counts.alert_counts(conn).queues == (Queue("erp", 3, NOW - SECOND, 0), Queue("phone", 1, NOW + 2 * SECOND, 0))
