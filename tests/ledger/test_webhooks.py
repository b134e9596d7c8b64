"""What is kept about a channel's webhooks, and when a silence is worth a look; on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from channelsync.ledger import webhooks
from channelsync.ledger.webhooks import Change, Checked, Delivered
from support.stock import NOW, open_channel, open_locations

URL = "https://sync.example.com/webhooks/shop"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def shop(conn: Connection) -> int:
    open_locations(conn, "main")
    return open_channel(conn)


def test_a_comparison_that_failed_keeps_what_the_last_good_one_found(conn: Connection, shop: int) -> None:
    webhooks.note_check(conn, [Checked(shop, URL, ours=3, others=2)], NOW)
    webhooks.note_check(conn, [Checked(shop, "", problem="no answer")], NOW + MINUTE)
    known = webhooks.of_channel(conn, shop)
    assert known is not None
    assert (known.url, known.ours, known.others, known.problem) == (URL, 3, 2, "no answer")
    assert (known.complete_at, known.checked_at) == (NOW, NOW + MINUTE)
    webhooks.note_check(conn, [Checked(shop, URL, ours=3)], NOW + 2 * MINUTE)
    assert webhooks.every(conn)[shop].problem is None


def test_repairs_are_kept_newest_first_and_bounded(conn: Connection, shop: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "CHANGES_KEPT", 3)
    for number in range(5):
        change = Change("armed", f"topic-{number}", f"hook-{number}")
        webhooks.note_check(conn, [Checked(shop, URL, changes=(change,))], NOW + number * MINUTE)
    kept = webhooks.changes(conn, shop)
    assert [(at, change.topic) for at, change in kept] == [(NOW + n * MINUTE, f"topic-{n}") for n in (4, 3, 2)]


def test_a_back_fill_is_due_until_it_is_done(conn: Connection, shop: int) -> None:
    webhooks.note_check(conn, [Checked(shop, URL, fill_from=NOW)], NOW + MINUTE)
    due = webhooks.of_channel(conn, shop)
    assert due is not None
    assert (due.filled_from, due.filled_at) == (NOW, None)
    webhooks.note_filled(conn, [shop], NOW + 2 * MINUTE)
    webhooks.note_check(conn, [Checked(shop, URL)], NOW + 3 * MINUTE)
    done = webhooks.of_channel(conn, shop)
    assert done is not None
    assert (done.filled_from, done.filled_at) == (NOW, NOW + 2 * MINUTE)


def test_deliveries_are_counted_by_the_minute_for_two_hours(conn: Connection, shop: int) -> None:
    for minutes in (0, 119, 121):
        at = NOW + minutes * MINUTE
        webhooks.note_delivered(conn, [Delivered(shop, 2, at), Delivered(shop, 1, at)], at)
    assert webhooks.forget(conn, [shop], NOW + 121 * MINUTE) == [1]
    assert webhooks.deliveries_since(conn, shop, NOW) == 6, "the first minute is forgotten"
    assert webhooks.deliveries_since(conn, shop, NOW + 120 * MINUTE) == 3
    known = webhooks.of_channel(conn, shop)
    assert known is not None
    assert known.delivered_at == NOW + 121 * MINUTE


def test_silence_is_measured_by_what_is_usual(conn: Connection, shop: int) -> None:
    assert not webhooks.silent(conn, shop, NOW), "nobody ever called"
    for minutes in range(60):
        webhooks.note_delivered(conn, [Delivered(shop, 1, NOW + minutes * MINUTE)], NOW)
    last = NOW + 59 * MINUTE
    assert not webhooks.silent(conn, shop, last + 15 * MINUTE), "sixty in two hours: a quarter of an hour without is nothing"
    assert webhooks.silent(conn, shop, last + 20 * MINUTE)


def test_a_shop_that_is_always_quiet_is_never_silent(conn: Connection, shop: int) -> None:
    webhooks.note_delivered(conn, [Delivered(shop, 5, NOW)], NOW)
    assert not webhooks.silent(conn, shop, NOW + timedelta(minutes=100))
