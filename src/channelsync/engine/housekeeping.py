"""What passes with time alone: holds that end, and rows that are past their retention."""

from __future__ import annotations

from datetime import timedelta

from channelsync.engine.store import Store
from channelsync.ledger import expiry
from channelsync.ledger.expiry import Ending, Forget

LIMIT = 256
FORGET_EVERY = 60.0


class Housekeeping:
    """Expiry follows the wall clock, a shop's holds its own; while ours cannot be trusted nothing expires."""

    def __init__(self, store: Store, *, delivery_days: int = 14) -> None:
        self._store, self._delivery_age = store, timedelta(days=delivery_days)
        self._forget_at = store.clock.monotonic() + FORGET_EVERY

    async def run_once(self) -> None:
        store = self._store
        if not store.time.steady():
            return
        shop_times = tuple((channel.id, store.shop_time(channel)) for channel in store.channels.values())
        if await store.ledger.run(expiry.end_holds, Ending(LIMIT, shop_times)):
            store.wake()
        if store.clock.monotonic() >= self._forget_at:
            forgotten = await store.ledger.run(expiry.forget, Forget(LIMIT, self._delivery_age))
            pause = 1.0 if forgotten >= LIMIT else FORGET_EVERY
            self._forget_at = store.clock.monotonic() + pause
