"""What passes with time alone: holds that end, rows that are past their retention, the seals over what was written since; and orders that are sent
on from locations that have run out or do not ship there.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from channelsync.engine.store import Store
from channelsync.ledger import expiry, seals
from channelsync.ledger.expiry import Ending, Forget
from channelsync.ledger.routing import relieving
from channelsync.ledger.routing.relieving import Relieve
from channelsync.ledger.routing.waiting import Mark
from channelsync.ledger.seals import Seal

log = structlog.get_logger(__name__)

LIMIT = 256
FORGET_EVERY = 60.0
RELIEVE_EVERY = 30.0
RELIEVE_LINES = 16
SEAL_FIRST = 60.0
SEAL_EVERY = 3600.0
SEAL_ROWS = 2_000
"""Some 20 ms of the writer's time."""


class Housekeeping:
    """Expiry follows the wall clock, a shop's holds its own; while ours cannot be trusted nothing expires."""

    def __init__(self, store: Store, *, delivery_days: int = 14) -> None:
        self._store, self._delivery_age = store, timedelta(days=delivery_days)
        self._forget_at = store.clock.monotonic() + FORGET_EVERY
        self._seal_at = store.clock.monotonic() + SEAL_FIRST
        self._relieve_at = store.clock.monotonic() + RELIEVE_EVERY
        self._relieve_after: Mark | None = None

    async def run_once(self) -> None:
        if self._store.time.steady():
            await self._expire()
        if self._store.clock.monotonic() >= self._relieve_at:
            await self._relieve()
        if self._store.clock.monotonic() >= self._seal_at:
            await self._seal()

    async def _expire(self) -> None:
        store = self._store
        shop_times = tuple((channel.id, store.shop_time(channel)) for channel in store.channels.values())
        if await store.ledger.run(expiry.end_holds, Ending(LIMIT, shop_times)):
            store.wake()
        if store.clock.monotonic() >= self._forget_at:
            forgotten = await store.ledger.run(expiry.forget, Forget(LIMIT, self._delivery_age))
            pause = 1.0 if forgotten >= LIMIT else FORGET_EVERY
            self._forget_at = store.clock.monotonic() + pause

    async def _relieve(self) -> None:
        """Routed lines that are not to stay where they are held, a bounded number at a time."""
        done = await self._store.ledger.run(relieving.relieve, Relieve(RELIEVE_LINES, self._relieve_after))
        self._relieve_after = done.next
        self._relieve_at = self._store.clock.monotonic() + (1.0 if done.next is not None else RELIEVE_EVERY)
        if done.moved:
            log.info("routed elsewhere", lines=done.moved)
            self._store.wake()

    async def _seal(self) -> None:
        """A bounded part at a time, the next at once if there is more. The log names each seal: a witness outside the database."""
        made = await self._store.ledger.run(seals.seal, Seal(SEAL_ROWS))
        for each in made:
            log.info("sealed", log=each.log, upto=each.upto, rows=each.entries, hash=each.hash)
        pause = 1.0 if any(each.entries >= SEAL_ROWS for each in made) else SEAL_EVERY
        self._seal_at = self._store.clock.monotonic() + pause
