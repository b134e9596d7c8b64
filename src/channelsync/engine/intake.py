"""Intake: from stored deliveries to applied orders. A delivery is settled in the same transaction as its effect; what cannot be read now is read later."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from channelsync.contract import (
    Delivery,
    Gone,
    ListingHint,
    OrderHint,
    OrderSnapshot,
    Parsed,
    ReceivesWebhooks,
    Role,
    ShelfHint,
    StockHint,
)
from channelsync.engine.channel import Channel
from channelsync.engine.introduce import introduce
from channelsync.engine.resting import Rest, is_away
from channelsync.engine.store import Store
from channelsync.errors import ChannelError
from channelsync.ledger import inbox, order_ends, orders
from channelsync.ledger.inbox import Claim, Claimed, Failure
from channelsync.ledger.order_ends import Missing
from channelsync.ledger.orders import OrderResult, Sighting, Verdict

log = structlog.get_logger(__name__)

BATCH = 100
LEASE_SECONDS = 60.0
READS_AT_ONCE = 4
WAIT_LEAST = 1.0


@dataclass(slots=True)
class _Work:
    """What one batch says about one channel: whose deliveries wait for which order, and which shelves and listings moved."""

    read_seq: int
    bodies: list[tuple[int, OrderSnapshot]] = field(default_factory=list)
    orders: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    listings: dict[str, int | None] = field(default_factory=dict)
    nothing: list[int] = field(default_factory=list)


class Intake:
    """moved: what webhooks said of numbers since the reconciler last asked, per channel: listing ref -> what it shows, if it said so."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rests: dict[int, Rest] = {}
        self.moved: dict[int, dict[str, int | None]] = defaultdict(dict)

    async def run_once(self) -> int:
        """Handle what is in the inbox, at most a batch. Returns how many deliveries were taken."""
        claimed = await self.claim()
        await self.handle(claimed)
        return len(claimed)

    async def claim(self) -> list[Claimed]:
        """Take deliveries that nobody is working on, at most a batch."""
        return await self._store.ledger.run(inbox.claim, Claim(BATCH, LEASE_SECONDS))

    async def handle(self, claimed: Sequence[Claimed]) -> None:
        """Read, apply and settle a batch. Batches may overlap: orders are put in order by their times and read numbers, not by arrival."""
        by_channel: dict[int, list[Claimed]] = defaultdict(list)
        for row in claimed:
            by_channel[row.channel_id].append(row)
        await asyncio.gather(*(self._channel(channel_id, rows) for channel_id, rows in by_channel.items()))

    async def _channel(self, channel_id: int, rows: Sequence[Claimed]) -> None:
        channel = self._store.channels.get(channel_id)
        if channel is None or not isinstance(channel.connector, ReceivesWebhooks):
            await self._fail([row.id for row in rows], "no running channel can read this delivery", final=True)
            return
        work = _Work(rows[0].read_seq)
        for row in rows:
            await self._parse(channel, channel.connector, row, work)
        await self._apply_bodies(channel, work)
        await self._read_orders(channel, work)
        self.moved[channel.id].update(work.listings)
        if work.listings:
            channel.look.set()
        if work.nothing:
            await self._store.ledger.run(inbox.settle_done, tuple(work.nothing))

    async def _parse(self, channel: Channel, reader: ReceivesWebhooks, row: Claimed, work: _Work) -> None:
        delivery = Delivery(channel.name, row.headers, row.body, row.received_at)
        try:
            parsed = list(reader.parse(delivery))
        except ChannelError as error:
            await self._fail([row.id], str(error), final=True)
            return
        except Exception as bug:
            log.exception("the connector failed to read a delivery", channel=channel.name, delivery=row.id)
            await self._fail([row.id], f"the connector failed ({type(bug).__name__}); the log says more", final=False)
            return
        self._sort(parsed, row.id, channel, work)

    def _sort(self, parsed: Sequence[Parsed], delivery_id: int, channel: Channel, work: _Work) -> None:
        waits = False
        for fact in parsed:
            match fact:
                case OrderSnapshot():
                    work.bodies.append((delivery_id, fact))
                    waits = True
                case OrderHint(ref):
                    work.orders[ref].append(delivery_id)
                    waits = True
                case ShelfHint(listing, _, shows):
                    work.listings[listing] = shows
                case ListingHint(ref):
                    channel.hint(ref)
                case StockHint():
                    channel.look.set()
                    channel.pull.set()
                case _:
                    pass
        if not waits:
            work.nothing.append(delivery_id)

    async def _apply_bodies(self, channel: Channel, work: _Work) -> None:
        """All at once: what one commit can hold needs no second one. In the order of their keys, so that nodes do not wait for each other crosswise."""
        at, bodies = self._store.shop_time(channel), sorted(work.bodies, key=lambda body: (body[1].ref, body[0]))
        told = (Sighting(channel.id, snapshot, 0, direct=False, deliveries=(row,), shop_time=at) for row, snapshot in bodies)
        await asyncio.gather(*(self._apply(sighting) for sighting in told))

    async def _read_orders(self, channel: Channel, work: _Work) -> None:
        """One read per order, however many deliveries named it. A shop that is away is asked one question first; all others wait for its answer."""
        if not work.orders:
            return
        if channel.settings.role is Role.AUTHORITY:  # it sells nothing: a document of ours has changed, and the next round hears it
            channel.pull.set()
            work.nothing += [row for deliveries in work.orders.values() for row in deliveries]
            return
        rest = self._rests.setdefault(channel.id, Rest(self._store.clock, channel.admitted))
        gate = asyncio.Semaphore(READS_AT_ONCE)

        async def one(ref: str, deliveries: list[int], turn: asyncio.Lock | asyncio.Semaphore = gate) -> None:
            async with turn:
                if rest.left:
                    await self._put_back(deliveries, rest)
                else:
                    await self._read_order(channel, rest, ref, tuple(deliveries), work.read_seq)

        wanted = list(work.orders.items())
        if rest.begun:  # any of them: the one that the shop has trouble with must not always be the question
            await one(*wanted.pop(self._store.random.randrange(len(wanted))), rest.question)
        await asyncio.gather(*(one(ref, deliveries) for ref, deliveries in wanted))

    async def _read_order(self, channel: Channel, rest: Rest, ref: str, deliveries: tuple[int, ...], read_seq: int) -> None:
        asked = False
        try:
            await introduce(self._store, channel)
            asked = True
            answer = await channel.connector.order(ref)
        except ChannelError as error:
            away = not asked or is_away(error, in_trouble=channel.trouble is not None)
            await self._store.troubled(channel, error)
            if away:
                rest.begin(error)
                await self._put_back(deliveries, rest)
            else:
                await self._fail(list(deliveries), str(error), final=False)
            channel.pull.set()
            return
        rest.end()
        if isinstance(answer, Gone):
            missing = Missing(channel.id, ref, read_seq, deliveries, answer.sees_back)
            self._tell(await self._store.ledger.run(order_ends.gone, missing))
        else:
            at = self._store.shop_time(channel)
            await self._apply(Sighting(channel.id, answer, read_seq, deliveries=deliveries, shop_time=at))

    async def _apply(self, sighting: Sighting) -> None:
        self._tell(await self._store.ledger.run(orders.apply, sighting))

    def _tell(self, result: OrderResult) -> None:
        if result.verdict is Verdict.APPLIED:
            self._store.wake()

    async def _put_back(self, ids: Sequence[int], rest: Rest) -> None:
        failures = (Failure(row_id, rest.why, wait=max(rest.left, WAIT_LEAST)) for row_id in ids)
        await asyncio.gather(*(self._store.ledger.run(inbox.fail, each) for each in failures))

    async def _fail(self, ids: list[int], reason: str, *, final: bool) -> None:
        for row_id in ids:
            await self._store.ledger.run(inbox.fail, Failure(row_id, reason, final=final))
