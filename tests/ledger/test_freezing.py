"""A frozen shelf is written by nobody: not armed, not released, not repeated; everything else goes on."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, select

from channelsync.contract import Carrier, Listing, Outcome
from channelsync.ledger import freezing, listings, matching
from channelsync.ledger.audit import audit
from channelsync.ledger.brackets import Closing
from channelsync.ledger.explaining import explain
from channelsync.ledger.freezing import Freeze, Frozen, Scope, Thaw
from channelsync.ledger.matching import Link, Unlink
from channelsync.ledger.overview import overview
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownSku
from channelsync.ledger.schema import freezes
from support.pushing import DRAIN, OVERWRITE, Outgoing, open_outgoing
from support.stock import NOW, open_channel


@pytest.fixture
def out(conn: Connection) -> Outgoing:
    return open_outgoing(conn)


def freeze(out: Outgoing, sku: str = "A", reason: str = "recall", **scope: Any) -> Frozen | Refusal:
    [done] = freezing.freeze(out.conn, [Freeze(Scope(sku, **scope), reason, "ann")], out.now)
    return done


def thaw(out: Outgoing, sku: str = "A", **scope: Any) -> Frozen:
    [done] = freezing.thaw(out.conn, [Thaw(Scope(sku, **scope), "bob")], out.now)
    assert isinstance(done, Frozen)
    return done


@pytest.mark.parametrize("units", [3, 8])
@pytest.mark.parametrize("frozen_first", [True, False])
def test_nothing_is_computed_for_it_and_its_target_is_kept(out: Outgoing, units: int, frozen_first: bool) -> None:
    if frozen_first:
        freeze(out)
    out.count(A=units, B=units)
    if not frozen_first:
        freeze(out)
    assert (out.numbers("a"), out.numbers("b")) == ((5, units, False), (5, units, True))
    call = out.arm(raises=units > 5)
    assert call is not None
    assert [write.shelf.listing for write in call.writes] == ["b"]
    thaw(out)
    assert out.numbers("a") == (5, units, True)
    assert audit(out.conn) == []


def test_orders_are_applied_to_it(out: Outgoing) -> None:
    freeze(out)
    out.sell("100", "a", 2)
    assert out.numbers("a") == (3, 3, False)
    out.count(A=9)
    assert out.numbers("a") == (3, 7, False)


@pytest.mark.parametrize("carrier", [Carrier.COMPARE_AND_SET, Carrier.ADJUST])
@pytest.mark.parametrize("units", [3, 8])
def test_what_is_armed_is_withdrawn(out: Outgoing, carrier: Carrier, units: int) -> None:
    out.carrier = carrier
    out.count(A=units, B=units)
    call = out.arm(raises=units > 5)
    assert call is not None
    freeze(out)
    released = out.release(call.key)
    assert released is not None
    assert [write.shelf.listing for write in released.writes] == ["b"]
    assert sorted(out.attempts()) == ["sent", "withdrawn"]


@pytest.mark.parametrize("units", [3, 8])
def test_what_is_on_the_wire_is_not_repeated_and_ends_by_a_bracket(out: Outgoing, units: int) -> None:
    out.count(A=units)
    call = out.send(raises=units > 5)
    out.settle(call, [Outcome.UNKNOWN])
    freeze(out)
    assert out.release(call.key, repeat=True) is None
    out.later(minutes=5)
    assert out.close(out.before("a"), units) is Closing.RESOLVED
    assert (out.numbers("a"), out.attempts()) == ((units, units, False), ["ok"])


def test_an_answer_that_comes_late_is_booked(out: Outgoing) -> None:
    out.count(A=3)
    call = out.send(raises=False)
    freeze(out)
    out.settle(call, [Outcome.OK])
    assert out.numbers("a") == (3, 3, False)


def test_a_drift_is_noted_and_not_written_over(out: Outgoing) -> None:
    freeze(out)
    assert out.close(out.before("a"), 9, on_edit=OVERWRITE, drains_within=DRAIN) is Closing.OVERWRITE
    assert out.numbers("a") == (9, 5, False)
    assert out.arm(raises=False) is None
    thaw(out)
    assert out.arm(raises=False) is not None


def test_others_are_raised_though_a_frozen_one_should_go_down(out: Outgoing) -> None:
    """Its customers are taken care of by the person who froze it."""
    listings.upsert(out.conn, out.channel, [Listing("a2", None)], NOW)
    matching.link(out.conn, [Link(channel_id=out.channel, ref="a2", sku="B")], NOW)
    out.count(B=3)
    freeze(out, "B", listing="b")
    assert (out.numbers("b"), out.arm(raises=False)) == ((5, 3, False), None)


def test_the_first_reason_is_kept_and_history_too(out: Outgoing) -> None:
    first, again = freeze(out, reason="recall"), freeze(out, reason="another")
    assert isinstance(first, Frozen)
    assert isinstance(again, Frozen)
    assert (first.changed, first.shelves, again.changed, again.shelves) == (True, 1, False, 1)
    assert [(each.reason, each.actor, each.since) for each in again.standing] == [("recall", "ann", NOW)]
    out.later(hours=1)
    assert (thaw(out).changed, thaw(out).changed) == (True, False)
    rows = out.conn.execute(select(freezes)).mappings().all()
    assert [(row["reason"], row["actor"], row["thawed_by"], row["thawed_at"]) for row in rows] == [("recall", "ann", "bob", out.now)]


def test_one_channel_or_one_listing_and_each_ends_by_itself(out: Outgoing) -> None:
    conn, other = out.conn, open_channel(out.conn, "other")
    listings.upsert(conn, other, [Listing("a", "A"), Listing("a9", None)], NOW)
    matching.match(conn, other, NOW)
    frozen = freeze(out, channel="other")
    assert isinstance(frozen, Frozen)
    assert (frozen.shelves, out.state("a")["frozen"]) == (1, False)
    matching.link(conn, [Link(channel_id=other, ref="a9", sku="A")], NOW)
    narrow = freeze(out, listing="a", channel="shop")
    assert isinstance(narrow, Frozen)
    assert narrow.shelves == 3, "the channel's new listing is frozen from the moment it is linked"
    left = thaw(out, channel="other")
    assert (left.shelves, [each.listing for each in left.standing]) == (1, ["a"])
    assert thaw(out).changed is False
    assert thaw(out, listing="a", channel="shop").shelves == 0


def test_without_a_sku_only_its_own_freeze_holds(out: Outgoing) -> None:
    freeze(out, "A")
    freeze(out, "B", listing="b")
    matching.unlink(out.conn, [Unlink(channel_id=out.channel, ref=ref) for ref in ("a", "b")], NOW)
    assert (out.state("a")["frozen"], out.state("b")["frozen"]) == (False, True)
    assert audit(out.conn) == []
    matching.link(out.conn, [Link(channel_id=out.channel, ref="a", sku="A")], NOW)
    assert out.state("a")["frozen"] is True


def test_a_listings_freeze_stays_with_it(out: Outgoing) -> None:
    freeze(out, listing="a")
    matching.link(out.conn, [Link(channel_id=out.channel, ref="a", sku="B")], NOW)
    assert out.state("a")["frozen"] is True
    assert thaw(out, "B", listing="a").changed
    assert out.state("a")["frozen"] is False


@pytest.mark.parametrize(
    ("sku", "scope", "says"),
    [
        ("X", {}, "no SKU 'X'"),
        ("A", {"channel": "nowhere"}, "no channel 'nowhere'"),
        ("A", {"listing": "b"}, "0 listings 'b'"),
        ("A", {"listing": "a"}, "which with --channel"),
    ],
)
def test_what_cannot_be_frozen(out: Outgoing, sku: str, scope: dict[str, str], says: str) -> None:
    other = open_channel(out.conn, "other")
    listings.upsert(out.conn, other, [Listing("a", "A")], NOW)
    matching.match(out.conn, other, NOW)
    refused = freeze(out, sku, **scope)
    assert isinstance(refused, (NotAllowed, UnknownSku))
    assert says in str(refused)
    assert isinstance(freeze(out, reason=" "), NotAllowed)


def test_people_see_it(out: Outgoing) -> None:
    out.count(A=8)
    freeze(out)
    told = explain(out.conn, "A")
    assert [(each.reason, each.actor) for each in told.freezes] == [("recall", "ann")]
    [shelf] = told.shelves
    assert shelf.statement is not None
    assert (shelf.frozen, shelf.due, shelf.statement.shown, shelf.target) == (True, False, 5, 8)
    assert [channel.frozen for channel in overview(out.conn, NOW).channels] == [1]
