"""Repairs: what the plan shows is what is done, the log is only ever added to, and afterwards everything adds up again."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from channelsync.ledger.audit import audit
from channelsync.ledger.repairing import Repair, Repaired, Step, plan, repair
from channelsync.ledger.schema import movements, order_lines, orders, shelves, skus, stock_levels
from channelsync.ledger.verifier import verify
from support.stock import NOW
from support.story import live_a_day


@pytest.fixture
def ledger(conn: Connection) -> Connection:
    live_a_day(conn)
    return conn


def repaired(conn: Connection) -> list[Step]:
    """Everything the plan shows is done. Returns the plan."""
    steps = plan(conn)
    before = conn.execute(select(movements).order_by(movements.c.id)).all()
    assert repair(conn, [Repair(tuple(steps), "cli:ann")], NOW) == [Repaired(len(steps), 0)]
    assert conn.execute(select(movements).order_by(movements.c.id)).all()[: len(before)] == before
    assert plan(conn) == []
    assert audit(conn) == []
    assert verify(conn, NOW).mismatches == ()
    return steps


def level(conn: Connection, sku: str) -> Any:
    query = select(stock_levels).join(skus, skus.c.id == stock_levels.c.sku_id).where(skus.c.sku == sku, stock_levels.c.location_id == 1)
    return conn.execute(query).one()


def test_nothing_to_repair(ledger: Connection) -> None:
    assert plan(ledger) == []
    assert repair(ledger, [Repair((), "cli:ann")], NOW) == [Repaired(0, 0)]


def test_a_level_becomes_the_sum_of_its_movements_and_somebody_did_it(ledger: Connection) -> None:
    before, due = level(ledger, "A"), ledger.execute(select(shelves.c.id, shelves.c.target, shelves.c.due)).all()
    ledger.execute(text("UPDATE stock_levels SET on_hand = on_hand + 7, quarantined = 9 WHERE sku_id = 1 AND location_id = 1"))
    steps = repaired(ledger)
    assert [(s.kind, s.sku, s.location, s.what, s.found, s.right) for s in steps] == [
        ("level", "A", "main", "on_hand", before.on_hand + 7, before.on_hand),
        ("level", "A", "main", "quarantined", 9, before.quarantined),
    ]
    assert level(ledger, "A") == before
    assert ledger.execute(select(shelves.c.id, shelves.c.target, shelves.c.due)).all() == due
    told = ledger.execute(select(movements).where(movements.c.type == "correct").order_by(movements.c.id)).all()
    assert [(row.actor, row.on_hand, row.quarantined) for row in told] == [("cli:ann", 0, 0)] * 2
    assert told[0].reason == f"audit: on_hand was {before.on_hand + 7}, its movements make {before.on_hand}"


def test_a_level_that_is_gone_comes_back(ledger: Connection) -> None:
    before = level(ledger, "A")
    ledger.execute(text("DELETE FROM stock_levels WHERE sku_id = 1 AND location_id = 1"))
    assert {step.kind for step in repaired(ledger)} == {"level"}
    assert level(ledger, "A") == before


def test_a_hold_without_an_owner_is_given_back(ledger: Connection) -> None:
    before = level(ledger, "A")
    row = ledger.execute(text("SELECT id, open, reference FROM reservations WHERE sku_id = 1 AND kind = 'hard' AND state = 'open'")).one()
    ledger.execute(text(f"UPDATE reservations SET state = 'released', open = 0 WHERE id = {row.id}"))
    [step] = repaired(ledger)
    assert (step.kind, step.what, step.reference, step.found, step.right) == ("claim", "hard", row.reference, row.open, 0)
    assert level(ledger, "A").hard == before.hard - row.open


def test_an_order_line_is_what_its_snapshot_says_again(ledger: Connection) -> None:
    before = ledger.execute(select(order_lines).order_by(order_lines.c.id)).all()
    line = next(row for row in before if row.hard)
    for change in (f"hard = {line.hard + 2}", "hard = 0"):
        ledger.execute(text(f"UPDATE order_lines SET {change} WHERE id = {line.id}"))
        [step] = repaired(ledger)
        assert (step.kind, step.found) == ("claim", line.hard)
        assert ledger.execute(select(order_lines).order_by(order_lines.c.id)).all() == before


def test_an_order_line_that_is_gone_comes_back(ledger: Connection) -> None:
    """One that has only holds; of what was shipped its movements tell, and the audit goes on saying so."""
    line = ledger.execute(select(order_lines).where(order_lines.c.hard > 0, order_lines.c.shipped == 0, order_lines.c.took == 0)).first()
    assert line is not None
    ledger.execute(text(f"DELETE FROM order_lines WHERE id = {line.id}"))
    repaired(ledger)
    again = ledger.execute(
        select(order_lines).where(order_lines.c.order_id == line.order_id, order_lines.c.line_ref == line.line_ref)
    ).one()
    assert (again.hard, again.sku_id, again.location_id) == (line.hard, line.sku_id, line.location_id)


def test_a_book_becomes_the_sum_of_its_entries(ledger: Connection) -> None:
    before = ledger.execute(select(shelves.c.id, shelves.c.book, shelves.c.due).order_by(shelves.c.id)).all()
    ledger.execute(text("UPDATE shelves SET book = book + 3 WHERE id = 1"))
    [step] = [step for step in repaired(ledger) if step.kind == "book"]
    assert (step.found, step.right) == (before[0].book + 3, before[0].book)
    assert ledger.execute(select(shelves.c.id, shelves.c.book, shelves.c.due).order_by(shelves.c.id)).all() == before


def test_what_has_moved_on_since_it_was_shown_is_left(ledger: Connection) -> None:
    ledger.execute(text("UPDATE stock_levels SET on_hand = on_hand + 7 WHERE sku_id = 1 AND location_id = 1"))
    shown = plan(ledger)
    ledger.execute(text("UPDATE stock_levels SET on_hand = on_hand + 1 WHERE sku_id = 1 AND location_id = 1"))
    was = level(ledger, "A")
    assert repair(ledger, [Repair(tuple(shown), "cli:ann")], NOW) == [Repaired(0, 1)]
    assert level(ledger, "A") == was


def test_what_no_sum_can_put_right_is_not_in_the_plan(ledger: Connection) -> None:
    """A log that adds up to less than nothing is damaged itself; and an order's head is its shop's to tell."""
    row = "sku_id, location_id, type, damaged, occurred_at, recorded_at"
    ledger.execute(text(f"INSERT INTO movements ({row}) VALUES (1, 1, 'write_off', -99, 0, 0)"))
    ledger.execute(orders.update().where(orders.c.id == 1).values(state="cancelled"))
    assert plan(ledger) == []
    assert audit(ledger) != []
