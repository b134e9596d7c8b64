"""A channel's own locations: learned from the shop, and watched for stock that lies where no ledger location is mapped.

What is sold from such a place nobody counts, so the channel is not written until a person has mapped it, or it is empty. One without stock is only
shown (`channelsync locations`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from channelsync.contract import Carrier, ChannelLocation, HasLocations, ShelfRef
from channelsync.engine.channel import Channel
from channelsync.engine.store import Store
from channelsync.ledger import channel_places, channels
from channelsync.ledger.channel_places import Follow, Told
from channelsync.ledger.channels import Pause, PauseEnd, PauseKind

log = structlog.get_logger(__name__)

READ_AT_ONCE = 250
READS_PER_ROUND = 20
"""Of one place; the next round goes on where this one ended."""
WATCH_SECONDS = 900.0
PAUSED_SECONDS = 60.0
"""How soon a channel goes on that has nothing left to wait for."""


@dataclass(slots=True)
class _Search:
    """How far a place was looked through for stock. holds None: not to its end yet. found: the listing that has some there."""

    after: str = ""
    holds: bool | None = None
    found: str | None = None


class Places:
    def __init__(self, store: Store, channel: Channel) -> None:
        self._store, self._channel = store, channel
        self._searches: dict[str, _Search] = {}
        self._learned = False
        self._again_at = 0.0

    def ask(self) -> None:
        """Listings have named a place that nobody has mapped: watch at once."""
        self._again_at = 0.0
        self._channel.placed.set()

    async def run_once(self) -> None:
        """Watch, if it is time."""
        if self._store.clock.monotonic() >= self._again_at:
            wait = await self.watch()
            self._again_at = self._store.clock.monotonic() + wait

    async def learn(self, *, again: bool = False) -> None:
        """Ask the shop for its locations; once per process unless `again`. A connector without the verb has nothing to tell."""
        channel, connector = self._channel, self._channel.connector
        if self._learned and not again:
            return
        if isinstance(connector, HasLocations):
            told = await connector.locations()
            await self._store.ledger.run(channel_places.tell, Told(channel.id, tuple(told), channel.settings.places))
            await self._follow()
        self._learned = True

    async def _follow(self) -> None:
        after: int | None = 0
        while after is not None:
            after = await self._store.ledger.run(channel_places.follow, Follow(self._channel.id, self._channel.settings.places, after))

    async def watch(self) -> float:
        """Look for stock at unmapped locations, and pause the channel or end the pause. Returns when to look again. Raises the channel's errors."""
        await self.learn(again=True)
        store, channel = self._store, self._channel
        if channel.traits.carrier is Carrier.NONE:
            return WATCH_SECONDS  # it has no numbers of ours that customers see
        unmapped = await store.ledger.read(channel_places.unmapped, channel.id, channel.settings.places)
        self._searches = {place.ref: self._searches.get(place.ref, _Search()) for place in unmapped}
        for place in unmapped:
            await self._search(place.ref, self._searches[place.ref])
        holding = [place for place in unmapped if self._searches[place.ref].holds]
        if holding:
            await self._pause(holding[0])
            return PAUSED_SECONDS
        if all(search.holds is False for search in self._searches.values()) and await store.ledger.run(
            channels.end_pauses, PauseEnd(channel.id, PauseKind.LOCATION)
        ):
            log.info("channel goes on: no unmapped location holds stock", channel=channel.name)
            store.wake([channel])
        return WATCH_SECONDS if unmapped or isinstance(channel.connector, HasLocations) else math.inf

    async def _search(self, location: str, search: _Search) -> None:
        """Read the numbers of linked listings there, until one is above 0 or all were seen."""
        if search.found is not None and await self._stocked([search.found], location):
            return
        for _ in range(READS_PER_ROUND):
            refs = await self._store.ledger.read(channel_places.sold_refs, self._channel.id, search.after, READ_AT_ONCE)
            if found := await self._stocked(refs, location):
                search.after, search.holds, search.found = "", True, found
                return
            if len(refs) < READ_AT_ONCE:
                search.after, search.holds, search.found = "", False, None
                return
            search.after = refs[-1]

    async def _stocked(self, refs: Sequence[str], location: str) -> str | None:
        """A listing that has stock there."""
        readings = await self._channel.connector.stock([ShelfRef(ref, location) for ref in refs]) if refs else ()
        return next((reading.shelf.listing for reading in readings if reading.shows is not None and reading.shows > 0), None)

    async def _pause(self, place: ChannelLocation) -> None:
        store, channel = self._store, self._channel
        known = await store.ledger.read(channel_places.mapped, channel.id, channel.settings.places)
        line = await store.ledger.read(channel_places.line_for, known, place.ref, place.name)
        reason = (
            f"{place.name or place.ref!r} holds stock and no ledger location feeds it; write under [channels.{channel.name}]: {line} "
            "(in place of what stands there; a new code also needs its [locations.<code>] table; [] instead of a code leaves the place alone)"
        )
        if await store.ledger.run(channels.pause, Pause(channel.id, reason, PauseKind.LOCATION)):
            log.error("channel paused", channel=channel.name, reason=reason)
