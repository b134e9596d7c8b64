"""Claims: granted only when covered, let go only once, and never out of step with the levels."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from channelsync.ledger import findings, levels, places, policies, reservations, stock
from channelsync.ledger.holds import Which
from channelsync.ledger.levels import MovementType
from channelsync.ledger.policies import SetPolicy
from channelsync.ledger.refusals import AlreadyResolved, InsufficientStock, NotAllowed, UnknownLocation, UnknownSku
from channelsync.ledger.reservations import Extend, Extended, Harden, Hardened, Line, Release, Released, Reserve, Reserved
from channelsync.ledger.schema import movements
from channelsync.ledger.schema import reservations as table
from channelsync.ledger.skus import Backorder
from channelsync.ledger.stock import Change
from support.stock import NOW, assert_adds_up, level, open_locations, put, want

CART = Which(reference="cart")
LATER = NOW + timedelta(minutes=30)


@pytest.fixture(autouse=True)
def _warehouse(conn: Connection) -> None:
    open_locations(conn, "main", "annex")
    put(conn, "A", 5)
    put(conn, "B", 2)


def reserve(conn: Connection, *items: Reserve) -> list[Any]:
    return list(reservations.reserve(conn, items, NOW))


def release(conn: Connection, *items: Release) -> list[Any]:
    return list(reservations.release(conn, items, NOW))


def buckets(conn: Connection, sku: str = "A") -> tuple[int, int, int]:
    now = level(conn, sku)
    return now.on_hand, now.soft, now.hard


# -- reserve -------------------------------------------------------------------------------------------------------------------------------


def test_a_soft_claim_lives_for_half_an_hour_and_a_hard_one_for_ever(conn: Connection) -> None:
    soft, hard = reserve(conn, want("A", 2), Reserve("order", (Line("A", "main", 1),), kind="hard"))
    assert (soft.expires_at, hard.expires_at) == (LATER, None)
    assert [claim.available for claim in (*soft.claims, *hard.claims)] == [3, 2]
    assert buckets(conn) == (5, 2, 1)


def test_a_request_is_granted_whole_or_not_at_all(conn: Connection) -> None:
    (answer,) = reserve(conn, Reserve("cart", (Line("A", "main", 1), Line("B", "main", 3))))
    assert isinstance(answer, InsufficientStock)
    assert (answer.sku, answer.wanted, answer.available) == ("B", 3, 2)
    assert (buckets(conn), buckets(conn, "B")) == ((5, 0, 0), (2, 0, 0))
    assert conn.execute(select(table)).all() == []


def test_lines_of_one_sku_are_summed_before_they_are_checked(conn: Connection) -> None:
    too_much, fits = reserve(
        conn, Reserve("one", (Line("A", "main", 3), Line("A", "main", 3))), Reserve("two", (Line("A", "main", 3), Line("A", "main", 2)))
    )
    assert isinstance(too_much, InsufficientStock)
    assert too_much.wanted == 6
    assert [claim.quantity for claim in fits.claims] == [5]


def test_of_two_requests_for_the_last_unit_the_first_gets_it(conn: Connection) -> None:
    won, lost, other = reserve(conn, want("B", 2, "one"), want("B", 1, "two"), want("A", 5, "three"))
    assert isinstance(won, Reserved)
    assert isinstance(lost, InsufficientStock)
    assert lost.available == 0
    assert isinstance(other, Reserved)


def test_many_requests_at_once_are_told_each_its_own_claim(conn: Connection) -> None:
    put(conn, "C", 250)
    wanted = [Reserve(f"cart-{number}", (Line("C", "main", 1),)) for number in range(250)]
    answers = reservations.reserve(conn, wanted, NOW)
    stored = dict(conn.execute(select(table.c.id, table.c.reference)).all())
    told = [(stored[answer.claims[0].reservation], answer.reference) for answer in answers if isinstance(answer, Reserved)]
    assert told == [(item.reference, item.reference) for item in wanted]


def test_a_refused_request_leaves_nothing_behind_for_the_next(conn: Connection) -> None:
    refused, granted = reserve(conn, Reserve("one", (Line("A", "main", 5), Line("B", "main", 9))), want("A", 5, "two"))
    assert isinstance(refused, InsufficientStock)
    assert isinstance(granted, Reserved)


@pytest.mark.parametrize(
    ("item", "refusal"),
    [
        (want("a", 1), UnknownSku),
        (want("A", 1, location="nowhere"), UnknownLocation),
        (want("A\x00", 1), UnknownSku),
        (want("A", 0), NotAllowed),
        (want("A", -1), NotAllowed),
        (want("A", 1, reference=""), NotAllowed),
        (want("A", 1, reference="x" * 256), NotAllowed),
        (Reserve("cart", ()), NotAllowed),
        (Reserve("cart", (Line("A", "main", 1),) * 1001), NotAllowed),
        (Reserve("cart", (Line("A", "main", 1),), ttl=timedelta(0)), NotAllowed),
        (Reserve("cart", (Line("A", "main", 1),), ttl=timedelta(days=366)), NotAllowed),
    ],
)
def test_what_cannot_be_reserved_is_refused_alone(conn: Connection, item: Reserve, refusal: type) -> None:
    odd, fine = reserve(conn, item, want("A", 5, "fine"))
    assert type(odd) is refusal
    assert isinstance(fine, Reserved)


def test_stock_at_another_location_does_not_cover(conn: Connection) -> None:
    (answer,) = reserve(conn, want("A", 1, location="annex"))
    assert isinstance(answer, InsufficientStock)
    assert answer.available == 0


# -- backorders ----------------------------------------------------------------------------------------------------------------------------


def allow(conn: Connection, sku: str, limit: int | None, policy: Backorder = Backorder.ALLOW) -> None:
    policies.set_policy(conn, [SetPolicy(sku, policy, limit)], NOW)


@pytest.mark.parametrize("policy", [Backorder.ALLOW, Backorder.PREORDER])
def test_backorders_go_below_zero_without_limit(conn: Connection, policy: Backorder) -> None:
    allow(conn, "B", None, policy)
    (answer,) = reserve(conn, want("B", 100))
    assert answer.claims[0].available == -98


def test_backorders_stop_at_their_limit(conn: Connection) -> None:
    allow(conn, "B", 3)
    granted, refused = reserve(conn, want("B", 4, "one"), want("B", 2, "two"))
    assert isinstance(granted, Reserved)
    assert isinstance(refused, InsufficientStock)
    assert refused.available == 1  # what a request could still have got
    (last,) = reserve(conn, want("B", 1, "three"))
    assert last.claims[0].available == -3


def test_a_backorder_limit_counts_over_all_locations(conn: Connection) -> None:
    allow(conn, "B", 3)
    both = Reserve("cart", (Line("B", "main", 4), Line("B", "annex", 2)))
    assert isinstance(reserve(conn, both)[0], InsufficientStock)
    reserve(conn, want("B", 2, location="annex"))
    assert isinstance(reserve(conn, want("B", 4))[0], InsufficientStock)
    assert isinstance(reserve(conn, want("B", 3))[0], Reserved)


def test_denying_again_keeps_what_was_promised(conn: Connection) -> None:
    allow(conn, "B", 3)
    reserve(conn, want("B", 4))
    allow(conn, "B", None, Backorder.DENY)
    assert isinstance(reserve(conn, want("B", 1))[0], InsufficientStock)
    assert buckets(conn, "B") == (2, 4, 0)


# -- release -------------------------------------------------------------------------------------------------------------------------------


def test_releasing_by_reference_twice_is_a_named_outcome(conn: Connection) -> None:
    reserve(conn, want("A", 2), want("B", 1))
    assert release(conn, Release(CART), Release(CART)) == [Released(3, 0), Released(0, 0, "released")]
    assert release(conn, Release(CART)) == [Released(0, 0, "released")]
    assert release(conn, Release(Which(reference="nobody"))) == [Released(0, 0, "unknown")]
    assert buckets(conn) == (5, 0, 0)


def test_releasing_by_id_touches_that_claim_only(conn: Connection) -> None:
    first, _ = reserve(conn, want("A", 2), want("A", 1))
    assert release(conn, Release(Which(reservation=first.claims[0].reservation))) == [Released(2, 0)]
    assert buckets(conn) == (5, 1, 0)


def test_a_part_is_released_from_the_oldest_claim_on(conn: Connection) -> None:
    reserve(conn, want("A", 2), want("A", 2))
    assert release(conn, Release(Which(reference="cart", sku="A"), quantity=3)) == [Released(3, 1)]
    assert conn.execute(select(table.c.open, table.c.state).order_by(table.c.id)).all() == [(0, "released"), (1, "open")]
    assert release(conn, Release(CART, quantity=9)) == [Released(1, 0)]


def test_keeping_a_number_may_be_repeated(conn: Connection) -> None:
    reserve(conn, want("A", 4))
    only = Which(reference="cart", sku="A", location="main")
    assert release(conn, Release(only, keep=1), Release(only, keep=1)) == [Released(3, 1), Released(0, 1)]
    assert buckets(conn) == (5, 1, 0)


def test_only_the_named_sku_or_location_is_released(conn: Connection) -> None:
    put(conn, "A", 2, "annex")
    reserve(conn, want("A", 1), want("A", 1, location="annex"), want("B", 1))
    assert release(conn, Release(Which(reference="cart", location="annex")), Release(Which(reference="cart", sku="B"))) == [
        Released(1, 0),
        Released(1, 0),
    ]
    assert buckets(conn) == (5, 1, 0)


@pytest.mark.parametrize(
    "item",
    [
        Release(Which()),
        Release(Which(reservation=1, reference="cart")),
        Release(CART, quantity=0),
        Release(CART, quantity=1, keep=1),
        Release(CART, keep=-1),
        Release(Which(reference="\x00")),
        Release(Which(reference="cart", sku="\ud800")),
    ],
)
def test_an_ambiguous_release_is_refused(conn: Connection, item: Release) -> None:
    reserve(conn, want("A", 2))
    assert isinstance(release(conn, item)[0], NotAllowed)
    assert buckets(conn) == (5, 2, 0)


# -- extend, harden, expire ----------------------------------------------------------------------------------------------------------------


def test_extending_never_shortens(conn: Connection) -> None:
    reserve(conn, want("A", 1))
    shorter, longer = reservations.extend(conn, [Extend(CART, timedelta(minutes=5)), Extend(CART, timedelta(hours=1))], NOW)
    assert shorter == Extended(1, LATER)
    assert longer == Extended(1, NOW + timedelta(hours=1))
    assert reservations.expire(conn, NOW + timedelta(minutes=59)) == 0


def test_what_has_ended_or_never_was_cannot_be_extended_or_hardened(conn: Connection) -> None:
    reserve(conn, want("A", 1))
    release(conn, Release(CART))
    (extended,) = reservations.extend(conn, [Extend(CART)], NOW)
    (hardened,) = reservations.harden(conn, [Harden(CART)], NOW)
    (unknown,) = reservations.extend(conn, [Extend(Which(reference="nobody"))], NOW)
    assert isinstance(extended, AlreadyResolved)
    assert isinstance(hardened, AlreadyResolved)
    assert extended.state == "released"
    assert isinstance(unknown, NotAllowed)


def test_hardening_moves_the_claim_and_ends_its_clock(conn: Connection) -> None:
    reserve(conn, want("A", 2))
    assert reservations.harden(conn, [Harden(CART), Harden(CART)], NOW) == [Hardened(2, 2), Hardened(0, 2)]
    assert buckets(conn) == (5, 0, 2)
    assert reservations.expire(conn, NOW + timedelta(days=99)) == 0
    (answer,) = reservations.extend(conn, [Extend(CART)], NOW)
    assert isinstance(answer, NotAllowed)
    assert_adds_up(conn)


def test_the_sweeper_is_bounded_and_takes_the_oldest_first(conn: Connection) -> None:
    for minutes in (3, 1, 2):
        reserve(conn, Reserve(f"cart {minutes}", (Line("A", "main", 1),), ttl=timedelta(minutes=minutes)))
    reserve(conn, Reserve("order", (Line("A", "main", 1),), kind="hard"))
    after = NOW + timedelta(minutes=3)
    assert reservations.expire(conn, after, 2) == 2
    assert conn.scalars(select(table.c.reference).where(table.c.state == "open").order_by(table.c.id)).all() == ["cart 3", "order"]
    assert [reservations.expire(conn, after, 2), reservations.expire(conn, after, 2)] == [1, 0]
    assert buckets(conn) == (5, 0, 1)
    assert_adds_up(conn)


# -- into an order -------------------------------------------------------------------------------------------------------------------------


def test_an_order_takes_over_what_it_wants_and_leaves_the_rest(conn: Connection) -> None:
    reserve(conn, want("A", 2), Reserve("cart", (Line("A", "main", 2),), kind="hard"), want("B", 1), want("A", 1, "another"))
    named = places.resolve(conn, [("A", "main"), ("B", "main")])
    a, b = sorted(named.keys([("A", "main"), ("B", "main")]))
    entries = reservations.consume(conn, "cart", {a: 3, b: 5}, NOW)
    assert [(entry.key, entry.type, entry.soft, entry.hard) for entry in entries] == [
        (a, MovementType.COMMIT, -2, 0),
        (a, MovementType.COMMIT, 0, -1),
        (b, MovementType.COMMIT, -1, 0),
    ]
    levels.post(conn, entries, NOW)
    assert buckets(conn) == (5, 1, 1)
    assert reservations.consume(conn, "cart", {b: 5}, NOW) == []
    assert release(conn, Release(Which(reference="cart", sku="B"))) == [Released(0, 0, "committed")]
    assert_adds_up(conn)


def test_every_step_of_a_claim_is_in_the_log(conn: Connection) -> None:
    reserve(conn, want("A", 3))
    release(conn, Release(CART, quantity=1, reason="changed mind", actor="ann"))
    reservations.harden(conn, [Harden(CART)], NOW)
    query = select(movements.c.type, movements.c.soft, movements.c.hard, movements.c.reason, movements.c.actor)
    assert conn.execute(query.where(movements.c.reference == "cart").order_by(movements.c.id)).all() == [
        ("reserve", 3, 0, "", ""),
        ("release", -1, 0, "changed mind", "ann"),
        ("reserve", -2, 2, "", ""),
    ]


def test_a_count_below_what_is_claimed_is_an_oversell_until_it_is_covered(conn: Connection) -> None:
    reserve(conn, want("A", 4), want("B", 2, "other"))

    def oversold() -> list[Any]:
        return [finding.detail["available"] for finding in findings.listed(conn, kind="oversell")]

    stock.count(conn, [Change("A", "main", 1), Change("B", "main", 2)], NOW)
    assert oversold() == [-3]
    stock.receive(conn, [Change("A", "main", 2)], NOW)
    stock.adjust(conn, [Change("A", "main", -1, reason="lost")], NOW)
    assert oversold() == [-2]
    release(conn, Release(CART, quantity=2))
    assert oversold() == []


def test_an_oversell_ends_with_the_claim_that_expires(conn: Connection) -> None:
    reserve(conn, want("A", 5))
    stock.count(conn, [Change("A", "main", 0)], NOW)
    assert len(findings.listed(conn, kind="oversell")) == 1
    reservations.expire(conn, LATER)
    assert findings.listed(conn, kind="oversell") == []


def test_a_promised_backorder_is_no_oversell(conn: Connection) -> None:
    allow(conn, "B", None)
    reserve(conn, want("B", 5))
    stock.count(conn, [Change("B", "main", 0)], NOW)
    assert findings.listed(conn, kind="oversell") == []
