"""Asking the shop for listings that a run over its catalogue did not bring: gone is only what the shop does not know by name either."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from channelsync.contract import Role
from channelsync.engine.channel import Channel
from channelsync.engine.store import Store
from channelsync.ledger import vanished
from channelsync.ledger.vanished import Missing, Vanished

log = structlog.get_logger(__name__)

PAGE = 500
FOUND_MAX = 20_000
UNASKED_AFTER = timedelta(hours=40)
"""What cannot be asked for by name must be missing from two daily runs."""


class Vanishing:
    def __init__(self, store: Store, channel: Channel) -> None:
        self._store, self._channel = store, channel

    async def after_whole_run(self, began: datetime) -> int:
        """A complete run over everything began then. Returns how many listings were taken off. Raises the channel's errors."""
        found: list[str] = []
        after = 0
        while len(found) < FOUND_MAX:
            page = await self._store.ledger.read(vanished.missing, self._channel.id, began, after=after, limit=PAGE)
            if not page:
                break
            found += await self._gone(page, began)
            after = page[-1].id
        return await self._remove(found)

    async def named(self, refs: Sequence[str], began: datetime) -> int:
        """A webhook said that something happened to these; what the run since then did not bring is asked for."""
        page = await self._store.ledger.read(vanished.missing, self._channel.id, began, refs=refs[:PAGE])
        return await self._remove([one.ref for one in page if one.ref in set(await self._unknown(page))])

    async def _gone(self, page: Sequence[Missing], began: datetime) -> list[str]:
        unknown = set(await self._unknown(page))
        return [one.ref for one in page if one.ref in unknown or (self._cannot_ask(one) and one.seen_at < began - UNASKED_AFTER)]

    def _cannot_ask(self, one: Missing) -> bool:
        return not one.shelves or self._channel.settings.role is Role.AUTHORITY

    async def _unknown(self, page: Sequence[Missing]) -> list[str]:
        """Of those that have a number of their own: the ones that the shop does not know."""
        asked = [one for one in page if not self._cannot_ask(one)]
        if not asked:
            return []
        told = await self._channel.connector.stock([shelf for one in asked for shelf in one.shelves])
        known = {reading.shelf.listing for reading in told}
        return [one.ref for one in asked if one.ref not in known]

    async def _remove(self, refs: Sequence[str]) -> int:
        if not refs:
            return 0
        done = await self._store.ledger.run(vanished.remove, Vanished(self._channel.id, tuple(refs)))
        if done.refused:
            log.error("listings have vanished", channel=self._channel.name, listings=len(refs), reason=done.refused)
        elif done.removed:
            log.info("listings are gone", channel=self._channel.name, listings=done.removed, first=list(refs[:5]))
            self._store.wake()
        return done.removed
