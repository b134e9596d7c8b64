"""Turns what happens into events: the shops' own memory, and the ledger's door as it is used. Nothing is decided here.

Works in the simulator (exact order) and beside a real daemon (a `RecordingDoor` around its ledger): what the ledger knows is noted just after
it knows it, so an error of order can only excuse a push, never accuse it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Connection, text

from channelsync.clock import Clock
from channelsync.contract import Call, Carrier
from channelsync.ledger import pages
from channelsync.ledger.door import Door
from channelsync.ledger.lowering import Lowering
from channelsync.ledger.net_effect import COUNTED, LEFT_OUT, NEVER_CAME
from channelsync.ledger.outbox import Arming, Release
from channelsync.ledger.pages import PageRead
from channelsync.ledger.spelt import Spelt
from channelsync.ledger.stock import Change
from channelsync.testing.simulation.events import Armed, Changed, Claimed, Counted, Event, Known, Looked, Released, Supplied
from channelsync.testing.simulation.goods import Goods
from channelsync.testing.standins.base import StandIn, TrueOrder

T = TypeVar("T")

QUIET_VERBS = frozenset(
    {"take_lease", "next_read_seqs", "claim", "store", "fail", "claim_shops", "arm", "release", "withdraw", "note_readings"}
)
"""Verbs that move no shelf and no order."""

PHYSICAL = frozenset({"receive", "adjust"})
"""Verbs whose `quantity` is units that came or went."""

Shelf = tuple[str, str]
"""(shop, item)"""

Moved = tuple[str, str, int]
"""SKU, location, and the units that came (> 0) or went."""


def _is_quiet(verb: Any, item: Any) -> bool:
    return verb.__name__ in QUIET_VERBS or (isinstance(item, Lowering) and item.answered is None)


@dataclass(slots=True)
class _Tail:
    """How far one shop's memory was read."""

    changes: int = 0
    orders: int = 0
    untaken: dict[str, dict[str, int]] = field(default_factory=dict)  # order -> item -> pieces claimed so far


class Recorder:
    """`tell` hears every event, in order. `shops` by channel name. meant: key of a verb -> what has truly come and gone once it is done."""

    def __init__(self, clock: Clock, shops: Mapping[str, StandIn], tell: Callable[[Event], None], goods: Goods | None = None) -> None:
        self.beside: Callable[[], None] = lambda: None  # what else is to be told after the shops
        self.meant: dict[str, list[Moved]] = {}
        self._clock, self._shops, self._tell = clock, shops, tell
        self.goods = goods or Goods()
        self._tails = {name: _Tail() for name in shops}
        self._known: dict[Shelf, Known] = {}
        self._counted: dict[tuple[str, str], int] = {}
        self.movements_seen = 0

    def supplied(self, sku: str, units: int, location: str = "", *, told: bool = True) -> None:
        self._tell(Supplied(self._clock.monotonic(), self.goods.unit(sku, location), units, told))

    def done(self, key: str | None) -> None:
        """A verb with this key was carried out, for the first time or again."""
        for sku, location, units in self.meant.pop(key or "", ()):
            self.supplied(sku, units, location)

    # -- the shops -----------------------------------------------------------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Tell everything that has happened in the shops since the last time."""
        found = [Changed(change.monotonic, name, change) for name, shop in self._shops.items() for change in self._new_changes(name, shop)]
        for event in sorted(found, key=lambda event: event.at):
            if event.change.cause == "sale":
                self._tails[event.shop].untaken.pop(event.change.order or "", None)
            self._tell(event)
        for name, shop in self._shops.items():
            self._claims(name, shop)
        self.beside()

    def _new_changes(self, name: str, shop: StandIn) -> list[Any]:
        tail = self._tails[name]
        new = shop.changes[tail.changes :]
        tail.changes += len(new)
        return new

    def _claims(self, name: str, shop: StandIn) -> None:
        """Orders whose units the shop has not taken out of its number still claim them."""
        tail = self._tails[name]
        if len(shop.orders) > tail.orders:
            for ref in islice(shop.orders, tail.orders, None):
                if not any(change.order == ref for change in reversed(shop.changes)):
                    tail.untaken[ref] = {}
            tail.orders = len(shop.orders)
        for ref, before in list(tail.untaken.items()):
            self._claim(name, shop.orders[ref], before)

    def _claim(self, name: str, order: TrueOrder, before: dict[str, int]) -> None:
        now: dict[str, int] = dict.fromkeys(before, 0)
        for line in order.lines:
            item = self.goods.item(name, line.sku, line.location)
            now[item] = now.get(item, 0) + line.quantity - line.cancelled - line.returned
        for item, pieces in now.items():
            if pieces != before.get(item, 0):
                self._tell(Claimed(self._clock.monotonic(), name, order.ref, item, pieces))
        before.update(now)

    # -- the ledger ----------------------------------------------------------------------------------------------------------------------------

    def known(self, shelves: list[Known], promises: list[Counted]) -> None:
        for row in promises:
            if self._counted.get((row.shop, row.unit), 0) != row.promised:
                self._counted[row.shop, row.unit] = row.promised
                self._tell(row)
        for shelf in shelves:
            before = self._known.get((shelf.shop, shelf.item))
            if before is None or _facts(before) != _facts(shelf):
                self._known[shelf.shop, shelf.item] = shelf
                self._tell(shelf)

    def told(self) -> Mapping[Shelf, Known]:
        """What was told last of what the ledger knows, by (shop, item)."""
        return dict(self._known)

    def tell(self, event: Event) -> None:
        self._tell(event)

    def now(self) -> float:
        return self._clock.monotonic()


def _facts(known: Known) -> tuple[int | None, int | None, int, bool]:
    return known.target, known.book, known.took, known.frozen


class RecordingDoor:
    """A ledger's door that is watched. own: the door through which the watcher reads, if that must not be the daemon's."""

    def __init__(self, inner: Door, recorder: Recorder, own: Door | None = None) -> None:
        self._inner, self._recorder, self._own = inner, recorder, own or inner
        self._began: dict[int, float] = {}
        self._seen_at: dict[int, float] = {}
        self._reading = asyncio.Lock()
        self._read_begun = self._read_done = 0  # readings of the news, by number

    async def start(self) -> None:
        await self._inner.start()

    async def close(self) -> None:
        await self._inner.close()

    async def run(self, verb: Any, item: Any) -> Any:
        recorder = self._recorder
        recorder.catch_up()
        knew = recorder.told() if isinstance(item, (Release, Lowering)) else {}
        result = await self._inner.run(verb, item)
        if isinstance(item, Change) and verb.__name__ in PHYSICAL and not result.repeat:
            recorder.supplied(item.sku, item.quantity, item.location)
        recorder.done(getattr(item, "key", None))
        if not _is_quiet(verb, item):
            await self._news()
        if isinstance(item, Arming) and isinstance(result, Call):
            await self._armed(item, result)
        elif isinstance(item, Release) and isinstance(result, Call):
            await self._released(result, knew)
        elif isinstance(item, Lowering) and result.call is not None:
            await self._armed(item.arming, result.call)
            await self._released(result.call, knew)
        elif isinstance(item, PageRead) and item.page.high_water is not None:
            name = await self._own.read(_channel_name, item.channel_id)
            recorder.tell(Looked(recorder.now(), name, self._began.get(item.channel_id, 0.0)))
        return result

    async def read(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        if query is pages.cursor_of:
            self._began[args[0]] = self._recorder.now()
        elif query.__name__ == "sendable_shelves":
            self._seen_at[args[0]] = self._recorder.now()
        return await self._inner.read(query, *args, **kwargs)

    async def _news(self) -> None:
        """What the ledger knows now, or knew after this was called: callers who wait together share a reading."""
        asked = self._read_begun
        async with self._reading:
            if self._read_done <= asked:
                self._read_begun += 1
                await self._read_news()
                self._read_done = self._read_begun

    async def _read_news(self) -> None:
        """Units that were shipped although nobody had counted them were there all along; those that a return has, too, came back once."""
        recorder = self._recorder
        news = await self._own.read(_read_news, recorder.now(), recorder.goods, recorder.movements_seen)
        recorder.movements_seen = news.last_movement
        for sku, location, units in news.found:
            recorder.supplied(sku, units, location)
        recorder.known(news.known, news.counted)

    async def _released(self, call: Call, knew: Mapping[Shelf, Known]) -> None:
        """Withdrawn are the items that were armed with a call and did not leave with it."""
        sent = {int(write.id.rsplit(".", 1)[1]) for write in call.writes}
        armed = await self._own.read(_attempts, call.key, self._recorder.goods)
        withdrawn = frozenset(row[1] for position, row in enumerate(armed) if position not in sent)
        then = {row[1]: knew[row[0], row[1]] for row in armed if (row[0], row[1]) in knew}
        self._recorder.tell(Released(self._recorder.now(), call.key, withdrawn, then))

    async def _armed(self, item: Arming, call: Call) -> None:
        now = self._recorder.now()
        seen_at = self._seen_at.get(item.channel_id, now) if item.carrier is Carrier.SET else now
        for shop, name, target, delta in await self._own.read(_attempts, call.key, self._recorder.goods):
            self._recorder.tell(Armed(now, shop, call.key, name, target, delta, seen_at))


_KNOWN = Spelt(
    text("""
    SELECT channels.name AS shop, COALESCE(listings.sku_text, listings.ref) AS sku, shelves.location, shelves.target, shelves.book, shelves.frozen,
        COALESCE(own.took, 0) AS took, listings.removed_at IS NOT NULL AS gone
    FROM shelves JOIN listings ON listings.id = shelves.listing_id JOIN channels ON channels.id = shelves.channel_id
        LEFT JOIN (SELECT shelf_id, SUM(took) AS took FROM order_lines GROUP BY shelf_id) AS own ON own.shelf_id = shelves.id
    ORDER BY shelves.id
""")
)
_COUNTED = Spelt(
    text("""
    SELECT channels.name AS shop, skus.sku, locations.code, SUM(soft + hard + shipped - restocked + quarantined) AS promised
    FROM order_lines JOIN orders ON orders.id = order_lines.order_id JOIN channels ON channels.id = orders.channel_id
        JOIN skus ON skus.id = order_lines.sku_id JOIN locations ON locations.id = order_lines.location_id
    GROUP BY channels.name, skus.sku, locations.code ORDER BY channels.name, skus.sku, locations.code
""")
)
_ATTEMPTS = text("""
    SELECT channels.name, COALESCE(listings.sku_text, listings.ref), shelves.location, attempts.target, attempts.delta
    FROM attempts JOIN shelves ON shelves.id = attempts.shelf_id
        JOIN listings ON listings.id = shelves.listing_id JOIN channels ON channels.id = shelves.channel_id
    WHERE attempts.call_key = :key ORDER BY attempts.position
""")
_FOUND = text(
    "SELECT skus.sku, locations.code, movements.on_hand FROM movements JOIN skus ON skus.id = movements.sku_id "
    f"JOIN locations ON locations.id = movements.location_id WHERE (type = 'shortage' OR reason IN ('{LEFT_OUT}', '{NEVER_CAME}') OR type = 'defer' AND reason LIKE '{COUNTED}%') "
    "AND movements.id > :after ORDER BY movements.id"
)
_LAST = Spelt(text("SELECT COALESCE(MAX(id), 0) FROM movements"))
_NAME = text("SELECT name FROM channels WHERE id = :id")


@dataclass(frozen=True, slots=True)
class _News:
    """found: (SKU, location, units) that nobody had counted (> 0), or that were told twice."""

    found: list[tuple[str, str, int]]
    last_movement: int
    known: list[Known]
    counted: list[Counted]


def _read_news(conn: Connection, at: float, goods: Goods, after: int) -> _News:
    """One reading: the ledger's door is what the daemon waits at, too."""
    last = int(_LAST.scalar(conn))
    found = [(row[0], row[1], int(row[2])) for row in conn.execute(_FOUND, {"after": after})] if last > after else []
    return _News(found, last, _known(conn, at, goods), counted(conn, at, goods))


def _known(conn: Connection, at: float, goods: Goods) -> list[Known]:
    """One per item. Where it was deleted and entered again, what the shop took for the former listing counts on, and the living one is shown."""
    found: dict[tuple[str, str], tuple[tuple[bool, bool], Known]] = {}
    for shop, sku, location, target, book, frozen, shop_took, gone in _KNOWN.rows(conn):
        item = goods.item(shop, sku, location)
        rank = (not gone, target is not None)
        known = Known(at, shop, item, target, book, int(shop_took), bool(frozen))
        if former := found.get((shop, item)):
            took = former[1].took + known.took
            rank, known = max((former, (rank, known)), key=itemgetter(0)) if former[0] != rank else (rank, known)
            known = replace(known, took=took)
        found[shop, item] = rank, known
    return [known for _, known in found.values()]


def counted(conn: Connection, at: float, goods: Goods) -> list[Counted]:
    """The units of all locations together where the world does not tell them apart."""
    sums: dict[tuple[str, str], int] = {}
    for shop, sku, location, promised in _COUNTED.rows(conn):
        key = (shop, goods.unit(sku, location))
        sums[key] = sums.get(key, 0) + int(promised)
    return [Counted(at, shop, unit, promised) for (shop, unit), promised in sums.items()]


def _attempts(conn: Connection, key: str, goods: Goods) -> list[tuple[str, str, int, int]]:
    return [(row[0], goods.item(row[0], row[1], row[2]), row[3], row[4]) for row in conn.execute(_ATTEMPTS, {"key": key})]


def _channel_name(conn: Connection, channel_id: int) -> str:
    return str(conn.execute(_NAME, {"id": channel_id}).scalar_one())
