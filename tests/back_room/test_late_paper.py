"""Paper is keyed in late: what happened may be older than its document, but nothing arrives before it left, or is inspected before it is there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, select

from channelsync.ledger.audit import audit
from channelsync.ledger.counts.opening import Open, open_sheet
from channelsync.ledger.refusals import NotAllowed
from channelsync.ledger.returns.inspecting import Outcome
from channelsync.ledger.schema import movements, returns
from support import counts, purchasing, returning, transfers
from support.counts import HOUR
from support.purchasing import only, refused
from support.stock import NOW, level, open_locations, put

T = NOW + 9 * HOUR
"""When the paper is keyed in; what it tells of was an hour after NOW, or two."""


@pytest.fixture(autouse=True)
def _places(conn: Connection) -> None:
    open_locations(conn, "main", "annex")
    put(conn, "A", 10)


def told(conn: Connection, reference: str) -> list[datetime]:
    query = select(movements.c.occurred_at).where(movements.c.reference == reference).order_by(movements.c.id)
    return list(conn.scalars(query))


def test_goods_that_came_before_their_order_was_written_down(conn: Connection) -> None:
    number = purchasing.ordered(conn, {"A": 5})
    purchasing.arrive(conn, number, at=T, occurred_at=NOW - HOUR)
    assert (level(conn, "A").on_hand, told(conn, f"PO-{number}")[-1]) == (15, NOW - HOUR)


def test_a_transfer_that_left_before_it_was_drafted(conn: Connection) -> None:
    number = transfers.shipped(conn, {"A": 5}, at=T, occurred_at=NOW - 2 * HOUR)
    early = refused(transfers.try_to_receive(conn, number, at=T, occurred_at=NOW - 3 * HOUR))
    assert isinstance(early, NotAllowed)
    assert f"before transfer {number} was shipped ({(NOW - 2 * HOUR).isoformat()})" in str(early)
    transfers.arrive(conn, number, at=T, occurred_at=NOW - HOUR)
    assert told(conn, f"TR-{number}") == [NOW - 2 * HOUR, NOW - 2 * HOUR, NOW - HOUR]


def test_a_count_from_before_its_sheet_was_opened(conn: Connection) -> None:
    sheet = only(open_sheet(conn, [Open("main")], T))
    counts.enter(conn, sheet.number, {"A": 8}, NOW + HOUR, T)
    counts.applied(conn, sheet.number, T)
    assert (level(conn, "A").on_hand, told(conn, f"CNT-{sheet.number}")) == (8, [NOW + HOUR])


def inspect(conn: Connection, number: int, at: datetime, units: int = 1) -> Any:
    return returning.try_to_inspect(conn, number, ("A", units, Outcome.RESTOCK), at=T, occurred_at=at)


def test_a_return_that_came_before_it_was_written_down(conn: Connection) -> None:
    number = returning.expect(conn, {"A": 3})
    returning.arrive(conn, number, {"A": 1}, at=T, occurred_at=NOW - 2 * HOUR)
    early = refused(inspect(conn, number, NOW - 3 * HOUR))
    assert isinstance(early, NotAllowed)
    assert f"before anything that waits of return {number} had arrived ({(NOW - 2 * HOUR).isoformat()})" in str(early)
    assert told(conn, f"RET-{number}") == [NOW - 2 * HOUR], "a refusal has moved nothing"
    only(inspect(conn, number, NOW - 2 * HOUR))
    returning.arrive(conn, number, {"A": 1}, at=T, occurred_at=NOW + 2 * HOUR)
    assert "before anything that waits" in str(refused(inspect(conn, number, NOW + HOUR))), "what came first is decided already"
    returning.arrive(conn, number, {"A": 1}, at=T, occurred_at=NOW + HOUR)
    assert conn.scalar(select(returns.c.received_at).where(returns.c.id == number)) == NOW + HOUR, "told later, and came first"
    only(inspect(conn, number, NOW + HOUR))
    assert only(inspect(conn, number, T)).state == "inspected"
    assert audit(conn) == []
