"""A cart's line gets another quantity: up or down in one step, and never more than there is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from channelsync.ledger import bundling, policies, reservations
from channelsync.ledger.amending import Amend, Amended, amend
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.fulfilment import Fulfil, fulfil
from channelsync.ledger.holds import Which
from channelsync.ledger.policies import SetPolicy
from channelsync.ledger.refusals import AlreadyResolved, InsufficientStock, NotAllowed, OverPurchaseLimit, UnknownSku
from channelsync.ledger.reservations import Release
from channelsync.ledger.skus import Backorder
from support.stock import NOW, assert_adds_up, level, open_locations, put, want


@pytest.fixture(autouse=True)
def _stock(conn: Connection) -> None:
    open_locations(conn, "main", "annex")
    put(conn, "A", 5)
    put(conn, "A", 5, "annex")


def set_to(conn: Connection, quantity: int, sku: str = "A", **more: Any) -> Any:
    [answer] = amend(conn, [Amend("cart", sku, "main", quantity, **more)], more.pop("now", NOW))
    return answer


def test_up_down_and_to_nothing(conn: Connection) -> None:
    for quantity, change in ((2, 2), (5, 3), (1, -4), (1, 0), (0, -1), (0, 0), (3, 3)):
        answer = set_to(conn, quantity)
        assert (answer.quantity, answer.change) == (quantity, change)
        assert (level(conn, "A").soft, level(conn, "A", "annex").soft) == (quantity, 0)
        assert (answer.expires_at is None) == (quantity == 0)
    assert_adds_up(conn)


def test_what_cannot_be_had_leaves_the_claim_as_it_was(conn: Connection) -> None:
    set_to(conn, 4)
    assert isinstance(set_to(conn, 6), InsufficientStock)
    assert level(conn, "A").soft == 4
    assert isinstance(set_to(conn, 1, sku="NONE"), UnknownSku)
    for wrong in ({"quantity": -1}, {"quantity": 1, "ttl": timedelta(0)}):
        assert isinstance(set_to(conn, **wrong), NotAllowed)


def test_of_one_batch_each_sees_the_one_before(conn: Connection) -> None:
    first, second, third = amend(conn, [Amend(name, "A", "main", 3) for name in ("a", "b", "a")], NOW)
    assert isinstance(second, InsufficientStock)
    assert isinstance(first, Amended)
    assert isinstance(third, Amended)
    assert (first.change, third.change) == (3, 0)


def test_whoever_changes_a_cart_is_still_there(conn: Connection) -> None:
    set_to(conn, 1, ttl=timedelta(minutes=10))
    [later] = amend(conn, [Amend("cart", "A", "main", 2, ttl=timedelta(minutes=10))], NOW + timedelta(minutes=8))
    assert isinstance(later, Amended)
    assert later.expires_at == NOW + timedelta(minutes=18)
    assert reservations.expire(conn, NOW + timedelta(minutes=12)) == 0


def test_a_hard_claim_stays_hard_and_one_that_lapsed_is_made_again(conn: Connection) -> None:
    set_to(conn, 1, kind="hard")
    assert set_to(conn, 3).expires_at is None
    assert (level(conn, "A").hard, level(conn, "A").soft) == (3, 0)
    [soft] = amend(conn, [Amend("other", "A", "main", 1)], NOW)
    assert reservations.expire(conn, NOW + timedelta(days=1)) == 1
    [again] = amend(conn, [Amend("other", "A", "main", 2)], NOW + timedelta(days=1))
    assert isinstance(again, Amended)
    assert again.change == 2


def test_what_was_shipped_is_no_cart_any_more(conn: Connection) -> None:
    set_to(conn, 2)
    fulfil(conn, [Fulfil(Which(reference="cart"))], NOW)
    assert isinstance(set_to(conn, 3), AlreadyResolved)
    assert level(conn, "A").soft == 0


def test_a_bundle_in_the_same_cart_keeps_its_parts(conn: Connection) -> None:
    put(conn, "B", 9)
    bundling.define(conn, [Define("KIT", (Part("A", 1), Part("B", 2)))], NOW)
    assert set_to(conn, 2, sku="KIT").change == 2
    assert set_to(conn, 1).change == 1
    assert set_to(conn, 0).change == -1
    assert (level(conn, "A").soft, level(conn, "B").soft) == (2, 4)
    assert set_to(conn, 1, sku="KIT").change == -1
    assert (level(conn, "A").soft, level(conn, "B").soft) == (1, 2)
    assert_adds_up(conn)


STEPS = st.lists(st.tuples(st.sampled_from(["one", "two"]), st.sampled_from(["A", "B"]), st.integers(0, 6), st.booleans()), max_size=12)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(STEPS)
def test_whatever_is_asked_a_claim_is_what_was_asked_last_and_there(conn: Connection, steps: list[tuple[str, str, int, bool]]) -> None:
    """Beside plain reservations of the same cart, which count as what it has."""
    with conn.begin_nested() as savepoint:
        put(conn, "B", 8)
        left, held = {"A": 5, "B": 8}, dict.fromkeys([(ref, sku) for ref in ("one", "two") for sku in "AB"], 0)
        for reference, sku, units, whole in steps:
            more = units - held[reference, sku] if whole else units
            if whole:
                [answer] = amend(conn, [Amend(reference, sku, "main", units)], NOW)
            else:
                [answer] = reservations.reserve(conn, [want(sku, units + 1, reference)], NOW)  # type: ignore[assignment]
                more += 1
            if more > left[sku]:
                assert isinstance(answer, InsufficientStock)
                continue
            assert not isinstance(answer, InsufficientStock)
            left[sku] -= more
            held[reference, sku] += more
            assert level(conn, sku).available == left[sku]
        assert_adds_up(conn)
        savepoint.rollback()


# -- purchase limits -------------------------------------------------------------------------------------------------------------------------


def limit(conn: Connection, units: int | None, sku: str = "A") -> None:
    policies.set_policy(conn, [SetPolicy(sku, Backorder.DENY, per_reference=units)], NOW)


def test_a_reference_gets_no_more_than_its_share(conn: Connection) -> None:
    limit(conn, 2)
    first, second, other = reservations.reserve(conn, [want("A", 1, "cart"), want("A", 2, "cart"), want("A", 2, "other")], NOW)
    assert isinstance(second, OverPurchaseLimit)
    assert (second.wanted, second.limit, second.held) == (2, 2, 1)
    assert not isinstance(first, OverPurchaseLimit)
    assert not isinstance(other, OverPurchaseLimit)
    assert isinstance(set_to(conn, 3), OverPurchaseLimit)
    assert set_to(conn, 2).change == 1
    [elsewhere] = reservations.reserve(conn, [want("A", 1, "cart", "annex")], NOW)
    assert isinstance(elsewhere, OverPurchaseLimit)
    assert_adds_up(conn)


def test_what_is_given_back_may_be_had_again_and_what_was_bought_counts_on(conn: Connection) -> None:
    limit(conn, 2)
    set_to(conn, 2)
    reservations.release(conn, [Release(Which(reference="cart"), quantity=1)], NOW)
    fulfil(conn, [Fulfil(Which(reference="cart"))], NOW)
    [one, two] = reservations.reserve(conn, [want("A", 1, "cart"), want("A", 1, "cart")], NOW)
    assert not isinstance(one, OverPurchaseLimit)
    assert isinstance(two, OverPurchaseLimit)
    assert two.held == 2


def test_hardening_takes_nothing_off_the_limit_and_a_lapse_gives_it_back(conn: Connection) -> None:
    limit(conn, 2)
    set_to(conn, 1)
    reservations.harden(conn, [reservations.Harden(Which(reference="cart"))], NOW)
    assert set_to(conn, 2).change == 1
    [soft] = reservations.reserve(conn, [want("A", 2, "late")], NOW)
    reservations.expire(conn, NOW + timedelta(days=1))
    [again] = reservations.reserve(conn, [want("A", 2, "late")], NOW + timedelta(days=1))
    assert not isinstance(again, OverPurchaseLimit)


def test_units_in_a_bundle_count(conn: Connection) -> None:
    put(conn, "B", 9)
    bundling.define(conn, [Define("KIT", (Part("A", 1), Part("B", 2)))], NOW)
    limit(conn, 3, "B")
    assert isinstance(set_to(conn, 2, sku="KIT"), OverPurchaseLimit)
    assert set_to(conn, 1, sku="KIT").change == 1


def test_a_bundle_has_no_policy_of_its_own(conn: Connection) -> None:
    put(conn, "B", 9)
    bundling.define(conn, [Define("KIT", (Part("A", 1), Part("B", 2)))], NOW)
    [refused, dated] = policies.set_policy(conn, [SetPolicy("KIT", Backorder.ALLOW), SetPolicy("A", Backorder.DENY, text="soon")], NOW)
    assert isinstance(refused, NotAllowed)
    assert isinstance(dated, NotAllowed)
