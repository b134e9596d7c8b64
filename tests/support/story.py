"""A ledger that has lived: every kind of row in it, posted by the verbs themselves."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, insert, select, update

from channelsync.contract import Effect, Listing, OrderLine, OrderSnapshot, OrderState
from channelsync.ledger import book, expiry, listings, matching, orders, reservations, stock
from channelsync.ledger.book import BookEntry
from channelsync.ledger.counts.applying import Apply, apply_sheet
from channelsync.ledger.counts.entering import Counted, Enter, enter_counts
from channelsync.ledger.counts.opening import Open, open_sheet
from channelsync.ledger.expiry import Forget
from channelsync.ledger.fulfilment import Fulfil, fulfil
from channelsync.ledger.holds import Which
from channelsync.ledger.orders import Sighting
from channelsync.ledger.reservations import Line, Release, Reserve
from channelsync.ledger.returns.inspecting import Outcome
from channelsync.ledger.routing import board, relieving
from channelsync.ledger.routing.board import PlaceSpec
from channelsync.ledger.routing.relieving import Relieve
from channelsync.ledger.schema import attempts, channels, locations, push_calls, shelves
from channelsync.ledger.stock import Change, WriteOff
from support import returning
from support.stock import NOW, open_channel, open_locations, put, want
from support.transfers import arrive, close, shipped


def live_a_day(conn: Connection) -> int:
    """Goods, claims, orders in every state, books and writes. Returns the channel."""
    open_locations(conn, "main", "annex")
    put(conn, "A", 20)
    put(conn, "B", 9)
    put(conn, "B", 4, "annex")
    stock.adjust(conn, [Change("B", "main", -1, reason="lost")], NOW)
    stock.take_back(conn, [Change("A", "main", 3)], NOW)
    stock.write_off(conn, [WriteOff("A", "main", 1, reason="broken")], NOW)
    channel = open_channel(conn)
    conn.execute(update(channels).values(opened_at=NOW - timedelta(days=1)))
    told = Listing("1", "A", aliases=("v1",)), Listing("2", "B"), Listing("3", None), Listing("4", None, problem="gift card")
    listings.upsert(conn, channel, told, NOW)
    matching.match(conn, channel, NOW)
    _claim(conn)
    _open_books(conn)
    _sell(conn, channel)
    _write(conn, channel)
    _move(conn)
    _count(conn)
    _route(conn, channel)
    return channel


def _claim(conn: Connection) -> None:
    carts = (
        want("A", 3, "cart"),
        want("B", 2, "cart"),
        want("B", 1, "other", "annex"),
        Reserve("phone", (Line("A", "main", 2),), kind="hard"),
    )
    reservations.reserve(conn, carts, NOW)
    reservations.release(conn, [Release(Which(reference="cart", sku="A"), quantity=1), Release(Which(reference="other"))], NOW)
    fulfil(conn, [Fulfil(Which(reference="phone"), quantity=1)], NOW)


def _sell(conn: Connection, channel: int) -> None:
    took = (Effect(3, NOW),)
    placed = (
        OrderSnapshot("100", OrderState.OPEN, NOW, NOW, (OrderLine("a", "v1", 3, shipped=1, effects=took), OrderLine("b", "2", 1))),
        OrderSnapshot("101", OrderState.PENDING, NOW, NOW, (OrderLine("a", "1", 1, withheld=1),), hold_until=NOW + timedelta(hours=1)),
        OrderSnapshot("102", OrderState.OPEN, NOW, NOW, (OrderLine("a", "3", 2), OrderLine("gift", None, 1, stocked=False))),
        OrderSnapshot("103", OrderState.CANCELLED, NOW, NOW, (OrderLine("a", "1", 3, shipped=2, cancelled=1, restocked=1),)),
        OrderSnapshot("104", OrderState.OPEN, NOW, NOW, (OrderLine("a", "2", 2),)),
        OrderSnapshot("105", OrderState.OPEN, NOW, NOW, (OrderLine("a", "2", 1),), reservation_ref="cart"),
    )
    edited = OrderSnapshot("104", OrderState.OPEN, NOW + timedelta(minutes=1), NOW, (OrderLine("b", "1", 1),))
    for number, snapshot in enumerate((*placed, edited)):
        orders.apply(conn, [Sighting(channel, snapshot, number + 1)], NOW)


def _move(conn: Connection) -> None:
    """One transfer that has arrived in part, and one that was closed before all of it came."""
    put(conn, "C", 9)
    open_, closed = shipped(conn, {"C": 4}), shipped(conn, {"C": 2})
    for number in (open_, closed):
        arrive(conn, number, {"C": 1})
    close(conn, closed)


def send_back(conn: Connection) -> None:
    """Two units of order 103, of which the shop has told one and one is on sale again; one of nobody's that is inspected, and one that is expected."""
    number = returning.of_order(conn, {"A": 2}, "103")
    returning.arrive(conn, number)
    returning.inspect(conn, number, ("A", 1, Outcome.RESTOCK))
    nobodys = returning.expect(conn, {"B": 3}, "annex")
    returning.arrive(conn, nobodys)
    returning.inspect(conn, nobodys, ("B", 1, Outcome.RESTOCK), ("B", 1, Outcome.WRITE_OFF), ("B", 1, Outcome.TO_SUPPLIER))
    returning.expect(conn, {"B": 1})


def _open_books(conn: Connection) -> None:
    for shelf in conn.scalars(select(shelves.c.id).order_by(shelves.c.id)).all():
        book.replace(conn, shelf, None, 5, [BookEntry(shelf, "opening", 5)], NOW)


def _write(conn: Connection, channel: int) -> None:
    """One write that is confirmed, and one that is still on its way."""
    first, second = conn.scalars(select(shelves.c.id).order_by(shelves.c.id).limit(2))
    for key, state in (("done", "settled"), ("open", "sent")):
        call = {
            "key": key,
            "channel_id": channel,
            "raises": True,
            "carrier": "adjust",
            "state": state,
            "lease_version": 1,
            "created_at": NOW,
        }
        conn.execute(insert(push_calls).values(call))
    numbers = {"position": 0, "target": 7, "book_at": 5, "delta": 2, "value": 7, "compare": 5, "version": 1, "created_at": NOW}
    for id_, call_key, shelf, state in (("done-0", "done", first, "ok"), ("open-0", "open", second, "sent")):
        conn.execute(insert(attempts).values(id=id_, call_key=call_key, shelf_id=shelf, state=state, **numbers))
    book.move(conn, [BookEntry(first, "write", 2, attempt_id="done-0")], NOW)


def _count(conn: Connection) -> None:
    """One sheet is applied, with a line that was not counted; another one is open."""
    for skus in (("A", "B"), ("A",)):
        open_sheet(conn, [Open("main", skus)], NOW)
    enter_counts(conn, [Enter(number, (Counted("A", 18),)) for number in (1, 2)], NOW)
    apply_sheet(conn, [Apply(1)], NOW)


def _route(conn: Connection, channel: int) -> None:
    """An order that is shipped from another location than the shop sells from."""
    annex = conn.execute(select(locations.c.id).where(locations.c.code == "annex")).scalar_one()
    board.configure(conn, [PlaceSpec(annex)], NOW)
    routed = OrderSnapshot("106", OrderState.OPEN, NOW, NOW, (OrderLine("a", "2", 1),))
    orders.apply(conn, [Sighting(channel, routed, 9)], NOW)
    stock.count(conn, [Change("B", "annex", 0)], NOW)
    relieving.relieve(conn, [Relieve(64)], NOW)
    stock.count(conn, [Change("B", "annex", 4)], NOW)
    expiry.forget(conn, [Forget(10, timedelta(days=14))], NOW)
    board.configure(conn, [], NOW)
