"""Reading a channel's listings into the ledger, page by page, on a timer and when a webhook says that one changed."""

from __future__ import annotations

import structlog

from channelsync.contract import Cursor
from channelsync.engine.channel import Channel
from channelsync.engine.places import Places
from channelsync.engine.store import Store
from channelsync.engine.vanishing import Vanishing
from channelsync.ledger import cataloguing
from channelsync.ledger.cataloguing import ListingsRead

log = structlog.get_logger(__name__)

PAGES_MAX = 100_000


class Catalogue:
    """makes_skus: on day one, this channel's SKU texts become the ledger's SKUs."""

    def __init__(self, store: Store, channel: Channel, *, makes_skus: bool = False, places: Places | None = None) -> None:
        self._store, self._channel, self._makes_skus = store, channel, makes_skus
        self._places = places or Places(store, channel)
        self._vanishing = Vanishing(store, channel)

    async def refresh(self, *, whole: bool = False) -> int:
        """Read what changed since the last complete run (everything if `whole`). Returns how many listings came. Raises the channel's errors."""
        store, channel = self._store, self._channel
        await self._places.learn()
        looked_at = store.clock.now()
        cursor = Cursor() if whole else await store.ledger.read(cataloguing.cursor_of, channel.id)
        hinted = channel.take_hints()
        count = pages = 0
        complete = False
        async for page in channel.connector.listings(cursor):
            read = ListingsRead(channel.id, page, looked_at, channel.settings.places, self._makes_skus)
            taken = await store.ledger.run(cataloguing.take_page, read)
            if taken.unfed:
                self._places.ask()
                log.warning(
                    "no ledger location feeds these shelves",
                    channel=channel.name,
                    shelves=[f"{s.listing}@{s.location}" for s in taken.unfed[:5]],
                )
            count, pages = count + taken.listings, pages + 1
            store.read[channel.id]["listings"] += taken.listings
            complete = page.high_water is not None
            if complete or pages >= PAGES_MAX:
                break
        if complete and cursor == Cursor():
            await self._vanishing.after_whole_run(looked_at)
        elif complete and hinted:
            await self._vanishing.named(hinted, looked_at)
        if count:
            channel.look.set()
            channel.switched.set()
            store.wake()
        return count
