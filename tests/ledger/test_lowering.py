"""A lower that is stored as it is sent: the same rows as one that is armed and then released, and nothing where either of them would have refused."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from channelsync.contract import Call
from channelsync.ledger import channels, guard, lowering
from channelsync.ledger.channels import Pause, PauseKind
from channelsync.ledger.lowering import Lowering
from channelsync.ledger.outbox import Arming
from channelsync.ledger.schema import attempts, guard_marks, push_calls, shelves
from channelsync.ledger.schema import channels as channels_table
from support.pushing import Outgoing, open_outgoing
from support.stock import NOW


@pytest.fixture
def out(conn: Connection) -> Outgoing:
    out = open_outgoing(conn)
    out.count(A=3, B=1, C=9)
    return out


def _lower(out: Outgoing, *, key: str = "call-1", lease: int | None = None) -> Call | None:
    arming = Arming(out.channel, key, False, out.carrier, 100, out.lease if lease is None else lease)
    return lowering.lower(out.conn, [Lowering(arming)], out.now)[0].call


def _stored(out: Outgoing) -> list[list[dict[str, Any]]]:
    return [
        [dict(row) for row in out.conn.execute(select(table).order_by(table.primary_key.columns[0])).mappings()]
        for table in (push_calls, attempts, guard_marks)
    ]


def test_it_is_stored_as_if_it_had_been_armed_and_then_released(out: Outgoing) -> None:
    outer = out.conn.begin_nested()
    in_two_steps = out.send(raises=False)
    expected = _stored(out)
    outer.rollback()
    assert _stored(out) == [[], [], []]
    assert _lower(out, key=in_two_steps.key) == in_two_steps
    assert _stored(out) == expected
    assert [write.shelf.listing for write in in_two_steps.writes] == ["b", "a"], "what rises waits for its sellers"


def test_a_paused_channel_stores_nothing(out: Outgoing) -> None:
    channels.pause(out.conn, [Pause(out.channel, "because", PauseKind.PERSON)], NOW)
    assert (_lower(out), _stored(out)) == (None, [[], [], []])


def test_whoever_has_lost_the_lease_stores_nothing(out: Outgoing) -> None:
    assert (_lower(out, lease=out.lease - 1), _stored(out)) == (None, [[], [], []])


def test_a_frozen_shelf_stays_as_it_is(out: Outgoing) -> None:
    """Whatever else its row says."""
    out.conn.execute(update(shelves).where(shelves.c.id == out.shelf("a")).values(frozen=True))
    assert out.numbers("a")[2], "due"
    call = _lower(out)
    assert call is not None
    assert [write.shelf.listing for write in call.writes] == ["b"]


@pytest.mark.parametrize("lost", [False, True])
def test_what_stops_the_channel_while_all_is_computed_is_heard(out: Outgoing, monkeypatch: pytest.MonkeyPatch, *, lost: bool) -> None:
    """On PostgreSQL another node may have said so: to judge a large due set takes a while."""

    def meanwhile(conn: Connection, channel: int, now: Any) -> bool:
        if lost:
            conn.execute(update(channels_table).where(channels_table.c.id == channel).values(lease_version=out.lease + 1))
        else:
            channels.pause(conn, [Pause(channel, "because", PauseKind.PERSON)], now)
        return False

    monkeypatch.setattr(guard, "stops", meanwhile)
    assert (_lower(out), _stored(out)) == (None, [[], [], []])
