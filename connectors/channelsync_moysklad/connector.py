"""`MoyskladConnector`: the contract's verbs, each handed to the module that knows how. `Context.role` decides which of them mean something."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from channelsync.contract import (
    Call,
    Carrier,
    ChannelLocation,
    Claim,
    Claimed,
    Context,
    Cursor,
    Delivery,
    Diagnosis,
    Gone,
    Identity,
    Listing,
    OrderSnapshot,
    Outcome,
    Page,
    Parsed,
    Physical,
    Reading,
    Role,
    Setup,
    ShelfRef,
    Subscription,
    Traits,
    WriteResult,
)
from channelsync.errors import Misunderstood, Refused
from channelsync_moysklad import stock, webhooks
from channelsync_moysklad.api import IDS_PER_CALL, Api
from channelsync_moysklad.claims import Claims
from channelsync_moysklad.corrections import Corrections
from channelsync_moysklad.diagnose import Doctor
from channelsync_moysklad.exports import Exports
from channelsync_moysklad.listings import Listings
from channelsync_moysklad.orders import Orders
from channelsync_moysklad.physical import PhysicalStock
from channelsync_moysklad.settings import Settings
from channelsync_moysklad.shapes import id_of, text
from channelsync_moysklad.subscriptions import Subscriptions

KEY_MEMORY = timedelta(days=30)  # syncId stays as long as its document, which people may throw away
NO_SHELF = 'Moysklad has no number to write, only documents (corrections = "enter_loss")'


class MoyskladConnector:
    """Connector, StockAuthority, ReceivesWebhooks, RegistersWebhooks, SecretInAddress, HasLocations and Diagnoses for one account."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings, self._role = settings, context.role
        self._owns = context.role is Role.AUTHORITY
        self._api = Api(settings, context.http, context.clock)
        self._secrets = tuple(secret.get_secret_value() for secret in settings.webhook_secrets)
        self._listings = Listings(self._api, settings, keeps=not self._owns)
        self._orders = Orders(self._api)
        self._corrections = Corrections(self._api)
        self._hooks = Subscriptions(self._api, self._secrets)

    @property
    def traits(self) -> Traits:
        """Stock is the sum of documents: a correction is added to whatever is there, and its syncId is its key."""
        writes = not self._owns and self._settings.corrections == "enter_loss"
        return Traits(
            carrier=Carrier.ADJUST if writes else Carrier.NONE,
            key_memory=KEY_MEMORY if writes else None,
            visibility_lag=timedelta(seconds=self._settings.visibility_lag_seconds),
            lowers_stock_on="shipped",
            restores_on_cancel="no",
            writes_per_call=IDS_PER_CALL,
            readings_per_call=IDS_PER_CALL,
        )

    async def check(self) -> Identity:
        """The account is the identity. Asking for the employee proves the credentials."""
        employee = (await self._api.get("/context/employee")).entity()
        account = text(employee.get("accountId"))
        if not account:
            raise Misunderstood(f"{self._settings.api_url} does not tell the account's id")
        facts = {"employee": text(employee.get("uid")) or text(employee.get("name")), "credential": self._settings.credential}
        return Identity(account, facts["employee"].rpartition("@")[2], facts)

    def listings(self, cursor: Cursor) -> AsyncIterator[Page[Listing]]:
        return self._listings.stream(cursor)

    def orders(self, cursor: Cursor, *, widen: timedelta = timedelta(0)) -> AsyncIterator[Page[OrderSnapshot]]:
        return _nothing(cursor) if self._owns else self._orders.stream(cursor, widen)

    async def order(self, ref: str) -> OrderSnapshot | Gone:
        if self._owns:
            raise Refused("orders of a Moysklad that owns the stock are no sales of ours: what they hold is in its reserve")
        return await self._orders.one(ref)

    async def stock(self, shelves: Sequence[ShelfRef]) -> Sequence[Reading]:
        return [] if self._owns else await stock.readings(self._api, shelves)

    async def push(self, call: Call) -> Sequence[WriteResult]:
        if self.traits.carrier is Carrier.NONE:
            return [WriteResult(write.id, Outcome.REFUSED, NO_SHELF) for write in call.writes]
        if len(call.writes) > IDS_PER_CALL:
            raise ValueError(f"{len(call.writes)} writes in one call; at most {IDS_PER_CALL}")
        return await self._corrections.push(call)

    def physical(self, cursor: Cursor, *, full: bool = False) -> AsyncIterator[Page[Physical]]:
        return self._physical().stream(cursor, full=full)

    async def physical_of(self, shelves: Sequence[ShelfRef]) -> Sequence[Physical]:
        return await self._physical().named(shelves)

    def _physical(self) -> PhysicalStock:
        if not self._settings.stores:
            raise Refused("stores is empty: name the Moysklad stores whose stock counts, by id")
        return PhysicalStock(self._api)

    async def export(self, claim: Claim) -> Claimed:
        return await Exports(self._api).export(claim)

    def claims(self, cursor: Cursor) -> AsyncIterator[Page[Claimed]]:
        return Claims(self._api).stream(cursor)

    @property
    def address_secrets(self) -> Sequence[str]:
        return self._secrets

    def verify(self, delivery: Delivery) -> str:
        return webhooks.verify(delivery, self._secrets)

    def parse(self, delivery: Delivery) -> Sequence[Parsed]:
        return webhooks.parse(delivery, self._role)

    async def subscriptions(self) -> Sequence[Subscription]:
        return await self._hooks.existing()

    async def subscribe(self, url: str) -> Sequence[Subscription]:
        return await self._hooks.subscribe(url)

    async def locations(self) -> Sequence[ChannelLocation]:
        rows = await self._api.all("/entity/store", {"filter": "archived=true;archived=false"})
        return [ChannelLocation(id_of(row), text(row.get("name")), row.get("archived") is not True) for row in rows]

    async def diagnose(self, setup: Setup) -> Sequence[Diagnosis]:
        return await Doctor(self._api, self._hooks, self._role).diagnose(setup)


async def _nothing(cursor: Cursor) -> AsyncIterator[Page[OrderSnapshot]]:
    """A Moysklad that owns the stock sells nothing through us."""
    yield Page((), high_water=cursor.high_water or "0")
