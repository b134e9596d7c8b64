"""`BigCommerceConnector`: the contract's verbs, each handed to the module that knows how."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from channelsync.contract import (
    Call,
    Carrier,
    ChannelLocation,
    Context,
    Cursor,
    Delivery,
    Diagnosis,
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
    Traits,
    WriteResult,
)
from channelsync_bigcommerce import subscriptions, webhooks
from channelsync_bigcommerce.access import NAMES, check_scopes
from channelsync_bigcommerce.api import Api
from channelsync_bigcommerce.diagnose import diagnose
from channelsync_bigcommerce.inventory import IDS_PER_CALL
from channelsync_bigcommerce.listings import Listings
from channelsync_bigcommerce.orders import Orders
from channelsync_bigcommerce.places import read_locations
from channelsync_bigcommerce.push import Push
from channelsync_bigcommerce.rules import RulesOf
from channelsync_bigcommerce.settings import Settings
from channelsync_bigcommerce.shapes import inner, text
from channelsync_bigcommerce.stock import read_stock


class BigCommerceConnector:
    """Connector, ReceivesWebhooks, RegistersWebhooks, HasLocations and Diagnoses for one BigCommerce store."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._api = Api(settings, context.http, context.clock)
        self._rules = RulesOf(self._api)
        self._orders = Orders(self._api, settings, self._rules)
        self._listings = Listings(self._api, settings)
        self._push = Push(self._api, settings.batch_size, rejects_whole_batch=settings.rejects_whole_batch)

    @property
    def traits(self) -> Traits:
        """A difference is applied in one step, but later: no 200 proves a number."""
        return Traits(
            carrier=Carrier.ADJUST,
            atomic=True,
            key_memory=None,
            write_visible_after=timedelta(seconds=self._settings.write_visible_seconds),
            write_drains_within=timedelta(seconds=self._settings.write_drains_seconds),
            visibility_lag=timedelta(seconds=self._settings.visibility_lag_seconds),
            lowers_stock_on="as update_stock_behavior says: order placed, or order completed or shipped",
            restores_on_cancel="if refund_order_stock_adjustment is on, for Cancelled and for Refunded by hand; a refund never",
            withholds=False,
            writes_per_call=self._settings.batch_size,
            readings_per_call=IDS_PER_CALL,
            serial_writes=True,
        )

    async def check(self) -> Identity:
        """The store hash is the identity: the store says it itself. Raises Unauthorized naming the first scope that is missing."""
        await check_scopes(self._api)
        store = (await self._api.get("/v2/store")).object()
        rules = await self._rules.of(None)
        facts = {
            "domain": text(store.get("domain")),
            "plan": text(store.get("plan_name")),
            "time_zone": text(inner(store, "timezone").get("name")),
            "lowers_stock_on": "order placed" if rules.on_placed else "order completed or shipped",
            "restocks_on_cancel": "yes" if rules.gives_back else "no",
            "scopes": ", ".join(NAMES),
        }
        return Identity(self._settings.store_hash, text(store.get("name")), facts)

    def listings(self, cursor: Cursor) -> AsyncIterator[Page[Listing]]:
        return self._listings.stream(cursor)

    def orders(self, cursor: Cursor, *, widen: timedelta = timedelta(0)) -> AsyncIterator[Page[OrderSnapshot]]:
        return self._orders.stream(cursor, widen)

    async def order(self, ref: str) -> OrderSnapshot | Gone:
        return await self._orders.one(ref)

    async def stock(self, shelves: Sequence[ShelfRef]) -> Sequence[Reading]:
        return await read_stock(self._api, shelves)

    async def push(self, call: Call) -> Sequence[WriteResult]:
        return await self._push.push(call)

    def verify(self, delivery: Delivery) -> str:
        settings = self._settings
        return webhooks.verify(
            delivery,
            settings.header_secrets,
            settings.client_secrets,
            require_signature=settings.require_signature,
            store_hash=settings.store_hash,
        )

    def parse(self, delivery: Delivery) -> Sequence[Parsed]:
        return webhooks.parse(delivery)

    async def subscriptions(self) -> Sequence[Subscription]:
        return [hook.subscription for hook in await subscriptions.hooks(self._api)]

    async def subscribe(self, url: str) -> Sequence[Subscription]:
        return await subscriptions.subscribe(self._api, url, self._settings.header_secrets)

    async def locations(self) -> Sequence[ChannelLocation]:
        return await read_locations(self._api)

    async def diagnose(self, setup: Setup) -> Sequence[Diagnosis]:
        return await diagnose(self._api, self._settings, setup)
