"""Shipping from a location where an authority counts: whoever speaks first ends the hold, and pending_debit waits for the authority's number."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select, update

from channelsync.contract import OrderState
from channelsync.ledger import fulfilment, levels, order_documents, reservations
from channelsync.ledger.audit import audit
from channelsync.ledger.fulfilment import Fulfil
from channelsync.ledger.holds import Which
from channelsync.ledger.levels import Entry, Level, MovementType
from channelsync.ledger.order_documents import Debited, Documented
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.schema import channels, hand_shipments, locations, order_lines
from support.order_lives import lives
from support.selling import MINUTE, Shop, findings, line, open_shop, order
from support.stock import NOW, assert_adds_up, level, want


@pytest.fixture
def shop(conn: Connection) -> Shop:
    shop = open_shop(conn, on_hand=10, shows=10)
    own(conn, "main")
    return shop


def own(conn: Connection, code: str) -> None:
    row = {"name": "stock", "connector": "memory", "role": "authority", "created_at": NOW}
    authority = conn.execute(insert(channels).values(row).returning(channels.c.id)).scalar_one()
    conn.execute(update(locations).where(locations.c.code == code).values(authority_id=authority))


def rows(conn: Connection) -> list[Any]:
    return list(conn.execute(select(order_lines).order_by(order_lines.c.id)).all())


def note(conn: Connection, units: int) -> None:
    [row] = rows(conn)
    order_documents.note(conn, [Documented(row.id, units)], NOW)


def debit(conn: Connection, units: int, *, reading: int = 0) -> None:
    """The authority's number moved by `reading`, and this proves `units` to be out of it."""
    [row] = rows(conn)
    entries = order_documents.debit(conn, [Debited(row.id, units)], NOW)
    if reading:
        entries.append(Entry(row.sku_id, row.location_id, MovementType.IMPORT, on_hand=reading))
    levels.post(conn, entries, NOW)


def tally(conn: Connection) -> tuple[int, int, int]:
    """on hand, hard, pending debit"""
    found = level(conn, "A")
    assert found.quarantined == found.soft == 0
    assert_adds_up(conn)
    assert audit(conn) == []
    return found.on_hand, found.hard, found.pending_debit


def test_the_channel_ships_first(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 3)))
    shop.see(order(line("a", 3, shipped=2), at=NOW + MINUTE))
    assert tally(conn) == (10, 1, 2)
    note(conn, 2)
    assert tally(conn) == (10, 1, 2)
    debit(conn, 2, reading=-2)
    assert tally(conn) == (8, 1, 0)
    assert findings(conn) == []


def test_a_document_ships_first(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 3)))
    note(conn, 2)
    assert tally(conn) == (10, 1, 2)
    debit(conn, 2, reading=-2)
    assert tally(conn) == (8, 1, 0)
    shop.see(order(line("a", 3, shipped=2), at=NOW + MINUTE))
    assert tally(conn) == (8, 1, 0)
    shop.see(order(line("a", 3, shipped=3), at=NOW + 2 * MINUTE))
    assert tally(conn) == (8, 0, 1)


def test_a_document_that_is_gone_is_followed_back(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 3)))
    note(conn, 3)
    note(conn, 1)
    assert tally(conn) == (10, 2, 1)
    note(conn, 0)
    assert tally(conn) == (10, 3, 0)


def test_a_document_that_is_gone_after_it_was_proved_waits_again(conn: Connection, shop: Shop) -> None:
    """The shop has shipped: the authority's number will show the units again, and they are not there."""
    shop.see(order(line("a", 2, shipped=2)))
    note(conn, 2)
    debit(conn, 2, reading=-2)
    note(conn, 0)
    assert tally(conn) == (8, 0, 2)


def test_goods_that_come_back_and_cancelled_ones_move_nothing(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 4, shipped=2)))
    shop.see(order(line("a", 4, took=3, shipped=2, restocked=1, quarantined=1), at=NOW + MINUTE))
    assert tally(conn) == (10, 1, 2)
    shop.see(order(line("a", 4, took=3, shipped=2, restocked=1, quarantined=1), state=OrderState.CANCELLED, at=NOW + 2 * MINUTE))
    assert tally(conn) == (10, 0, 2)


def test_more_is_shipped_than_the_number_says(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 12, shipped=12)))
    assert tally(conn) == (10, 0, 12)
    assert findings(conn) == [("oversell", "")]


def test_a_document_that_ships_more_than_was_ordered_is_a_fact(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 2)))
    note(conn, 3)
    assert tally(conn) == (10, 0, 3)


def test_more_than_was_shipped_is_never_proved(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 2, shipped=1)))
    debit(conn, 2)
    assert tally(conn) == (10, 1, 0)


def test_the_ledger_counts_again(conn: Connection, shop: Shop) -> None:
    shop.see(order(line("a", 12, shipped=12)))
    debit(conn, 1, reading=-1)
    conn.execute(update(locations).values(authority_id=None))
    [row] = rows(conn)
    levels.post(conn, order_documents.given_back(conn, [row.location_id], NOW), NOW)
    assert tally(conn) == (0, 0, 0)
    assert ("shortage", "100") in findings(conn)
    assert order_documents.given_back(conn, [row.location_id], NOW) == []


def test_what_the_ledger_shipped_itself_waits_for_no_document(conn: Connection, shop: Shop) -> None:
    conn.execute(update(locations).values(authority_id=None))
    shop.see(order(line("a", 3, shipped=1)))
    debit(conn, 0)  # nobody can take back there what is the ledger's own
    conn.execute(update(locations).where(locations.c.code == "main").values(authority_id=shop.channel))
    shop.see(order(line("a", 3, shipped=2), at=NOW + MINUTE))
    assert tally(conn) == (9, 1, 1)


def test_a_reservation_that_ships_waits_for_a_late_enough_reading(conn: Connection, shop: Shop) -> None:
    reservations.reserve(conn, [want("A", 3)], NOW)
    [shipped] = fulfilment.fulfil(conn, [Fulfil(Which(reference="cart"), 2)], NOW)
    assert not isinstance(shipped, Refusal)
    assert (shipped.units, shipped.shortage) == (2, 0)
    found = level(conn, "A")
    assert (found.on_hand, found.soft, found.pending_debit, found.available) == (10, 1, 2, 7)
    key = next(iter(_keys(conn)))
    assert order_documents.debit_by_hand(conn, [key], NOW - MINUTE, NOW) == []
    proved = order_documents.debit_by_hand(conn, [key], NOW, NOW)
    levels.post(conn, [*proved, Entry(*key, MovementType.IMPORT, on_hand=-2)], NOW)
    assert (level(conn, "A").on_hand, level(conn, "A").pending_debit, audit(conn)) == (8, 0, [])


def test_what_a_reservation_shipped_has_left_when_the_ledger_counts_again(conn: Connection, shop: Shop) -> None:
    reservations.reserve(conn, [want("A", 3)], NOW)
    fulfilment.fulfil(conn, [Fulfil(Which(reference="cart"))], NOW)
    conn.execute(update(locations).values(authority_id=None))
    levels.post(conn, order_documents.given_back(conn, [location for _, location in _keys(conn)], NOW), NOW)
    assert tally(conn) == (7, 0, 0)


def _keys(conn: Connection) -> set[tuple[int, int]]:
    return {(row.sku_id, row.location_id) for row in conn.execute(select(hand_shipments))}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_pending_is_what_is_shipped_and_not_proved(conn: Connection, data: st.DataObject) -> None:
    """Whatever the order goes through, whatever documents come and go and whatever is proved: on hand is the authority's alone."""
    with conn.begin_nested() as savepoint:
        shop = open_shop(conn)
        own(conn, "main")
        before = _physical(level(conn, "A")), _physical(level(conn, "B"))
        for version in data.draw(lives()):
            shop.see(version)
            for row in rows(conn):
                match data.draw(st.sampled_from(["nothing", "note", "debit"])):
                    case "note":
                        order_documents.note(conn, [Documented(row.id, data.draw(st.integers(0, 4)))], NOW)
                    case "debit":
                        levels.post(conn, order_documents.debit(conn, [Debited(row.id, data.draw(st.integers(0, 8)))], NOW), NOW)
            assert_adds_up(conn)
            assert audit(conn) == []
        assert (_physical(level(conn, "A")), _physical(level(conn, "B"))) == before
        savepoint.rollback()


def _physical(found: Level) -> tuple[int, int]:
    return found.on_hand, found.quarantined
