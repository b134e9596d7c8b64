"""The connector: the contract's verbs over the rooms beside it. Holds the settings, the access token, the list of locations and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from functools import partial

from pydantic import BaseModel

from channelsync.contract import (
    Call,
    Carrier,
    ChannelLocation,
    Context,
    Cursor,
    Delivery,
    Diagnosis,
    Downloads,
    Gone,
    Identity,
    Listing,
    OrderSnapshot,
    Page,
    Parsed,
    Reading,
    Setup,
    ShelfRef,
    Subscription,
    Switch,
    SwitchResult,
    Traits,
    WriteResult,
)
from channelsync.errors import ChannelError, NotReached, RateLimited, Unauthorized
from channelsync_shopify import documents, identity, push, webhooks
from channelsync_shopify.admin import Admin
from channelsync_shopify.bulk import Bulk
from channelsync_shopify.bulk_catalogue import BulkCatalogue
from channelsync_shopify.catalogue import Catalogue
from channelsync_shopify.diagnose import Doctor
from channelsync_shopify.order_reader import OrderReader
from channelsync_shopify.places import Places
from channelsync_shopify.settings import ShopifySettings
from channelsync_shopify.subscriptions import Subscriptions
from channelsync_shopify.switches import Switches

KEY_MEMORY = timedelta(hours=20)
"""Shopify remembers an idempotency key for 24 hours; the rest is margin for slow answers and clocks."""


class Shopify:
    """One Shopify shop, with its locations."""

    def __init__(self, settings: ShopifySettings, context: Context) -> None:
        self._settings = settings
        self._admin = Admin(settings, context)
        overlap = timedelta(seconds=settings.overlap_seconds)
        self._places = Places(self._admin, settings, context.clock)
        self._orders = OrderReader(self._admin, overlap, self._places, destinations=settings.destinations)
        secure = settings.base.startswith("https://")
        files = context.http if isinstance(context.http, Downloads) else None
        bulk = BulkCatalogue(Bulk(self._admin, files, context.clock, secure=secure)) if files is not None else None
        self._catalogue = Catalogue(self._admin, overlap, bulk, settings.bulk_from)
        self._subscriptions = Subscriptions(self._admin)
        self._switches = Switches(self._admin)

    @property
    def traits(self) -> Traits:
        return Traits(
            carrier=Carrier.COMPARE_AND_SET,
            atomic=True,
            key_memory=KEY_MEMORY,
            write_drains_within=timedelta(seconds=self._settings.write_drains_seconds),
            visibility_lag=timedelta(seconds=self._settings.visibility_lag_seconds),
            lowers_stock_on="placed",
            restores_on_cancel="per order",
            withholds=False,
            writes_per_call=documents.WRITES_MAX,
            readings_per_call=documents.READINGS_MAX,
            readings_in_bulk=self._settings.bulk_from,
        )

    async def check(self) -> Identity:
        found = await identity.look(self._admin, self._settings)
        if len(await self._places.active()) > 1:
            identity.require_places(found)
        return found

    async def locations(self) -> Sequence[ChannelLocation]:
        return await self._places.all()

    async def diagnose(self, setup: Setup) -> Sequence[Diagnosis]:
        return await Doctor(self._admin, self._settings, self._places, self._catalogue).look(setup)

    async def listings(self, cursor: Cursor) -> AsyncIterator[Page[Listing]]:
        async for page in self._catalogue.pages(cursor, await self._places.active()):
            yield page

    async def orders(self, cursor: Cursor, *, widen: timedelta = timedelta(0)) -> AsyncIterator[Page[OrderSnapshot]]:
        async for page in self._orders.pages(cursor, widen):
            yield page

    async def order(self, ref: str) -> OrderSnapshot | Gone:
        return await self._orders.one(ref)

    async def stock(self, shelves: Sequence[ShelfRef]) -> Sequence[Reading]:
        return await self._catalogue.readings(shelves, await self._home(shelves)) if shelves else ()

    async def push(self, call: Call) -> Sequence[WriteResult]:
        if not call.writes:
            return ()
        location = await self._home_for_write([write.shelf for write in call.writes])
        understand = partial(push.results, call=call, default_location=location)
        variables = push.variables(call, location)
        return await self._admin.write(documents.SET_AVAILABLE, variables, understand, request_id=call.key)

    async def turn(self, switches: Sequence[Switch]) -> Sequence[SwitchResult]:
        return await self._switches.turn(switches)

    def verify(self, delivery: Delivery) -> str:
        return webhooks.verify(delivery, self._settings.signing_secrets, self._settings.shop)

    def parse(self, delivery: Delivery) -> Sequence[Parsed]:
        return webhooks.parse(delivery)

    async def subscriptions(self) -> Sequence[Subscription]:
        return await self._subscriptions.existing()

    async def subscribe(self, url: str) -> Sequence[Subscription]:
        return await self._subscriptions.ensure(url)

    async def _home(self, shelves: Sequence[ShelfRef]) -> str:
        """The location of shelves that name none; not asked for if all do."""
        return "" if all(shelf.location for shelf in shelves) else (await self._places.active())[0]

    async def _home_for_write(self, shelves: Sequence[ShelfRef]) -> str:
        """As above; what goes wrong here happens before the write, and the error says so."""
        try:
            return await self._home(shelves)
        except (RateLimited, Unauthorized, NotReached):
            raise
        except ChannelError as error:
            raise NotReached(f"the location is not known: {error}") from error


class ShopifyType:
    name: str = "shopify"
    settings: type[BaseModel] = ShopifySettings

    def connect(self, settings: ShopifySettings, context: Context) -> Shopify:
        return Shopify(settings, context)
