"""A shop in the ledger for tests of orders: what it sells, how its orders are seen, and the whole picture they leave behind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from channelsync.contract import Effect, Listing, OrderLine, OrderSnapshot, OrderState
from channelsync.ledger import book, listings, locations, matching, orders
from channelsync.ledger.book import BookEntry
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.matching import Link
from channelsync.ledger.orders import OrderResult, Sighting
from channelsync.ledger.schema import BUCKETS, POSTED, channels, movements, order_lines, shelves, skus, stock_levels
from channelsync.ledger.schema import findings as finding_table
from channelsync.ledger.schema import listings as listing_table
from channelsync.ledger.schema import locations as location_table
from channelsync.ledger.schema import orders as order_table
from channelsync.ledger.schema import set_aside as aside_table
from support.stock import NOW, open_channel, put

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
PLENTY = 1_000


@dataclass
class Shop:
    """Listings "a" and "b" sell A and B one by one, "six" sells A in sixes, "loose" sells nothing we know; channel locations here and there."""

    conn: Connection
    channel: int
    reads: int = 0

    def see(self, snapshot: OrderSnapshot, *, direct: bool = True, read_seq: int | None = None, at: datetime = NOW) -> OrderResult:
        """A poll or re-read, or a webhook's body if not direct. Later calls are later questions, unless told otherwise."""
        self.reads += 1
        sighting = Sighting(self.channel, snapshot, self.reads if read_seq is None else read_seq, direct)
        [result] = orders.apply(self.conn, [sighting], at)
        return result

    def link(self, ref: str, sku: str, pack: int = 1) -> matching.Linked:
        [linked] = matching.link(self.conn, [Link(channel_id=self.channel, ref=ref, sku=sku, pack=pack)], NOW)
        assert isinstance(linked, matching.Linked)
        return linked

    def book(self, listing: str, location: str = "here") -> int | None:
        found = dict(_books(self.conn))
        return found[listing, location]

    def posted(self, ref: str = "100") -> dict[tuple[str, str, str], dict[str, int]]:
        """By line, SKU and location: what is posted, less the zeros."""
        return {key[1:]: parts for key, parts in _posted(self.conn).items() if key[0] == ref}

    def moves(self, *, since: int = 0) -> list[tuple[str, str, str, dict[str, int]]]:
        """Movements in their order: type, SKU, location, deltas. since: how many to leave out."""
        query = (
            select(movements, skus.c.sku, location_table.c.code)
            .join(skus, skus.c.id == movements.c.sku_id)
            .join(location_table, location_table.c.id == movements.c.location_id)
            .order_by(movements.c.id)
        )
        rows = self.conn.execute(query).mappings().all()
        return [(row["type"], row["sku"], row["code"], _parts(row, BUCKETS)) for row in rows[since:]]


def open_shop(conn: Connection, *, on_hand: int = PLENTY, shows: int = PLENTY, unread: str = "") -> Shop:
    """A day old: A and B lie at main and annex, every shelf's book was read when it opened, but for those of the listing `unread`."""
    places = dict(zip(("main", "annex"), locations.ensure(conn, [LocationSpec("main"), LocationSpec("annex")], NOW), strict=True))
    for sku in ("A", "B"):
        for place in places:
            put(conn, sku, on_hand, place)
    channel = open_channel(conn)
    conn.execute(update(channels).where(channels.c.id == channel).values(opened_at=NOW - DAY))
    told = [Listing(ref, sku, locations=("here", "there")) for ref, sku in (("a", "A"), ("b", "B"), ("six", None), ("loose", None))]
    listings.upsert(conn, channel, told, NOW, {"here": (places["main"],), "there": (places["annex"],)})
    matching.match(conn, channel, NOW)
    shop = Shop(conn, channel)
    shop.link("six", "A", 6)
    read = select(shelves.c.id).join(listing_table, listing_table.c.id == shelves.c.listing_id).where(listing_table.c.ref != unread)
    for shelf in conn.scalars(read.where(shelves.c.channel_id == channel).order_by(shelves.c.id)).all():
        book.replace(conn, shelf, None, shows, [BookEntry(shelf, "opening", shows)], NOW)
    conn.execute(update(shelves).where(shelves.c.channel_id == channel, shelves.c.book.is_not(None)).values(rebased_at=NOW - DAY))
    return shop


def line(
    listing: str | None = "a", quantity: int = 1, *, took: int | None = None, at: datetime = NOW, ref: str = "1", **parts: Any
) -> OrderLine:
    """A line that the shop took out of its number when it was sold (took: as many as are left of it by now)."""
    left = quantity if took is None else took
    effects = (Effect(quantity, at), Effect(left - quantity, at)) if left != quantity else (Effect(quantity, at),)
    return OrderLine(ref, listing, quantity, effects=effects, **{"location": "here", **parts})


def order(*lines: OrderLine, ref: str = "100", state: OrderState = OrderState.OPEN, at: datetime = NOW, **more: Any) -> OrderSnapshot:
    return OrderSnapshot(ref, state, at, more.pop("created_at", NOW), lines, **more)


# -- the picture ---------------------------------------------------------------------------------------------------------------------------


def picture(conn: Connection) -> dict[str, Any]:
    """Everything that must not depend on the way: levels, claims and posted totals, books, targets and orders, by name and without zeros."""
    return {
        "levels": _levels(conn),
        "posted": _posted(conn),
        "books": _books(conn),
        "targets": {key: value for key, value in _shelf_values(conn, "target").items() if value is not None},
        "orders": {row.ref: (row.state, row.modified_at) for row in conn.execute(select(order_table))},
    }


def _levels(conn: Connection) -> dict[tuple[str, str], dict[str, int]]:
    query = (
        select(stock_levels, skus.c.sku, location_table.c.code)
        .join(skus, skus.c.id == stock_levels.c.sku_id)
        .join(location_table, location_table.c.id == stock_levels.c.location_id)
    )
    found = {(row["sku"], row["code"]): _parts(row, BUCKETS) for row in conn.execute(query).mappings()}
    return {key: parts for key, parts in found.items() if parts}


def _posted(conn: Connection) -> dict[tuple[str, str, str, str], dict[str, int]]:
    query = (
        select(order_lines, order_table.c.ref, skus.c.sku, location_table.c.code)
        .join(order_table, order_table.c.id == order_lines.c.order_id)
        .join(skus, skus.c.id == order_lines.c.sku_id)
        .join(location_table, location_table.c.id == order_lines.c.location_id)
    )
    names = (*POSTED, "took", "withheld")
    found = {(row["ref"], row["line_ref"], row["sku"], row["code"]): _parts(row, names) for row in conn.execute(query).mappings()}
    return {key: parts for key, parts in found.items() if parts}


def _books(conn: Connection) -> dict[tuple[str, str], int | None]:
    return _shelf_values(conn, "book")


def _shelf_values(conn: Connection, name: str) -> dict[tuple[str, str], int | None]:
    query = select(shelves.c[name], shelves.c.location, listing_table.c.ref).join(listing_table, listing_table.c.id == shelves.c.listing_id)
    return {(row.ref, row.location): row[0] for row in conn.execute(query)}


def _parts(row: Any, names: tuple[str, ...]) -> dict[str, int]:
    return {name: row[name] for name in names if row[name]}


def findings(conn: Connection) -> list[tuple[str, str]]:
    """Open findings: kind and reference."""
    query = select(finding_table.c.kind, finding_table.c.reference).where(finding_table.c.resolved_at.is_(None))
    return [(row.kind, row.reference) for row in conn.execute(query.order_by(finding_table.c.id))]


def aside(conn: Connection) -> list[tuple[str, str]]:
    """What is aside: kind and ref."""
    query = select(aside_table.c.kind, aside_table.c.ref).where(aside_table.c.resolved_at.is_(None))
    return [(row.kind, row.ref) for row in conn.execute(query.order_by(aside_table.c.id))]
