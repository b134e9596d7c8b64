"""A shop that keeps one number per listing, and three locations that may ship: main (Munich, where it sells from), berlin and hamburg."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from channelsync.contract import Listing, OrderLine, OrderSnapshot, OrderState, ShipTo
from channelsync.ledger import book, listings, locations, matching, orders, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.book import BookEntry
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.orders import OrderResult, Sighting, Verdict
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.routing import board, relieving, rerouting
from channelsync.ledger.routing.areas import Areas
from channelsync.ledger.routing.board import PlaceSpec
from channelsync.ledger.routing.relieving import Relieve
from channelsync.ledger.routing.rerouting import Reroute, Routed
from channelsync.ledger.schema import channels, order_lines, order_routes, shelves, skus
from channelsync.ledger.schema import locations as location_table
from channelsync.ledger.schema import orders as order_table
from support.selling import DAY, MINUTE, line, order
from support.stock import NOW, assert_adds_up, open_channel, put

BERLIN = ShipTo("DE", "BE", "10115", 52.53, 13.38)
POINTS = {"main": (48.14, 11.58), "berlin": (52.52, 13.40), "hamburg": (53.55, 9.99)}


@dataclass
class Store:
    conn: Connection
    channel: int
    ids: dict[str, int]
    reads: int = 0
    minutes: int = 0
    seen: dict[str, OrderSnapshot] = field(default_factory=dict)

    def route(self, *codes: str, areas: Mapping[str, Areas] | None = None) -> None:
        """These locations may ship; none: routing is off."""
        board.configure(self.conn, [PlaceSpec(self.ids[code], POINTS[code], (areas or {}).get(code, Areas())) for code in codes], NOW)

    def see(
        self, *lines: OrderLine, ref: str = "100", to: ShipTo | None = BERLIN, state: OrderState = OrderState.OPEN, **more: Any
    ) -> OrderResult:
        """A newer snapshot of the order."""
        self.minutes += 1
        return self.apply(order(*lines, ref=ref, state=state, at=NOW + self.minutes * MINUTE, ship_to=to, **more))

    def apply(self, snapshot: OrderSnapshot, *, at: datetime = NOW) -> OrderResult:
        self.reads += 1
        self.seen[snapshot.ref] = snapshot
        [result] = orders.apply(self.conn, [Sighting(self.channel, snapshot, self.reads)], at)
        return result

    def repeat(self, ref: str = "100") -> None:
        """The same again, as the next poll brings it, and as a re-read that finds nothing new."""
        snapshot = self.seen[ref]
        assert self.apply(snapshot).verdict is Verdict.UNCHANGED
        again = Sighting(self.channel, snapshot, self.reads, again=True)
        [result] = orders.apply(self.conn, [again], NOW)
        assert result.verdict is Verdict.APPLIED

    def held(self, ref: str = "100") -> dict[tuple[str, str, str], int]:
        """(line, SKU, location) -> units claimed."""
        return self._lines(ref, order_lines.c.soft + order_lines.c.hard)

    def shipped(self, ref: str = "100") -> dict[tuple[str, str, str], int]:
        return self._lines(ref, order_lines.c.shipped)

    def _lines(self, ref: str, what: Any) -> dict[tuple[str, str, str], int]:
        query = (
            select(order_lines.c.line_ref, skus.c.sku, location_table.c.code, what)
            .join(order_table, order_table.c.id == order_lines.c.order_id)
            .join(skus, skus.c.id == order_lines.c.sku_id)
            .join(location_table, location_table.c.id == order_lines.c.location_id)
            .where(order_table.c.ref == ref, what > 0)
        )
        return {(row[0], row[1], row[2]): row[3] for row in self.conn.execute(query)}

    def reroute(self, order: str = "100", *, to: str | None = None, at: datetime = NOW, **more: Any) -> Routed:
        answer = self.try_to_reroute(order, to=to, at=at, **more)
        assert isinstance(answer, Routed), answer
        return answer

    def try_to_reroute(self, order: str = "100", *, to: str | None = None, at: datetime = NOW, **more: Any) -> Routed | Refusal:
        (answer,) = rerouting.reroute(self.conn, [Reroute(order, to=to, **more)], at)
        return answer

    def relieve(self, limit: int = 100) -> int:
        """A whole pass; how many lines have moved."""
        moved, after = 0, None
        while True:
            (done,) = relieving.relieve(self.conn, [Relieve(limit, after)], NOW)
            moved, after = moved + done.moved, done.next
            if after is None:
                return moved

    def proven(self) -> None:
        assert audit(self.conn) == []
        assert_adds_up(self.conn)


def open_store(conn: Connection, **units_of: Sequence[int]) -> Store:
    """units_of: units of each SKU at main, berlin and hamburg; its listing is its name in small letters."""
    codes = tuple(POINTS)
    ids = dict(zip(codes, locations.ensure(conn, [LocationSpec(code, priority=rank) for rank, code in enumerate(codes)], NOW), strict=True))
    for sku, units in units_of.items():
        for code, count in zip(codes, units, strict=True):
            put(conn, sku, count, code)
    channel = open_channel(conn)
    conn.execute(update(channels).where(channels.c.id == channel).values(opened_at=NOW - DAY))
    listings.upsert(conn, channel, [Listing(sku.lower(), sku) for sku in units_of], NOW, {"": (ids["main"],)})
    matching.match(conn, channel, NOW)
    for shelf in conn.scalars(select(shelves.c.id).where(shelves.c.channel_id == channel).order_by(shelves.c.id)).all():
        book.replace(conn, shelf, None, 1_000, [BookEntry(shelf, "opening", 1_000)], NOW)
    conn.execute(update(shelves).where(shelves.c.channel_id == channel).values(rebased_at=NOW - DAY))
    store = Store(conn, channel, ids)
    store.route(*codes)
    return store


def sold(listing: str = "a", quantity: int = 1, *, ref: str = "1", **more: Any) -> OrderLine:
    """A line whose shop does not say where it is shipped from."""
    return line(listing, quantity, ref=ref, **{"location": None, "sku": listing.upper(), **more})


def count(store: Store, sku: str, location: str, quantity: int) -> None:
    (answer,) = stock.count(store.conn, [stock.Change(sku, location, quantity)], NOW)
    assert not isinstance(answer, Refusal)


def decisions(store: Store) -> list[tuple[str, str, str]]:
    """(line, location, way), as they were made."""
    query = select(order_routes.c.line_ref, location_table.c.code, order_routes.c.way)
    query = query.join(location_table, location_table.c.id == order_routes.c.location_id)
    return [(row[0], row[1], row[2]) for row in store.conn.execute(query.order_by(order_routes.c.id))]
