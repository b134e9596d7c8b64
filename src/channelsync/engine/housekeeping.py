"""What passes with time alone: holds that end, and rows that are past their retention."""

from __future__ import annotations

from datetime import timedelta

from channelsync.engine.store import Store
from channelsync.ledger import expiry
from channelsync.ledger.expiry import Sweep


class Housekeeping:
    """Expiry follows the wall clock; while that cannot be trusted nothing expires."""

    def __init__(self, store: Store, *, delivery_days: int = 14) -> None:
        self._store, self._delivery_days = store, delivery_days

    async def run_once(self) -> None:
        if not self._store.time.steady():
            return
        sweep = Sweep(limit=256, delivery_age=timedelta(days=self._delivery_days))
        if await self._store.ledger.run(expiry.sweep, sweep):
            self._store.wake()
