"""Readings of a stock authority: what they set, what they never touch, and when a shipment is out of the number."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from channelsync.contract import Page, Physical
from channelsync.ledger import (
    aside,
    authorities,
    authority_alerts,
    authority_guard,
    authority_import,
    authority_view,
    book,
    channels,
    explaining,
    exports,
    findings,
    fulfilment,
    guard,
    guard_answer,
    listings,
    openings,
    planned,
    reservations,
    skus,
    stock,
)
from channelsync.ledger.authorities import Ownership
from channelsync.ledger.authority_alerts import Watch
from channelsync.ledger.authority_guard import Run
from channelsync.ledger.authority_import import PhysicalRead
from channelsync.ledger.book import BookEntry
from channelsync.ledger.channels import PauseKind
from channelsync.ledger.fulfilment import Fulfil
from channelsync.ledger.guard import Guarded, Limits
from channelsync.ledger.guard_answer import Resume
from channelsync.ledger.holds import Which
from channelsync.ledger.refusals import NotAllowed
from channelsync.ledger.reservations import Line, Reserve
from channelsync.ledger.schema import shelves
from channelsync.ledger.stock import Change
from support.authority import LISTING, PLACE, SKU, Owned, open_owned
from support.stock import assert_adds_up


@pytest.fixture
def owned(conn: Connection) -> Owned:
    return open_owned(conn)


def _numbers(owned: Owned) -> tuple[int, int, int, int]:
    """on hand, hard, pending_debit, held_elsewhere"""
    level = owned.level
    return level.on_hand, level.hard, level.pending_debit, level.held_elsewhere


def test_a_reading_sets_on_hand_and_what_others_hold(owned: Owned) -> None:
    owned.warehouse.foreign = 4
    owned.read()
    assert _numbers(owned) == (30, 0, 0, 4)
    assert_adds_up(owned.conn)


def test_our_own_exported_reserve_is_not_held_elsewhere(owned: Owned) -> None:
    owned.order("1", 3)
    assert owned.export() == 1
    owned.warehouse.foreign = 2
    owned.read()
    assert _numbers(owned) == (30, 3, 0, 2)


# -- scenario 27 -------------------------------------------------------------------------------------------------------------------------------


def test_a_demand_before_the_channel_ships_ends_the_hold_with_the_exact_reading(owned: Owned) -> None:
    owned.order("1", 3)
    owned.export()
    owned.warehouse.demand("shop/1", 3)
    owned.hear()
    assert _numbers(owned) == (30, 0, 3, 0)
    owned.read()
    assert _numbers(owned) == (27, 0, 0, 0)
    owned.order("1", 3, shipped=3)  # the channel says so at last: nothing is left to do
    assert _numbers(owned) == (27, 0, 0, 0)
    assert_adds_up(owned.conn)


def test_a_reading_asked_for_before_the_demand_was_known_leaves_the_hold(owned: Owned) -> None:
    owned.order("1", 3)
    owned.export()
    question = owned.ask()
    owned.warehouse.demand("shop/1", 3)
    told = owned.physical()
    owned.hear()
    owned.read(told, question=question)
    assert _numbers(owned) == (27, 0, 3, 0)  # too low for a moment, never too high
    owned.read()
    assert _numbers(owned) == (27, 0, 0, 0)


def test_absent_and_null_rows_change_nothing(owned: Owned) -> None:
    owned.order("1", 3)
    owned.export()
    owned.warehouse.demand("shop/1", 3)
    owned.hear()
    before = _numbers(owned)
    owned.read(Physical("another", PLACE, 5, 0))
    owned.read(Physical(LISTING, "elsewhere", 5, 0))
    imported = owned.read(Physical(LISTING, PLACE, None, 7))
    assert imported.asked_again == 1
    assert _numbers(owned) == before


def test_an_older_reading_that_arrives_last_is_ignored(owned: Owned) -> None:
    old, told = owned.ask(), owned.physical()
    owned.warehouse.units = 12
    owned.read()
    assert owned.read(told, question=old).older == 1
    assert _numbers(owned) == (12, 0, 0, 0)


# -- who speaks first (F17), and late documents --------------------------------------------------------------------------------------------------


def test_the_channel_ships_first_and_the_document_comes_late(owned: Owned) -> None:
    owned.order("1", 3)
    owned.export()
    owned.order("1", 3, shipped=3)
    assert _numbers(owned) == (30, 0, 3, 0)
    owned.warehouse.demand("shop/1", 3)
    owned.read()
    assert _numbers(owned) == (27, 0, 3, 0)  # the number moved, the document is not known: too low, and said so
    owned.hear()
    owned.read()
    assert _numbers(owned) == (27, 0, 0, 0)


def test_what_the_channel_shipped_stays_reserved_there_until_a_document_says_so(owned: Owned) -> None:
    owned.order("1", 3)
    owned.export()
    owned.order("1", 3, shipped=3)
    assert owned.export() == 0
    assert owned.warehouse.claims["shop/1"] == [3, 0]


def test_a_partial_demand_ends_its_part(owned: Owned) -> None:
    owned.order("1", 3)
    owned.export()
    owned.warehouse.demand("shop/1", 2)
    owned.hear()
    owned.read()
    assert _numbers(owned) == (28, 1, 0, 0)
    assert owned.export() == 0


def test_a_shipment_that_is_deleted_there_is_owed_again(owned: Owned) -> None:
    owned.order("1", 3)
    owned.export()
    owned.warehouse.demand("shop/1", 3)
    owned.hear()
    owned.read()
    owned.warehouse.claims["shop/1"] = [3, 0]
    owned.warehouse.units += 3
    owned.hear()
    owned.read()
    assert _numbers(owned) == (30, 3, 0, 0)
    assert_adds_up(owned.conn)


# -- exports -----------------------------------------------------------------------------------------------------------------------------------


def test_an_answer_that_is_lost_counts_with_the_smaller_value(owned: Owned) -> None:
    owned.order("1", 3)
    armed = owned.arm()
    assert armed is not None
    owned.warehouse.take(armed.claim)
    owned.read()
    assert _numbers(owned) == (30, 3, 0, 3)  # it may be ours, it may not
    assert owned.export() == 1
    owned.read()
    assert _numbers(owned) == (30, 3, 0, 0)


def test_a_release_that_is_not_confirmed_counts_as_none_held(owned: Owned) -> None:
    owned.order("1", 3)
    owned.export()
    owned.order("1", 3, cancelled=3)
    armed = owned.arm()
    assert armed is not None
    assert [line.held for line in armed.claim.lines] == [0]
    owned.read()
    assert _numbers(owned) == (30, 0, 0, 3)
    owned.warehouse.take(armed.claim)
    owned.answer(armed)
    owned.read()
    assert _numbers(owned) == (30, 0, 0, 0)
    assert owned.export() == 0


def test_an_order_that_ended_before_it_was_told_is_never_told(owned: Owned) -> None:
    owned.order("1", 3)
    owned.order("1", 3, cancelled=3)
    assert owned.export() == 0
    assert owned.warehouse.claims == {}


def test_a_refused_claim_waits_until_its_order_changes(owned: Owned) -> None:
    owned.order("1", 3)
    armed = owned.arm()
    assert armed is not None
    owned.answer(armed, refused="the period is closed")
    assert owned.arm() is None
    owned.now += timedelta(minutes=1)
    owned.order("1", 4)
    assert owned.export() == 1
    assert owned.warehouse.claims["shop/1"] == [4, 0]


def test_a_refused_claim_is_told_again_when_a_person_asks_for_it(owned: Owned) -> None:
    owned.order("1", 3)
    armed = owned.arm()
    assert armed is not None
    owned.answer(armed, refused="the period is closed")
    assert [each.ref for each in aside.listed(owned.conn, kind="export")] == ["shop/1"]
    assert exports.retry_aside(owned.conn, [(owned.house, "shop/1")], owned.now) == [True]
    assert owned.export() == 1
    assert owned.warehouse.claims["shop/1"] == [3, 0]
    assert aside.listed(owned.conn, kind="export") == []


def test_a_deleted_document_is_asked_about(owned: Owned) -> None:
    owned.order("1", 3)
    owned.export()
    owned.warehouse.claims["shop/1"][0] = 0
    owned.warehouse.gone.add("shop/1")
    owned.hear()
    assert owned.arm() is None
    assert [finding.reference for finding in findings.listed(owned.conn, kind="document_deleted")] == ["shop/1"]
    assert exports.retry_aside(owned.conn, [(owned.house, "shop/1")], owned.now) == [True]
    assert owned.export() == 1
    assert owned.warehouse.claims["shop/1"] == [3, 0]


def test_without_documents_a_shipment_is_out_of_the_number_after_the_lag(owned: Owned) -> None:
    lag = timedelta(minutes=30)
    owned.order("1", 3)
    owned.order("1", 3, shipped=3)
    owned.arm()  # finds the order, as the engine's round does
    owned.warehouse.units = 27
    owned.now += timedelta(minutes=29)
    owned.read(lag=lag)
    assert _numbers(owned) == (27, 0, 3, 0)
    owned.now += timedelta(minutes=1)
    owned.read(lag=lag)
    assert _numbers(owned) == (27, 0, 0, 0)


def test_what_people_ship_from_a_cart_has_no_document_of_ours_and_is_out_of_the_number_a_day_later(owned: Owned) -> None:
    reservations.reserve(owned.conn, [Reserve("cart", (Line(SKU, "main", 3),))], owned.now)
    fulfilment.fulfil(owned.conn, [Fulfil(Which(reference="cart"))], owned.now)
    owned.read()
    assert _numbers(owned) == (30, 0, 3, 0)
    owned.warehouse.units = 27
    owned.now += timedelta(hours=23)
    owned.read()
    assert _numbers(owned) == (27, 0, 3, 0), "too little rather than too much"
    owned.now += timedelta(hours=1)
    owned.read()
    assert _numbers(owned) == (27, 0, 0, 0)
    assert_adds_up(owned.conn)


# -- whose number it is ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [stock.seed, stock.receive, stock.adjust, stock.count, stock.restock])
def test_people_do_not_change_on_hand_of_an_authority(owned: Owned, verb: Any) -> None:
    [answer] = verb(owned.conn, [Change(SKU, "main", 5, reason="found")], owned.now)
    assert isinstance(answer, NotAllowed)
    assert "belongs to 'house'" in answer.reason
    assert _numbers(owned) == (30, 0, 0, 0)


def test_a_location_that_is_given_back_counts_what_left(owned: Owned) -> None:
    owned.order("1", 3)
    owned.export()
    owned.order("1", 3, shipped=3)
    owned.warehouse.foreign = 2
    owned.read()
    assert _numbers(owned) == (30, 0, 3, 2)
    assert authorities.enrol(owned.conn, [Ownership(owned.location, None)], owned.now) == [True]
    assert _numbers(owned) == (27, 0, 0, 0)
    assert not isinstance(stock.receive(owned.conn, [Change(SKU, "main", 5)], owned.now)[0], NotAllowed)
    assert authorities.enrol(owned.conn, [Ownership(owned.location, owned.house)], owned.now) == [True]
    owned.warehouse.units = 31
    owned.read()
    assert _numbers(owned) == (31, 0, 0, 2)
    assert_adds_up(owned.conn)


# -- what would empty too much -------------------------------------------------------------------------------------------------------------------


def test_a_run_that_zeroes_too_much_is_stopped_until_a_person_accepts_it(owned: Owned) -> None:
    guard.configure(owned.conn, [Guarded(owned.house, Limits(least=1))], owned.now)
    zero = Run(owned.house, (Physical(LISTING, PLACE, 0, 0),), full=True)
    [reason] = authority_guard.judge(owned.conn, [zero], owned.now)
    assert reason is not None
    assert channels.state_of(owned.conn, owned.house).paused_kind is PauseKind.GUARD
    [refused] = guard_answer.resume(owned.conn, [Resume(owned.house)], owned.now)
    assert isinstance(refused, NotAllowed)
    assert "1 of 1 numbers were in stock and are read as 0 (X)" in str(refused)
    assert channels.state_of(owned.conn, owned.house).paused_kind is PauseKind.GUARD
    assert authority_guard.judge(owned.conn, [zero], owned.now) != [None]
    guard_answer.resume(owned.conn, [Resume(owned.house, accept=True)], owned.now)
    assert authority_guard.judge(owned.conn, [zero], owned.now) == [None]
    assert findings.listed(owned.conn, kind="guard") == []


@pytest.mark.parametrize("accepted", [False, True])
def test_what_was_stopped_and_put_right_needs_no_accept_and_leaves_none_behind(owned: Owned, accepted: bool) -> None:
    guard.configure(owned.conn, [Guarded(owned.house, Limits(least=1))], owned.now)
    nothing, zero, right = (Run(owned.house, told, full=True) for told in ((), _told(0), _told(30)))
    for stopped in (nothing, zero):
        assert authority_guard.judge(owned.conn, [stopped], owned.now) != [None]
    if accepted:
        authority_guard.accept(owned.conn, owned.house)
    assert authority_guard.judge(owned.conn, [Run(owned.house, _told(30), full=False)], owned.now) == [None]
    assert bool(guard_answer.standing(owned.conn, owned.house, owned.now)) is not accepted, "a part of the numbers proves nothing"
    assert authority_guard.judge(owned.conn, [right], owned.now) == [None]
    assert findings.listed(owned.conn, kind="guard") == []
    assert guard_answer.resume(owned.conn, [Resume(owned.house)], owned.now) == [True]
    assert authority_guard.judge(owned.conn, [zero], owned.now) != [None], "an old yes is no answer to a new question"


def _told(units: int) -> tuple[Physical, ...]:
    return (Physical(LISTING, PLACE, units, 0),)


def test_a_tiny_shop_is_not_stopped_by_one_sku(owned: Owned) -> None:
    guard.configure(owned.conn, [Guarded(owned.house, Limits())], owned.now)
    assert authority_guard.judge(owned.conn, [Run(owned.house, (Physical(LISTING, PLACE, 0, 0),), full=True)], owned.now) == [None]


def test_what_the_authority_lists_is_not_reported_as_not_written(owned: Owned) -> None:
    assert list(planned.blocked(owned.conn, [owned.house])) == []


def test_a_listing_that_is_deleted_there_sells_no_more(owned: Owned) -> None:
    listings.gone(owned.conn, owned.house, [LISTING], owned.now)
    authority_import.repost(owned.conn, [PhysicalRead(owned.house, Page(()), 0, owned.now, {PLACE: owned.location})], owned.now)
    assert _numbers(owned) == (30, 0, 0, 30)


def test_numbers_that_stop_coming_are_noted_and_told_after_a_day(owned: Owned) -> None:
    owned.read(Physical("another", PLACE, 1, 0), full=True)
    assert authority_alerts.watch(owned.conn, [Watch(owned.house)], owned.now) == [0]
    owned.now += timedelta(days=1, seconds=1)
    assert authority_alerts.watch(owned.conn, [Watch(owned.house)], owned.now) == [1]
    assert _numbers(owned) == (30, 0, 0, 0)
    owned.read()
    assert authority_alerts.watch(owned.conn, [Watch(owned.house)], owned.now) == [0]


def test_a_shipment_without_a_document_is_told_and_never_cleared_by_age(owned: Owned) -> None:
    owned.order("1", 3)
    owned.export()
    owned.order("1", 3, shipped=3)
    owned.arm()
    owned.now += timedelta(days=4)
    owned.read()
    assert authority_alerts.watch(owned.conn, [Watch(owned.house)], owned.now) == [1]
    assert _numbers(owned) == (30, 0, 3, 0)


def test_explain_names_what_waits_and_what_others_hold(owned: Owned) -> None:
    owned.order("1", 3)
    owned.export()
    owned.order("1", 3, shipped=3)
    owned.warehouse.foreign = 2
    owned.arm()
    owned.read()
    found = explaining.explain(owned.conn, SKU)
    assert [(view.pending_debit, view.held_elsewhere, view.available) for view in found.levels] == [(3, 2, 25)]
    assert [(hold.kind, hold.units, hold.by) for hold in found.holds] == [("pending", 3, "order"), ("elsewhere", 2, "authority")]
    assert "no document yet" in found.holds[0].reference
    assert "5 reserved there" in found.holds[1].reference
    [view] = authority_view.authorities(owned.conn)
    assert (view.channel, view.numbers, view.stale, view.waiting, view.undocumented) == ("house", 1, 0, 0, 1)


def test_a_shop_opens_no_balance_where_an_authority_counts(conn: Connection) -> None:
    owned = open_owned(conn, read=False)
    shelf = conn.scalars(select(shelves.c.id).where(shelves.c.channel_id == owned.shop)).one()
    book.replace(conn, shelf, None, 9, [BookEntry(shelf, "opening", 9)], owned.now)
    sold = [row.id for row in skus.find(conn, [SKU]).values()]
    assert openings.balances(conn, owned.shop, sold) == []
    authorities.enrol(conn, [Ownership(owned.location, None)], owned.now)
    assert [balance.shows for balance in openings.balances(conn, owned.shop, sold)] == [9]
