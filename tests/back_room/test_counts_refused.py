"""Count sheets that cannot be applied as they are: later counts, too few for what has gone, bundles, other owners, and states."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from channelsync.ledger import bundling, freezing, stock
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.counts import pages
from channelsync.ledger.counts.applying import Apply, Cancel, NotApplicable, apply_sheet, cancel_sheet
from channelsync.ledger.documents.states import UnknownDocument, WrongState
from channelsync.ledger.freezing import Freeze, Scope
from channelsync.ledger.refusals import NotAllowed, UnknownSku
from channelsync.ledger.skus import Rename, rename
from channelsync.ledger.stock import Change
from support.counts import HOUR, applied, enter, opened, ship, state_of, try_to_apply, try_to_enter, try_to_open
from support.documents import own_to, proven
from support.purchasing import only, refused
from support.stock import NOW, level

T = NOW + HOUR
"""When it is counted: after the opening numbers."""


def test_of_two_sheets_the_later_count_counts(shelf: Connection) -> None:
    first, second = opened(shelf, "main", "A", "B").number, opened(shelf, "main", "A").number
    enter(shelf, first, {"A": 9, "B": 3}, T, T)
    enter(shelf, second, {"A": 7}, T + HOUR, T + HOUR)
    applied(shelf, second, T + 2 * HOUR)
    assert "was counted after" in pages.plan(shelf, first).lines[0].problem
    why = refused(try_to_apply(shelf, first, T + 2 * HOUR))
    assert isinstance(why, NotApplicable)
    assert "because of 1 of its lines" in str(why)
    assert (state_of(shelf, first), level(shelf, "A").on_hand, level(shelf, "B").on_hand) == ("open", 7, 4), "all or nothing"
    done = applied(shelf, first, T + 2 * HOUR, skip=True)
    assert [(each.sku, each.difference) for each in done.lines] == [("B", -1)]
    assert [each.sku for each in done.left] == ["A"]
    assert (level(shelf, "A").on_hand, level(shelf, "B").on_hand) == (7, 3)
    assert [row.difference for row in pages.one_sheet(shelf, first).lines] == [None, -1]
    proven(shelf)


def test_of_two_sheets_the_later_count_counts_also_if_it_is_applied_later(shelf: Connection) -> None:
    first, second = opened(shelf, "main", "A").number, opened(shelf, "main", "A").number
    enter(shelf, second, {"A": 7}, T + HOUR, T + HOUR)
    enter(shelf, first, {"A": 9}, T, T + HOUR)
    answers = apply_sheet(shelf, [Apply(first), Apply(second)], T + 2 * HOUR)
    assert [answer.state for answer in answers] == ["applied", "applied"]  # type: ignore[union-attr]
    assert level(shelf, "A").on_hand == 7
    proven(shelf)


def test_in_one_batch_each_sheet_sees_those_before_it(shelf: Connection) -> None:
    first, second = opened(shelf, "main", "A").number, opened(shelf, "main", "A").number
    enter(shelf, first, {"A": 9}, T, T + HOUR)
    enter(shelf, second, {"A": 7}, T + HOUR, T + HOUR)
    later, earlier, twice = apply_sheet(shelf, [Apply(second), Apply(first), Apply(second)], T + 2 * HOUR)
    assert [getattr(each, "code", "done") for each in (later, earlier, twice)] == ["done", "not_applicable", "wrong_state"]
    assert level(shelf, "A").on_hand == 7
    proven(shelf)


def test_more_than_was_there_cannot_have_gone(shelf: Connection) -> None:
    number = opened(shelf, "main", "A").number
    enter(shelf, number, {"A": 2}, T, T)
    ship(shelf, "A", 3, T + HOUR)
    assert "3 more went than came since" in str(refused(try_to_apply(shelf, number, T + 2 * HOUR)))
    enter(shelf, number, {"A": 6}, None, T + 2 * HOUR)
    applied(shelf, number, T + 2 * HOUR)
    assert level(shelf, "A").on_hand == 6
    proven(shelf)


def test_a_number_that_stands_in_the_way_can_be_taken_back(shelf: Connection) -> None:
    number = opened(shelf, "main", "A", "B").number
    enter(shelf, number, {"A": 9, "B": 5}, T, T)
    only(stock.count(shelf, [Change("A", "main", 8)], T + HOUR))
    assert isinstance(refused(try_to_apply(shelf, number, T + 2 * HOUR)), NotApplicable)
    enter(shelf, number, {"A": None}, None, T + 2 * HOUR)
    assert [each.sku for each in applied(shelf, number, T + 2 * HOUR).lines] == ["B"]
    assert (level(shelf, "A").on_hand, level(shelf, "B").on_hand) == (8, 5)


def test_what_became_a_bundle_meanwhile_has_no_stock_to_count(shelf: Connection) -> None:
    number = opened(shelf, "main", "C", "B").number
    enter(shelf, number, {"C": 1, "B": 4}, T, T)
    only(bundling.define(shelf, [Define("C", (Part("A", 2),))], T))
    assert "is a bundle" in str(refused(try_to_apply(shelf, number, T + HOUR)))
    assert [each.sku for each in applied(shelf, number, T + HOUR, skip=True).left] == ["C"]
    assert level(shelf, "C").on_hand == 0
    proven(shelf)


def test_a_frozen_sku_is_counted_as_stock_count_counts_it(shelf: Connection) -> None:
    """Freezing keeps its numbers in the shops, not the ledger's."""
    only(freezing.freeze(shelf, [Freeze(Scope("A"), "recount")], NOW))
    only(stock.count(shelf, [Change("A", "annex", 2)], NOW))
    number = opened(shelf, "main", "A").number
    enter(shelf, number, {"A": 9}, T, T)
    applied(shelf, number, T)
    assert level(shelf, "A").on_hand == 9


def test_a_renamed_sku_stays_on_its_sheet(shelf: Connection) -> None:
    number = opened(shelf, "main", "A").number
    only(rename(shelf, [Rename("A", "AA")], NOW))
    assert isinstance(refused(try_to_enter(shelf, number, {"A": 9}, T, T)), UnknownSku)
    assert enter(shelf, number, {"AA": 9}, T, T).entered[0].added is False
    assert applied(shelf, number, T).lines[0].sku == "AA"


def test_where_another_system_owns_the_stock_it_is_counted_there(shelf: Connection) -> None:
    number = opened(shelf, "main", "A").number
    enter(shelf, number, {"A": 9}, T, T)
    own_to(shelf, "main")
    theirs = str(refused(stock.count(shelf, [Change("A", "main", 9)], T)))
    assert "belongs to 'erp'" in theirs
    assert str(refused(try_to_open(shelf, "main", "A"))) == theirs
    assert str(refused(try_to_apply(shelf, number, T))) == theirs
    with pytest.raises(NotAllowed, match="belongs to 'erp'"):
        pages.plan(shelf, number)
    assert level(shelf, "A").on_hand == 10
    assert only(cancel_sheet(shelf, [Cancel(number)], T)).state == "cancelled"


def test_only_what_is_drawn_can_be_done(shelf: Connection) -> None:
    gone, done = opened(shelf, "main", "A").number, opened(shelf, "main", "A").number
    enter(shelf, gone, {"A": 1}, T, T)
    assert only(cancel_sheet(shelf, [Cancel(gone)], T)).state == "cancelled"
    enter(shelf, done, {"A": 10}, T, T)
    applied(shelf, done, T, key="k")
    assert applied(shelf, done, T + HOUR, key="k").repeat
    for number in (gone, done):
        assert isinstance(refused(try_to_enter(shelf, number, {"A": 2})), WrongState)
        assert isinstance(refused(try_to_apply(shelf, number)), WrongState)
        assert isinstance(refused(cancel_sheet(shelf, [Cancel(number)], T)), WrongState)
        with pytest.raises(WrongState):
            pages.plan(shelf, number)
    for unknown in (999, 0, -1, 2**80):
        assert isinstance(refused(try_to_enter(shelf, unknown, {"A": 2})), UnknownDocument)
        assert isinstance(refused(try_to_apply(shelf, unknown)), UnknownDocument)
        with pytest.raises(UnknownDocument):
            pages.one_sheet(shelf, unknown)
    assert level(shelf, "A").on_hand == 10
    assert [row.counted for row in pages.one_sheet(shelf, gone).lines] == [1], "it stays to be read"
    proven(shelf)
