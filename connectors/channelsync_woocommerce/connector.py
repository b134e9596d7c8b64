"""`WooCommerceConnector`: the contract's verbs, each handed to the module that knows how."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from channelsync.contract import (
    Call,
    Carrier,
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
    Switch,
    SwitchResult,
    Traits,
    WriteResult,
)
from channelsync.errors import Misunderstood
from channelsync_woocommerce import subscriptions, webhooks
from channelsync_woocommerce.api import PER_PAGE, Api
from channelsync_woocommerce.diagnose import Doctor
from channelsync_woocommerce.listings import Listings
from channelsync_woocommerce.orders import Orders
from channelsync_woocommerce.push import Push
from channelsync_woocommerce.settings import Settings
from channelsync_woocommerce.shapes import inner, text
from channelsync_woocommerce.stock import read_stock
from channelsync_woocommerce.switches import turn

INDEX_FIELDS = "name,home,gmt_offset,timezone_string"


class WooCommerceConnector:
    """Connector, ReceivesWebhooks, RegistersWebhooks and Diagnoses for one WooCommerce shop."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._api = Api(settings, context.http, context.clock)
        self._relative = settings.stock_write == "delta"
        self._secrets = [secret.get_secret_value() for secret in settings.webhook_secrets]
        self._orders = Orders(self._api, settings)
        self._listings = Listings(self._api, settings.overlap_seconds)
        self._push = Push(self._api, relative=self._relative)

    @property
    def traits(self) -> Traits:
        """Neither carrier is atomic, and the shop knows no idempotency keys."""
        return Traits(
            carrier=Carrier.ADJUST if self._relative else Carrier.SET,
            atomic=False,
            key_memory=None,
            write_drains_within=timedelta(seconds=self._settings.write_drains_seconds),
            visibility_lag=timedelta(seconds=self._settings.visibility_lag_seconds),
            lowers_stock_on="on-hold, processing or completed",
            restores_on_cancel="yes; not on failed (before the release with #66256), refunded by status, or trash",
            withholds=self._settings.hold_stock_minutes > 0,
            writes_per_call=self._settings.batch_size,
            readings_per_call=PER_PAGE,
            serial_writes=True,
        )

    async def check(self) -> Identity:
        """The shop's home address is its identity. The system status needs a key, so it proves the credentials."""
        index = (await self._api.get("/wp-json/", {"_fields": INDEX_FIELDS}, root="")).object()
        status = (await self._api.get("/system_status", {"_fields": "environment.version"})).object()
        home = _home(text(index.get("home")))
        if not home:
            raise Misunderstood(f"{self._settings.url}/wp-json/ does not tell the shop's home address")
        facts = {
            "version": text(inner(status, "environment").get("version")),
            "time_zone": (text(index.get("timezone_string")) or f"UTC{index.get('gmt_offset', '')}"),
            "manage_stock": await self._option("woocommerce_manage_stock"),
            "hold_stock_minutes": await self._option("woocommerce_hold_stock_minutes"),
        }
        return Identity(home, text(index.get("name")), facts)

    async def diagnose(self, setup: Setup) -> Sequence[Diagnosis]:
        return await Doctor(self._api, self._settings).look(setup)

    async def _option(self, name: str) -> str:
        return text((await self._api.get(f"/settings/products/{name}")).object().get("value"))

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

    async def turn(self, switches: Sequence[Switch]) -> Sequence[SwitchResult]:
        return await turn(self._api, switches)

    def verify(self, delivery: Delivery) -> str:
        return webhooks.verify(delivery, [secret.encode() for secret in self._secrets])

    def parse(self, delivery: Delivery) -> Sequence[Parsed]:
        return webhooks.parse(delivery)

    async def subscriptions(self) -> Sequence[Subscription]:
        return await subscriptions.subscriptions(self._api)

    async def subscribe(self, url: str) -> Sequence[Subscription]:
        return await subscriptions.subscribe(self._api, url, self._secrets[0] if self._secrets else None)


def _home(url: str) -> str:
    """Host, port and path of an address; "" if it is none."""
    try:
        address = urlsplit(url)
        port = f":{address.port}" if address.port else ""
    except ValueError:
        return ""
    return f"{address.hostname}{port}{address.path.rstrip('/')}" if address.hostname else ""
