"""Orders that vanish without a word, and orders that could not be read: both are asked for one by one, slowly.

The few platforms that delete for good announce nothing. And what made no sense once is set aside, while the stream goes on; the next answer may well.
"""

from __future__ import annotations

import structlog

from channelsync.contract import Gone
from channelsync.engine.channel import Channel
from channelsync.engine.store import Store
from channelsync.errors import Misunderstood, Refused
from channelsync.ledger import aside, channels, order_ends, orders
from channelsync.ledger.order_ends import Missing
from channelsync.ledger.orders import Sighting

log = structlog.get_logger(__name__)

ORDERS_PER_ROUND = 50
ASIDE_PER_ROUND = 10


class Recheck:
    """Walks the open orders of one channel in the ledger's order, and those that are aside, some each time, and starts again at the end."""

    def __init__(self, store: Store, channel: Channel) -> None:
        self._store, self._channel = store, channel
        self._after = self._aside_after = 0

    async def run_once(self) -> int:
        """Ask for the next few. Returns how many were asked for. Raises the channel's errors."""
        store, channel = self._store, self._channel
        wanted = await store.ledger.read(order_ends.open_refs, channel.id, self._after, ORDERS_PER_ROUND)
        for order_id, ref in wanted:
            self._after = order_id
            await self._ask(ref)
        if len(wanted) < ORDERS_PER_ROUND:
            self._after = 0
        asked = len(wanted) + await self._ask_for_those_aside()
        if asked:
            store.wake()
        return asked

    async def _ask_for_those_aside(self) -> int:
        after = self._aside_after
        rows = await self._store.ledger.read(aside.listed, channel_id=self._channel.id, kind="order", after=after, limit=ASIDE_PER_ROUND)
        for row in rows:
            self._aside_after = row.id
            await self._ask(row.ref)
        if len(rows) < ASIDE_PER_ROUND:
            self._aside_after = 0
        return len(rows)

    async def _ask(self, ref: str) -> None:
        store, channel = self._store, self._channel
        read_seq = await store.ledger.run(channels.next_read_seqs, channel.id)
        try:
            answer = await channel.connector.order(ref)
        except (Misunderstood, Refused) as error:  # this one order; the others are asked for all the same
            log.warning("an order could not be read again", channel=channel.name, order=ref, error=str(error))
            return
        if isinstance(answer, Gone):
            await store.ledger.run(order_ends.gone, Missing(channel.id, ref, read_seq, sees_back=answer.sees_back))
        else:
            await store.ledger.run(orders.apply, Sighting(channel.id, answer, read_seq, shop_time=store.shop_time(channel)))
