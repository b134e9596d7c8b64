"""Arming and releasing: what is sent is a difference that was due, is still due, and belongs to whoever holds the channel."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, update

from channelsync.contract import Carrier, Outcome
from channelsync.ledger import outbox, selling
from channelsync.ledger.outbox import Withdrawal
from channelsync.ledger.schema import shelves
from channelsync.ledger.selling import Duty
from support.pushing import Outgoing, open_outgoing


@pytest.fixture
def out(conn: Connection) -> Outgoing:
    return open_outgoing(conn)


def test_lowers_and_raises_travel_apart(out: Outgoing) -> None:
    out.count(A=3, B=8)
    lower, raised = out.arm(raises=False), out.arm(raises=True)
    assert lower is not None and raised is not None
    assert [(write.shelf.listing, write.compare, write.value, write.delta) for write in lower.writes] == [("a", 5, 3, -2)]
    assert [(write.shelf.listing, write.compare, write.value, write.delta) for write in raised.writes] == [("b", 5, 8, 3)]
    assert out.arm(raises=False) is None, "both shelves have an open attempt"


def test_the_scarcest_goes_first(out: Outgoing) -> None:
    out.count(A=4, B=1, C=2)
    call = out.arm(raises=False)
    assert call is not None
    assert [write.shelf.listing for write in call.writes] == ["b", "c", "a"]


def test_a_suspended_gap_is_kept_and_blocks_a_raise_only_upwards(conn: Connection, out: Outgoing) -> None:
    out.count(A=7, B=7)
    conn.execute(update(shelves).where(shelves.c.id == out.shelf("a")).values(gap=-1))
    conn.execute(update(shelves).where(shelves.c.id == out.shelf("b")).values(gap=1))
    call = out.arm(raises=True)
    assert call is not None
    assert [(write.shelf.listing, write.compare, write.value) for write in call.writes] == [("a", 4, 6)]


def test_what_was_caused_after_the_look_waits_for_the_next(out: Outgoing) -> None:
    out.count(A=7)
    seen = out.due()
    out.count(A=9)
    assert out.arm(raises=True, seen=seen) is None
    assert out.arm(raises=True) is not None


def test_a_target_that_fell_and_rose_again_during_the_look_waits_for_the_next(out: Outgoing) -> None:
    """What it rose by was caused after the look began: a sale of another shop before that may not have been seen."""
    out.count(A=7)
    seen = out.due()
    out.count(A=6)
    out.count(A=7)
    assert out.arm(raises=True, seen=seen) is None
    assert out.arm(raises=True) is not None


def test_a_target_that_only_fell_during_the_look_need_not_wait(out: Outgoing) -> None:
    """A shelf that sells all the time would never be raised."""
    out.count(A=9)
    seen = out.due()
    out.count(A=8)
    assert out.arm(raises=True, seen=seen) is not None


def test_only_the_holder_of_the_lease_arms_and_releases(out: Outgoing) -> None:
    out.count(A=7)
    call = out.arm(raises=True)
    assert call is not None
    theirs = out.lose_lease()
    assert out.arm(raises=True) is None
    assert out.release(call.key) is None
    assert out.release(call.key, lease=theirs) == call


@pytest.mark.parametrize("carrier", [Carrier.COMPARE_AND_SET, Carrier.ADJUST])
def test_what_is_no_longer_due_is_withdrawn_and_the_rest_is_sent(out: Outgoing, carrier: Carrier) -> None:
    out.carrier = carrier
    out.count(A=7, B=8)
    call = out.arm(raises=True)
    assert call is not None
    out.count(A=6)
    released = out.release(call.key)
    assert released is not None
    assert [write.shelf.listing for write in released.writes] == ["b"]
    assert sorted(out.attempts()) == ["sent", "withdrawn"]
    assert out.numbers("a") == (5, 6, True), "it is computed afresh"


def test_a_call_of_which_nothing_is_due_any_more_is_over(out: Outgoing) -> None:
    out.count(A=7)
    call = out.arm(raises=True)
    assert call is not None
    out.count(A=5)
    assert out.release(call.key) is None
    assert (out.calls(), out.attempts()) == (["settled"], ["withdrawn"])


def test_a_lower_is_sent_as_it_was_computed(out: Outgoing) -> None:
    """The target has risen again: lowering too far is repaired by the next raise, and nobody buys what is not there."""
    out.count(A=2)
    call = out.arm(raises=False)
    assert call is not None
    out.count(A=4)
    assert out.release(call.key) == call


def test_a_released_call_is_not_released_again_but_as_a_repeat(out: Outgoing) -> None:
    out.count(A=7)
    call = out.send(raises=True)
    assert out.release(call.key) is None
    assert out.release(call.key, repeat=True) == call
    out.settle(call, [Outcome.UNKNOWN])
    assert out.release(call.key, repeat=True) == call
    out.count(A=6)
    assert out.release(call.key, repeat=True) is None, "a raise is repeated only while it is due"


def test_an_armed_call_is_not_repeated(out: Outgoing) -> None:
    out.count(A=7)
    call = out.arm(raises=True)
    assert call is not None
    assert out.release(call.key, repeat=True) is None


def test_withdrawing_ends_what_was_never_sent_and_nothing_else(conn: Connection, out: Outgoing) -> None:
    out.count(A=7)
    armed = out.arm(raises=True)
    assert armed is not None
    outbox.withdraw(conn, [Withdrawal(armed.key)], out.now)
    assert (out.calls(), out.attempts()) == (["settled"], ["withdrawn"])
    out.later(seconds=1)
    sent = out.send(raises=True)
    outbox.withdraw(conn, [Withdrawal(sent.key)], out.now)
    assert (out.calls(), out.attempts()) == (["settled", "sent"], ["withdrawn", "sent"])


def test_open_calls_say_what_may_still_become_of_them(conn: Connection, out: Outgoing) -> None:
    out.count(A=7, B=8)
    assert selling.duty(conn, out.channel) == Duty(may_write=True, unsettled=False, due=True)
    call = out.send(raises=True)
    assert selling.duty(conn, out.channel).unsettled
    [found] = outbox.open_calls(conn, out.channel)
    assert (found.call, found.raises, found.state, found.complete, found.sends) == (call, True, "sent", True, 1)
    out.settle(call, {"a": Outcome.OK})
    [found] = outbox.open_calls(conn, out.channel)
    assert ([write.shelf.listing for write in found.call.writes], found.state, found.complete) == (["b"], "unknown", False)
