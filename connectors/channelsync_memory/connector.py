"""The verbs of the memory connector. Each is a request, and a function from `shapes` that understands the answer; nothing is remembered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from channelsync.contract import (
    Call,
    Context,
    Cursor,
    Delivery,
    Diagnosis,
    Gone,
    HttpRequest,
    HttpResponse,
    Identity,
    Ignored,
    Listing,
    ListingHint,
    OrderSnapshot,
    Outcome,
    Page,
    Parsed,
    Reading,
    Setup,
    ShelfHint,
    ShelfRef,
    Subscription,
    Switch,
    SwitchResult,
    Traits,
    WriteResult,
)
from channelsync.errors import BadDelivery, Misunderstood, Unauthorized
from channelsync_memory import diagnosis, shapes
from channelsync_memory.answers import fits, moment, understood
from channelsync_memory.marks import marks, present
from channelsync_memory.settings import Settings

T = TypeVar("T")

TOPICS = ("order.changed", "stock.changed", "listing.changed")


class MemoryConnector:
    """Satisfies Connector, ReceivesWebhooks, RegistersWebhooks, TurnsSwitches and Diagnoses."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._http = context.http
        self._traits = settings.traits()

    @property
    def traits(self) -> Traits:
        return self._traits

    async def check(self) -> Identity:
        return await self._get("/shop", {}, shapes.identity)

    async def listings(self, cursor: Cursor) -> AsyncIterator[Page[Listing]]:
        """Marks are "<lower bound>|<time of the run's start>|<the shop's own page mark>"; the bound is empty in a first run."""
        since, start, after = marks(cursor)
        while True:
            params = present(changed_since=since, after=after)
            page = await self._get("/items", params, lambda body: fits(shapes.ItemsPage, body))
            start = start or page.now.isoformat()
            items = tuple(shapes.listing(item) for item in page.items)
            if page.next is None:
                yield Page(items, high_water=start)
                return
            after = page.next
            yield Page(items, resume=f"{since}|{start}|{after}")

    async def orders(self, cursor: Cursor, *, widen: timedelta = timedelta(0)) -> AsyncIterator[Page[OrderSnapshot]]:
        """The high-water mark is the shop's time at the start of the run: what changes while we read belongs to the next run as well."""
        since, start, after = marks(cursor)
        if since and not after:
            since = (moment(since) - self._overlap() - widen).isoformat()
        while True:
            params = present(since=since, after=after) | ({} if since else {"open": "1"})
            page = await self._get("/orders", params, lambda body: fits(shapes.OrdersPage, body))
            start = start or page.now.isoformat()
            orders, refused = _each(page.orders)
            if page.next is None:
                yield Page(orders, high_water=start, refused=refused)
                return
            after = page.next
            yield Page(orders, resume=f"{since}|{start}|{after}", refused=refused)

    async def order(self, ref: str) -> OrderSnapshot | Gone:
        def understand(response: HttpResponse) -> OrderSnapshot | Gone:
            if response.status == 404 and response.json() == {"error": "gone"}:  # any other 404 may be a proxy's
                return Gone(ref)
            return understood(shapes.order)(response)

        return await self._http.read(self._request("GET", f"/orders/{ref}"), understand)

    async def stock(self, shelves: Sequence[ShelfRef]) -> Sequence[Reading]:
        found: list[Reading] = []
        size = self._traits.readings_per_call
        for start in range(0, len(shelves), size):
            rows = [{"listing": shelf.listing, "location": shelf.location} for shelf in shelves[start : start + size]]
            request = self._request("POST", "/levels", content={"shelves": rows})
            found += await self._http.read(request, understood(shapes.readings))
        return found

    async def push(self, call: Call) -> Sequence[WriteResult]:
        """One request. Raises ValueError for more writes than the shop takes at once."""
        if len(call.writes) > self._traits.writes_per_call:
            raise ValueError(f"{len(call.writes)} writes in one call, the shop takes {self._traits.writes_per_call}")
        rows = [shapes.write_row(self._traits.carrier, write) for write in call.writes]
        headers = {"x-request-id": call.key} | ({"idempotency-key": call.key} if self._traits.key_memory else {})
        request = self._request("POST", "/writes", content={"kind": self._traits.carrier.value, "writes": rows}, headers=headers)

        def understand(response: HttpResponse) -> list[WriteResult]:
            if response.status == 409:  # the key is known: what its first call did, this answer does not tell
                return [WriteResult(write.id, Outcome.UNKNOWN, "the shop knows this key from another call") for write in call.writes]
            return understood(lambda body: shapes.results(call, body))(response)

        return await self._http.write(request, understand)

    async def turn(self, switches: Sequence[Switch]) -> Sequence[SwitchResult]:
        rows = [{"listing": switch.listing, "sells_on": switch.sells_on} for switch in switches]
        request = self._request("POST", "/switches", content={"switches": rows})
        return await self._http.write(request, understood(shapes.switches))

    def verify(self, delivery: Delivery) -> str:
        """The body carries the shop's own delivery id and all of it is signed, so its digest is the key."""
        given = delivery.headers.get("x-memory-signature", "").encode("utf-8", "replace")
        secrets = [secret.get_secret_value().encode() for secret in self._settings.webhook_secrets]
        signatures = [base64.b64encode(hmac.digest(secret, delivery.body, hashlib.sha256)) for secret in secrets]
        if not any([hmac.compare_digest(given, signature) for signature in signatures]):  # noqa: C419  every secret costs the same time
            raise BadDelivery("the signature does not fit the body")
        return hashlib.sha256(delivery.body).hexdigest()

    def parse(self, delivery: Delivery) -> Sequence[Parsed]:
        content = HttpResponse(200, {}, delivery.body).json()
        match content:
            case {"topic": "order.changed", "order": order}:
                return [shapes.order(json.dumps(order))]
            case {"topic": "stock.changed"}:
                news = fits(shapes.StockNews, delivery.body)
                return [ShelfHint(news.item, news.location, news.shows)]
            case {"topic": "listing.changed", "item": item}:
                return [ListingHint(fits(shapes.ItemShape, json.dumps(item)).ref)]
            case {"topic": "ping"}:
                return [Ignored("a ping")]
        raise Misunderstood(f"not a delivery of a memory shop: {delivery.body[:120]!r}")

    async def subscriptions(self) -> Sequence[Subscription]:
        page = await self._get("/hooks", {}, lambda body: fits(shapes.HooksPage, body))
        return [shapes.subscription(hook) for hook in page.hooks]

    async def subscribe(self, url: str) -> Sequence[Subscription]:
        ours = {hook.topic: hook for hook in await self.subscriptions() if hook.url == url}
        for topic in TOPICS:
            if topic not in ours:
                request = self._request("POST", "/hooks", content={"topic": topic, "url": url})
            elif not ours[topic].active:
                request = self._request("PUT", f"/hooks/{ours[topic].ref}", content={"active": True})
            else:
                continue
            ours[topic] = await self._http.write(request, understood(lambda body: shapes.subscription(fits(shapes.HookShape, body))))
        return list(ours.values())

    async def diagnose(self, setup: Setup) -> Sequence[Diagnosis]:
        try:
            hooks = await self.subscriptions()
            page = await anext(aiter(self.listings(Cursor())))
        except Unauthorized as error:
            return [diagnosis.refused(str(error))]
        return diagnosis.judge(setup, TOPICS, hooks, page.items)

    def _overlap(self) -> timedelta:
        return timedelta(seconds=self._settings.overlap_seconds) + self._traits.visibility_lag

    async def _get(self, path: str, params: Mapping[str, str], meaning: Callable[[bytes], T]) -> T:
        return await self._http.read(self._request("GET", path, params=params), understood(meaning))

    def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        content: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpRequest:
        every = {"authorization": f"Bearer {self._settings.token.get_secret_value()}", "accept": "application/json"}
        body = None if content is None else json.dumps(content).encode()
        return HttpRequest(method, self._settings.url + path, every | dict(headers or {}), params or {}, body)


def _each(rows: Sequence[dict[str, Any]]) -> tuple[tuple[OrderSnapshot, ...], tuple[tuple[str, str, str], ...]]:
    orders: list[OrderSnapshot] = []
    refused: list[tuple[str, str, str]] = []
    for row in rows:
        text = json.dumps(row)
        try:
            orders.append(shapes.order(text))
        except Misunderstood as error:
            refused.append((str(row.get("ref", "")), str(error), text))
    return tuple(orders), tuple(refused)
