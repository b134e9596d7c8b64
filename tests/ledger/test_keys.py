"""Idempotency: a repeat gets the first answer and changes nothing, another request with the same key is told so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from channelsync.ledger import keys, reservations, stock
from channelsync.ledger.refusals import InsufficientStock, KeyReused, NotAllowed
from channelsync.ledger.reservations import Line, Reserve, Reserved
from channelsync.ledger.schema import idempotency_keys
from channelsync.ledger.stock import Change, Posted
from support.stock import NOW, assert_adds_up, level, open_locations, put


@pytest.fixture(autouse=True)
def _warehouse(conn: Connection) -> None:
    open_locations(conn, "main")
    put(conn, "A", 3)


def receive(conn: Connection, *items: Change) -> list[Any]:
    return list(stock.receive(conn, items, NOW))


def test_a_repeat_gets_the_first_answer_and_changes_nothing(conn: Connection) -> None:
    (first,) = receive(conn, Change("A", "main", 2, key="k"))
    receive(conn, Change("A", "main", 10))
    (again,) = receive(conn, Change("A", "main", 2, key="k"))
    assert (first.on_hand, first.repeat) == (5, False)
    assert (again.on_hand, again.repeat) == (5, True)
    assert level(conn, "A").on_hand == 15


def test_a_result_with_parts_and_times_comes_back_as_it_was(conn: Connection) -> None:
    request = Reserve("cart", (Line("A", "main", 1),), key="k")
    (first,) = reservations.reserve(conn, [request], NOW)
    (again,) = reservations.reserve(conn, [request], NOW + timedelta(minutes=5))
    assert isinstance(first, Reserved)
    assert isinstance(again, Reserved)
    assert again.repeat
    assert (again.claims, again.expires_at, again.reference) == (first.claims, first.expires_at, first.reference)
    assert level(conn, "A").soft == 1


def test_another_input_or_another_verb_under_the_same_key_is_refused(conn: Connection) -> None:
    receive(conn, Change("A", "main", 2, key="k"))
    (other_input,) = receive(conn, Change("A", "main", 3, key="k"))
    (other_verb,) = stock.count(conn, [Change("A", "main", 2, key="k")], NOW)
    assert isinstance(other_input, KeyReused)
    assert isinstance(other_verb, KeyReused)
    assert level(conn, "A").on_hand == 5


def test_a_refusal_is_not_stored(conn: Connection) -> None:
    request = Change("A", "main", -5, reason="lost", key="k")
    (refused,) = stock.adjust(conn, [request], NOW)
    assert isinstance(refused, InsufficientStock)
    assert conn.execute(select(idempotency_keys)).all() == []
    receive(conn, Change("A", "main", 2))
    (done,) = stock.adjust(conn, [request], NOW)
    assert isinstance(done, Posted)
    assert (done.on_hand, done.repeat) == (0, False)


def test_repeats_within_one_batch_are_repeats(conn: Connection) -> None:
    twice = Change("A", "main", 2, key="k")
    first, same, other, keyless = receive(conn, twice, twice, Change("A", "main", 9, key="k"), Change("A", "main", 1))
    assert (first.repeat, same.repeat, same.on_hand) == (False, True, first.on_hand)
    assert isinstance(other, KeyReused)
    assert isinstance(keyless, Posted)
    assert level(conn, "A").on_hand == 6


def test_after_a_refusal_the_next_request_of_the_batch_may_use_the_key(conn: Connection) -> None:
    refused, done = stock.adjust(conn, [Change("A", "main", -9, reason="r", key="k"), Change("A", "main", -1, reason="r", key="k")], NOW)
    assert isinstance(refused, InsufficientStock)
    assert isinstance(done, Posted)


def test_a_key_that_fits_no_column_is_refused(conn: Connection) -> None:
    for key in ("k" * 256, "\x00"):
        (answer,) = receive(conn, Change("A", "main", 1, key=key))
        assert isinstance(answer, NotAllowed)
    assert level(conn, "A").on_hand == 3


def test_keys_are_forgotten_after_a_week_unless_they_are_kept(conn: Connection) -> None:
    receive(conn, Change("A", "main", 1, key="short"), Change("A", "main", 1, key="kept", keep_key=True))
    assert keys.purge(conn, NOW + timedelta(days=7)) == 0
    assert keys.purge(conn, NOW + timedelta(days=7, seconds=1)) == 1
    assert conn.scalars(select(idempotency_keys.c.key)).all() == ["kept"]


def test_purging_is_bounded(conn: Connection) -> None:
    receive(conn, *(Change("A", "main", 1, key=f"k{number}") for number in range(5)))
    assert [keys.purge(conn, NOW + timedelta(days=8), limit=3) for _ in range(3)] == [3, 2, 0]


keyed = st.builds(Change, st.just("A"), st.just("main"), st.integers(-3, 3), reason=st.just("r"), key=st.sampled_from(["a", "b", None]))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(keyed, min_size=1, max_size=5), min_size=1, max_size=4))
def test_sending_everything_twice_is_sending_it_once(conn: Connection, batches: list[list[Change]]) -> None:
    """Only items with a key are sent again: their second answers are the first ones or KeyReused, and the stock does not move."""
    with conn.begin_nested() as savepoint:
        first = [answer for batch in batches for answer in stock.adjust(conn, batch, NOW)]
        sent = [item for batch in batches for item in batch]
        done = [(item, answer) for item, answer in zip(sent, first, strict=True) if item.key and isinstance(answer, Posted)]
        before = level(conn, "A")
        again = stock.adjust(conn, [item for item, _ in done], NOW) if done else []
        for (_, was), now in zip(done, again, strict=True):
            assert isinstance(now, Posted)
            assert (now.repeat, now.on_hand) == (True, was.on_hand)
        assert level(conn, "A") == before
        assert_adds_up(conn)
        savepoint.rollback()
