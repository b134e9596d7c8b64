"""What became of a call, write by write: confirmed differences move the book, everything else leaves it as it is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from channelsync.contract import Carrier, Listing, Outcome, Page, WriteResult
from channelsync.ledger import cataloguing, settle
from channelsync.ledger.audit import audit
from channelsync.ledger.cataloguing import ListingsRead
from channelsync.ledger.settle import Settled, Settlement
from support.pushing import Outgoing, open_outgoing
from support.selling import aside


@pytest.fixture
def out(conn: Connection) -> Outgoing:
    return open_outgoing(conn)


def test_each_write_of_a_call_has_its_own_outcome(conn: Connection, out: Outgoing) -> None:
    out.count(A=7, B=8, C=9)
    call = out.send(raises=True)
    settled = out.settle(call, {"a": Outcome.OK, "b": Outcome.STALE})
    assert settled == Settled(ok=1, unknown=1, stale=(out.shelf("b"),))
    assert [out.numbers(ref) for ref in "abc"] == [(7, 7, False), (5, 8, True), (5, 9, True)]
    assert (out.attempts(), out.calls()) == (["ok", "stale", "unknown"], ["unknown"])
    assert out.arm(raises=True, key="next") is not None, "only what is unknown is closed to new writes"
    assert audit(conn) == []


def test_the_book_moves_by_the_difference_whatever_was_ingested_meanwhile(out: Outgoing) -> None:
    out.count(A=7)
    call = out.send(raises=True)
    out.sell("100", "a", 2)
    out.settle(call, [Outcome.OK])
    assert out.numbers("a") == (5, 5, False)


def test_an_answer_under_a_lost_lease_changes_nothing(out: Outgoing) -> None:
    out.count(A=7)
    call = out.send(raises=True)
    theirs = out.lose_lease()
    assert out.settle(call, [Outcome.OK]) == Settled(fenced=True)
    assert out.settle(call, [Outcome.OK], lease=theirs) == Settled(fenced=True), "it was not sent under this lease"
    assert (out.numbers("a"), out.attempts()) == ((5, 7, True), ["sent"])
    assert out.release(call.key, repeat=True, lease=theirs) == call
    assert out.settle(call, [Outcome.OK], lease=theirs).ok == 1
    assert out.numbers("a") == (7, 7, False)


def test_a_second_answer_to_the_same_call_does_nothing(out: Outgoing) -> None:
    out.count(A=7)
    call = out.send(raises=True)
    out.settle(call, [Outcome.OK])
    assert out.settle(call, [Outcome.OK]) == Settled()
    assert out.numbers("a") == (7, 7, False)


def test_not_sent_is_tried_again_after_a_pause_as_a_new_attempt(out: Outgoing) -> None:
    out.count(A=7)
    call = out.send(raises=True)
    assert out.settle(call, [Outcome.NOT_SENT], retry_after=timedelta(seconds=3)) == Settled(not_sent=1)
    assert (out.numbers("a"), out.calls()) == ((5, 7, True), ["settled"])
    assert out.arm(raises=True) is None
    out.later(seconds=3)
    again = out.arm(raises=True)
    assert again is not None
    assert [(write.compare, write.value) for write in again.writes] == [(5, 7)]


def test_a_repeat_that_was_not_sent_says_nothing_of_the_first_sending(conn: Connection, out: Outgoing) -> None:
    out.count(A=7)
    call = out.send(raises=True)
    out.settle(call, [Outcome.UNKNOWN])
    assert out.release(call.key, repeat=True) == call
    assert out.settle(call, [Outcome.NOT_SENT]) == Settled(unknown=1)
    assert (out.numbers("a"), out.attempts(), out.calls()) == ((5, 7, True), ["unknown"], ["unknown"])
    assert out.arm(raises=True, key="next") is None
    assert out.release(call.key, repeat=True) == call
    assert out.settle(call, [Outcome.OK]) == Settled(ok=1)
    assert out.numbers("a") == (7, 7, False)
    assert audit(conn) == []


def test_an_accepted_write_is_not_a_done_one(out: Outgoing) -> None:
    out.carrier = Carrier.ADJUST
    out.count(A=7)
    call = out.send(raises=True)
    assert out.settle(call, [Outcome.OK], visible=False) == Settled(unknown=1)
    assert (out.numbers("a"), out.attempts()) == ((5, 7, True), ["unknown"])


def test_a_write_that_others_can_slip_into_is_verified(out: Outgoing) -> None:
    out.count(A=7, B=3)
    raised = out.send(raises=True)
    out.settle(raised, [Outcome.OK], atomic=False)
    assert (out.numbers("a"), out.state("a")["verify"]) == ((7, 7, False), True)
    out.count(A=9)
    assert out.arm(raises=True) is None, "no raise until it is read back"
    out.count(A=4)
    lower = out.arm(raises=False)
    assert lower is not None
    assert {write.shelf.listing for write in lower.writes} == {"a", "b"}, "lowers never wait"


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.UNKNOWN])
def test_what_a_shop_says_of_a_write_is_kept_whatever_is_in_it(out: Outgoing, outcome: Outcome) -> None:
    out.count(A=7)
    call = out.send(raises=True)
    said = WriteResult(call.writes[0].id, outcome, "the shop says \0 and \ud800")
    assert settle.settle(out.conn, [Settlement(call.key, out.lease, (said,))], out.now)
    assert out.attempts() == [outcome.value]
    if outcome is Outcome.REFUSED:
        assert out.state("a")["aside_reason"] == "the shop says \N{SYMBOL FOR NULL} and ?"


def test_a_refused_shelf_is_left_alone_until_its_listing_is_told_again(conn: Connection, out: Outgoing) -> None:
    out.count(A=7, B=8)
    call = out.send(raises=True)
    settled = out.settle(call, {"a": Outcome.REFUSED, "b": Outcome.OK})
    assert settled == Settled(ok=1, refused=(out.shelf("a"),))
    assert (out.state("a")["aside_reason"], aside(conn)) == ("because", [("shelf", "a@")])
    out.later(hours=1)
    assert out.arm(raises=True) is None
    page = Page((Listing("a", "A", title="changed"),), high_water="1")
    cataloguing.take_page(conn, [ListingsRead(out.channel, page, out.now)], out.now)
    assert (out.state("a")["aside_at"], aside(conn)) == (None, [])
    again = out.arm(raises=True)
    assert again is not None
    assert [write.shelf.listing for write in again.writes] == ["a"]
