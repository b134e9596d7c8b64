"""Chunks of files against the ledger: a preview tells what applying does, bad rows lose nothing, and no row is applied twice."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, func, select, update

from channelsync.ledger import audit, bundling, reservations, stock
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.files import importing
from channelsync.ledger.files.importing import CHUNK, KINDS, Applied, Chunk
from channelsync.ledger.files.kinds import Source, State, Verdict
from channelsync.ledger.files.reading import Reader, pieces
from channelsync.ledger.files.stock import StockRow
from channelsync.ledger.files.telling import Tally
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.schema import channels, locations, movements, stock_levels
from channelsync.tabular import csv_writer, opened
from support.stock import NOW, assert_adds_up, level, open_channel, open_locations, put, want

LATER = NOW + timedelta(hours=1)
SOURCE = Source("f1", NOW, "tester")


def apply(conn: Connection, rows: Sequence[Any], source: Source = SOURCE, kind: str = "stock", **more: Any) -> Applied:
    (answer,) = importing.apply(conn, [Chunk(kind, source, tuple(rows), **more)], LATER)
    assert isinstance(answer, Applied), answer
    return answer


def preview(conn: Connection, rows: Sequence[Any], source: Source = SOURCE, kind: str = "stock") -> list[Verdict]:
    return importing.preview(conn, Chunk(kind, source, tuple(rows)), {}, LATER)


def why(verdict: Verdict) -> str:
    assert verdict.mistake is not None, verdict
    return verdict.mistake.why


def test_physical_stock_only_and_claims_stay(conn: Connection) -> None:
    open_locations(conn, "main")
    put(conn, "MUG", 10)
    assert not isinstance(reservations.reserve(conn, [want("MUG", 4)], NOW)[0], Refusal)
    apply(conn, [StockRow(2, "MUG", "main", on_hand=3)])
    assert (level(conn, "MUG").on_hand, level(conn, "MUG").soft) == (3, 4)
    assert_adds_up(conn)


def test_what_an_authority_owns_is_refused_row_by_row(conn: Connection) -> None:
    open_locations(conn, "main", "far")
    put(conn, "MUG", 10)
    put(conn, "MUG", 5, "far")
    owner = open_channel(conn, "moysklad")
    conn.execute(update(locations).where(locations.c.code == "far").values(authority_id=owner))
    rows = [StockRow(2, "MUG", "far", on_hand=6), StockRow(3, "MUG", "far", adjust=1, reason="r"), StockRow(4, "NEW", "far", on_hand=1)]
    rows += [StockRow(5, "MUG", "far", on_hand=5), StockRow(6, "MUG", "main", on_hand=9)]
    seen = preview(conn, rows)
    assert [verdict.state for verdict in seen] == [State.BAD] * 3 + [State.SAME, State.CHANGE]
    assert all("belongs to 'moysklad'" in why(verdict) for verdict in seen[:3])
    assert list(apply(conn, rows).rows) == seen
    assert (level(conn, "MUG", "far").on_hand, level(conn, "MUG").on_hand) == (5, 9)


def test_a_bundle_has_no_stock_to_import(conn: Connection) -> None:
    open_locations(conn, "main")
    put(conn, "MUG", 10)
    assert not isinstance(bundling.define(conn, [Define("KIT", (Part("MUG", 2),))], NOW)[0], Refusal)
    (verdict,) = preview(conn, [StockRow(2, "KIT", "main", on_hand=1)])
    assert "is a bundle" in why(verdict)


def test_adjustments_of_one_place_add_up_and_are_done_once(conn: Connection) -> None:
    open_locations(conn, "main")
    put(conn, "MUG", 1)
    rows = [StockRow(2, "MUG", "main", adjust=-1, reason="a"), StockRow(3, "MUG", "main", adjust=5, reason="b")]
    rows += [StockRow(4, "MUG", "main", adjust=-4, reason="c"), StockRow(5, "MUG", "main", adjust=-2, reason="d")]
    seen = preview(conn, rows)
    assert [(each.differences[0].old, each.differences[0].new) for each in seen[:3]] == [(1, 0), (0, 5), (5, 1)]
    assert seen[3].state is State.BAD
    assert list(apply(conn, rows).rows) == seen
    assert level(conn, "MUG").on_hand == 1
    assert [verdict.state for verdict in apply(conn, rows).rows] == [State.DONE] * 3 + [State.BAD]
    assert level(conn, "MUG").on_hand == 1
    other = replace(SOURCE, id="f2")
    assert apply(conn, rows[1:2], other).rows[0].state is State.CHANGE


def test_a_count_of_the_files_time_is_reconciled_and_one_that_is_too_late_refused(conn: Connection) -> None:
    open_locations(conn, "main")
    put(conn, "MUG", 10)
    put(conn, "TEE", 10)
    sold = NOW + timedelta(minutes=10)
    assert not isinstance(stock.adjust(conn, [stock.Change("MUG", "main", -3, reason="sold")], sold)[0], Refusal)
    assert not isinstance(stock.count(conn, [stock.Change("TEE", "main", 4)], sold)[0], Refusal)
    rows = [StockRow(2, "MUG", "main", on_hand=8), StockRow(3, "TEE", "main", on_hand=9)]
    source = replace(SOURCE, as_of=NOW + timedelta(minutes=1))
    seen = preview(conn, rows, source)
    assert (seen[0].differences[0].new, seen[1].state) == (5, State.BAD)
    assert list(apply(conn, rows, source).rows) == seen
    assert (level(conn, "MUG").on_hand, level(conn, "TEE").on_hand) == (5, 4)


def test_what_says_nothing_new_writes_nothing(conn: Connection) -> None:
    open_locations(conn, "main")
    put(conn, "MUG", 10)
    before = conn.scalar(select(func.count()).select_from(movements))
    assert apply(conn, [StockRow(2, "MUG", "main", on_hand=10)]).rows[0].state is State.SAME
    assert conn.scalar(select(func.count()).select_from(movements)) == before


def test_all_or_none(conn: Connection) -> None:
    open_locations(conn, "main")
    put(conn, "MUG", 10)
    rows = [StockRow(2, "MUG", "main", on_hand=3), StockRow(3, "MUG", "moon", on_hand=3)]
    answer = apply(conn, rows, whole=True)
    assert (answer.done, level(conn, "MUG").on_hand) == (False, 10)
    assert apply(conn, rows[:1], whole=True).done
    assert level(conn, "MUG").on_hand == 3
    (refused,) = importing.apply(conn, [Chunk("stock", SOURCE, tuple(StockRow(n, "X", "main", on_hand=1) for n in range(1_001)))], LATER)
    assert isinstance(refused, Refusal)


def run(conn: Connection, raw: bytes, kind: str = "stock", id_: str = "f") -> Tally:
    """A whole file, as the command imports it."""
    sheet = opened(io.BytesIO(raw), "file.csv")
    tally = Tally(10)
    for piece in pieces(sheet.rows, Reader(KINDS[kind], sheet.header, defaults={}), CHUNK):
        tally.add(apply(conn, [row for _, row in piece.asked], replace(SOURCE, id=id_), kind).rows if piece.asked else ())
        tally.add_wrong((row.line, mistake) for row, mistake in piece.wrong)
        tally.empty += piece.empty
    return tally


def export(conn: Connection, kind: str, limit: int = 2) -> bytes:
    out, after = io.BytesIO(), 0
    with csv_writer(out, KINDS[kind].exported) as write:
        following: int | None = after
        while following is not None:
            rows, following = KINDS[kind].page(conn, following, limit)
            for row in rows:
                write(row)
    return out.getvalue()


def test_one_bad_row_in_a_hundred_loses_nothing(conn: Connection) -> None:
    open_locations(conn, "main")
    spoilt = {line: ["moon,1", "main,x", "main", "main,-1"][line // 100 % 4] for line in range(100, 2_002, 100)}
    body = "".join(f"SKU-{line},{spoilt.get(line, f'main,{line}')}\n" for line in range(2, 2_002))
    tally = run(conn, f"sku,location,on_hand\n{body}".encode())
    assert {line for line, _ in tally.problems} == set(spoilt)
    assert (tally.rows, tally.bad, tally.changing) == (2_000, len(spoilt), 2_000 - len(spoilt))
    assert conn.scalar(select(func.sum(stock_levels.c.on_hand))) == sum(line for line in range(2, 2_002) if line not in spoilt)
    again = run(conn, f"sku,location,on_hand\n{body}".encode())
    assert (again.changing, again.counts[State.DONE], again.bad) == (0, 2_000 - len(spoilt), len(spoilt))
    assert_adds_up(conn)
    assert audit.audit(conn) == []


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12).map(str.strip).filter(bool)
ODD = st.sampled_from(["=1+1", "+49", "-5", "@x", "'x", "'=x", "a,b", 'say "x"', "two\nlines", "täß", "💡", ";", "-"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.dictionaries(NAMES | ODD, st.tuples(NAMES | ODD | st.just(""), st.integers(0, 10**9)), min_size=1, max_size=6))
def test_an_export_comes_back_and_changes_nothing(engine: Engine, rows: dict[str, tuple[str, int]]) -> None:
    with engine.connect() as conn, conn.begin() as transaction:
        open_locations(conn, "main", "=annex")
        for sku, (_, units) in rows.items():
            put(conn, sku, units, "=annex" if units % 2 else "main")
        titles = io.BytesIO()
        with csv_writer(titles, ["sku", "title"]) as write:
            for sku, (title, _) in rows.items():
                write((sku, title))
        assert run(conn, titles.getvalue(), "skus").bad == 0
        logged = conn.scalar(select(func.count()).select_from(movements))
        for kind in ("stock", "skus"):
            tally = run(conn, export(conn, kind), kind, "export")
            assert (tally.rows, tally.counts[State.SAME]) == (len(rows), len(rows)), tally.problems
        assert conn.scalar(select(func.count()).select_from(movements)) == logged
        transaction.rollback()


@pytest.mark.parametrize(
    ("said", "means"),
    [("7", 7), ("1.0", 1), ("1 000", 1000), ("12\u00a0345.00", 12345), ("0007", 7), ("+3", 3), ("1,000", None), ("1.000", None), ("1.5", None),
     ("1e3", None), ("1 00", None), ("-1", None), ("=1", None), ("9" * 40, None), ("seven", None)],
)  # fmt: skip
def test_numbers_that_could_be_meant_in_two_ways_are_refused(conn: Connection, said: str, means: int | None) -> None:
    open_locations(conn, "main")
    tally = run(conn, f"sku;location;on_hand\nMUG;main;{said}\n".encode())
    if means is None:
        assert [(line, each.column) for line, each in tally.problems] == [(2, "on_hand")]
    else:
        assert level(conn, "MUG").on_hand == means


def test_channels_are_not_needed(conn: Connection) -> None:
    assert conn.scalar(select(func.count()).select_from(channels)) == 0
    assert run(conn, b"channel,ref,sku\nshop,1,MUG\n", "listings").bad == 1
