"""Orders from nothing: the way they came leaves no trace, and what was changed by hand does not come out again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, text, update

from channelsync.contract import OrderLine, OrderSnapshot, OrderState
from channelsync.ledger import order_ends, orders, rebuilding
from channelsync.ledger.audit import audit
from channelsync.ledger.orders import Sighting
from channelsync.ledger.rebuilding import rebuild
from channelsync.ledger.schema import locations, order_lines
from channelsync.ledger.schema import orders as order_table
from support.stock import NOW
from support.story import live_a_day


@pytest.fixture
def ledger(conn: Connection) -> Connection:
    live_a_day(conn)
    return conn


def test_a_day_comes_out_the_same(ledger: Connection) -> None:
    seen = rebuild(ledger, NOW)
    assert seen.differences == ()
    assert (seen.orders, seen.of) == (7, 7)
    assert (seen.lines, seen.left_out) == (ledger.scalar(text("SELECT COUNT(*) FROM order_lines WHERE quantity > 0")), 0)


def test_an_order_that_was_edited_and_shipped_in_steps_comes_out_the_same(ledger: Connection) -> None:
    channel = int(ledger.scalar(select(order_table.c.channel_id).limit(1)) or 0)
    for minute, line in enumerate(
        (
            OrderLine("a", "1", 4),
            OrderLine("a", "1", 4, shipped=2),
            OrderLine("a", "1", 5, shipped=2, cancelled=1),
            OrderLine("a", "1", 5, shipped=4, cancelled=1, restocked=1),
        )
    ):
        snapshot = OrderSnapshot("200", OrderState.OPEN, NOW + timedelta(minutes=minute), NOW, (line,))
        orders.apply(ledger, [Sighting(channel, snapshot, minute)], NOW)
    assert rebuild(ledger, NOW).differences == ()


def test_a_hold_that_has_ended_is_no_difference(ledger: Connection) -> None:
    assert order_ends.expire_holds(ledger, 10, NOW + timedelta(hours=2)) == 1
    assert rebuild(ledger, NOW + timedelta(hours=2)).differences == ()


@pytest.mark.parametrize("column", ["hard", "shipped", "restocked", "quarantined", "took"])
def test_a_line_that_says_something_else_is_named(ledger: Connection, column: str) -> None:
    line = ledger.execute(select(order_lines).where(order_lines.c.quantity > 0).order_by(order_lines.c.id).limit(1)).one()
    ledger.execute(update(order_lines).where(order_lines.c.id == line.id).values({column: getattr(line, column) + 1}))
    [(where, rebuilt, stored)] = rebuild(ledger, NOW).differences
    assert where == f"order '100' of channel 1, line {line.line_ref!r}"
    assert f"{column}={getattr(line, column)}" in rebuilt
    assert f"{column}={getattr(line, column) + 1}" in stored


def test_what_rightly_depends_on_its_way_is_left_out(ledger: Connection) -> None:
    before = rebuild(ledger, NOW)
    ledger.execute(text("UPDATE listings SET pack = 6 WHERE ref = '1'"))
    remapped = rebuild(ledger, NOW)
    assert remapped.differences == ()
    assert remapped.left_out > 0
    assert remapped.left_out + remapped.lines == before.lines
    ledger.execute(update(locations).values(authority_id=1))
    ledger.execute(
        update(order_lines).where(order_lines.c.hard > 0).values(hard=0, shipped=order_lines.c.hard, documented=order_lines.c.hard)
    )
    documented = rebuild(ledger, NOW)
    assert documented.left_out > remapped.left_out
    assert documented.differences == ()
    ledger.execute(update(order_lines).values(documented=0))
    assert rebuild(ledger, NOW).differences != (), "without a document, a line that says it was shipped is wrong"


def test_a_snapshot_that_cannot_be_read_is_named_by_the_audit_and_stops_nobody(ledger: Connection) -> None:
    ledger.execute(update(order_table).where(order_table.c.ref == "100").values(snapshot={"nothing": 1}))
    assert any(each.expected == "one that can be read" for each in audit(ledger))
    assert rebuild(ledger, NOW).orders == 6


def test_only_the_newest_are_rebuilt_in_a_large_ledger(ledger: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "NEWEST", 2)
    monkeypatch.setattr(rebuilding, "PAGE", 1)
    seen = rebuild(ledger, NOW)
    assert (seen.orders, seen.of, seen.differences) == (2, 7, ())
