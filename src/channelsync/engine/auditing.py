"""The ledger against its shops: what they show against the books, and the orders they list against those that are stored. Systems that own on
hand are in `auditing_owners`.

Two passes. What does not fit at first sight is looked at again after a pull of the orders, because a sale or a write may have come between; what
still does not fit is told. Nothing is written to any shop. What the second pass reads is kept as every reading is, so a new gap goes its usual way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from channelsync.contract import Cursor, Gone, OrderSnapshot, OrderState, Reading, Role, ShelfRef
from channelsync.engine.auditing_owners import OneOwner
from channelsync.engine.channel import Channel
from channelsync.engine.loops import Engine
from channelsync.engine.shop_difference import Compared, ShopAudit, ShopDifference
from channelsync.errors import ChannelError, Misunderstood, Refused
from channelsync.ledger import brackets, order_ends, order_json, shop_audit
from channelsync.ledger.brackets import Found, Seen
from channelsync.ledger.shop_audit import Believed, Stored

SHELVES_PER_PAGE = 500
ORDERS_PER_PAGE = 500
ASKED_MAX = 200
"""Orders that are read one by one; with more differences than that it is not the single order that is wrong."""

OPEN = frozenset({OrderState.PENDING, OrderState.OPEN})


class Auditing:
    """Every channel that is live; one that does not answer is named and holds up no other."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._store = engine, engine.store

    async def run(self) -> ShopAudit:
        """An authority is read whatever its mode: what lies there counts here all the same."""
        live = [c for c in self._store.channels.values() if c.settings.live or c.settings.role is Role.AUTHORITY]
        answers = await asyncio.gather(*(self._channel(channel) for channel in live))
        done = [answer for answer in answers if not isinstance(answer, str)]
        troubles = {channel.name: answer for channel, answer in zip(live, answers, strict=True) if isinstance(answer, str)}
        differences = tuple(difference for _, found in done for difference in found)
        return ShopAudit(tuple(compared for compared, _ in done), differences, troubles)

    async def _channel(self, channel: Channel) -> tuple[Compared, list[ShopDifference]] | str:
        try:
            owner = channel.id in self._engine.authorities
            return await (OneOwner if owner else _OneShop)(self._engine, channel).audit()
        except ChannelError as error:
            await self._store.troubled(channel, error)
            return str(error)


class _OneShop:
    def __init__(self, engine: Engine, channel: Channel) -> None:
        self._store, self._channel = engine.store, channel
        self._puller = engine.pullers[channel]

    async def audit(self) -> tuple[Compared, list[ShopDifference]]:
        await self._puller.look()
        numbers, busy, shelves = await self._numbers()
        orders, doubtful = await self._orders()
        if shelves or doubtful:
            await self._store.clock.sleep(self._channel.traits.visibility_lag.total_seconds())
            await self._puller.look()
        asked, unasked = doubtful[:ASKED_MAX], max(0, len(doubtful) - ASKED_MAX)
        found = [*await self._shelves_again(shelves), *await self._orders_again(asked)]
        return Compared(self._channel.name, numbers, busy, orders, unasked), found

    # -- numbers -----------------------------------------------------------------------------------------------------------------------------

    async def _numbers(self) -> tuple[int, int, list[int]]:
        """How many were compared, how many could not be, and the shelves that do not fit at first sight."""
        compared, busy, after = 0, 0, 0
        doubtful: list[int] = []
        while page := await self._store.ledger.read(shop_audit.shelves_after, self._channel.id, after, SHELVES_PER_PAGE):
            after = page[-1].state.id
            quiet = [each for each in page if not each.busy]
            readings = await self._read(quiet)
            doubtful += [each.state.id for each in quiet if _shows(readings, each) != each.book]
            compared, busy = compared + len(quiet), busy + len(page) - len(quiet)
        return compared, busy, doubtful

    async def _shelves_again(self, ids: Sequence[int]) -> list[ShopDifference]:
        found: list[ShopDifference] = []
        for start in range(0, len(ids), SHELVES_PER_PAGE):
            before = await self._store.ledger.read(shop_audit.shelves_named, ids[start : start + SHELVES_PER_PAGE])
            readings = await self._read(before)
            seen = [Seen(each.state, _shows(readings, each)) for each in before]
            noted = await asyncio.gather(*(self._store.ledger.run(brackets.note_readings, one) for one in seen))
            wrong = {one.before.id for one, how in zip(seen, noted, strict=True) if how in (Found.GAP, Found.UNCOUNTED)}
            now = await self._store.ledger.read(shop_audit.shelves_named, wrong)
            found += [self._number(each, readings.get(each.state.shelf)) for each in now]
        if found:
            self._channel.look.set()
        return found

    async def _read(self, wanted: Sequence[Believed]) -> dict[ShelfRef, Reading]:
        if not wanted:
            return {}
        readings = await self._channel.connector.stock([each.state.shelf for each in wanted])
        self._channel.hear(readings, self._store.clock.monotonic())
        self._store.read[self._channel.id]["numbers"] += len(readings)
        return {reading.shelf: reading for reading in readings}

    def _number(self, each: Believed, reading: Reading | None) -> ShopDifference:
        shelf = each.state.shelf
        what = f"{each.sku}, listing {shelf.listing}" + (f", location {shelf.location}" if shelf.location else "")
        shows = "no such listing" if reading is None else "not counted" if reading.shows is None else str(reading.shows)
        cause, remedy = self._why(each, reading)
        return ShopDifference(self._channel.name, "number", what, str(each.book), shows, cause, remedy)

    def _why(self, each: Believed, reading: Reading | None) -> tuple[str, str]:
        name, shelf = self._channel.name, each.state.id
        if reading is None:
            return "the shop does not know it (any more)", f"channelsync listings match {name}"
        if reading.shows is None:
            return "the shop has stopped counting it", "let the shop count it again, or `channelsync listings unlink`"
        if each.asked:
            return "edited there, or sold without an order: it waits for you", f"channelsync drift resolve {shelf} --overwrite or --adopt"
        return "no order and no write of ours explains it", "it is looked at again by itself; then see `channelsync drift list`"

    # -- orders ------------------------------------------------------------------------------------------------------------------------------

    async def _orders(self) -> tuple[int, list[str]]:
        """How many the shop lists, and the refs that do not fit at first sight: listed and not as stored, or held here and not listed."""
        listed: set[str] = set()
        doubtful: dict[str, None] = {}
        async for page in self._channel.connector.orders(Cursor()):
            known = await self._store.ledger.read(shop_audit.stored, self._channel.id, [each.ref for each in page.items])
            doubtful |= dict.fromkeys(each.ref for each in page.items if _differs(known.get(each.ref), each))
            doubtful |= dict.fromkeys(ref for ref, _, _ in page.refused)
            listed |= {each.ref for each in page.items}
            if page.high_water is not None:
                break
        after = 0
        while held := await self._store.ledger.read(order_ends.open_refs, self._channel.id, after, ORDERS_PER_PAGE):
            after = held[-1][0]
            doubtful |= dict.fromkeys(ref for _, ref in held if ref not in listed)
        return len(listed), list(doubtful)

    async def _orders_again(self, refs: Sequence[str]) -> list[ShopDifference]:
        found = [await self._order_again(ref) for ref in refs]
        return [difference for difference in found if difference is not None]

    async def _order_again(self, ref: str) -> ShopDifference | None:
        """Read directly, and compared with what is stored by then."""
        try:
            answer = await self._channel.connector.order(ref)
        except (Misunderstood, Refused) as error:
            return self._order(ref, None, "cannot be read", str(error))
        mine = (await self._store.ledger.read(shop_audit.stored, self._channel.id, [ref])).get(ref)
        if isinstance(answer, Gone):
            if mine is not None and answer.sees_back and mine.snapshot.created_at + answer.sees_back <= self._store.clock.now():
                return None  # too old to be shown to us
            deleted = mine is None or mine.snapshot.state is OrderState.DELETED
            return None if deleted else self._order(ref, mine, "no such order", "it was deleted there")
        if not _differs(mine, answer):
            return None
        reason = await self._store.ledger.read(shop_audit.set_aside_because, self._channel.id, ref)
        return self._order(ref, mine, _told(answer), reason or "no run of ours has brought it")

    def _order(self, ref: str, mine: Stored | None, shop: str, cause: str) -> ShopDifference:
        ledger = _told(mine.snapshot) if mine else "not stored"
        return ShopDifference(
            self._channel.name, "order", ref, ledger, shop, cause, "channelsync audit --repair reads it again and applies it"
        )


def _shows(readings: dict[ShelfRef, Reading], each: Believed) -> int | None:
    reading = readings.get(each.state.shelf)
    return reading.shows if reading else None


def _differs(mine: Stored | None, told: OrderSnapshot) -> bool:
    """A closed order that we never saw holds nothing; an older version of what is stored is only a list that lags."""
    if mine is None:
        return told.state in OPEN and not told.test
    return mine.digest != order_json.digest(told) and told.modified_at >= mine.snapshot.modified_at


def _told(order: OrderSnapshot) -> str:
    """What counts for stock, in a line."""
    sums = {name: sum(getattr(line, name) for line in order.lines) for name in ("quantity", "shipped", "cancelled", "restocked")}
    told = ", ".join(f"{units} {'ordered' if name == 'quantity' else name}" for name, units in sums.items() if units or name == "quantity")
    return f"{order.state.value}: {told}, changed {order.modified_at:%Y-%m-%d %H:%M:%S}"
