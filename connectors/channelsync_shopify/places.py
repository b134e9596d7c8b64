"""The shop's locations as this channel knows them: which are ours to read and write, asked for again now and then."""

from __future__ import annotations

from collections.abc import Sequence

from channelsync.contract import ChannelLocation, Clock
from channelsync.errors import Misunderstood
from channelsync_shopify import documents
from channelsync_shopify.admin import Admin, Answer
from channelsync_shopify.answers import Place
from channelsync_shopify.settings import ShopifySettings
from channelsync_shopify.shapes import Connection, shaped

KNOWN_SECONDS = 600.0
"""How long the list is believed: a location that is opened meanwhile joins late, and nothing is written there before."""
PAGES_MAX = 10


class Places:
    """`shop_location` makes it the only one that is looked at; without it all active locations are ours, and the engine's table decides."""

    def __init__(self, admin: Admin, settings: ShopifySettings, clock: Clock) -> None:
        self._admin, self._clock, self._chosen = admin, clock, settings.shop_location
        self._known: Sequence[ChannelLocation] = ()
        self._until = 0.0

    async def all(self) -> Sequence[ChannelLocation]:
        """As the shop lists them now, the chosen one alone if there is one."""
        found: list[ChannelLocation] = []
        after: str | None = None
        for _ in range(PAGES_MAX):
            page = await self._admin.read(documents.LOCATIONS, {"after": after}, _understand)
            found += [ChannelLocation(place.id, place.name, place.is_active) for place in page.nodes]
            after = page.page_info.end_cursor
            if not page.cut:
                break
        self._known, self._until = found, self._clock.monotonic() + KNOWN_SECONDS
        return [place for place in found if self._chosen in (None, place.ref)]

    async def active(self) -> Sequence[str]:
        """The refs that are read and written. Raises Misunderstood if there is none."""
        if self._chosen is not None:
            return (self._chosen,)
        if not self._known or self._clock.monotonic() >= self._until:
            await self.all()
        refs = [place.ref for place in self._known if place.active]
        if not refs:
            raise Misunderstood("the shop has no active location: activate one in Shopify's settings, under Locations")
        return refs


def _understand(answer: Answer) -> Connection[Place]:
    return shaped(Connection[Place], answer.field("locations"), "the locations")
