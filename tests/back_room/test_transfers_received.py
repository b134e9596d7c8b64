"""Transfers that arrive: in part, too many, not at all; and what another system, a bundle, a new name or a freeze makes of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from channelsync.ledger import bundling, freezing, reservations, skus, stock
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.documents.states import WrongState
from channelsync.ledger.freezing import Freeze, Scope
from channelsync.ledger.refusals import KeyReused
from channelsync.ledger.schema import findings, movements
from channelsync.ledger.skus import Rename
from channelsync.ledger.transfers import drafting, pages
from channelsync.ledger.transfers.drafting import Draft, Edit
from channelsync.ledger.transfers.receiving import MoreThanShipped
from support.documents import own_to, proven
from support.purchasing import only, refused
from support.stock import NOW, open_locations, put, want
from support.transfers import arrive, cancel, close, draft, here, in_transit, shipped, try_to_receive, try_to_ship, units

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _places(conn: Connection) -> None:
    open_locations(conn, "main", "annex", "shop")
    put(conn, "A", 10)
    put(conn, "B", 4)


def test_it_arrives_bit_by_bit(conn: Connection) -> None:
    number = shipped(conn, {"A": 5, "B": 4})
    first = arrive(conn, number, {"A": 2})
    assert (first.state, first.in_transit) == ("part_received", 7)
    assert [(line.quantity, line.over, line.short, line.on_hand, line.available) for line in first.lines] == [(2, 0, 3, 2, 2)]
    assert here(conn, "A", "annex") == (2, 2, 3)
    last = arrive(conn, number)
    assert [(line.sku, line.quantity, line.short) for line in last.lines] == [("A", 3, 0), ("B", 4, 0)]
    assert (last.state, last.in_transit, in_transit(conn)) == ("received", 0, 0)
    assert (here(conn, "A"), here(conn, "A", "annex")) == ((5, 5, 0), (5, 5, 0))
    assert pages.one_transfer(conn, number).transfer.closed_at == NOW
    proven(conn)


def test_what_does_not_arrive_is_missing_once_it_is_closed(conn: Connection) -> None:
    number, lost = shipped(conn, {"A": 5, "B": 4}), shipped(conn, {"A": 1})
    arrive(conn, number, {"A": 3, "B": 4})
    told = close(conn, number, reason="fell off")
    assert (told.state, [(line.sku, line.received, line.missing, line.in_transit) for line in told.lines]) == (
        "received",
        [("A", 3, 2, 0), ("B", 4, 0, 0)],
    )
    assert close(conn, lost).lines[0].missing == 1, "nothing of it arrived"
    assert (here(conn, "A"), here(conn, "A", "annex"), in_transit(conn)) == ((4, 4, 0), (3, 3, 0), 0)
    log = movements.c
    assert sorted(conn.scalars(select(log.reason).where(log.incoming < 0, log.on_hand == 0))) == ["fell off", "missing, from main"]
    proven(conn)


def test_more_than_was_shipped_must_be_said(conn: Connection) -> None:
    number = shipped(conn, {"A": 5, "B": 4})
    why = refused(try_to_receive(conn, number, {"B": 4, "A": 6}))
    assert isinstance(why, MoreThanShipped)
    assert f"6 arrived, and of transfer {number} 5 are in transit (5 shipped, 0 received)" in str(why)
    assert here(conn, "B", "annex") == (0, 0, 4), "all lines or none"
    done = arrive(conn, number, {"A": 6}, over=True)
    assert (done.lines[0].over, done.lines[0].short, done.state) == (1, 0, "part_received")
    assert arrive(conn, number, {"A": 1, "B": 4}, over=True).lines[0].over == 1, "nothing of it was in transit any more"
    assert [line.over for line in pages.one_transfer(conn, number).lines] == [2, 0]
    assert (here(conn, "A"), here(conn, "A", "annex")) == ((5, 5, 0), (7, 7, 0))
    proven(conn)


def test_what_is_not_on_the_transfer_does_not_arrive_by_it(conn: Connection) -> None:
    number = shipped(conn, {"A": 5}, occurred_at=NOW - HOUR)
    assert "is not on transfer" in str(refused(try_to_receive(conn, number, {"A": 1, "B": 1}, over=True)))
    assert "is in the future" in str(refused(try_to_receive(conn, number, occurred_at=NOW + timedelta(days=1))))
    assert "before transfer" in str(refused(try_to_receive(conn, number, occurred_at=NOW - 2 * HOUR)))
    assert "is in the future" in str(refused(try_to_ship(conn, draft(conn, {"A": 1}).number, occurred_at=NOW + timedelta(days=1))))
    assert here(conn, "A", "annex") == (0, 0, 5)


def test_a_receipt_ends_an_oversell(conn: Connection) -> None:
    number = shipped(conn, {"A": 6})
    put(conn, "A", 4, "annex")
    only(reservations.reserve(conn, [want("A", 4, location="annex")], NOW))
    only(stock.count(conn, [stock.Change("A", "annex", 1)], NOW))
    assert conn.scalar(select(findings.c.resolved_at).where(findings.c.kind == "oversell")) is None
    arrive(conn, number)
    assert conn.scalar(select(findings.c.resolved_at).where(findings.c.kind == "oversell")) == NOW


def test_where_an_authority_owns_on_hand_nothing_is_moved(conn: Connection) -> None:
    drafted, under_way = draft(conn, {"A": 1}).number, shipped(conn, {"A": 4})
    own_to(conn, "annex")
    reason = "on hand at 'annex' belongs to 'erp'"
    for origin, destination in (("main", "annex"), ("annex", "main")):
        assert reason in str(refused(drafting.draft(conn, [Draft(origin, destination, units({"A": 1}))], NOW)))
    assert reason in str(refused(drafting.edit(conn, [Edit(draft(conn, {"A": 1}, "shop", "main").number, destination="annex")], NOW)))
    assert reason in str(refused(try_to_ship(conn, drafted)))
    assert reason in str(refused(try_to_receive(conn, under_way)))
    assert (here(conn, "A"), here(conn, "A", "annex")) == ((6, 6, 0), (0, 0, 4))
    assert close(conn, under_way).state == "received", "that it will not come can be said"
    assert cancel(conn, drafted).state == "cancelled"
    proven(conn)


def test_a_bundle_is_not_moved_but_its_parts(conn: Connection) -> None:
    put(conn, "C", 0)
    number = draft(conn, {"C": 1}).number
    only(bundling.define(conn, [Define("C", (Part("A", 2),))], NOW))
    assert "is a bundle" in str(refused(drafting.draft(conn, [Draft("main", "annex", units({"C": 1}))], NOW)))
    assert "is a bundle" in str(refused(try_to_ship(conn, number)))
    on_the_way = shipped(conn, {"B": 4})
    assert "has stock of its own" in str(refused(bundling.define(conn, [Define("B", (Part("A", 2),))], NOW))), "it is on its way"
    arrive(conn, on_the_way)
    proven(conn)


def test_a_renamed_sku_arrives_under_its_new_name(conn: Connection) -> None:
    number = shipped(conn, {"A": 5})
    only(skus.rename(conn, [Rename("A", "A2")], NOW))
    assert arrive(conn, number, {"A2": 5}).state == "received"
    assert here(conn, "A2", "annex") == (5, 5, 0)
    proven(conn)


def test_a_frozen_sku_is_moved_all_the_same(conn: Connection) -> None:
    """Frozen is what the shops show; the goods go where they go."""
    only(freezing.freeze(conn, [Freeze(Scope("A"), reason="recall")], NOW))
    arrive(conn, shipped(conn, {"A": 5}))
    assert (here(conn, "A"), here(conn, "A", "annex")) == ((5, 5, 0), (5, 5, 0))
    proven(conn)


def test_a_key_does_it_once(conn: Connection) -> None:
    made = [draft(conn, {"A": 5}, key="d") for _ in range(2)]
    assert (made[0].number, made[1].repeat) == (made[1].number, True)
    number = made[0].number
    assert [only(try_to_ship(conn, number, key="s")).repeat for _ in range(2)] == [False, True]
    first, again = (arrive(conn, number, {"A": 2}, key="r") for _ in range(2))
    assert (again.repeat, again.lines, here(conn, "A", "annex")) == (True, first.lines, (2, 2, 3))
    assert isinstance(refused(try_to_receive(conn, number, {"A": 3}, key="r")), KeyReused)
    assert isinstance(refused(try_to_ship(conn, number)), WrongState), "without the key it is another request"
