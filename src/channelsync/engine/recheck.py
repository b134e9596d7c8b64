"""Orders that vanish without a word: the few platforms that delete for good announce nothing, so open orders are asked for one by one, slowly."""

from __future__ import annotations

import structlog

from channelsync.contract import Gone
from channelsync.engine.channel import Channel
from channelsync.engine.store import Store
from channelsync.errors import Misunderstood, Refused
from channelsync.ledger import channels, order_ends, orders
from channelsync.ledger.order_ends import Missing
from channelsync.ledger.orders import Sighting

log = structlog.get_logger(__name__)

ORDERS_PER_ROUND = 50


class Recheck:
    """Walks the open orders of one channel in the ledger's order, some each time, and starts again at the end."""

    def __init__(self, store: Store, channel: Channel) -> None:
        self._store, self._channel = store, channel
        self._after = 0

    async def run_once(self) -> int:
        """Ask for the next few. Returns how many were asked for. Raises the channel's errors."""
        store, channel = self._store, self._channel
        wanted = await store.ledger.read(order_ends.open_refs, channel.id, self._after, ORDERS_PER_ROUND)
        for order_id, ref in wanted:
            read_seq = await store.ledger.run(channels.next_read_seqs, channel.id)
            self._after = order_id
            try:
                answer = await channel.connector.order(ref)
            except (Misunderstood, Refused) as error:  # this one order; the others are asked for all the same
                log.warning("an open order could not be read again", channel=channel.name, order=ref, error=str(error))
                continue
            if isinstance(answer, Gone):
                await store.ledger.run(order_ends.gone, Missing(channel.id, ref, read_seq))
            else:
                await store.ledger.run(orders.apply, Sighting(channel.id, answer, read_seq, shop_time=store.shop_time(channel)))
        if len(wanted) < ORDERS_PER_ROUND:
            self._after = 0
        if wanted:
            store.wake()
        return len(wanted)
