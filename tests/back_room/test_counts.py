"""Count sheets from opening to applying: what each verb does and refuses, and that a number that was true at its time stays true."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from channelsync.contract import OrderState
from channelsync.ledger import bounds, bundling, freezing, fulfilment, reservations, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.counts import pages
from channelsync.ledger.counts.applying import Apply, Cancel, NotApplicable, apply_sheet, cancel_sheet
from channelsync.ledger.counts.entering import Counted, Enter, enter_counts
from channelsync.ledger.counts.opening import Open, open_sheet
from channelsync.ledger.documents.lines import Line
from channelsync.ledger.documents.states import UnknownDocument, WrongState
from channelsync.ledger.freezing import Freeze, Scope
from channelsync.ledger.fulfilment import Fulfil
from channelsync.ledger.holds import Which
from channelsync.ledger.refusals import KeyReused, NotAllowed, UnknownLocation, UnknownSku
from channelsync.ledger.returns import expecting, inspecting, receiving
from channelsync.ledger.returns.expecting import Expect
from channelsync.ledger.returns.inspecting import Decision, Inspect, Outcome
from channelsync.ledger.returns.receiving import Receive
from channelsync.ledger.schema import count_lines, count_sheets, findings, locations, movements, skus
from channelsync.ledger.skus import Rename, rename
from channelsync.ledger.stock import Change
from channelsync.ledger.verifier import verify
from support import transfers
from support.counts import HOUR, applied, enter, logged, opened, state_of, try_to_apply, try_to_enter, try_to_open
from support.purchasing import only, refused
from support.selling import line, open_shop, order
from support.stock import NOW, assert_adds_up, level, open_channel, open_locations, put, want

Told = Callable[[Connection], Any]
T = NOW + HOUR
"""When it is counted: after the opening numbers."""


@pytest.fixture
def shelf(conn: Connection) -> Connection:
    """10 of A, 4 of B and none of C at main, 3 of A in the annex; since an hour before T."""
    open_locations(conn, "main", "annex")
    for sku, units in (("A", 10), ("B", 4), ("C", 0)):
        put(conn, sku, units)
    put(conn, "A", 3, "annex")
    return conn


def proven(conn: Connection) -> None:
    assert audit(conn) == []
    assert verify(conn, T + 9 * HOUR).mismatches == ()
    assert_adds_up(conn)


def own_to(conn: Connection, location: str) -> None:
    channel = open_channel(conn, "erp", None)
    conn.execute(update(locations).where(locations.c.code == location).values(authority_id=channel))


def on_sheet(conn: Connection, number: int) -> list[str]:
    return [row.sku for row in pages.one_sheet(conn, number).lines]


# -- open ------------------------------------------------------------------------------------------------------------------------------------


def test_a_whole_location_is_what_lies_there_or_is_promised_there(shelf: Connection) -> None:
    only(stock.adjust(shelf, [Change("B", "main", -4, reason="lost")], NOW))
    assert on_sheet(shelf, opened(shelf).number) == ["A"]
    only(stock.receive(shelf, [Change("C", "main", 2)], NOW))
    only(reservations.reserve(shelf, [want("C", 2)], NOW))
    only(stock.count(shelf, [Change("C", "main", 0)], NOW))
    assert on_sheet(shelf, opened(shelf).number) == ["A", "C"], "none of C is there, and two are promised"
    assert on_sheet(shelf, opened(shelf, empty=True).number) == ["A", "B", "C"]
    assert on_sheet(shelf, opened(shelf, "annex").number) == ["A"]


def test_by_prefix_in_parts_or_by_name(conn: Connection) -> None:
    open_locations(conn, "main")
    for sku in ("TEE-S", "MUG-1", "mug-2", "MUG-3", "MUG_4", "MUG-2"):
        put(conn, sku, 1)
    assert sorted(on_sheet(conn, opened(conn, prefix="MUG-").number)) == ["MUG-1", "MUG-2", "MUG-3"], "letter by letter on both engines"
    first = opened(conn, prefix="MUG-", limit=2)
    assert (first.lines, first.more_after) == (2, "MUG-2")
    rest = opened(conn, prefix="MUG-", limit=2, after=first.more_after)
    assert (on_sheet(conn, rest.number), rest.more_after) == (["MUG-3"], None)
    assert on_sheet(conn, opened(conn, "main", "TEE-S", "MUG-1").number) == ["TEE-S", "MUG-1"], "in the order in which they were named"


def test_a_place_where_nothing_lies_has_a_sheet_for_what_is_found(shelf: Connection) -> None:
    shelf.execute(insert(locations).values(code="new", name="new", kind="warehouse"))
    sheet = opened(shelf, "new")
    assert (sheet.lines, sheet.state) == (0, "open")
    assert enter(shelf, sheet.number, {"A": 2}, T, T).entered[0].added
    applied(shelf, sheet.number, T)
    assert level(shelf, "A", "new").on_hand == 2
    proven(shelf)


def test_bundles_are_not_counted_but_their_parts(shelf: Connection) -> None:
    only(bundling.define(shelf, [Define("KIT", (Part("A", 2),))], NOW))
    assert "is a bundle" in str(refused(try_to_open(shelf, "main", "KIT")))
    number = opened(shelf, empty=True).number
    assert "KIT" not in on_sheet(shelf, number)
    assert "is a bundle" in str(refused(try_to_enter(shelf, number, {"A": 1, "KIT": 1})))
    assert pages.one_sheet(shelf, number).sheet.counted == 0, "all lines or none"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (Open("nowhere"), "no location 'nowhere'"),
        (Open("main", ("NONE",)), "no SKU 'NONE'"),
        (Open("main", ("A", "A")), "more than one line"),
        (Open("main", (" A",)), "begins or ends with a space"),
        (Open("main", ("A",), prefix="A"), "not both"),
        (Open("main", ("A",), limit=1), "not both"),
        (Open("main", ("A",), empty=True), "not both"),
        (Open("main", prefix="Z"), "no SKU of 'main' is meant"),
        (Open("main", after="Z"), "no SKU of 'main' is meant"),
        (Open("main", limit=0), "between 1 and that"),
        (Open("main", limit=1_001), "between 1 and that"),
        (Open("main", note="x" * 2_001), "note"),
        (Open("main", prefix="x" * 256), "prefix"),
        (Open("main", prefix="\x00"), "no database can store"),
        (Open("main", actor="x" * 129), "actor"),
        (Open("main", tuple(f"S{n}" for n in range(1_001))), "1 to 1000 lines"),
    ],
)
def test_what_is_no_sheet_is_refused_and_leaves_nothing(shelf: Connection, wrong: Open, why: str) -> None:
    assert why in str(refused(open_sheet(shelf, [wrong], NOW)))
    assert shelf.execute(select(count_sheets)).all() == []


def test_more_lines_than_a_sheet_has_are_refused_and_say_how_to_go_on(shelf: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_LINES", 2)
    why = str(refused(try_to_open(shelf, empty=True)))
    assert "more than 2 SKUs of 'main'" in why
    assert "prefix" in why
    assert opened(shelf, limit=2, empty=True).more_after == "B"
    number = opened(shelf, "main", "A", "B").number
    assert "3 more are too many" not in str(refused(try_to_enter(shelf, number, {"C": 1})))
    assert "has 2 lines, and 1 more are too many" in str(refused(try_to_enter(shelf, number, {"A": 1, "C": 1})))
    assert enter(shelf, number, {"A": 1, "B": 1}).counted == 2


# -- enter -----------------------------------------------------------------------------------------------------------------------------------


def test_what_is_entered_stands_until_it_is_entered_again(shelf: Connection) -> None:
    number = opened(shelf, "main", "A", "B").number
    first = enter(shelf, number, {"A": 9, "B": 0}, T, T, counted_by="Ann", actor="cli:x")
    assert [(e.sku, e.counted, e.was, e.counted_at, e.counted_by) for e in first.entered] == [
        ("A", 9, None, T, "Ann"),
        ("B", 0, None, T, "Ann"),
    ]
    assert (first.lines, first.counted) == (2, 2)
    again = enter(shelf, number, {"A": 8}, None, T + HOUR, actor="cli:x").entered[0]
    assert (again.counted, again.was, again.counted_at, again.counted_by, again.added) == (8, 9, T + HOUR, "cli:x", False)
    back = enter(shelf, number, {"B": None}, None, T)
    assert (back.entered[0].was, back.counted, back.lines) == (0, 1, 2)
    assert level(shelf, "A").on_hand == 10, "nothing moves yet"
    proven(shelf)


def test_each_line_may_have_its_own_time_and_person(shelf: Connection) -> None:
    number = opened(shelf, "main", "A").number
    lines = (Counted("A", 9, NOW, "Ann"), Counted("B", 1))
    entered = only(enter_counts(shelf, [Enter(number, lines, T, "Bob", "api till")], T)).entered
    assert [(e.counted_at, e.counted_by, e.added) for e in entered] == [(NOW, "Ann", False), (T, "Bob", True)]
    assert on_sheet(shelf, number) == ["A", "B"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ((), "1 to 1000 lines"),
        ((Counted("A", -1),), "too small"),
        ((Counted("A", bounds.MAX_UNITS + 1),), "above the limit"),
        ((Counted("A", True),), "not a whole number"),
        ((Counted("A", 1), Counted("A", 2)), "more than one line"),
        ((Counted("A", 1, NOW + 9 * HOUR),), "in the future"),
        ((Counted("A", 1, None, "x" * 129),), "counted_by"),
        ((Counted("A", 1), Counted("NONE", 1)), "no SKU 'NONE'"),
    ],
)
def test_what_cannot_have_been_counted_is_refused_and_changes_nothing(shelf: Connection, wrong: tuple[Counted, ...], why: str) -> None:
    number = opened(shelf, "main", "A").number
    assert why in str(refused(enter_counts(shelf, [Enter(number, wrong)], NOW)))
    assert "in the future" in str(refused(try_to_enter(shelf, number, {"A": 1}, NOW + HOUR)))
    assert (on_sheet(shelf, number), pages.one_sheet(shelf, number).sheet.counted) == (["A"], 0)


def test_the_same_key_enters_once(shelf: Connection) -> None:
    """Else a repeat that comes late would say that the units were there now."""
    number = opened(shelf, "main", "A", key="o").number
    assert opened(shelf, "main", "A", key="o").number == number
    enter(shelf, number, {"A": 9}, None, T, key="k")
    assert enter(shelf, number, {"A": 9}, None, T + HOUR, key="k").repeat
    assert pages.one_sheet(shelf, number).lines[0].counted_at == T
    assert isinstance(refused(try_to_enter(shelf, number, {"A": 8}, None, T, key="k")), KeyReused)


# -- what a count says of now ------------------------------------------------------------------------------------------------------------------


def ship(conn: Connection, sku: str, units: int, at: datetime, *, told: datetime | None = None) -> None:
    reference = f"r{at.timestamp()}"
    only(reservations.reserve(conn, [want(sku, units, reference)], told or at))
    only(fulfilment.fulfil(conn, [Fulfil(Which(reference=reference), occurred_at=at)], told or at))


def test_what_was_sold_between_counting_and_applying_is_gone(shelf: Connection) -> None:
    number = opened(shelf).number
    enter(shelf, number, {"A": 9}, T, T)
    ship(shelf, "A", 3, T + HOUR)
    row = pages.plan(shelf, number).lines[0]
    assert (row.expected, row.counted, row.difference, row.moved, row.on_hand, row.becomes) == (10, 9, -1, -3, 7, 6)
    done = applied(shelf, number, T + 2 * HOUR)
    assert [(each.sku, each.expected, each.difference, each.moved, each.on_hand) for each in done.lines] == [("A", 10, -1, -3, 6)]
    assert (done.state, done.uncounted, level(shelf, "A").on_hand, level(shelf, "B").on_hand) == ("applied", 1, 6, 4)
    assert logged(shelf, number) == [("count", -1)]
    moved = shelf.execute(select(movements).where(movements.c.reference == f"CNT-{number}")).mappings().one()
    assert (moved["occurred_at"], moved["recorded_at"], moved["reason"]) == (T, T + 2 * HOUR, "9 counted")
    told = pages.one_sheet(shelf, number)
    assert [(each.sku, each.expected, each.counted, each.difference) for each in told.lines] == [("A", 10, 9, -1), ("B", None, None, None)]
    assert (told.sheet.differing, told.sheet.more, told.sheet.fewer, told.sheet.counted) == (1, 0, 1, 1)
    proven(shelf)


def test_what_was_sold_before_counting_and_is_told_late_is_not_gone_twice(shelf: Connection) -> None:
    number = opened(shelf, "main", "A").number
    enter(shelf, number, {"A": 7}, T, T)
    ship(shelf, "A", 3, T - timedelta(minutes=10), told=T + HOUR)
    row = pages.plan(shelf, number).lines[0]
    assert (row.expected, row.difference, row.moved, row.on_hand) == (7, 0, 0, 7), "3 of 10 were gone when it was counted"
    applied(shelf, number, T + HOUR)
    assert (level(shelf, "A").on_hand, logged(shelf, number)) == (7, [("count", 0)])
    proven(shelf)


def _came_back(conn: Connection) -> None:
    only(stock.take_back(conn, [Change("A", "main", 2)], T + HOUR))
    only(stock.restock(conn, [Change("A", "main", 1)], T + HOUR))


def _went_elsewhere(conn: Connection) -> None:
    """As one moves units by hand: out here, in there."""
    only(stock.adjust(conn, [Change("A", "main", -4, reason="to the annex")], T + HOUR))
    only(stock.receive(conn, [Change("A", "annex", 4)], T + HOUR))


def _moved_by_transfer(conn: Connection) -> None:
    """Four go; of three that come back one is on its way."""
    gone = transfers.draft(conn, {"A": 4}).number
    back = transfers.draft(conn, {"A": 3}, "annex", "main").number
    for number in (gone, back):
        only(transfers.try_to_ship(conn, number, T + HOUR))
    transfers.arrive(conn, back, {"A": 2}, at=T + HOUR)


def _sent_back(conn: Connection) -> None:
    """Two lie in quarantine, and one of them is put back on the shelf."""
    number = only(expecting.expect(conn, [Expect("main", (Line("A", 2),))], T)).number
    only(receiving.receive(conn, [Receive(number)], T + HOUR))
    only(inspecting.inspect(conn, [Inspect(number, (Decision("A", 1, Outcome.RESTOCK),))], T + HOUR))


def _arrived_before(conn: Connection) -> None:
    only(stock.receive(conn, [Change("A", "main", 5, occurred_at=T - timedelta(minutes=1))], T + HOUR))


def _broke(conn: Connection) -> None:
    only(stock.write_off(conn, [stock.WriteOff("A", "main", 2, reason="broken", bucket="on_hand")], T + HOUR))


def _reserved(conn: Connection) -> None:
    only(reservations.reserve(conn, [want("A", 6)], T + HOUR))


@pytest.mark.parametrize(
    ("happened", "there"),
    [(_came_back, 10), (_went_elsewhere, 5), (_moved_by_transfer, 7), (_sent_back, 10), (_arrived_before, 9), (_broke, 7), (_reserved, 9)],
)
def test_whatever_moves_meanwhile_is_added(shelf: Connection, happened: Told, there: int) -> None:
    number = opened(shelf, "main", "A").number
    enter(shelf, number, {"A": 9}, T, T)
    happened(shelf)
    elsewhere = level(shelf, "A", "annex").on_hand
    assert applied(shelf, number, T + 2 * HOUR).lines[0].on_hand == there
    assert (level(shelf, "A").on_hand, level(shelf, "A", "annex").on_hand) == (there, elsewhere)
    proven(shelf)


def test_what_an_order_shipped_meanwhile_is_gone(conn: Connection) -> None:
    shop = open_shop(conn, on_hand=10, shows=10)
    number = opened(conn, "main", "A").number
    shop.see(order(line("a", 2), at=NOW + timedelta(minutes=10)))
    enter(conn, number, {"A": 9}, T, T)
    shop.see(order(line("a", 2, shipped=2), at=T + timedelta(minutes=10)))
    applied(conn, number, T + HOUR)
    assert level(conn, "A").on_hand == 7
    proven(conn)


def test_what_a_cancelled_order_shipped_before_was_not_there(conn: Connection) -> None:
    shop = open_shop(conn, on_hand=10, shows=10)
    shop.see(order(line("a", 2), at=NOW + timedelta(minutes=10)))
    number = opened(conn, "main", "A").number
    enter(conn, number, {"A": 10}, T, T)
    shop.see(order(line("a", 2), state=OrderState.CANCELLED, at=T + timedelta(minutes=10)))
    applied(conn, number, T + HOUR)
    assert (level(conn, "A").on_hand, level(conn, "A").quarantined) == (8, 2)
    proven(conn)


def test_none_was_there(shelf: Connection) -> None:
    number = opened(shelf, "main", "A", "C").number
    enter(shelf, number, {"A": 0, "C": 0}, T, T)
    applied(shelf, number, T)
    assert (level(shelf, "A").on_hand, logged(shelf, number)) == (0, [("count", -10), ("count", 0)])
    proven(shelf)


def test_a_sku_that_was_never_counted_is_from_now_on(shelf: Connection) -> None:
    shelf.execute(insert(skus).values(sku="NEW", created_at=NOW))
    number = opened(shelf, "main", "NEW").number
    enter(shelf, number, {"NEW": 0}, T, T)
    applied(shelf, number, T)
    assert shelf.scalar(select(skus.c.counted).where(skus.c.sku == "NEW"))


def test_lines_that_nobody_counted_stay_unless_missing_means_none(shelf: Connection) -> None:
    first, second = opened(shelf), opened(shelf)
    enter(shelf, first.number, {"A": 10}, T, T)
    assert applied(shelf, first.number, T).uncounted == 1
    assert level(shelf, "B").on_hand == 4
    enter(shelf, second.number, {"A": 10}, T, T)
    only(stock.receive(shelf, [Change("B", "main", 2)], T + HOUR))
    planned = {row.sku: (row.counted, row.becomes) for row in pages.plan(shelf, second.number, missing_zero=True).lines}
    assert planned == {"A": (10, 10), "B": (0, 2)}
    done = applied(shelf, second.number, T + 2 * HOUR, missing_is_zero=True, actor="boss")
    assert (done.uncounted, level(shelf, "B").on_hand) == (0, 2), "what came after the counting is there"
    assert [(row.counted, row.counted_at, row.counted_by, row.difference) for row in pages.one_sheet(shelf, second.number).lines] == [
        (10, T, "", 0),
        (0, T, "boss", -4),
    ]
    proven(shelf)


def test_where_nothing_is_counted_nothing_is_zero(shelf: Connection) -> None:
    """An empty sheet would empty the shelves."""
    number = opened(shelf).number
    assert "nothing is counted" in str(refused(try_to_apply(shelf, number, missing_is_zero=True)))
    assert "nothing is counted" in str(refused(try_to_apply(shelf, number)))
    assert [row.becomes for row in pages.plan(shelf, number, missing_zero=True).lines] == [10, 4]
    assert (state_of(shelf, number), level(shelf, "A").on_hand) == ("open", 10)


def test_fewer_than_are_promised_is_a_fact_that_people_see(shelf: Connection) -> None:
    only(reservations.reserve(shelf, [want("A", 8)], NOW))
    number = opened(shelf, "main", "A").number
    enter(shelf, number, {"A": 5}, T, T)
    assert applied(shelf, number, T).lines[0].available == -3
    assert shelf.scalar(select(findings.c.resolved_at).where(findings.c.kind == "oversell")) is None
    second = opened(shelf, "main", "A").number
    enter(shelf, second, {"A": 9}, T + HOUR, T + HOUR)
    assert applied(shelf, second, T + HOUR).lines[0].available == 1
    assert shelf.scalar(select(findings.c.resolved_at).where(findings.c.kind == "oversell")) is not None
    proven(shelf)


# -- what cannot be applied ------------------------------------------------------------------------------------------------------------------


def test_of_two_sheets_the_later_count_counts(shelf: Connection) -> None:
    first, second = opened(shelf, "main", "A", "B").number, opened(shelf, "main", "A").number
    enter(shelf, first, {"A": 9, "B": 3}, T, T)
    enter(shelf, second, {"A": 7}, T + HOUR, T + HOUR)
    applied(shelf, second, T + 2 * HOUR)
    assert "was counted after" in pages.plan(shelf, first).lines[0].problem
    why = refused(try_to_apply(shelf, first, T + 2 * HOUR))
    assert isinstance(why, NotApplicable)
    assert "because of 1 of its lines" in str(why)
    assert (state_of(shelf, first), level(shelf, "A").on_hand, level(shelf, "B").on_hand) == ("open", 7, 4), "all or nothing"
    done = applied(shelf, first, T + 2 * HOUR, skip=True)
    assert [(each.sku, each.difference) for each in done.lines] == [("B", -1)]
    assert [each.sku for each in done.left] == ["A"]
    assert (level(shelf, "A").on_hand, level(shelf, "B").on_hand) == (7, 3)
    assert [row.difference for row in pages.one_sheet(shelf, first).lines] == [None, -1]
    proven(shelf)


def test_of_two_sheets_the_later_count_counts_also_if_it_is_applied_later(shelf: Connection) -> None:
    first, second = opened(shelf, "main", "A").number, opened(shelf, "main", "A").number
    enter(shelf, second, {"A": 7}, T + HOUR, T + HOUR)
    enter(shelf, first, {"A": 9}, T, T + HOUR)
    answers = apply_sheet(shelf, [Apply(first), Apply(second)], T + 2 * HOUR)
    assert [answer.state for answer in answers] == ["applied", "applied"]  # type: ignore[union-attr]
    assert level(shelf, "A").on_hand == 7
    proven(shelf)


def test_in_one_batch_each_sheet_sees_those_before_it(shelf: Connection) -> None:
    first, second = opened(shelf, "main", "A").number, opened(shelf, "main", "A").number
    enter(shelf, first, {"A": 9}, T, T + HOUR)
    enter(shelf, second, {"A": 7}, T + HOUR, T + HOUR)
    later, earlier, twice = apply_sheet(shelf, [Apply(second), Apply(first), Apply(second)], T + 2 * HOUR)
    assert [getattr(each, "code", "done") for each in (later, earlier, twice)] == ["done", "not_applicable", "wrong_state"]
    assert level(shelf, "A").on_hand == 7
    proven(shelf)


def test_more_than_was_there_cannot_have_gone(shelf: Connection) -> None:
    number = opened(shelf, "main", "A").number
    enter(shelf, number, {"A": 2}, T, T)
    ship(shelf, "A", 3, T + HOUR)
    assert "3 more went than came since" in str(refused(try_to_apply(shelf, number, T + 2 * HOUR)))
    enter(shelf, number, {"A": 6}, None, T + 2 * HOUR)
    applied(shelf, number, T + 2 * HOUR)
    assert level(shelf, "A").on_hand == 6
    proven(shelf)


def test_a_number_that_stands_in_the_way_can_be_taken_back(shelf: Connection) -> None:
    number = opened(shelf, "main", "A", "B").number
    enter(shelf, number, {"A": 9, "B": 5}, T, T)
    only(stock.count(shelf, [Change("A", "main", 8)], T + HOUR))
    assert isinstance(refused(try_to_apply(shelf, number, T + 2 * HOUR)), NotApplicable)
    enter(shelf, number, {"A": None}, None, T + 2 * HOUR)
    assert [each.sku for each in applied(shelf, number, T + 2 * HOUR).lines] == ["B"]
    assert (level(shelf, "A").on_hand, level(shelf, "B").on_hand) == (8, 5)


def test_what_became_a_bundle_meanwhile_has_no_stock_to_count(shelf: Connection) -> None:
    number = opened(shelf, "main", "C", "B").number
    enter(shelf, number, {"C": 1, "B": 4}, T, T)
    only(bundling.define(shelf, [Define("C", (Part("A", 2),))], T))
    assert "is a bundle" in str(refused(try_to_apply(shelf, number, T + HOUR)))
    assert [each.sku for each in applied(shelf, number, T + HOUR, skip=True).left] == ["C"]
    assert level(shelf, "C").on_hand == 0
    proven(shelf)


def test_a_frozen_sku_is_counted_as_stock_count_counts_it(shelf: Connection) -> None:
    """Freezing keeps its numbers in the shops, not the ledger's."""
    only(freezing.freeze(shelf, [Freeze(Scope("A"), "recount")], NOW))
    only(stock.count(shelf, [Change("A", "annex", 2)], NOW))
    number = opened(shelf, "main", "A").number
    enter(shelf, number, {"A": 9}, T, T)
    applied(shelf, number, T)
    assert level(shelf, "A").on_hand == 9


def test_a_renamed_sku_stays_on_its_sheet(shelf: Connection) -> None:
    number = opened(shelf, "main", "A").number
    only(rename(shelf, [Rename("A", "AA")], NOW))
    assert isinstance(refused(try_to_enter(shelf, number, {"A": 9}, T, T)), UnknownSku)
    assert enter(shelf, number, {"AA": 9}, T, T).entered[0].added is False
    assert applied(shelf, number, T).lines[0].sku == "AA"


def test_where_another_system_owns_the_stock_it_is_counted_there(shelf: Connection) -> None:
    number = opened(shelf, "main", "A").number
    enter(shelf, number, {"A": 9}, T, T)
    own_to(shelf, "main")
    theirs = str(refused(stock.count(shelf, [Change("A", "main", 9)], T)))
    assert "belongs to 'erp'" in theirs
    assert str(refused(try_to_open(shelf, "main", "A"))) == theirs
    assert str(refused(try_to_apply(shelf, number, T))) == theirs
    with pytest.raises(NotAllowed, match="belongs to 'erp'"):
        pages.plan(shelf, number)
    assert level(shelf, "A").on_hand == 10
    assert only(cancel_sheet(shelf, [Cancel(number)], T)).state == "cancelled"


def test_only_what_is_drawn_can_be_done(shelf: Connection) -> None:
    gone, done = opened(shelf, "main", "A").number, opened(shelf, "main", "A").number
    enter(shelf, gone, {"A": 1}, T, T)
    assert only(cancel_sheet(shelf, [Cancel(gone)], T)).state == "cancelled"
    enter(shelf, done, {"A": 10}, T, T)
    applied(shelf, done, T, key="k")
    assert applied(shelf, done, T + HOUR, key="k").repeat
    for number in (gone, done):
        assert isinstance(refused(try_to_enter(shelf, number, {"A": 2})), WrongState)
        assert isinstance(refused(try_to_apply(shelf, number)), WrongState)
        assert isinstance(refused(cancel_sheet(shelf, [Cancel(number)], T)), WrongState)
        with pytest.raises(WrongState):
            pages.plan(shelf, number)
    for unknown in (999, 0, -1, 2**80):
        assert isinstance(refused(try_to_enter(shelf, unknown, {"A": 2})), UnknownDocument)
        assert isinstance(refused(try_to_apply(shelf, unknown)), UnknownDocument)
        with pytest.raises(UnknownDocument):
            pages.one_sheet(shelf, unknown)
    assert level(shelf, "A").on_hand == 10
    assert [row.counted for row in pages.one_sheet(shelf, gone).lines] == [1], "it stays to be read"
    proven(shelf)


# -- read ------------------------------------------------------------------------------------------------------------------------------------


def test_whoever_counts_blind_is_shown_nothing_until_it_is_closed(shelf: Connection) -> None:
    seen, blind = opened(shelf, "main", "A").number, opened(shelf, "main", "A", blind=True).number
    assert [pages.one_sheet(shelf, number).lines[0].expected for number in (seen, blind)] == [10, None]
    enter(shelf, blind, {"A": 9}, T, T)
    assert pages.one_sheet(shelf, blind).lines[0].expected is None
    hidden = pages.plan(shelf, blind, shown=False).lines[0]
    assert (hidden.counted, hidden.expected, hidden.difference, hidden.moved, hidden.on_hand, hidden.becomes) == (
        9,
        None,
        None,
        None,
        None,
        None,
    )
    assert pages.plan(shelf, blind).lines[0].expected == 10
    only(stock.count(shelf, [Change("A", "main", 8)], T + HOUR))
    assert pages.plan(shelf, blind, shown=False).lines[0].problem == "it cannot be applied", "the reason would tell what moved"
    enter(shelf, blind, {"A": 9}, T + HOUR, T + HOUR)
    applied(shelf, blind, T + HOUR)
    assert (pages.one_sheet(shelf, blind).lines[0].expected, pages.one_sheet(shelf, blind).lines[0].difference) == (8, 1)


def test_lists_come_in_pages_and_by_filter(shelf: Connection) -> None:
    numbers = [opened(shelf, place, "A").number for place in ("main", "annex", "main")]
    only(cancel_sheet(shelf, [Cancel(numbers[0])], T))

    def found(**wanted: Any) -> list[int]:
        return [row.number for row in pages.sheet_rows(shelf, pages.Filter(**wanted))]

    assert found() == numbers[::-1]
    assert [row.number for row in pages.sheet_rows(shelf, pages.Filter(), numbers[2], 1)] == [numbers[1]]
    assert (found(state="open"), found(location="main"), found(state="cancelled", location="annex")) == (numbers[:0:-1], numbers[::-2], [])
    with pytest.raises(UnknownLocation):
        found(location="nowhere")
    assert [(row.lines, row.counted) for row in pages.sheet_rows(shelf, pages.Filter())] == [(1, 0)] * 3
    assert len(shelf.execute(select(count_lines)).all()) == 3
