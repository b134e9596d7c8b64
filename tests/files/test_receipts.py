"""Files of receipts: what arrived is taken once, row by row, and what cannot have arrived is named."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, update

from channelsync.ledger import bundling
from channelsync.ledger.audit import audit
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.files.kinds import LedgerKind, State, Verdict
from channelsync.ledger.files.purchases import PURCHASES
from channelsync.ledger.files.reading import Reader, WrongColumns, pieces
from channelsync.ledger.files.receipts import RECEIPTS, ReceiptRow
from channelsync.ledger.purchasing import ordering
from channelsync.ledger.schema import locations
from channelsync.tabular import opened
from files.test_importing import SOURCE, apply, export, preview, run, why
from support.purchasing import arrive, cost_of, draft, only, ordered, say_cost, state_of
from support.stock import NOW, assert_adds_up, level, open_channel, open_locations, put

KIND = "receipts"


def open_all(conn: Connection) -> int:
    """The number of an order of 10 A at 2.00 and 5 B, on its way to main."""
    open_locations(conn, "main", "annex")
    for sku in ("A", "B", "C"):
        put(conn, sku, 10)
    say_cost(conn, "A", "1")
    return ordered(conn, {"A": (10, "2"), "B": 5})


def both(conn: Connection, rows: list[ReceiptRow]) -> list[Verdict]:
    """What a preview says; applying says the same."""
    seen = preview(conn, rows, kind=KIND)
    assert list(apply(conn, rows, kind=KIND).rows) == seen
    return seen


def there(conn: Connection, sku: str) -> tuple[int, int]:
    found = level(conn, sku)
    return found.on_hand, found.incoming


def test_what_arrived_is_taken_once(conn: Connection) -> None:
    number = open_all(conn)
    rows = [ReceiptRow(2, number, "A", 4), ReceiptRow(3, number, "A", 3, "5.00"), ReceiptRow(4, number, "B", 5)]
    seen = both(conn, rows)
    assert [(each.state, each.differences[0].old, each.differences[0].new) for each in seen] == [
        (State.CHANGE, 0, 4), (State.CHANGE, 4, 7), (State.CHANGE, 0, 5),
    ]  # fmt: skip
    assert (there(conn, "A"), there(conn, "B"), state_of(conn, number)) == ((17, 3), (15, 0), "part_received")
    assert cost_of(conn, "A") == "1.9412", "10 at 1, 4 at 2 and 3 at 5"
    assert [each.state for each in apply(conn, rows, kind=KIND).rows] == [State.DONE] * 3
    assert there(conn, "A") == (17, 3)
    rest = replace(SOURCE, id="another delivery note")
    assert apply(conn, [ReceiptRow(2, number, "A", 3)], rest, KIND).rows[0].state is State.CHANGE
    assert (there(conn, "A"), state_of(conn, number)) == ((20, 0), "received")
    assert audit(conn) == []
    assert_adds_up(conn)


def test_what_cannot_have_arrived_says_why_and_the_others_are_taken(conn: Connection) -> None:
    number = open_all(conn)
    owned = ordered(conn, {"A": 1}, "annex")
    conn.execute(update(locations).where(locations.c.code == "annex").values(authority_id=open_channel(conn, "erp")))
    gone = ordered(conn, {"C": 1})
    only(ordering.cancel(conn, [ordering.Cancel(gone)], NOW))
    written = draft(conn, {"C": 1}).number
    kits = ordered(conn, {"C": 2})
    only(bundling.define(conn, [Define("KIT", (Part("A", 2),))], NOW))
    rows = [
        ReceiptRow(2, number, "A", 8),
        ReceiptRow(3, number, "A", 3),
        ReceiptRow(4, number, "A", 2),
        ReceiptRow(5, number, "C", 1),
        ReceiptRow(6, number, "NONE", 1),
        ReceiptRow(7, 99, "A", 1),
        ReceiptRow(8, owned, "A", 1),
        ReceiptRow(9, gone, "C", 1),
        ReceiptRow(10, written, "C", 1),
        ReceiptRow(11, kits, "KIT", 1),
        ReceiptRow(12, number, "B", 1),
    ]
    seen = both(conn, rows)
    parts = {
        3: "2 are still to come (10 ordered, 8 received)", 5: "stock receive C 1", 6: "'NONE'", 7: "no purchase order 99", 8: "belongs to 'erp'",
        9: "is cancelled", 10: "is draft", 11: "not on purchase order",
    }  # fmt: skip
    assert {each.line for each in seen if each.state is State.BAD} == set(parts)
    assert [each.line for each in seen if each.line in parts and parts[each.line] not in why(each)] == []
    assert f"po receive {number} A:3 --over" in why(seen[1]), "an import has no such option"
    assert (there(conn, "A"), there(conn, "B")) == ((20, 0), (11, 4))
    assert audit(conn) == []


def test_when_it_came(conn: Connection) -> None:
    number = open_all(conn)
    late = replace(SOURCE, as_of=NOW.replace(hour=6))
    apply(conn, [ReceiptRow(2, number, "A", 1)], late, KIND)
    occurred = conn.exec_driver_sql("SELECT occurred_at, recorded_at, reference FROM movements ORDER BY id DESC LIMIT 1").one()
    assert (occurred[0] < occurred[1], occurred[2]) == (True, f"PO-{number}")


@pytest.mark.parametrize(
    ("kind", "header", "said"),
    [
        (
            RECEIPTS,
            b"sku,quantity",
            "none of order, so no row can say anything; add one of them, or say it for all rows: --order (`order`)",
        ),
        (
            PURCHASES,
            b"sku,quantity",
            "none of order, reference, so no row can say anything; add one of them, or say it for all rows: --reference",
        ),
        (PURCHASES, b"sku,reference", "lacks quantity; a file of purchase-orders begins with a line like: order,reference,"),
        (
            PURCHASES,
            b"sku,reference",
            "(--reference (`reference`), --supplier (`supplier`), --location (`location`) may stand for all rows",
        ),
    ],
)
def test_a_header_that_lacks_a_column_names_the_options_that_speak_for_one(kind: LedgerKind[Any], header: bytes, said: str) -> None:
    sheet = opened(io.BytesIO(header + b"\nA,1\n"), "file.csv")
    with pytest.raises(WrongColumns) as wrong:
        Reader(kind, sheet.header, defaults={"location": "main"})
    assert said in str(wrong.value)


def test_what_cannot_be_understood() -> None:
    raw = b"order,sku,quantity,cost\n,A,1,\nPO-7,A,,\nPO-7,A,0,\n7,A,1,x\n7,,1,\n7,A,-1,\n,A,,\n"
    sheet = opened(io.BytesIO(raw), "file.csv")
    (piece,) = pieces(sheet.rows, Reader(RECEIPTS, sheet.header, defaults={}), 50)
    assert [(row.line, mistake.column) for row, mistake in piece.wrong] == [(2, "order"), (5, "cost"), (6, "sku"), (7, "quantity")]
    assert piece.empty == 3
    note = opened(io.BytesIO(b"sku,quantity\nA,1\n"), "note.csv")
    (piece,) = pieces(note.rows, Reader(RECEIPTS, note.header, defaults={"order": "PO-7"}), 50)
    assert [asked for _, asked in piece.asked] == [ReceiptRow(2, 7, "A", 1)]


def test_the_export_is_a_sheet_to_fill_in(conn: Connection) -> None:
    number = open_all(conn)
    draft(conn, {"C": 1})
    arrive(conn, number, {"A": 4, "B": 5})
    second = ordered(conn, {"C": 2}, "annex", reference="R-1")
    raw = export(conn, KIND, limit=1)
    rows = list(csv.DictReader(io.StringIO(raw.decode())))
    assert [(row["order"], row["sku"], row["quantity"], row["incoming"], row["location"], row["reference"]) for row in rows] == [
        (f"PO-{number}", "A", "", "6", "main", ""), (f"PO-{second}", "C", "", "2", "annex", "R-1"),
    ]  # fmt: skip
    assert (run(conn, raw, KIND).empty, there(conn, "A")) == (2, (14, 6))
    filled = raw.replace(b"A,,,", b"A,6,,")
    assert run(conn, filled, KIND).counts[State.CHANGE] == 1
    assert there(conn, "A") == (20, 0)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(st.sampled_from(["1", "PO-1", "2", "9"]), st.sampled_from("ABX"), st.integers(0, 8)), max_size=8),
    size=st.integers(1, 4),
)
def test_however_often_a_file_comes_its_units_come_once(engine: Engine, rows: list[Any], size: int) -> None:
    with engine.connect() as conn, conn.begin() as transaction:
        coming = open_all(conn)
        numbers = {"1": coming, "PO-1": f"po-{coming}", "2": draft(conn, {"A": 5}).number, "9": 10**9}
        raw = "order,sku,quantity\n" + "".join(f"{numbers[order]},{sku},{units}\n" for order, sku, units in rows)
        for _ in range(2):
            sheet = opened(io.BytesIO(raw.encode()), "file.csv")
            for piece in pieces(sheet.rows, Reader(RECEIPTS, sheet.header, defaults={}), size):
                apply(conn, [row for _, row in piece.asked], kind=KIND)
            expected = {"A": 0, "B": 0}
            for order, sku, units in rows:
                if order in ("1", "PO-1") and sku in expected and expected[sku] + units <= {"A": 10, "B": 5}[sku]:
                    expected[sku] += units
            assert {sku: there(conn, sku)[0] - 10 for sku in expected} == expected
        assert audit(conn) == []
        transaction.rollback()


def test_what_comes_after_all_came_is_named(conn: Connection) -> None:
    number = open_all(conn)
    arrive(conn, number)
    assert state_of(conn, number) == "received"
    (verdict,) = both(conn, [ReceiptRow(2, number, "A", 1)])
    assert "0 are still to come" in why(verdict)
