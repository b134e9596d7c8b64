"""Pulling orders: every run goes through the ledger page by page, and a run that began after a given moment is the proof that we have looked."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from channelsync.engine.channel import Channel
from channelsync.engine.introduce import introduce
from channelsync.engine.store import Store
from channelsync.errors import ChannelError, Misunderstood
from channelsync.ledger import channels, pages
from channelsync.ledger.channels import PauseKind
from channelsync.ledger.orders import OrderResult, Verdict
from channelsync.ledger.pages import PageRead

PAGES_MAX = 100_000
"""A run that never ends is a fault of the shop or the connector, not patience."""


class Puller:
    """Runs one channel's order stream, one run at a time. Callers who want a look newer than now share the next run."""

    def __init__(self, store: Store, channel: Channel) -> None:
        self._store, self._channel = store, channel
        self._lock = asyncio.Lock()
        self._started = self._completed = 0  # runs by number: clocks tie, numbers do not

    async def look(self, *, widen: timedelta = timedelta(0)) -> None:
        """Return after a complete run that began after this call. Raises the channel's errors."""
        asked = self._started
        async with self._lock:
            if self._completed > asked and not widen:
                return
            self._started += 1
            number = self._started
            if await self._run(widen):
                await self._run(widen)  # the rest of an old run says nothing of what changed in its first part since
            self._completed = number

    async def _run(self, widen: timedelta) -> bool:
        """One complete run. True if it went on where a broken one had stopped."""
        store, channel = self._store, self._channel
        await introduce(store, channel)
        looked_at = store.clock.now()
        cursor = await store.ledger.read(pages.cursor_of, channel.id)
        read_seq = await store.ledger.run(channels.next_read_seqs, channel.id)
        count = 0
        complete = False
        async for page in channel.connector.orders(cursor, widen=widen):
            read = PageRead(channel.id, page, read_seq, looked_at, store.shop_time(channel))
            results = await store.ledger.run(pages.apply_page, read)
            self._tell(results)
            store.read[channel.id]["orders"] += len(page.items)
            count += 1
            complete = page.high_water is not None
            if complete or count >= PAGES_MAX:
                break
        if not complete:
            raise Misunderstood(f"the order stream ended after {count} pages without a high-water mark")
        store.well(channel)
        return cursor.resume is not None

    def _tell(self, results: list[OrderResult]) -> None:
        if any(result.verdict is Verdict.APPLIED for result in results):
            self._store.wake()


class Pullers:
    """All channels' pullers, for those who must look at several shops at once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_channel: dict[int, Puller] = {}

    def __getitem__(self, channel: Channel) -> Puller:
        return self._by_channel.setdefault(channel.id, Puller(self._store, channel))

    async def look_at(self, channel_ids: frozenset[int]) -> bool:
        """Look at these channels, together. False if any could not be asked: a raise must have seen every shop that sells the SKU.

        A pause stops writing, not selling, so a shop that a person has paused is asked like any other. If it cannot be, the person has taken that on
        themselves: a shop that is gone for weeks would hold down all others.
        """
        wanted = [self._store.channels[channel_id] for channel_id in sorted(channel_ids) if channel_id in self._store.channels]
        return all(await asyncio.gather(*(self._look(channel) for channel in wanted)))

    async def _look(self, channel: Channel) -> bool:
        """A shop that refuses our credentials is not asked before every raise of every other shop: its own tasks and the watch ask it."""
        if not channel.admitted.is_set():
            return await self._answered_for(channel)
        try:
            await self[channel].look()
        except ChannelError as error:
            await self._store.troubled(channel, error)
            return await self._answered_for(channel)
        return True

    async def _answered_for(self, channel: Channel) -> bool:
        return (await self._store.ledger.read(channels.state_of, channel.id)).paused_kind is PauseKind.PERSON
