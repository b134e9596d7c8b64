"""What people are shown: status, explain, lists, drifts, rejected deliveries; on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select, update

from channelsync.contract import Effect, Listing, OrderLine, OrderSnapshot, OrderState
from channelsync.ledger import (
    channels,
    drifts,
    explaining,
    inbox,
    listings,
    locations,
    looking,
    matching,
    openings,
    orders,
    rejected,
    stock,
)
from channelsync.ledger.book import BookEntry, move, replace
from channelsync.ledger.brackets import EditPolicy
from channelsync.ledger.channels import ChannelSpec, Pause
from channelsync.ledger.database import reading
from channelsync.ledger.drifts import Resolve
from channelsync.ledger.inbox import Arrived
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.openings import Opening
from channelsync.ledger.order_pages import Wanted, order_rows
from channelsync.ledger.orders import Sighting
from channelsync.ledger.overview import overview
from channelsync.ledger.refusals import AlreadyResolved, NotAllowed, UnknownSku
from channelsync.ledger.rejected import Rejected
from channelsync.ledger.reservations import Line, Reserve, reserve
from channelsync.ledger.schema import shelves

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


@pytest.fixture
def shop(conn: Connection) -> int:
    """An opened channel that sells MUG (10 there, 2 sold, 1 in a cart) and something nobody linked."""
    [place] = locations.ensure(conn, [LocationSpec("main")], NOW)
    [shop] = channels.register(conn, [ChannelSpec("shop", "memory", place)], NOW)
    assert isinstance(shop, int)
    stock.seed(conn, [stock.Change("MUG", "main", 10)], NOW)
    listings.upsert(conn, shop, [Listing("m", "MUG", "Mug"), Listing("x", "NOBODY")], NOW)
    matching.match(conn, shop, NOW)
    [shelf, _] = conn.scalars(shelves.select().with_only_columns(shelves.c.id).order_by(shelves.c.listing_id))
    replace(conn, shelf, None, 12, [BookEntry(shelf, "opening", 12)], NOW)
    openings.open_channels(conn, [Opening((shop,), None)], NOW)
    move(conn, [BookEntry(shelf, "write", -2)], NOW)
    later = NOW + timedelta(minutes=1)
    line = OrderLine("1", "m", 2, effects=(Effect(2, later),))
    orders.apply(conn, [Sighting(shop, OrderSnapshot("o1", OrderState.OPEN, later, later, (line,), number="#1001"), 1)], later)
    reserve(conn, [Reserve("cart-1", (Line("MUG", "main", 1),))], later)
    return shop


def test_explain_adds_up(conn: Connection, shop: int) -> None:
    told = explaining.explain(conn, "MUG")
    assert [(level.location, level.on_hand, level.soft, level.hard, level.available) for level in told.levels] == [("main", 10, 1, 2, 7)]
    assert [(hold.kind, hold.units, hold.by, hold.reference) for hold in told.holds] == [
        ("hard", 2, "order", "#1001"),
        ("soft", 1, "reservation", "cart-1"),
    ]
    [shelf] = told.shelves
    assert shelf.statement is not None
    statement = shelf.statement
    assert (statement.opening, statement.writes, statement.took, statement.gave_back) == (12, -2, 2, 0)
    assert statement.opening + statement.writes - statement.took + statement.gave_back + statement.corrected == statement.book == 8
    assert (statement.shown, statement.unexplained) == (8, 0)
    assert (shelf.target, shelf.due, shelf.steps[-1].value) == (7, True, 7)
    assert explaining.explain(conn, "MUG", "elsewhere").shelves == ()
    with pytest.raises(UnknownSku):
        explaining.explain(conn, "mug")


def test_status_tells_what_waits(conn: Connection, shop: int) -> None:
    [view] = overview(conn, NOW).channels
    assert (view.name, view.state, view.listings, view.unlinked, view.shelves, view.due) == ("shop", "live", 2, 1, 2, 1)
    assert view.oldest_unsent == NOW + timedelta(minutes=1)
    assert (view.inbox, view.set_aside, view.rejected, view.open_attempts, view.gaps) == (0, {}, 0, 0, 0)
    inbox.store(conn, [Arrived(shop, "k", {}, b"{}", NOW)], NOW)
    channels.pause(conn, [Pause(shop, "stock-taking")], NOW)
    rejected.note(conn, [Rejected("shop", "wrong signature", 3), Rejected("", "unknown channel")], NOW)
    rejected.note(conn, [Rejected("shop", "wrong signature")], NOW + timedelta(hours=1))
    [view] = overview(conn, NOW).channels
    assert (view.state, view.reason, view.inbox, view.inbox_oldest, view.rejected) == ("paused", "stock-taking", 1, NOW, 4)
    first, second = rejected.tallies(conn)
    assert (first.reason, first.count, first.last_at) == ("wrong signature", 4, NOW + timedelta(hours=1))
    assert (second.channel, second.count) == ("", 1)


def test_rejections_are_bounded(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejected, "ROWS_MAX", 3)
    for number in range(10):
        rejected.note(conn, [Rejected("shop", f"reason {number}")], NOW)
    assert {tally.reason: tally.count for tally in rejected.tallies(conn)} == {"reason 0": 1, "reason 1": 1, "reason 2": 1, "other": 7}


def test_lists(conn: Connection, shop: int) -> None:
    stock.seed(conn, [stock.Change("CUP", "main", 4)], NOW)
    rows = looking.stock_rows(conn)
    assert [(row.sku, row.on_hand, row.available) for row in rows] == [("MUG", 10, 7), ("CUP", 4, 4)]
    assert [row.sku for row in looking.stock_rows(conn, text="cu")] == ["CUP"]
    assert [row.sku for row in looking.stock_rows(conn, after=rows[0].id, limit=1)] == ["CUP"]
    moves = looking.last_movements(conn, "MUG")
    assert (len(moves), moves[-1].type, moves[-1].on_hand) == (3, "seed", 10)
    assert sum(move.hard for move in moves) == 2
    [order] = order_rows(conn)
    assert (order.channel, order.number, order.state, order.held, order.shipped) == ("shop", "#1001", "open", 2, 0)
    assert order_rows(conn, Wanted(channel="elsewhere")) == []
    assert order_rows(conn, Wanted(state="cancelled")) == []


def test_a_drift_is_answered_once_and_only_as_it_was_seen(conn: Connection, shop: int) -> None:
    shelf = explaining.explain(conn, "MUG").shelves[0].shelf

    def answer(policy: EditPolicy, shows: int) -> object:
        return drifts.resolve(conn, [Resolve(shelf, policy, shows)], NOW)[0]

    assert isinstance(answer(EditPolicy.OVERWRITE, 8), AlreadyResolved)
    conn.execute(update(shelves).where(shelves.c.id == shelf).values(gap=-3, gap_since=NOW, read_at=NOW))
    [drift] = drifts.listed(conn)
    assert (drift.channel, drift.sku, drift.book, drift.shows, drift.asked) == ("shop", "MUG", 8, 5, False)
    assert "still being looked at" in str(answer(EditPolicy.OVERWRITE, 5))
    at_the_shop = NOW - timedelta(hours=3)
    conn.execute(update(shelves).where(shelves.c.id == shelf).values(asked_at=NOW, asked_shop_at=at_the_shop))
    assert "now shows 5, not 6" in str(answer(EditPolicy.ADOPT, 6))
    assert isinstance(answer(EditPolicy.ASK, 5), NotAllowed)
    assert answer(EditPolicy.ADOPT, 5) == "adopted"
    assert conn.scalar(select(shelves.c.rebased_at).where(shelves.c.id == shelf)) == at_the_shop
    assert drifts.listed(conn) == []
    told = explaining.explain(conn, "MUG")
    assert told.levels[0].on_hand == 7
    assert told.shelves[0].statement is not None
    assert (told.shelves[0].statement.corrected, told.shelves[0].statement.unexplained) == (-3, 0)


def test_what_an_answer_would_do_is_foreseen_without_a_lock(engine: Engine, conn: Connection, shop: int) -> None:
    shelf = explaining.explain(conn, "MUG").shelves[0].shelf
    target = explaining.explain(conn, "MUG").shelves[0].target
    gap = {"gap": -3, "gap_since": NOW, "read_at": NOW, "asked_at": NOW}
    conn.execute(update(shelves).where(shelves.c.id == shelf).values(**gap))
    conn.commit()

    def foreseen(policy: EditPolicy, **more: Any) -> list[tuple[str, str]]:
        with reading(engine).connect() as other, other.begin():
            found, _ = drifts.foresee(other, policy, **more)
            return [(each.will, each.refused) for each in found]

    assert foreseen(EditPolicy.OVERWRITE) == [(f"{target} is written over 5", "")]
    assert foreseen(EditPolicy.ADOPT) == [("on hand at main -3", "")]
    assert foreseen(EditPolicy.ADOPT, channel="elsewhere") == []
