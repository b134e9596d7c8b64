"""How fast things flow and whether the backlog shrinks; and that status asks no growing table for all its rows. On both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, event, text, update

from channelsync.contract import Effect, OrderLine, OrderSnapshot, OrderState, Outcome
from channelsync.ledger import aside, freshness, orders, outbox, selling, webhooks
from channelsync.ledger.freshness import Sampled, outlook
from channelsync.ledger.orders import Sighting
from channelsync.ledger.outbox import Arming
from channelsync.ledger.overview import overview
from channelsync.ledger.schema import channels
from channelsync.ledger.webhooks import Delivered
from support.pushing import Outgoing, open_outgoing
from support.stock import NOW, open_channel

MINUTE = timedelta(minutes=1)
MANY = 100_000


@pytest.fixture
def out(conn: Connection) -> Outgoing:
    return open_outgoing(conn)


def test_rates_are_of_the_last_five_minutes(out: Outgoing) -> None:
    out.count(A=3, B=2)
    call = out.send(raises=False)
    out.settle(call, [Outcome.OK] * 2)
    for number in range(5):
        snapshot = OrderSnapshot(f"o{number}", OrderState.OPEN, out.now, out.now, (OrderLine("1", "c", 0, effects=(Effect(0, out.now),)),))
        orders.apply(out.conn, [Sighting(out.channel, snapshot, 1)], out.now)
    webhooks.note_delivered(out.conn, [Delivered(out.channel, 10, out.now)], out.now)
    fresh = freshness.of_channel(out.conn, out.channel, out.now)
    assert (fresh.orders_per_minute, fresh.deliveries_per_minute, fresh.writes_per_minute) == (1.0, 2.0, 0.4)
    assert (fresh.last_order, fresh.last_delivery, fresh.last_push) == (NOW, NOW, NOW)
    later = freshness.of_channel(out.conn, out.channel, NOW + 6 * MINUTE)
    assert (later.orders_per_minute, later.deliveries_per_minute, later.writes_per_minute) == (0.0, 0.0, 0.0)
    assert later.last_order == NOW


def test_the_backlog_is_counted_and_compared(out: Outgoing) -> None:
    out.count(A=3, B=2, C=1)
    assert freshness.sample(out.conn, [Sampled(out.channel)], NOW) == [3]
    out.settle(out.send(raises=False), {"a": Outcome.OK})
    fresh = freshness.of_channel(out.conn, out.channel, NOW + 2 * MINUTE)
    assert (fresh.backlog, fresh.outlook) == (2, "catches up in 4 min")


@pytest.mark.parametrize(
    ("waiting", "before", "writes", "said"),
    [
        (0, (10, 5.0), 2.0, ""),
        (10, None, 0.0, ""),
        (10, None, 2.5, "catches up in 4 min"),
        (8, (80, 2.0), 40.0, "catches up within a minute"),
        (40, (60, 5.0), 9.0, "catches up in 10 min"),
        (6_000, (6_100, 5.0), 20.0, "catches up in 5 h"),
        (60, (40, 5.0), 9.0, "falls behind"),
        (40, (40, 5.0), 9.0, "keeps pace, and does not catch up"),
        (60, (40, 5.0), 0.0, "stands still"),
    ],
)
def test_outlooks(waiting: int, before: tuple[int, float] | None, writes: float, said: str) -> None:
    assert outlook(waiting, before, writes) == said


# -- with a hundred thousand shelves --------------------------------------------------------------------------------------------------------


@pytest.fixture
def large(out: Outgoing) -> Outgoing:
    """Beside the shop under test another one with 100,000 listings, and what grows with the years."""
    conn = out.conn
    big = open_channel(conn, "big")
    conn.execute(update(channels).values(opened_at=NOW))
    _fill(conn, "listings (channel_id, ref, sku_text, tracked, seen_at)", f"{big}, 'l' || n, 'T' || n, true, 0")
    first = conn.execute(text("SELECT min(id) FROM listings WHERE channel_id = :big"), {"big": big}).scalar_one()
    _fill(conn, "shelves (listing_id, channel_id, location, book, read_at)", f"{first} + n, {big}, '', 5, n")
    _fill(conn, "push_calls (key, channel_id, raises, carrier, state, lease_version, created_at, settled_at)",
          f"'k' || n, {big}, false, 'set', 'settled', 1, n, n")  # fmt: skip
    _fill(conn, "findings (kind, detail, created_at, resolved_at)", "'drift', '{}', n, n")
    _fill(conn, "set_aside (channel_id, kind, ref, reason, created_at, updated_at, resolved_at)", f"{big}, 'order', 'r' || n, 'x', n, n, n")
    conn.execute(text("ANALYZE"))
    return out


def _fill(conn: Connection, into: str, values: str) -> None:
    numbers = "WITH RECURSIVE t(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM t WHERE n < :many - 1)"
    conn.execute(text(f"{numbers} INSERT INTO {into} SELECT {values} FROM t"
                      if conn.dialect.name == "postgresql"
                      else f"INSERT INTO {into} {numbers} SELECT {values} FROM t"), {"many": MANY})  # fmt: skip


GROWING = ("shelves", "listings", "attempts", "push_calls", "orders", "order_lines", "movements", "findings", "set_aside", "inbox")

PARTIAL = ("ix_inbox_waiting", "ix_findings_open")
"""Indexes of what is open, which stays small however large the table is."""


@pytest.fixture
def plans(large: Outgoing) -> Iterator[list[tuple[str, str]]]:
    """(statement, one line of its plan) for every question that is asked while the fixture is in use."""
    seen: list[tuple[str, str]] = []
    asking = False
    prefix = "EXPLAIN QUERY PLAN " if large.conn.dialect.name == "sqlite" else "EXPLAIN "

    def explain(conn: Connection, _cursor: object, statement: str, parameters: tuple[object, ...], *_more: object) -> None:
        nonlocal asking
        if asking or not statement.startswith("SELECT"):
            return
        asking = True
        seen.extend((statement, str(row[-1])) for row in conn.exec_driver_sql(prefix + statement, parameters))
        asking = False

    event.listen(large.conn, "before_cursor_execute", explain)
    yield seen
    event.remove(large.conn, "before_cursor_execute", explain)


def test_status_scans_no_table_that_grows(large: Outgoing, plans: list[tuple[str, str]]) -> None:
    views = {view.name: view for view in overview(large.conn, NOW).channels}
    assert views["big"].shelves == MANY
    sqlite = [(s, line) for s, line in plans if any(line.startswith(f"SCAN {t}") for t in GROWING) and not line.endswith(PARTIAL)]
    postgres = [(s, line) for s, line in plans if any(f"Seq Scan on {t} " in f"{line} " for t in ("findings", "push_calls", "set_aside"))]
    assert (sqlite, postgres) == ([], [])
    assert len(plans) > 20


def test_what_is_aside_is_grouped_by_what_it_has_in_common(out: Outgoing) -> None:
    for number in range(3):
        aside.put(out.conn, out.channel, "line", f"o{number}/1", f"no SKU is linked to listing 'l-{number}' (order #{number})", "", NOW)
    aside.put(out.conn, out.channel, "order", "o9", "the order was not understood", "", NOW + MINUTE)
    [view] = overview(out.conn, NOW).channels
    assert [(g.kind, g.count, g.reason, g.first) for g in view.aside] == [
        ("line", 3, "no SKU is linked to listing … (order …)", "o0/1"),
        ("order", 1, "the order was not understood", "o9"),
    ]
    assert view.set_aside == {"line": 3, "order": 1}


def test_the_dispatcher_asks_only_for_what_is_due(large: Outgoing, plans: list[tuple[str, str]]) -> None:
    selling.due_raises(large.conn, large.channel, (), NOW)
    selling.count_due(large.conn, large.channel)
    outbox.arm(large.conn, [Arming(large.channel, "call-1", False, large.carrier, 100, large.lease)], NOW)
    if large.conn.dialect.name == "sqlite":
        asked = [(statement, line) for statement, line in plans if line.startswith("SEARCH shelves")]
        assert asked
        assert [each for each in asked if "ix_shelves_due" not in each[1] and "INTEGER PRIMARY KEY" not in each[1]] == []
