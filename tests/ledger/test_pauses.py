"""What a pause stops, who ends it, and how two pauses of one channel go together; on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from channelsync.contract import Outcome
from channelsync.ledger import channels
from channelsync.ledger.channels import Pause, PauseEnd, PauseKind
from support.pushing import Outgoing, open_outgoing
from support.stock import NOW


def _pause(out: Outgoing, kind: PauseKind, reason: str = "because") -> bool:
    return channels.pause(out.conn, [Pause(out.channel, reason, kind)], NOW)[0]


def _end(out: Outgoing, kind: PauseKind) -> bool:
    return channels.end_pauses(out.conn, [PauseEnd(out.channel, kind)], NOW)[0]


def test_nothing_is_armed_while_a_channel_is_paused(conn: Connection) -> None:
    out = open_outgoing(conn)
    out.count(A=3)
    _pause(out, PauseKind.PERSON)
    assert out.arm(raises=False) is None
    channels.resume(conn, [out.channel], NOW)
    assert out.arm(raises=False) is not None


def test_what_was_armed_before_the_pause_is_not_released(conn: Connection) -> None:
    out = open_outgoing(conn)
    out.count(A=3)
    call = out.arm(raises=False)
    assert call is not None
    _pause(out, PauseKind.PERSON)
    assert out.release(call.key) is None
    assert (out.attempts(), out.calls()) == (["withdrawn"], ["settled"])
    assert out.numbers("a") == (5, 3, True), "still due: it goes out when the channel goes on"


def test_what_is_on_the_wire_is_settled_and_not_repeated(conn: Connection) -> None:
    out = open_outgoing(conn)
    out.count(A=3)
    call = out.send(raises=False)
    _pause(out, PauseKind.PERSON)
    assert out.release(call.key, repeat=True) is None
    assert out.attempts() == ["sent"], "its outcome is still open: a bracket or its answer ends it"
    out.settle(call, {"a": Outcome.OK})
    assert out.numbers("a") == (3, 3, False)


def test_a_persons_pause_takes_the_place_of_any_other(conn: Connection) -> None:
    out = open_outgoing(conn)
    assert _pause(out, PauseKind.CREDENTIALS, "needs new credentials")
    assert not _pause(out, PauseKind.LOCATION), "it keeps its first reason"
    assert _pause(out, PauseKind.PERSON, "stock-taking")
    assert not _pause(out, PauseKind.PERSON, "again")
    assert not _end(out, PauseKind.CREDENTIALS), "new credentials do not end what a person has said"
    state = channels.state_of(conn, out.channel)
    assert (state.paused_kind, state.paused_reason) == (PauseKind.PERSON, "stock-taking")


@pytest.mark.parametrize("first", [PauseKind.CREDENTIALS, PauseKind.LOCATION])
def test_what_the_guard_has_stopped_does_not_go_on_by_itself(conn: Connection, first: PauseKind) -> None:
    out = open_outgoing(conn)
    assert _pause(out, first)
    assert _pause(out, PauseKind.GUARD, "600 numbers would become 0")
    assert not _end(out, first)
    assert not _pause(out, first)
    assert channels.state_of(conn, out.channel).paused_kind is PauseKind.GUARD


def test_a_pause_ends_with_what_it_was_for(conn: Connection) -> None:
    out = open_outgoing(conn)
    _pause(out, PauseKind.CREDENTIALS)
    assert not _end(out, PauseKind.LOCATION)
    assert _end(out, PauseKind.CREDENTIALS)
    assert not _end(out, PauseKind.CREDENTIALS)
    assert channels.may_write(conn, out.channel)
