"""A shop to push to, without the shop: listings a, b and c of SKUs A, B and C at one place; 5 of each are there, every book is 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from channelsync.contract import Call, Carrier, Effect, Listing, OrderLine, OrderSnapshot, OrderState, Outcome, WriteResult
from channelsync.ledger import book, brackets, channels, listings, matching, orders, outbox, settle, stock, to_read
from channelsync.ledger.book import BookEntry
from channelsync.ledger.brackets import Bracket, Closing, EditPolicy, OnEdit
from channelsync.ledger.channels import LeaseRequest
from channelsync.ledger.orders import Sighting
from channelsync.ledger.outbox import Arming, DueRaise, Release
from channelsync.ledger.schema import attempts, push_calls, shelves
from channelsync.ledger.schema import channels as channel_table
from channelsync.ledger.schema import listings as listing_table
from channelsync.ledger.settle import Settled, Settlement
from channelsync.ledger.stock import Change
from channelsync.ledger.to_read import ShelfState
from support.stock import NOW, open_channel, open_locations, put

DRAIN = timedelta(seconds=30)
ASK = OnEdit(EditPolicy.ASK, EditPolicy.ASK)
ADOPT = OnEdit(EditPolicy.ADOPT, EditPolicy.ADOPT)
OVERWRITE = OnEdit(EditPolicy.OVERWRITE, EditPolicy.OVERWRITE)


@dataclass
class Outgoing:
    """The pushing side of one channel, in the hands of a test. now moves only when the test moves it."""

    conn: Connection
    channel: int
    lease: int
    carrier: Carrier = Carrier.COMPARE_AND_SET
    now: datetime = NOW
    keys: list[str] = field(default_factory=list)

    def later(self, **time: float) -> datetime:
        self.now += timedelta(**time)
        return self.now

    def shelf(self, ref: str) -> int:
        query = select(shelves.c.id).join(listing_table, listing_table.c.id == shelves.c.listing_id)
        return int(self.conn.scalars(query.where(listing_table.c.channel_id == self.channel, listing_table.c.ref == ref)).one())

    def state(self, ref: str) -> dict[str, Any]:
        return dict(self.conn.execute(select(shelves).where(shelves.c.id == self.shelf(ref))).mappings().one())

    def numbers(self, ref: str) -> tuple[int | None, int | None, bool]:
        """book, target, due"""
        state = self.state(ref)
        return state["book"], state["target"], state["due"]

    def count(self, **units: int) -> None:
        """People count: A=7 means that 7 of A are there."""
        stock.count(self.conn, [Change(sku, "main", number) for sku, number in units.items()], self.now)

    def sell(self, ref: str, listing: str, units: int, *, at: datetime | None = None) -> None:
        """The shop has sold, and taken the units out of its own number."""
        at = at or self.now
        sold = OrderLine("1", listing, units, effects=(Effect(units, at),))
        snapshot = OrderSnapshot(ref, OrderState.OPEN, at, at, (sold,))
        orders.apply(self.conn, [Sighting(self.channel, snapshot, 1)], self.now)

    # -- the outbox --------------------------------------------------------------------------------------------------------------------

    def arm(self, *, raises: bool, key: str = "", **more: Any) -> Call | None:
        key = key or f"call-{len(self.keys) + 1}"
        self.keys.append(key)
        seen = self.due()
        arming = Arming(self.channel, key, raises, self.carrier, 100, self.lease, **{"seen": seen if raises else (), **more})
        [call] = outbox.arm(self.conn, [arming], self.now)
        return call

    def due(self) -> tuple[DueRaise, ...]:
        """As a look at all sellers would begin."""
        due = select(shelves.c.id, shelves.c.target, shelves.c.rises).where(shelves.c.channel_id == self.channel, shelves.c.due)
        return tuple(DueRaise(*row) for row in self.conn.execute(due))

    def release(self, key: str, *, repeat: bool = False, lease: int | None = None) -> Call | None:
        [call] = outbox.release(self.conn, [Release(key, self.lease if lease is None else lease, repeat)], self.now)
        return call

    def send(self, *, raises: bool) -> Call:
        """Armed and released."""
        call = self.arm(raises=raises)
        assert call is not None
        released = self.release(call.key)
        assert released == call
        return call

    def settle(self, call: Call, answers: Sequence[Outcome] | Mapping[str, Outcome], *, lease: int | None = None, **more: Any) -> Settled:
        """Answers in the order of the call's writes, or by the listing's ref; what is not named gets no answer."""
        named = answers if isinstance(answers, Mapping) else {w.shelf.listing: a for w, a in zip(call.writes, answers, strict=True)}
        results = tuple(
            WriteResult(write.id, named[write.shelf.listing], "because") for write in call.writes if write.shelf.listing in named
        )
        [settled] = settle.settle(self.conn, [Settlement(call.key, self.lease if lease is None else lease, results, **more)], self.now)
        return settled

    def attempts(self) -> list[str]:
        """States of all attempts, in their order."""
        return list(self.conn.scalars(select(attempts.c.state).order_by(attempts.c.created_at, attempts.c.id)))

    def calls(self) -> list[str]:
        return list(self.conn.scalars(select(push_calls.c.state).order_by(push_calls.c.created_at, push_calls.c.key)))

    def lose_lease(self) -> int:
        """Somebody else takes the channel over. Returns their version."""
        self.conn.execute(update(channel_table).where(channel_table.c.id == self.channel).values(lease_owner=None))
        return _lease(self.conn, self.channel, "other", self.now)

    # -- brackets ----------------------------------------------------------------------------------------------------------------------

    def before(self, ref: str) -> ShelfState:
        [state] = to_read.states(self.conn, [self.shelf(ref)])
        return state

    def close(self, before: ShelfState, shows: int | None, second: int | None = None, **more: Any) -> Closing:
        """Two readings, both now unless told otherwise; the same number twice unless `second` is told."""
        settled: dict[str, Any] = {"on_edit": ASK, "drains_within": DRAIN, "lease_version": self.lease, **more}
        first_at, shop_at = settled.pop("first_at", self.now), settled.pop("shop_at", self.now)
        bracket = Bracket(before, shows, shows if second is None else second, first_at, shop_at, **settled)
        [closing] = brackets.close(self.conn, [bracket], self.now)
        return closing


def open_outgoing(conn: Connection) -> Outgoing:
    open_locations(conn, "main")
    for sku in ("A", "B", "C"):
        put(conn, sku, 5)
    channel = open_channel(conn)
    conn.execute(update(channel_table).where(channel_table.c.id == channel).values(opened_at=NOW - timedelta(days=1)))
    listings.upsert(conn, channel, [Listing(sku.lower(), sku) for sku in ("A", "B", "C")], NOW)
    matching.match(conn, channel, NOW)
    for shelf in conn.scalars(select(shelves.c.id).order_by(shelves.c.id)).all():
        book.replace(conn, shelf, None, 5, [BookEntry(shelf, "opening", 5)], NOW)
    conn.execute(update(shelves).values(rebased_at=NOW - timedelta(days=1)))
    return Outgoing(conn, channel, _lease(conn, channel, "me", NOW))


def _lease(conn: Connection, channel: int, owner: str, now: datetime) -> int:
    [version] = channels.take_lease(conn, [LeaseRequest(channel, owner, 3600.0)], now)
    assert version is not None
    return version
