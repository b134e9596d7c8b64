"""`doctor` for a Shopify shop: asks for what can be seen from outside and hands it to `findings`. Writes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

from channelsync.contract import ChannelLocation, Diagnosis, Setup, ShelfRef
from channelsync.errors import Misunderstood, Unauthorized
from channelsync_shopify import documents, findings
from channelsync_shopify.admin import Admin, Answer
from channelsync_shopify.answers import CheckedHook, CheckedVariant, Health
from channelsync_shopify.catalogue import Catalogue
from channelsync_shopify.places import Places
from channelsync_shopify.settings import ShopifySettings
from channelsync_shopify.shapes import Connection, shaped

T = TypeVar("T")
PAGES_MAX = 5
"""Pages of 200 variants that are looked at: a checkup is no full sweep."""
Facts = tuple[Health, Connection[CheckedHook], str | None, datetime, tuple[float, float, float] | None]


class Doctor:
    def __init__(self, admin: Admin, settings: ShopifySettings, places: Places, catalogue: Catalogue) -> None:
        self._admin, self._settings, self._places, self._catalogue = admin, settings, places, catalogue

    async def look(self, setup: Setup) -> Sequence[Diagnosis]:
        """Raises Unavailable if the shop cannot be reached."""
        try:
            health, hooks, served, at, bucket = await self._admin.read(documents.CHECKUP, {}, _understand, any_version=True)
        except Unauthorized as refused:
            remedy = "check access_token, or client_id and client_secret, and that the app is installed in this shop"
            return [findings.error("credentials", str(refused), remedy, self._settings.shop)]
        except Misunderstood as odd:
            return [findings.error("not-shopify", str(odd), "check shop and url in the channel's settings", self._settings.base)]
        granted = {scope.handle for scope in health.current_app_installation.access_scopes}
        found = [
            *findings.of_version(self._settings.api_version, served, health),
            *findings.of_identity(self._settings.shop, health),
            *findings.of_clock(at, setup),
            *findings.of_bucket(bucket),
            *findings.of_hooks(hooks.nodes, self._settings, setup),
        ]
        if served not in (None, self._settings.api_version):
            return found  # it is asked nothing more in a version that it does not serve
        places = await self._allowed(self._places.all, "locations", found)
        several = sum(place.active for place in places or ()) > 1
        found += findings.of_scopes(granted, several, turns_switches=setup.turns_switches)
        variants = await self._allowed(self._variants, "variants", found)
        if places is not None:
            found += findings.of_locations(places, self._settings, setup)
            found += await self._elsewhere(places, variants[0] if variants else (), setup)
        if variants is not None:
            found += findings.of_variants(*variants)
        return found + await self._orders(granted)

    async def _allowed(self, ask: Callable[[], Awaitable[T]], what: str, found: list[Diagnosis]) -> T | None:
        """None if the shop does not let us: a missing scope is told by name elsewhere."""
        try:
            return await ask()
        except Unauthorized:
            return None
        except Misunderstood as odd:
            found.append(
                findings.error("not-understood", f"the {what}: {odd}", "use a channelsync release that knows this API version", what)
            )
            return None

    async def _variants(self) -> tuple[Sequence[CheckedVariant], bool]:
        """The first ones, and whether that is all of them."""
        seen: list[CheckedVariant] = []
        after: str | None = None
        for _ in range(PAGES_MAX):
            page = await self._admin.read(documents.VARIANTS_CHECKUP, {"after": after}, _understand_variants)
            seen += page.nodes
            if not page.cut:
                return seen, True
            after = page.page_info.end_cursor
        return seen, False

    async def _elsewhere(self, places: Sequence[ChannelLocation], variants: Sequence[CheckedVariant], setup: Setup) -> list[Diagnosis]:
        """Active locations that nobody mapped, if something of what we looked at lies there."""
        active = [place for place in places if place.active]
        if len(active) < 2 and not setup.locations:
            return []  # one location, one default: nothing to map
        found: list[Diagnosis] = []
        for place in [each for each in active if each.ref not in setup.locations]:
            shelves = [ShelfRef(each.inventory_item.id, place.ref) for each in variants if each.inventory_item.tracked]
            try:
                units = sum(max(0, reading.shows or 0) for reading in await self._catalogue.readings(shelves, place.ref))
            except (Unauthorized, Misunderstood):
                return found
            found += findings.of_stock_elsewhere(place, units)
        return found

    async def _orders(self, granted: set[str]) -> list[Diagnosis]:
        """The scope alone does not open orders: they are protected customer data, which an app must be approved for."""
        try:
            await self._admin.read(
                documents.ORDERS, {"first": 1, "after": None, "query": "status:open"}, lambda answer: answer.field("orders")
            )
        except Unauthorized as refused:
            if not {"read_orders", "write_orders"} & granted:
                return []
            remedy = "in the app's settings, request access to protected customer data (level 1: no name, address, phone or e-mail is read)"
            return [findings.error("protected-data", f"the app may not read orders although it has the scope: {refused}", remedy, "orders")]
        return []


def _understand(answer: Answer) -> Facts:
    hooks = shaped(Connection[CheckedHook], answer.field("webhookSubscriptions"), "the webhook subscriptions")
    return shaped(Health, answer.data, "the shop's description"), hooks, answer.version, answer.at, answer.bucket


def _understand_variants(answer: Answer) -> Connection[CheckedVariant]:
    return shaped(Connection[CheckedVariant], answer.field("productVariants"), "the variants")
