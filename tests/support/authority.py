"""A warehouse that owns on hand, in the hands of a test: one good, orders of one shop told to it, and every message under way by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from channelsync.contract import Claim, Claimed, ClaimedLine, Listing, OrderLine, OrderSnapshot, OrderState, Page, Physical, Role
from channelsync.ledger import (
    authorities,
    authority_import,
    channels,
    exports,
    exports_told,
    levels,
    listings,
    locations,
    matching,
    orders,
    skus,
)
from channelsync.ledger.authorities import Ownership
from channelsync.ledger.authority_import import Imported, PhysicalRead
from channelsync.ledger.channels import ChannelSpec
from channelsync.ledger.exports import Armed, Arming, Refresh
from channelsync.ledger.exports_told import ClaimsRead, Exported
from channelsync.ledger.levels import Level
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.orders import Sighting
from channelsync.ledger.schema import channels as channel_table
from channelsync.ledger.schema import order_lines
from channelsync.ledger.schema import orders as order_table
from support.stock import NOW

LISTING, PLACE, SKU = "good", "store", "X"
SINCE = NOW - timedelta(days=1)


@dataclass
class Warehouse:
    """What is really there: units, what its own customers have reserved, and per claim [held, shipped]."""

    units: int = 30
    foreign: int = 0
    claims: dict[str, list[int]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    @property
    def reserved(self) -> int:
        return self.foreign + sum(held for held, _ in self.claims.values())

    def take(self, claim: Claim) -> None:
        """An export arrives."""
        [line] = claim.lines
        self.claims.setdefault(claim.key, [0, 0])[0] = line.held
        self.gone.discard(claim.key)

    def demand(self, key: str, units: int) -> None:
        claim = self.claims[key]
        claim[0] -= min(units, claim[0])
        claim[1] += units
        self.units -= units

    def claimed(self, key: str, ref: str) -> Claimed:
        held, shipped = self.claims[key]
        return Claimed(key, f"doc of {key}", (ClaimedLine(ref, held, shipped),), gone=key in self.gone)


@dataclass
class Owned:
    """A store whose only location belongs to `house`; `shop` sells its good. now moves only when the test moves it."""

    conn: Connection
    house: int
    shop: int
    location: int
    warehouse: Warehouse = field(default_factory=Warehouse)
    now: datetime = NOW
    seen: int = 0

    # -- the shop ------------------------------------------------------------------------------------------------------------------------------

    def order(self, ref: str, units: int, *, shipped: int = 0, cancelled: int = 0, state: OrderState = OrderState.OPEN) -> None:
        self.seen += 1
        at = NOW + timedelta(seconds=self.seen)
        line = OrderLine("1", "item", units, shipped=shipped, cancelled=cancelled)
        snapshot = OrderSnapshot(ref, state, at, NOW, (line,))
        [result] = orders.apply(self.conn, [Sighting(self.shop, snapshot, self.seen)], self.now)
        assert result.verdict is orders.Verdict.APPLIED, result

    # -- exports -------------------------------------------------------------------------------------------------------------------------------

    def arm(self) -> Armed | None:
        """What is due is found and the first of it written down as under way."""
        exports.refresh(self.conn, [Refresh(self.house, SINCE)], self.now)
        [armed] = exports.arm(self.conn, [Arming(self.house, {PLACE: self.location})], self.now)
        return armed

    def answer(self, armed: Armed, *, refused: str | None = None) -> None:
        claimed = None if refused else self.warehouse.claimed(armed.claim.key, armed.claim.lines[0].ref)
        exports_told.settle(self.conn, [Exported(armed.export_id, armed.question, claimed, refused)], self.now)

    def export(self) -> int:
        """Tell everything that is due, and hear every answer. Returns how many claims were told."""
        for count in range(20):
            armed = self.arm()
            if armed is None:
                return count
            self.warehouse.take(armed.claim)
            self.answer(armed)
        raise AssertionError("exports do not come to rest")

    def documents(self) -> Sequence[Claimed]:
        return [self.warehouse.claimed(key, self.ref(key)) for key in self.warehouse.claims]

    def ref(self, key: str) -> str:
        return f"1/{LISTING}@{PLACE}"

    def hear(self, told: Sequence[Claimed] | None = None, question: int | None = None) -> None:
        """The documents are read: now, or as they were told to an earlier question."""
        asked = self.ask() if question is None else question
        page = Page(tuple(self.documents() if told is None else told), high_water="now")
        exports_told.hear(self.conn, [ClaimsRead(self.house, page, asked, self.now)], self.now)

    # -- readings ------------------------------------------------------------------------------------------------------------------------------

    def ask(self) -> int:
        return channels.next_read_seq(self.conn, self.house)

    def physical(self) -> Physical:
        return Physical(LISTING, PLACE, self.warehouse.units, self.warehouse.reserved)

    def read(self, *told: Physical, question: int | None = None, full: bool = False, lag: timedelta | None = None) -> Imported:
        """A reading is made and applied: as things are, or as they were told to an earlier question."""
        asked = self.ask() if question is None else question
        rows = told or (self.physical(),)
        read = PhysicalRead(self.house, Page(rows, high_water="now"), asked, self.now, {PLACE: self.location}, full=full, lag=lag)
        [imported] = authority_import.import_physical(self.conn, [read], self.now)
        return imported

    @property
    def level(self) -> Level:
        key = (skus.find(self.conn, [SKU])[SKU].id, self.location)
        return levels.read(self.conn, [key])[key]

    def lines(self) -> list[tuple[int, int, int, int]]:
        """hard, shipped, documented, debited of every order line."""
        columns = (order_lines.c.hard, order_lines.c.shipped, order_lines.c.documented, order_lines.c.debited)
        return [(row[0], row[1], row[2], row[3]) for row in self.conn.execute(select(*columns).order_by(order_lines.c.id))]

    def true_available(self) -> int:
        """What is really left: units, less what others have reserved, less what our orders still need of them."""
        wanted = self.conn.execute(select(order_lines.c.id, order_lines.c.hard, order_lines.c.shipped)).all()
        keys = {row.id: key for row, key in zip(wanted, self._keys(), strict=True)}
        owed = 0
        for row in wanted:
            taken = self.warehouse.claims.get(keys[row.id], [0, 0])[1]
            owed += max(0, row.hard + row.shipped - taken)
        return self.warehouse.units - self.warehouse.foreign - owed

    def _keys(self) -> list[str]:
        query = select(order_table.c.ref).join(order_lines, order_lines.c.order_id == order_table.c.id).order_by(order_lines.c.id)
        return [f"shop/{ref}" for ref in self.conn.scalars(query)]


def open_owned(conn: Connection, *, units: int = 30, read: bool = True) -> Owned:
    """A day old; the first number is read."""
    [location] = locations.ensure(conn, [LocationSpec("main")], NOW)
    specs = [ChannelSpec("house", "memory", location, Role.AUTHORITY), ChannelSpec("shop", "memory", location)]
    house, shop = channels.register(conn, specs, NOW)
    assert isinstance(house, int)
    assert isinstance(shop, int)
    authorities.enrol(conn, [Ownership(location, house)], NOW)
    conn.execute(update(channel_table).values(opened_at=NOW - timedelta(days=1)))
    skus.ensure(conn, [SKU], NOW)
    listings.upsert(conn, house, [Listing(LISTING, SKU, locations=())], NOW)
    listings.upsert(conn, shop, [Listing("item", SKU)], NOW)
    for channel in (house, shop):
        matching.match(conn, channel, NOW)
    owned = Owned(conn, house, shop, location, Warehouse(units))
    if read:
        owned.read(full=True)
    return owned
