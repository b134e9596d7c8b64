"""Whatever is asked of the ledger, in whatever order: no claim is granted that is not covered, and everything adds up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from channelsync.ledger import levels, places, reservations, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.fulfilment import Fulfil, fulfil
from channelsync.ledger.holds import Which
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.reservations import Extend, Harden, Line, Release, Reserve, Reserved
from channelsync.ledger.stock import Change
from support.stock import NOW, assert_adds_up, level, open_locations, put

references = st.sampled_from(["one", "two"])
some_skus = st.sampled_from(["A", "B"])
which = st.one_of(
    st.builds(Which, reference=references),
    st.builds(Which, reference=references, sku=some_skus),
    st.builds(Which, reservation=st.integers(1, 6)),
)
line = st.builds(Line, some_skus, st.just("main"), st.integers(1, 3))
reserve = st.builds(Reserve, references, st.lists(line, min_size=1, max_size=3).map(tuple), st.sampled_from(["soft", "hard"]))
step = st.one_of(
    st.tuples(st.just(reservations.reserve), st.lists(reserve, min_size=1, max_size=4)),
    st.tuples(st.just(reservations.release), st.lists(st.builds(Release, which, st.none() | st.integers(1, 3)), min_size=1, max_size=3)),
    st.tuples(st.just(reservations.harden), st.lists(st.builds(Harden, which), min_size=1, max_size=2)),
    st.tuples(st.just(reservations.extend), st.lists(st.builds(Extend, which), min_size=1, max_size=2)),
    st.tuples(st.just(fulfil), st.lists(st.builds(Fulfil, which, st.none() | st.integers(1, 2)), min_size=1, max_size=3)),
    st.tuples(st.just(stock.count), st.lists(st.builds(Change, some_skus, st.just("main"), st.integers(0, 4)), min_size=1, max_size=2)),
    st.tuples(st.just("expire"), st.integers(0, 45)),
    st.tuples(st.just("consume"), st.tuples(references, some_skus, st.integers(1, 3))),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(step, min_size=1, max_size=10))
def test_every_way_keeps_the_rules(conn: Connection, steps: list[Any]) -> None:
    with conn.begin_nested() as savepoint:
        open_locations(conn, "main")
        put(conn, "A", 3)
        put(conn, "B", 2)
        for verb, argument in steps:
            before = {sku: level(conn, sku).available for sku in "AB"}
            answers = _take_step(conn, verb, argument)
            _granted_only_what_was_there(before, argument, answers)
            assert_adds_up(conn)
        assert audit(conn) == []
        savepoint.rollback()


def _take_step(conn: Connection, verb: Any, argument: Any) -> list[Any]:
    if verb == "expire":
        reservations.expire(conn, NOW + timedelta(minutes=argument))
        return []
    if verb == "consume":
        reference, sku, units = argument
        key = places.resolve(conn, [(sku, "main")]).key(sku, "main")
        assert not isinstance(key, Refusal)
        levels.post(conn, reservations.consume(conn, reference, {key: units}, NOW), NOW)
        return []
    return list(verb(conn, argument, NOW))


def _granted_only_what_was_there(before: dict[str, int], items: Any, answers: list[Any]) -> None:
    for sku, available in before.items():
        granted = [claim.quantity for answer in answers if isinstance(answer, Reserved) for claim in answer.claims if claim.sku == sku]
        assert not granted or sum(granted) <= available


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(reserve, min_size=1, max_size=6))
def test_one_batch_is_the_same_as_one_by_one(conn: Connection, items: list[Reserve]) -> None:
    outcomes = []
    for batched in (True, False):
        with conn.begin_nested() as savepoint:
            open_locations(conn, "main")
            put(conn, "A", 3)
            put(conn, "B", 2)
            groups = [items] if batched else [[item] for item in items]
            answers = [answer for group in groups for answer in reservations.reserve(conn, group, NOW)]
            outcomes.append([str(a) if isinstance(a, Refusal) else [(c.sku, c.quantity, c.available) for c in a.claims] for a in answers])
            savepoint.rollback()
    assert outcomes[0] == outcomes[1]
