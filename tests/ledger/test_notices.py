"""What is set aside and what is found: one row per matter, shown until it is settled."""

from __future__ import annotations

from sqlalchemy import Connection, select

from channelsync.contract import OrderSnapshot, Page
from channelsync.ledger import aside, findings, fitting, pages
from channelsync.ledger.pages import PageRead
from channelsync.ledger.schema import set_aside
from support.clock import ManualClock
from support.stock import open_channel


def test_aside_keeps_one_row_per_thing_with_the_newest_reason(conn: Connection, clock: ManualClock) -> None:
    first = clock.now()
    aside.put(conn, 1, "line", "7/1", "not mapped", "{}", first)
    aside.put(conn, 1, "line", "7/1", "unknown location", "{1}", clock.advance(5))
    aside.put(conn, 2, "line", "7/1", "other channel", "", clock.now())
    [row] = aside.listed(conn, channel_id=1)
    assert (row.reason, row.payload, row.created_at, row.updated_at) == ("unknown location", "{1}", first, clock.now())


def test_aside_is_hidden_once_resolved_and_comes_back_when_it_fails_again(conn: Connection, clock: ManualClock) -> None:
    aside.put(conn, 1, "order", "7", "does not add up", "", clock.now())
    assert aside.resolve(conn, 1, "order", "7", clock.now())
    assert not aside.resolve(conn, 1, "order", "7", clock.now())
    assert aside.listed(conn) == []
    aside.put(conn, 1, "order", "7", "again", "", clock.now())
    assert [row.reason for row in aside.listed(conn)] == ["again"]


def test_what_is_resolved_keeps_nothing_of_what_it_was_made_of(conn: Connection, clock: ManualClock) -> None:
    payload = select(set_aside.c.payload).order_by(set_aside.c.id)
    for ref in ("7", "8", "9"):
        aside.put(conn, 1, "listing", ref, "odd", "Ann Example, Main Street 1", clock.now())
    aside.resolve(conn, 1, "listing", "7", clock.now())
    aside.resolve_all(conn, "listing", [(1, "8")], clock.now())
    assert list(conn.scalars(payload)) == ["", "", "Ann Example, Main Street 1"]


def test_of_an_order_that_makes_no_sense_no_buyer_is_kept(conn: Connection, clock: ManualClock) -> None:
    page: Page[OrderSnapshot] = Page((), high_water="1", refused=(("7", "no lines", '{"billing_address": "Main Street 1"}'),))
    channel = open_channel(conn, location=None)
    pages.apply_page(conn, [PageRead(channel, page, 1, clock.now())], clock.now())
    [row] = aside.listed(conn, kind="order")
    assert (row.ref, row.reason, row.payload) == ("7", "no lines", "")


def test_aside_is_listed_by_kind_prefix_and_page(conn: Connection, clock: ManualClock) -> None:
    for ref in ("7/1", "7/2", "70/1", "7_/1"):
        aside.put(conn, 1, "line", ref, "not mapped", "", clock.now())
    aside.put(conn, 1, "order", "7", "odd", "", clock.now())
    assert [row.ref for row in aside.listed(conn, kind="line", ref_prefix="7/")] == ["7/1", "7/2"]
    assert [row.ref for row in aside.listed(conn, kind="line", ref_prefix="7_")] == ["7_/1"]
    first = aside.listed(conn, limit=3)
    rest = aside.listed(conn, after=first[-1].id, limit=3)
    assert [row.ref for row in first + rest] == ["7/1", "7/2", "70/1", "7_/1", "7"]


def test_hostile_texts_are_shortened_and_never_fail(conn: Connection, clock: ManualClock) -> None:
    long = "x" * 400
    aside.put(conn, 1, "line", long + "1", "bad \x00 byte", "\ud800" * 100_000, clock.now())
    aside.put(conn, 1, "line", long + "2", "other", "", clock.now())
    one, other = aside.listed(conn)
    assert one.ref != other.ref
    assert (len(one.ref), len(one.payload)) == (255, fitting.PAYLOAD_LENGTH)
    assert aside.resolve(conn, 1, "line", long + "1", clock.now())
    findings.record(conn, "shortage", 1, 1, long, {}, clock.now())
    assert findings.resolve(conn, "shortage", 1, 1, long, clock.now())


def test_a_finding_is_one_open_row_however_often_it_is_seen(conn: Connection, clock: ManualClock) -> None:
    first = clock.now()
    for units in (1, 2, 3):
        findings.record(conn, "oversell", 1, 9, "", {"units": units}, clock.now())
        clock.advance(1)
    [row] = findings.listed(conn)
    assert (row.kind, row.channel_id, row.sku_id, row.detail, row.created_at) == ("oversell", 1, 9, {"units": 3}, first)


def test_findings_differ_by_kind_channel_sku_and_reference(conn: Connection, clock: ManualClock) -> None:
    matters: list[tuple[str, int | None, int | None, str]] = [
        ("oversell", 1, 9, ""),
        ("shortage", 1, 9, ""),
        ("oversell", None, 9, ""),
        ("oversell", 1, None, ""),
        ("oversell", 1, 9, "order 7"),
    ]
    for matter in matters * 2:
        findings.record(conn, *matter, {}, clock.now())
    assert [(row.kind, row.channel_id, row.sku_id, row.reference) for row in findings.listed(conn)] == matters
    assert [row.reference for row in findings.listed(conn, kind="oversell", sku_id=9)] == ["", "", "order 7"]
    assert findings.resolve(conn, *matters[2], clock.now())
    assert not findings.resolve(conn, *matters[2], clock.now())
    assert [(row.kind, row.channel_id) for row in findings.listed(conn, sku_id=9, limit=2)] == [("oversell", 1), ("shortage", 1)]


def test_a_settled_finding_stays_as_history_and_a_new_one_opens(conn: Connection, clock: ManualClock) -> None:
    findings.record(conn, "drift", 1, 9, "shelf", {"gap": 1}, clock.now())
    findings.resolve(conn, "drift", 1, 9, "shelf", clock.now())
    findings.record(conn, "drift", 1, 9, "shelf", {"gap": 2}, clock.now())
    assert [row.detail for row in findings.listed(conn)] == [{"gap": 2}]
    assert [row.detail for row in findings.listed(conn, resolved=True)] == [{"gap": 1}, {"gap": 2}]
    first = findings.listed(conn, resolved=True, limit=1)
    assert [row.detail for row in findings.listed(conn, resolved=True, after=first[0].id)] == [{"gap": 2}]
