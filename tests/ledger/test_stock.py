"""Physical stock: what each verb moves, what it refuses, and that one item's refusal is its own affair."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from channelsync.ledger import stock
from channelsync.ledger.refusals import InsufficientStock, NotAllowed, Refusal, UnknownLocation, UnknownSku
from channelsync.ledger.schema import movements, skus
from channelsync.ledger.stock import Change, Posted, WriteOff
from support.stock import NOW, assert_adds_up, level, open_locations, put


@pytest.fixture(autouse=True)
def _warehouse(conn: Connection) -> None:
    open_locations(conn, "main", "annex")


def one(answers: Any) -> Any:
    (answer,) = answers
    return answer


def test_receiving_adds_units_and_says_what_there_is_now(conn: Connection) -> None:
    put(conn, "A", 3)
    answer = one(stock.receive(conn, [Change("A", "main", 4, reference="PO-7", actor="eve")], NOW))
    assert answer == Posted("A", "main", on_hand=7, available=7, quarantined=0, damaged=0)
    last = conn.execute(select(movements).order_by(movements.c.id.desc())).mappings().first()
    assert last is not None
    assert (last["type"], last["on_hand"], last["reference"], last["actor"]) == ("receive", 4, "PO-7", "eve")


def test_a_seed_opens_a_level_once(conn: Connection) -> None:
    put(conn, "A", 3)
    again, other_place, twice, thrice = stock.seed(
        conn, [Change("A", "main", 5), Change("A", "annex", 2), Change("B", "main", 1), Change("B", "main", 1)], NOW
    )
    assert isinstance(again, NotAllowed)
    assert "count" in again.reason
    assert isinstance(other_place, Posted)
    assert isinstance(twice, Posted)
    assert isinstance(thrice, NotAllowed)
    assert (level(conn, "A").on_hand, level(conn, "A", "annex").on_hand, level(conn, "B").on_hand) == (3, 2, 1)


def test_a_refused_seed_makes_no_sku(conn: Connection) -> None:
    answers = stock.seed(conn, [Change("A", "main", -1), Change(" B", "main", 1)], NOW)
    assert [type(answer) for answer in answers] == [NotAllowed, NotAllowed]
    assert conn.execute(select(skus)).all() == []


def test_an_adjustment_needs_a_reason_and_never_takes_more_than_there_is(conn: Connection) -> None:
    put(conn, "A", 3)
    silent, too_much, nothing, fine = stock.adjust(
        conn,
        [
            Change("A", "main", -1),
            Change("A", "main", -4, reason="lost"),
            Change("A", "main", 0, reason="lost"),
            Change("A", "main", -3, reason="lost"),
        ],
        NOW,
    )
    assert isinstance(silent, NotAllowed)
    assert isinstance(nothing, NotAllowed)
    assert isinstance(too_much, InsufficientStock)
    assert (too_much.wanted, too_much.available) == (4, 3)
    assert isinstance(fine, Posted)
    assert level(conn, "A").on_hand == 0


def test_a_count_is_absolute_and_counts_within_a_batch_follow_each_other(conn: Connection) -> None:
    put(conn, "A", 3)
    stock.count(conn, [Change("A", "main", 10), Change("A", "main", 4)], NOW)
    assert level(conn, "A").on_hand == 4
    assert conn.scalars(select(movements.c.on_hand).where(movements.c.type == "count")).all() == [7, -6]


def test_counting_nothing_is_a_count_all_the_same(conn: Connection) -> None:
    put(conn, "A", 0)
    assert conn.scalar(select(skus.c.counted)) is True


def test_a_return_waits_in_quarantine_until_it_is_inspected(conn: Connection) -> None:
    put(conn, "A", 1)
    back = one(stock.take_back(conn, [Change("A", "main", 3, reference="RMA-1")], NOW))
    assert (back.on_hand, back.available, back.quarantined) == (1, 1, 3)
    good = one(stock.restock(conn, [Change("A", "main", 2)], NOW))
    assert (good.on_hand, good.quarantined) == (3, 1)
    bad = one(stock.write_off(conn, [WriteOff("A", "main", 1, reason="broken")], NOW))
    assert (bad.quarantined, bad.damaged) == (0, 1)
    gone = one(stock.write_off(conn, [WriteOff("A", "main", 1, reason="scrapped", bucket="damaged")], NOW))
    assert gone.damaged == 0
    shelf = one(stock.write_off(conn, [WriteOff("A", "main", 1, reason="dropped", bucket="on_hand")], NOW))
    assert (shelf.on_hand, shelf.damaged) == (2, 1)
    assert_adds_up(conn)


@pytest.mark.parametrize("bucket", ["on_hand", "quarantined", "damaged"])
def test_nothing_is_written_off_that_is_not_there(conn: Connection, bucket: Any) -> None:
    put(conn, "A", 1)
    no_reason, too_much = stock.write_off(
        conn, [WriteOff("A", "main", 1, bucket=bucket), WriteOff("A", "main", 2, reason="x", bucket=bucket)], NOW
    )
    assert isinstance(no_reason, NotAllowed)
    assert isinstance(too_much, InsufficientStock)


def test_nothing_is_restocked_that_is_not_in_quarantine(conn: Connection) -> None:
    put(conn, "A", 5)
    assert isinstance(one(stock.restock(conn, [Change("A", "main", 1)], NOW)), InsufficientStock)


@pytest.mark.parametrize("bucket", ["on_hand", "quarantined", "damaged"])
def test_a_shortage_says_what_the_units_had_to_be_and_no_remedy_of_sales(conn: Connection, bucket: Any) -> None:
    put(conn, "A", 1)
    for answer in (
        one(stock.write_off(conn, [WriteOff("A", "main", 4, reason="x", bucket=bucket)], NOW)),
        one(stock.restock(conn, [Change("A", "main", 4)], NOW)) if bucket == "quarantined" else None,
        one(stock.adjust(conn, [Change("A", "main", -4, reason="x")], NOW)) if bucket == "on_hand" else None,
    ):
        state, there = {"on_hand": ("on hand", 1), "quarantined": ("in quarantine", 0), "damaged": ("damaged", 0)}[bucket]
        if answer is not None:
            assert f"SKU 'A' at location 'main': 4 wanted, {there} {state}; take no more than that" in str(answer)
            assert "backorders" not in str(answer)


def test_unknown_names_and_odd_numbers_are_refused_alone(conn: Connection) -> None:
    put(conn, "A", 3)
    answers = stock.receive(
        conn,
        [
            Change("a", "main", 1),
            Change("A", "nowhere", 1),
            Change("A", "main", 0),
            Change("A", "main", 10**12),
            Change("A", "main", 1, reference="x" * 256),
            Change("A", "main", 1, actor="\x00"),
            Change("A\x00", "main", 1),
            Change("A", "\ud800", 1),
            Change("A", "main", 2),
        ],
        NOW,
    )
    assert [type(answer) for answer in answers] == [UnknownSku, UnknownLocation, *[NotAllowed] * 5, UnknownLocation, Posted]
    assert level(conn, "A").on_hand == 5


change = st.builds(Change, st.sampled_from("AB"), st.sampled_from(["main", "annex"]), st.integers(-4, 4), reason=st.just("r"))
request = st.tuples(
    st.sampled_from([stock.receive, stock.adjust, stock.count, stock.take_back, stock.restock]), st.lists(change, min_size=1, max_size=5)
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(request, min_size=1, max_size=5))
def test_a_batch_does_what_its_items_do_one_by_one(conn: Connection, requests: list[Any]) -> None:
    outcomes = []
    for batched in (True, False):
        with conn.begin_nested() as savepoint:
            put(conn, "A", 2)
            put(conn, "B", 2, "annex")
            stock.receive(conn, [Change("A", "annex", 1), Change("B", "main", 1)], NOW)
            outcomes.append([_plain(answer) for verb, items in requests for answer in _run(conn, verb, items, batched)])
            assert_adds_up(conn)
            savepoint.rollback()
    assert outcomes[0] == outcomes[1]


def _run(conn: Connection, verb: Any, items: list[Change], batched: bool) -> list[Any]:
    if batched:
        return list(verb(conn, items, NOW))
    return [one(verb(conn, [item], NOW)) for item in items]


def _plain(answer: Any) -> Any:
    return (type(answer), str(answer)) if isinstance(answer, Refusal) else answer
