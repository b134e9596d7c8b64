"""Trying again what was set aside: orders are read again from their shop, everything else is put back in line."""

from __future__ import annotations

from collections.abc import Mapping

from channelsync.contract import Gone
from channelsync.engine.catalogue import Catalogue
from channelsync.engine.channel import Channel, Signal
from channelsync.engine.introduce import introduce
from channelsync.engine.store import Store
from channelsync.errors import ChannelError
from channelsync.ledger import aside_groups, channels, order_ends, orders
from channelsync.ledger.aside import Aside
from channelsync.ledger.aside_groups import Wanted
from channelsync.ledger.order_ends import Missing
from channelsync.ledger.orders import Sighting

ORDERS = ("order", "line")


class Retrying:
    """catalogues: by channel id. arrived: wakes the intake for deliveries that are back in the inbox."""

    def __init__(self, store: Store, catalogues: Mapping[int, Catalogue], arrived: Signal) -> None:
        self._store, self._catalogues, self._arrived = store, catalogues, arrived

    async def retry(self, wanted: Wanted) -> tuple[int, dict[str, str]]:
        """How many things were tried again, and why orders could not be, by channel: one that does not answer is asked once."""
        tried, after = 0, 0
        troubles: dict[str, str] = {}
        seen: set[tuple[int, str]] = set()
        listed: set[int] = set()
        while page := await self._store.ledger.read(aside_groups.matching, wanted, after=after):
            for each in page:
                tried += await self._try(each, seen, troubles)
                if each.kind == "listing":
                    listed.add(each.channel_id)
            after = page[-1].id
        for channel_id in sorted(listed & self._catalogues.keys()):
            await self._list(self._store.channels[channel_id], troubles)
        self._arrived.set()
        self._store.wake()
        return tried, troubles

    async def _list(self, channel: Channel, troubles: dict[str, str]) -> None:
        try:
            await introduce(self._store, channel)
            await self._catalogues[channel.id].refresh(whole=True)
        except ChannelError as error:
            await self._store.troubled(channel, error)
            troubles[channel.name] = str(error)

    async def _try(self, each: Aside, seen: set[tuple[int, str]], troubles: dict[str, str]) -> bool:
        if each.kind not in ORDERS:
            return await self._store.ledger.run(aside_groups.retry, each)
        ref = each.ref.rpartition("/")[0] if each.kind == "line" else each.ref
        channel = self._store.channels.get(each.channel_id)
        if channel is None or channel.name in troubles:
            return False
        if (channel.id, ref) in seen:
            return True
        seen.add((channel.id, ref))
        try:
            await self.read_again(channel, ref)
        except ChannelError as error:
            await self._store.troubled(channel, error)
            troubles[channel.name] = str(error)
            return False
        return True

    async def read_again(self, channel: Channel, ref: str) -> None:
        """Apply one order as its shop tells it now. Raises the channel's errors."""
        store = self._store
        await introduce(store, channel)
        read_seq = await store.ledger.run(channels.next_read_seqs, channel.id)
        answer = await channel.connector.order(ref)
        if isinstance(answer, Gone):
            await store.ledger.run(order_ends.gone, Missing(channel.id, ref, read_seq, sees_back=answer.sees_back))
        else:
            await store.ledger.run(orders.apply, Sighting(channel.id, answer, read_seq, again=True, shop_time=store.shop_time(channel)))
