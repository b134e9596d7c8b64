"""Files of purchase orders: drafts are made and changed, what is ordered is never touched, and the same file again makes nothing twice."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, func, select, update

from channelsync.ledger import bundling
from channelsync.ledger.audit import audit
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.files import importing
from channelsync.ledger.files.importing import Chunk
from channelsync.ledger.files.kinds import State, Verdict
from channelsync.ledger.files.purchases import PURCHASES
from channelsync.ledger.files.purchases_compared import PurchaseRow
from channelsync.ledger.files.reading import Reader, pieces
from channelsync.ledger.purchasing import filling, ordering, pages
from channelsync.ledger.purchasing.filling import Fill
from channelsync.ledger.refusals import NotAllowed
from channelsync.ledger.schema import locations, purchase_lines, purchase_orders
from channelsync.tabular import opened
from files.test_importing import SOURCE, apply, export, preview, run, why
from support.purchasing import arrive, draft, edit, only, ordered, refused, supplier, supply, wanted
from support.stock import NOW, open_channel, open_locations, put

KIND = "purchase-orders"


@pytest.fixture(autouse=True)
def _places(request: pytest.FixtureRequest) -> None:
    if "conn" in request.fixturenames:
        _open(request.getfixturevalue("conn"))


def _open(conn: Connection) -> None:
    open_locations(conn, "main", "annex")
    for sku in ("A", "B", "C"):
        put(conn, sku, 1)
    supplier(conn, "ACME", lead_days=7)
    supply(conn, "A", "ACME", cost="2.5", code="AC-1")


def orders(conn: Connection) -> list[tuple[Any, ...]]:
    """Number, state, supplier, location, reference, expected; SKU -> (ordered, cost)."""
    found = []
    for row in sorted(pages.order_rows(conn, pages.Filter()), key=lambda row: row.number):
        lines = {line.sku: (line.ordered, line.cost) for line in pages.one_order(conn, row.number).lines}
        found.append((row.number, row.state, row.supplier, row.location, row.reference, str(row.expected_on or ""), lines))
    return found


def both(conn: Connection, rows: Sequence[PurchaseRow]) -> list[Verdict]:
    """What a preview says; applying says the same."""
    seen = preview(conn, rows, kind=KIND)
    assert list(apply(conn, rows, kind=KIND).rows) == seen
    return seen


def changes(verdict: Verdict) -> dict[str, tuple[Any, Any]]:
    return {each.column: (each.old, each.new) for each in verdict.differences}


FILE = b"""reference,supplier,location,expected,sku,quantity,cost
MAY,ACME,main,2026-05-04,A,24,
MAY,ACME,main,,B,5,4
MAY,,annex,,A,1,2
JUNE,ACME,main,,A,12,3.1
JUNE,ACME,main,,C,,
"""


def test_rows_of_one_reference_supplier_and_location_are_one_draft(conn: Connection) -> None:
    tally = run(conn, FILE, KIND)
    assert (tally.counts[State.NEW], tally.empty, tally.bad) == (4, 1, 0)
    made = [
        (1, "draft", "ACME", "main", "MAY", "2026-05-04", {"A": (24, "2.50"), "B": (5, "4.00")}),
        (2, "draft", None, "annex", "MAY", "", {"A": (1, "2.00")}),
        (3, "draft", "ACME", "main", "JUNE", "", {"A": (12, "3.10")}),
    ]
    assert orders(conn) == made
    again = run(conn, FILE, KIND)
    assert (again.counts[State.SAME], again.empty, again.bad) == (4, 1, 0)
    assert orders(conn) == made


def test_a_draft_is_changed_line_by_line(conn: Connection) -> None:
    number = draft(conn, {"A": (24, "3"), "B": (5, "4")}, supplier="ACME").number
    rows = [
        PurchaseRow(2, "A", 30, number=number, expected="2026-05-04"),
        PurchaseRow(3, "B", 0, number=number, supplier="ACME", location="main"),
        PurchaseRow(4, "C", 2, "1.25", number=number, expected="2026-05-04"),
    ]
    seen = both(conn, rows)
    assert [each.state for each in seen] == [State.CHANGE, State.CHANGE, State.NEW]
    assert changes(seen[0]) == {"quantity": (24, 30), "expected": (None, "2026-05-04")}
    assert changes(seen[1]) == {"quantity": (5, 0)}
    assert changes(seen[2]) == {"quantity": (None, 2), "cost": (None, "1.25")}
    assert orders(conn) == [(number, "draft", "ACME", "main", "", "2026-05-04", {"A": (30, "3.00"), "C": (2, "1.25")})]
    assert {each.state for each in both(conn, rows)} == {State.SAME}


@pytest.mark.parametrize("state", ["ordered", "part_received", "received", "cancelled"])
def test_what_is_no_draft_any_more_is_never_touched(conn: Connection, state: str) -> None:
    run(conn, b"reference,location,sku,quantity,cost\nMAY,main,A,24,3\nMAY,main,B,5,4\n", KIND)
    if state == "cancelled":
        only(ordering.cancel(conn, [ordering.Cancel(1)], NOW))
    else:
        only(ordering.order(conn, [ordering.Order(1)], NOW))
    if state in ("part_received", "received"):
        arrive(conn, 1, {"A": 1} if state == "part_received" else None)
    before = orders(conn)
    assert before[0][1] == state
    name: dict[str, Any] = {"reference": "MAY", "location": "main"}
    rows = [
        PurchaseRow(2, "A", 24, "3.00", **name),
        PurchaseRow(3, "B", 6, **name),
        PurchaseRow(4, "C", 1, **name),
        PurchaseRow(5, "B", 5, "9.00", number=1),
        PurchaseRow(6, "B", 5, number=1, expected="2030-01-01"),
        PurchaseRow(7, "B", 0, number=1),
    ]
    seen = both(conn, rows)
    assert [each.state for each in seen] == [State.SAME] + [State.BAD] * 5
    assert all(f"purchase order 1 is {state.replace('_', ' ')}" in why(each) for each in seen[1:])
    assert orders(conn) == before
    assert audit(conn) == []


def test_each_bad_row_says_why_and_the_others_are_done(conn: Connection) -> None:
    only(bundling.define(conn, [Define("KIT", (Part("A", 2),))], NOW))
    own = open_channel(conn, "erp")
    conn.execute(update(locations).where(locations.c.code == "annex").values(authority_id=own))
    first = draft(conn, {"A": 1}, supplier="ACME", reference="X").number
    draft(conn, {"B": 1}, supplier="ACME", reference="X")
    main: dict[str, Any] = {"reference": "MAY", "location": "main"}
    rows = [
        PurchaseRow(2, "A", 1, **main),
        PurchaseRow(3, "NONE", 1, **main),
        PurchaseRow(4, "KIT", 1, **main),
        PurchaseRow(5, "A", 1, reference="MAY", location="moon"),
        PurchaseRow(6, "A", 1, reference="MAY", location="annex"),
        PurchaseRow(7, "A", 1, supplier="NOBODY", **main),
        PurchaseRow(8, "A", 1, number=99),
        PurchaseRow(9, "A", 1, supplier="ACME", reference="X", location="main"),
        PurchaseRow(10, "A", 2, number=first, location="annex"),
        PurchaseRow(11, "A", 2, number=first, reference="Y"),
        PurchaseRow(12, "A", 0, number=first),
        PurchaseRow(13, "B", 0, **main),
        PurchaseRow(14, "C", 3, **main),
    ]
    seen = both(conn, rows)
    problems = {
        3: ("sku", "'NONE'"), 4: ("sku", "is a bundle"), 5: ("location", "moon"), 6: ("location", "belongs to 'erp'"), 7: ("supplier", "NOBODY"),
        8: ("order", "no purchase order 99"), 9: ("order", "PO-1, PO-2 have this reference"), 10: ("location", "po edit 1 --location annex"),
        11: ("reference", "po edit 1 --reference Y"), 12: (None, "no line left"),
    }  # fmt: skip
    told = {each.line: (each.mistake.column, why(each)) for each in seen if each.mistake}
    assert {line: column for line, (column, _) in told.items()} == {line: column for line, (column, _) in problems.items()}
    assert [line for line, (_, part) in problems.items() if part not in told[line][1]] == []
    assert [each.state for each in seen if not each.mistake] == [State.NEW, State.SAME, State.NEW]
    assert orders(conn)[2] == (3, "draft", None, "main", "MAY", "", {"A": (1, "2.50"), "C": (3, None)})


def read(raw: bytes, **defaults: str) -> list[tuple[int, str | None, str]]:
    """What cannot even be understood."""
    sheet = opened(io.BytesIO(raw), "file.csv")
    wrong = [each for piece in pieces(sheet.rows, Reader(PURCHASES, sheet.header, defaults=defaults), 2) for each in piece.wrong]
    return [(row.line, mistake.column, mistake.why) for row, mistake in wrong]


def test_what_cannot_be_understood() -> None:
    head = "order,reference,location,expected,sku,quantity,cost\n"
    lines = [
        ",MAY,main,,A,24,", ",,main,,A,1,", "PO-x,,,,A,1,", "7,,,,A,1,", "po-7,,,,A,1,", ",MAY,,,B,1,", ",MAY,main,,B,-1,",
        ",MAY,main,,C,1,one", ",MAY,main,soon,C,1,", ",MAY,main,2026-05-04,C,1,", ",MAY,main,2026-05-05,B,1,", ",MAY,main,,,1,",
    ]  # fmt: skip
    found = read((head + "\n".join(lines)).encode())
    assert [(line, column) for line, column, _ in found] == [
        (3, "reference"), (4, "order"), (6, None), (7, "location"), (8, "quantity"), (9, "cost"), (10, "expected"), (12, "expected"), (13, "sku"),
    ]  # fmt: skip
    assert "line 5 is about the same" in found[2][2]
    assert "line 11 says '2026-05-04'" in found[7][2]
    assert read(b"sku,quantity\nA,1\n", reference="MAY", location="main") == []


def test_an_order_has_so_many_lines(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channelsync.ledger.bounds.MAX_LINES", 2)
    rows = [PurchaseRow(number, sku, 1, reference="MAY", location="main") for number, sku in enumerate("ABC", 2)]
    assert [each.state for each in preview(conn, rows, kind=KIND)] == [State.NEW, State.NEW, State.BAD]
    for row, state in zip(rows, (State.NEW, State.NEW, State.BAD), strict=True):
        assert [each.state for each in apply(conn, [row], kind=KIND).rows] == [state]
    assert [len(lines) for *_, lines in orders(conn)] == [2]


def test_all_or_none(conn: Connection) -> None:
    rows = [PurchaseRow(2, "A", 1, reference="MAY", location="main"), PurchaseRow(3, "NONE", 1, reference="MAY", location="main")]
    assert not apply(conn, rows, kind=KIND, whole=True).done
    assert orders(conn) == []


def test_an_export_tells_all_and_changes_nothing_when_it_comes_back(conn: Connection) -> None:
    draft(conn, {"A": (24, "3"), "B": 5}, supplier="ACME", reference="=1+1", expected_on="2026-05-04")
    number = ordered(conn, {"A": 3}, "annex", supplier="ACME")
    arrive(conn, number, {"A": 1})
    only(ordering.cancel(conn, [ordering.Cancel(draft(conn, {"C": 1}).number)], NOW))
    raw = export(conn, KIND, limit=1)
    rows = list(csv.DictReader(io.StringIO(raw.decode())))
    assert [(row["order"], row["state"], row["sku"], row["quantity"]) for row in rows] == [
        ("PO-1", "draft", "A", "24"), ("PO-1", "draft", "B", "5"), ("PO-2", "part_received", "A", "3"), ("PO-3", "cancelled", "C", "1"),
    ]  # fmt: skip
    assert rows[0] == {
        "order": "PO-1", "state": "draft", "reference": "'=1+1", "supplier": "ACME", "location": "main", "expected": "2026-05-04", "sku": "A",
        "code": "AC-1", "title": "", "quantity": "24", "received": "0", "incoming": "0", "cost": "3.00",
    }  # fmt: skip
    assert (rows[2]["received"], rows[2]["incoming"], rows[2]["location"]) == ("1", "2", "annex")
    before = orders(conn)
    tally = run(conn, raw, KIND)
    assert (tally.counts[State.SAME], tally.rows) == (4, 4), tally.problems
    assert orders(conn) == before


@pytest.mark.parametrize("reference", [" A 1 ", "'x", "-5", "a,b", 'say "x"', "two\nlines", "1.0", "täß"])
def test_whatever_an_order_is_called_its_export_comes_back(conn: Connection, reference: str) -> None:
    draft(conn, {"A": 1}, reference=reference)
    assert run(conn, export(conn, KIND), KIND).counts[State.SAME] == 1


def test_a_whole_file_is_previewed_as_it_is_applied_over_chunks(conn: Connection) -> None:
    """Each order lies in several chunks, and one bad row in fifty."""
    for number in range(60):
        put(conn, f"S{number}", 0)
    lines = [
        f"R{number % 5},main,2026-05-0{number % 5 + 1},{f'NONE{number}' if number % 50 == 0 else f'S{number // 5}'},1"
        for number in range(300)
    ]
    raw = "\n".join(["reference,location,expected,sku,quantity", *lines]).encode()
    sheet, so_far, seen = opened(io.BytesIO(raw), "f.csv"), dict[Any, int](), list[Verdict]()
    for piece in pieces(sheet.rows, Reader(PURCHASES, sheet.header, defaults={}), 7):
        seen += importing.preview(conn, Chunk(KIND, SOURCE, tuple(row for _, row in piece.asked)), so_far, NOW)
    sheet, done = opened(io.BytesIO(raw), "f.csv"), list[Verdict]()
    for piece in pieces(sheet.rows, Reader(PURCHASES, sheet.header, defaults={}), 7):
        done += apply(conn, [row for _, row in piece.asked], kind=KIND).rows
    assert [(each.line, each.state, each.differences) for each in done] == [(each.line, each.state, each.differences) for each in seen]
    assert conn.scalar(select(func.count()).select_from(purchase_orders)) == 5
    assert conn.scalar(select(func.count()).select_from(purchase_lines)) == sum(each.state is State.NEW for each in done)
    assert sum(each.state is State.BAD for each in done) == 6


# -- the verb --------------------------------------------------------------------------------------------------------------------------------


def test_filling_twice_in_one_batch_makes_one_order(conn: Connection) -> None:
    item = Fill(wanted({"A": 1}), reference="MAY", location="main")
    (first, second) = filling.fill(conn, [item, Fill(wanted({"B": 2}), reference="MAY", location="main")], NOW)
    assert (first.number, second.number) == (1, 1)  # type: ignore[union-attr]
    assert orders(conn)[0][-1] == {"A": (1, "2.50"), "B": (2, None)}
    assert isinstance(refused(filling.fill(conn, [Fill(wanted({"A": 1}), location="main")], NOW)), NotAllowed)


def test_a_kept_cost_is_not_what_is_agreed_by_now(conn: Connection) -> None:
    number = draft(conn, {"B": 1}, supplier="ACME").number
    supply(conn, "B", "ACME", cost="9")
    only(filling.fill(conn, [Fill(wanted({"B": 2}), number)], NOW))
    assert orders(conn)[0][-1] == {"B": (2, None)}


def test_a_draft_that_was_edited_by_hand_is_found_by_what_it_is_called_now(conn: Connection) -> None:
    run(conn, b"reference,location,sku,quantity\nMAY,main,A,1\n", KIND)
    edit(conn, 1, reference="MAI")
    assert run(conn, b"reference,location,sku,quantity\nMAI,main,A,2\n", KIND).counts[State.CHANGE] == 1
    assert [row[0] for row in orders(conn)] == [1]


CELL = st.sampled_from(["", "0", "1", "7", "12"])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.lists(
        st.lists(st.tuples(st.sampled_from(["R1", "R2"]), st.sampled_from("ABCX"), CELL, st.sampled_from(["", "1", "2.5"])), max_size=6),
        min_size=1, max_size=3,
    ),
    order_after=st.sampled_from([0, 1, 2]),
)  # fmt: skip
def test_whatever_is_imported_twice_is_imported_once(engine: Engine, files: list[Any], order_after: int) -> None:
    with engine.connect() as conn, conn.begin() as transaction:
        _open(conn)
        for place, rows in enumerate(files):
            raw = "reference,location,sku,quantity,cost\n" + "".join(f"{r},main,{s},{q},{c}\n" for r, s, q, c in rows)
            first = run(conn, raw.encode(), KIND, f"f{place}")
            once = orders(conn)
            again = run(conn, raw.encode(), KIND, f"f{place}")
            assert again.changing <= first.bad, "what was bad may be good by now, and what was good is not done again"
            assert first.bad or orders(conn) == once
            if place == order_after and once:
                only(ordering.order(conn, [ordering.Order(once[0][0])], NOW))
        assert all(lines for *_, lines in orders(conn))
        assert audit(conn) == []
        transaction.rollback()


def test_two_who_import_the_same_reference_at_once_make_one_order(engine: Engine) -> None:
    with engine.begin() as conn:
        _open(conn)
    ready = Barrier(2)

    def one(sku: str) -> None:
        with engine.connect() as conn:
            ready.wait(10)
            with conn.begin():
                only(filling.fill(conn, [Fill(wanted({sku: 1}), reference="MAY", location="main")], NOW))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, "AB"))
    with engine.connect() as conn:
        assert [(number, sorted(lines)) for number, *_, lines in orders(conn)] == [(1, ["A", "B"])]
