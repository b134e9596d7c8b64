"""Returns from expectation to inspection: what each verb moves, what it refuses, and that a refusal changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from channelsync.ledger import bundling, freezing, reservations, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.documents.lines import Line
from channelsync.ledger.documents.states import UnknownDocument, WrongState
from channelsync.ledger.freezing import Freeze, Scope
from channelsync.ledger.refusals import KeyReused, NotAllowed, UnknownLocation, UnknownSku
from channelsync.ledger.returns import expecting, inspecting, receiving
from channelsync.ledger.returns.documents import LineTold
from channelsync.ledger.returns.expecting import UnknownOrder
from channelsync.ledger.returns.inspecting import Decision, Inspect, MoreThanWaits, Outcome
from channelsync.ledger.returns.receiving import MoreThanExpected, Receive
from channelsync.ledger.schema import findings, locations, movements, return_lines, returns
from channelsync.ledger.triggers import EVENTS
from channelsync.ledger.verifier import verify
from support.purchasing import only, refused
from support.returning import arrive, cancel, expect, inspect, log_of, state_of, try_to_expect, try_to_inspect, try_to_receive
from support.stock import NOW, assert_adds_up, level, open_channel, open_locations, put, want

RESTOCK, WRITE_OFF, TO_SUPPLIER = Outcome.RESTOCK, Outcome.WRITE_OFF, Outcome.TO_SUPPLIER
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _places(conn: Connection) -> None:
    open_locations(conn, "main", "annex")
    put(conn, "A", 4)
    put(conn, "B", 0)


def proven(conn: Connection) -> None:
    assert audit(conn) == []
    assert_adds_up(conn)


def own_to(conn: Connection, location: str) -> None:
    channel = open_channel(conn, "erp", None)
    conn.execute(update(locations).where(locations.c.code == location).values(authority_id=channel))


def held(conn: Connection, sku: str = "A", location: str = "main") -> tuple[int, int, int]:
    """on hand, quarantined, damaged"""
    found = level(conn, sku, location)
    return found.on_hand, found.quarantined, found.damaged


# -- expect ----------------------------------------------------------------------------------------------------------------------------------


def test_what_is_expected_moves_nothing(conn: Connection) -> None:
    told = only(try_to_expect(conn, {"A": 2, "B": 1}, reference="RMA-9", note="too small", actor="Ann"))
    assert (told.state, told.channel, told.order, told.location) == ("expected", None, None, "main")
    assert (told.reference, told.note) == ("RMA-9", "too small")
    assert told.lines == (LineTold("A", 2, 0, 0, 0, 0, 0, 0), LineTold("B", 1, 0, 0, 0, 0, 0, 0))
    assert held(conn) == (4, 0, 0)
    assert level(conn, "A").incoming == 0, "a promise of a customer is nothing to count on"
    proven(conn)


def test_an_expectation_that_makes_no_sense_is_refused(conn: Connection) -> None:
    only(bundling.define(conn, [Define("KIT", (Part("A", 2),))], NOW))

    def why(lines: dict[str, int], location: str = "main", **more: Any) -> object:
        return refused(try_to_expect(conn, lines, location, **more))

    assert isinstance(why({"NONE": 1}), UnknownSku)
    assert isinstance(why({"A": 1}, "nowhere"), UnknownLocation)
    assert "its parts: A" in str(why({"KIT": 1}))
    assert "too small" in str(why({"A": 0}))
    assert "1 to 1000 lines" in str(why({}))
    assert "characters" in str(why({"A": 1}, reference="x" * 256))
    assert "name both" in str(why({"A": 1}, channel="shop"))
    assert "no channel 'shop'" in str(why({"A": 1}, channel="shop", order="1"))
    open_channel(conn)
    unknown = why({"A": 1}, channel="shop", order="1")
    assert isinstance(unknown, UnknownOrder)
    assert "orders list --channel shop" in str(unknown)
    assert conn.execute(select(returns)).all() == []


def test_where_another_system_owns_the_stock_nothing_is_expected_or_received(conn: Connection) -> None:
    number = expect(conn, {"A": 2})
    own_to(conn, "main")
    assert "belongs to 'erp'" in str(refused(try_to_expect(conn, {"A": 1})))
    assert "belongs to 'erp'" in str(refused(try_to_receive(conn, number)))
    assert cancel(conn, number).state == "cancelled"


# -- receive ---------------------------------------------------------------------------------------------------------------------------------


def test_what_arrives_waits_in_quarantine_and_is_not_available(conn: Connection) -> None:
    number = expect(conn, {"A": 3})
    told = arrive(conn, number, {"A": 2}, actor="Ann")
    assert (told.state, told.lines) == ("received", (LineTold("A", 3, 2, 2, 0, 0, 0, 0),))
    assert held(conn) == (4, 2, 0)
    assert level(conn, "A").available == 4
    assert arrive(conn, number).lines == (LineTold("A", 3, 3, 3, 0, 0, 0, 0),), "without lines: all that is still expected"
    assert log_of(conn, f"RET-{number}") == [("quarantine", "A", "main", 0, 2, 0), ("quarantine", "A", "main", 0, 1, 0)]
    proven(conn)


def test_more_than_was_expected_and_other_things_only_if_said_so(conn: Connection) -> None:
    number = expect(conn, {"A": 1})
    assert isinstance(refused(try_to_receive(conn, number, {"A": 2})), MoreThanExpected)
    assert isinstance(refused(try_to_receive(conn, number, {"A": 1, "B": 1})), MoreThanExpected)
    assert (held(conn), state_of(conn, number)) == ((4, 0, 0), "expected")
    told = arrive(conn, number, {"A": 2, "B": 1}, over=True)
    assert told.lines == (LineTold("A", 1, 2, 2, 0, 0, 0, 0), LineTold("B", 0, 1, 1, 0, 0, 0, 0))
    assert (held(conn), held(conn, "B")) == ((4, 2, 0), (0, 1, 0))
    assert "nothing is still expected" in str(refused(try_to_receive(conn, number)))
    proven(conn)


def test_what_cannot_be_received_is_refused(conn: Connection) -> None:
    number = expect(conn, {"A": 1})
    only(bundling.define(conn, [Define("KIT", (Part("A", 2),))], NOW))
    assert isinstance(refused(try_to_receive(conn, 99, {"A": 1})), UnknownDocument)
    assert isinstance(refused(try_to_receive(conn, number, {"NONE": 1}, over=True)), UnknownSku)
    assert "is a bundle" in str(refused(try_to_receive(conn, number, {"KIT": 1}, over=True)))
    assert "in the future" in str(refused(try_to_receive(conn, number, occurred_at=NOW + HOUR)))
    assert "more than one line" in str(refused(receiving.receive(conn, [Receive(number, _line("A") * 2, over=True)], NOW)))
    assert cancel(conn, number).state == "cancelled"
    assert isinstance(refused(try_to_receive(conn, number)), WrongState)
    assert held(conn) == (4, 0, 0)


def _line(sku: str) -> tuple[Line, ...]:
    return (Line(sku, 1),)


def test_a_sku_that_has_become_a_bundle_is_not_received(conn: Connection) -> None:
    number = expect(conn, {"B": 1})
    only(bundling.define(conn, [Define("B", (Part("A", 2),))], NOW))
    assert "is a bundle" in str(refused(try_to_receive(conn, number)))


def test_the_age_is_that_of_what_waits(conn: Connection) -> None:
    number = expect(conn, {"A": 2})

    def since() -> Any:
        return conn.scalar(select(returns.c.received_at).where(returns.c.id == number))

    arrive(conn, number, {"A": 1}, occurred_at=NOW - HOUR)
    assert since() == NOW - HOUR
    inspect(conn, number, ("A", 1, RESTOCK))
    arrive(conn, number, {"A": 1}, at=NOW + HOUR)
    assert since() == NOW + HOUR, "what came before does not wait any more"
    arrive(conn, number, {"A": 1}, at=NOW + 2 * HOUR, over=True)
    assert since() == NOW + HOUR


# -- inspect ---------------------------------------------------------------------------------------------------------------------------------


def test_each_unit_is_decided_about(conn: Connection) -> None:
    number = expect(conn, {"A": 4, "B": 1})
    arrive(conn, number)
    first = inspect(conn, number, ("A", 1, RESTOCK), ("A", 1, WRITE_OFF))
    assert first.state == "received"
    assert first.lines[0] == LineTold("A", 4, 4, 2, 0, 1, 1, 0)
    assert held(conn) == (5, 2, 1)
    last = inspect(conn, number, ("A", 2, TO_SUPPLIER), ("B", 1, RESTOCK), reason="")
    assert last.state == "inspected"
    assert last.lines == (LineTold("A", 4, 4, 0, 0, 1, 1, 2), LineTold("B", 1, 1, 0, 0, 1, 0, 0))
    assert (held(conn), held(conn, "B")) == ((5, 0, 1), (1, 0, 0))
    assert log_of(conn, f"RET-{number}")[2:] == [
        ("return", "A", "main", 1, -1, 0),
        ("write_off", "A", "main", 0, -1, 1),
        ("supplier_return", "A", "main", 0, -2, 0),
        ("return", "B", "main", 1, -1, 0),
    ]
    assert conn.scalar(select(returns.c.closed_at).where(returns.c.id == number)) == NOW
    assert isinstance(refused(try_to_receive(conn, number, {"A": 1}, over=True)), WrongState)
    assert isinstance(refused(try_to_inspect(conn, number, rest=RESTOCK)), WrongState)
    proven(conn)


def test_the_rest_goes_one_way(conn: Connection) -> None:
    number = expect(conn, {"A": 3, "B": 2})
    arrive(conn, number)
    told = inspect(conn, number, ("A", 1, WRITE_OFF), rest=RESTOCK)
    assert told.state == "inspected"
    assert (held(conn), held(conn, "B")) == ((6, 0, 1), (2, 0, 0))


def test_while_more_is_expected_it_is_not_inspected_unless_that_is_said(conn: Connection) -> None:
    number = expect(conn, {"A": 2})
    arrive(conn, number, {"A": 1})
    assert "1 units of return" in str(refused(try_to_inspect(conn, number, complete=True)))
    assert inspect(conn, number, rest=RESTOCK).state == "received"
    assert "nothing is decided" in str(refused(try_to_inspect(conn, number, rest=RESTOCK)))
    assert inspect(conn, number, complete=True).state == "inspected"
    proven(conn)


def test_what_cannot_be_decided_is_refused(conn: Connection) -> None:
    number = expect(conn, {"A": 2})
    assert isinstance(refused(try_to_inspect(conn, number, rest=RESTOCK)), WrongState)
    arrive(conn, number)
    for wrong in ([("A", 3, RESTOCK)], [("B", 1, RESTOCK)], [("A", 1, RESTOCK), ("A", 2, WRITE_OFF)]):
        assert isinstance(refused(try_to_inspect(conn, number, *wrong)), MoreThanWaits)
    assert "nothing is decided" in str(refused(try_to_inspect(conn, number)))
    assert "needs a reason" in str(refused(try_to_inspect(conn, number, ("A", 1, WRITE_OFF), reason=" ")))
    assert "too small" in str(refused(try_to_inspect(conn, number, ("A", 0, RESTOCK))))
    assert held(conn) == (4, 2, 0)
    own_to(conn, "main")
    assert "belongs to 'erp'" in str(refused(try_to_inspect(conn, number, ("A", 1, RESTOCK), ("A", 1, WRITE_OFF))))
    assert inspect(conn, number, ("A", 1, TO_SUPPLIER), rest=WRITE_OFF).state == "inspected", "quarantine is our own affair"


def test_a_frozen_sku_comes_back_all_the_same(conn: Connection) -> None:
    """A freeze is about what shops are told."""
    only(freezing.freeze(conn, [Freeze(Scope("A"), "recall")], NOW))
    number = expect(conn, {"A": 1})
    arrive(conn, number)
    inspect(conn, number, rest=RESTOCK)
    assert held(conn) == (5, 0, 0)


def test_restocking_ends_an_oversell(conn: Connection) -> None:
    only(reservations.reserve(conn, [want("A", 4)], NOW))
    only(stock.write_off(conn, [stock.WriteOff("A", "main", 1, reason="broken", bucket="on_hand")], NOW))
    open_ones = select(findings.c.kind).where(findings.c.resolved_at.is_(None))
    assert conn.scalars(open_ones).all() == ["oversell"]
    number = expect(conn, {"A": 1})
    arrive(conn, number)
    assert conn.scalars(open_ones).all() == ["oversell"]
    inspect(conn, number, rest=RESTOCK)
    assert conn.scalars(open_ones).all() == []


# -- cancel, keys, hands ---------------------------------------------------------------------------------------------------------------------


def test_only_what_is_expected_is_cancelled(conn: Connection) -> None:
    number = expect(conn, {"A": 1})
    arrive(conn, number)
    assert "it cannot cancel; what can be done with it: receive, inspect" in str(
        refused(expecting.cancel(conn, [expecting.Cancel(number)], NOW))
    )


def test_a_repeated_request_does_nothing_twice(conn: Connection) -> None:
    number = expect(conn, {"A": 2}, key="e")
    assert expect(conn, {"A": 2}, key="e") == number
    first = arrive(conn, number, {"A": 1}, key="r")
    again = arrive(conn, number, {"A": 1}, key="r")
    assert (first.repeat, again.repeat, again.lines) == (False, True, first.lines)
    assert isinstance(refused(try_to_receive(conn, number, {"A": 2}, key="r")), KeyReused)
    inspect(conn, number, rest=RESTOCK, key="i")
    assert inspect(conn, number, rest=RESTOCK, key="i").repeat
    assert held(conn) == (5, 0, 0)
    assert len(conn.execute(select(returns)).all()) == 1


def test_several_verbs_of_one_batch_see_each_other(conn: Connection) -> None:
    number, other = expect(conn, {"A": 2}), expect(conn, {"A": 1})
    done = receiving.receive(conn, [Receive(number, _line("A")), Receive(number), Receive(number), Receive(other)], NOW)
    assert [getattr(each, "state", getattr(each, "code", None)) for each in done] == ["received", "received", "not_allowed", "received"]
    asked = [Inspect(number, (Decision("A", 1, RESTOCK),)), Inspect(number, rest=RESTOCK), Inspect(other, rest=TO_SUPPLIER)]
    assert [getattr(each, "state", None) for each in inspecting.inspect(conn, asked, NOW)] == ["received", "inspected", "inspected"]
    assert held(conn) == (6, 0, 0)
    proven(conn)


def test_a_clock_that_was_set_back_meanwhile_is_no_difference_of_the_log(conn: Connection) -> None:
    number = expect(conn, {"A": 2})
    arrive(conn, number, at=NOW)
    inspect(conn, number, ("A", 2, RESTOCK), at=NOW - HOUR)
    proven(conn)


def test_hands_leave_alone_what_waits_for_inspection(conn: Connection) -> None:
    number = expect(conn, {"A": 2})
    arrive(conn, number)
    only(stock.take_back(conn, [stock.Change("A", "main", 1)], NOW))
    by_hand: tuple[Callable[[int], Any], ...] = (
        lambda units: stock.restock(conn, [stock.Change("A", "main", units)], NOW),
        lambda units: stock.write_off(conn, [stock.WriteOff("A", "main", units, reason="broken")], NOW),
    )
    for verb in by_hand:
        why = refused(verb(2))
        assert isinstance(why, NotAllowed)
        assert "2 of the 3 units" in str(why)
        assert refused(verb(4)).code == "insufficient_stock"
    only(stock.restock(conn, [stock.Change("A", "main", 1)], NOW))
    assert held(conn) == (5, 2, 0)
    inspect(conn, number, rest=RESTOCK)
    proven(conn)


def test_a_hand_cannot_write_under_the_name_of_a_return(conn: Connection) -> None:
    number = expect(conn, {"A": 2})
    arrive(conn, number)
    why = refused(stock.take_back(conn, [stock.Change("A", "main", 1, reference=f"RET-{number}")], NOW))
    assert "receive and inspect it" in str(why)
    only(stock.take_back(conn, [stock.Change("A", "main", 1, reference="RET-12a")], NOW))
    proven(conn)


def test_nothing_is_written_by_what_is_refused(conn: Connection) -> None:
    number = expect(conn, {"A": 2})
    arrive(conn, number)
    before = [conn.execute(select(table)).all() for table in (returns, return_lines, movements)]
    refused(try_to_receive(conn, number, {"A": 1}))
    refused(try_to_inspect(conn, number, ("A", 1, RESTOCK), ("B", 1, RESTOCK)))
    refused(try_to_expect(conn, {"A": 1, "NONE": 1}))
    assert [conn.execute(select(table)).all() for table in (returns, return_lines, movements)] == before


def test_what_hands_called_by_that_name_before_is_not_the_returns(conn: Connection) -> None:
    """Until there were returns, people could write what they liked."""
    only(stock.take_back(conn, [stock.Change("A", "main", 3, reference="RMA")], NOW - 48 * HOUR))
    for event in EVENTS[conn.dialect.name]:
        conn.exec_driver_sql(f"DROP TRIGGER movements_no_{event}" + (" ON movements" if conn.dialect.name == "postgresql" else ""))
    conn.execute(update(movements).where(movements.c.reference == "RMA").values(reference="RET-1"))
    assert expect(conn, {"A": 1}) == 1
    arrive(conn, 1)
    assert [each for each in audit(conn) if each.check == "returns"] == []
    assert [each for each in verify(conn, NOW).mismatches if each.check == "returns"] == []
