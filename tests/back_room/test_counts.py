"""Count sheets that are opened, entered and read: what each verb does and refuses."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from channelsync.ledger import bounds, bundling, reservations, stock
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.counts import pages
from channelsync.ledger.counts.applying import Cancel, cancel_sheet
from channelsync.ledger.counts.entering import Counted, Enter, enter_counts
from channelsync.ledger.counts.opening import Open, open_sheet
from channelsync.ledger.refusals import KeyReused, UnknownLocation
from channelsync.ledger.schema import count_lines, count_sheets, locations
from channelsync.ledger.stock import Change
from support.counts import HOUR, applied, enter, opened, try_to_enter, try_to_open
from support.documents import proven
from support.purchasing import only, refused
from support.stock import NOW, level, open_locations, put, want

T = NOW + HOUR
"""When it is counted: after the opening numbers."""


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
