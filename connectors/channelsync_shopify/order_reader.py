"""Reading orders: the changed ones page by page, or one of them whole. Nothing is ever cut short in silence.

The list goes through the shop's search, which may lag; one order by its id is read directly.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from channelsync.contract import Cursor, Gone, OrderSnapshot, Page
from channelsync_shopify import documents
from channelsync_shopify.admin import Admin, Answer
from channelsync_shopify.order_answers import Order
from channelsync_shopify.order_places import OrderPlaces, granted_scopes
from channelsync_shopify.orders import snapshot
from channelsync_shopify.places import Places
from channelsync_shopify.runs import Run, changed_since
from channelsync_shopify.shapes import Malformed, RawPage, shaped
from channelsync_shopify.whole_orders import WholeOrders, cut

FIRST_RUN = ("status:open", "status:closed fulfillment_status:unshipped", "status:closed fulfillment_status:partial")
"""What can still change stock when a shop is seen for the first time: archived orders too, if something of them is not shipped."""
SEEN_FOR = timedelta(days=58)
"""Without `read_all_orders` an app is shown the orders of the last 60 days (description of `QueryRoot.order`); the shop's days begin elsewhere."""
RAW_MAX = 20_000
"""Characters kept of an order that was not understood."""
Refused = tuple[str, str]
"""Order ref and reason."""


@dataclass(frozen=True, slots=True)
class _Found:
    page: RawPage
    at: datetime


class OrderReader:
    def __init__(self, admin: Admin, overlap: timedelta, places: Places, *, destinations: bool = False) -> None:
        """destinations: ask where the orders go."""
        self._admin, self._overlap = admin, overlap
        self._orders = documents.with_destination(documents.ORDERS) if destinations else documents.ORDERS
        self._whole = WholeOrders(admin, documents.with_destination(documents.ORDER) if destinations else documents.ORDER)
        self._places = OrderPlaces(admin, places, self._whole)

    async def pages(self, cursor: Cursor, widen: timedelta) -> AsyncIterator[Page[OrderSnapshot]]:
        """The first run reads the open orders and leaves the shop's clock at its beginning as mark; later runs the newest change seen.

        Never past the shop's clock: an order dated in the future would hide every change until then.
        """
        run = self._start(cursor, widen)
        while True:
            found = await self._admin.read(self._orders, _variables(run), _understand_page)
            run = run if run.mark else run.seen(found.at)
            items, refused = await self._snapshots(found.page)
            if run.query not in FIRST_RUN:
                for item in items:
                    run = run.seen(min(item.modified_at, found.at))
            following = run.turned(found.page.page_info) if found.page.page_info.has_next_page else _next_search(run)
            if following is None:
                yield Page(items, high_water=run.mark, refused=refused)
                return
            run = following
            yield Page(items, resume=run.token(), refused=refused)

    async def one(self, ref: str) -> OrderSnapshot | Gone:
        order = await self._whole.read(ref)
        for whole, where in await self._places.of([order] if order else []):
            return snapshot(whole, where)
        return Gone(ref, None if "read_all_orders" in await granted_scopes(self._admin) else SEEN_FOR)

    def _start(self, cursor: Cursor, widen: timedelta) -> Run:
        if cursor.resume:
            return Run.resumed(cursor.resume)
        if cursor.high_water:
            return Run(changed_since(cursor.high_water, self._overlap + widen), mark=cursor.high_water)
        return Run(FIRST_RUN[0])

    async def _snapshots(self, page: RawPage) -> tuple[tuple[OrderSnapshot, ...], tuple[tuple[str, str, str], ...]]:
        """The page's orders, and those that could not be understood as (ref, reason, raw text)."""
        raws: dict[str, dict[str, Any]] = {}
        orders: list[Order] = []
        refused: list[Refused] = []
        for index, raw in enumerate(page.nodes):
            ref = str(raw.get("id") or f"row {index}")
            raws[ref] = raw
            try:
                orders += await self._completed(raw)
            except Malformed as error:
                refused.append((ref, str(error)))
        items: list[OrderSnapshot] = []
        for start in range(0, len(orders), documents.PLACES_MAX):
            made, odd = await self._located(orders[start : start + documents.PLACES_MAX])
            items += made
            refused += odd
        return tuple(items), tuple((ref, reason, json.dumps(raws[ref])[:RAW_MAX]) for ref, reason in refused)

    async def _completed(self, raw: dict[str, Any]) -> list[Order]:
        """The order with all its parts; none if it was deleted meanwhile. Raises Malformed."""
        order = shaped(Order, raw, "an order")
        whole = await self._whole.read(order.id) if cut(order, documents.REFUNDS_IN_PAGE) else order
        return [whole] if whole else []

    async def _located(self, orders: Sequence[Order]) -> tuple[list[OrderSnapshot], list[Refused]]:
        """A few orders with their places. If one of them cannot be understood, each is asked for alone: the others are sound."""
        try:
            pairs = await self._places.of(orders)
        except Malformed as error:
            if len(orders) == 1:
                return [], [(orders[0].id, str(error))]
            parts = [await self._located([order]) for order in orders]
            return [item for items, _ in parts for item in items], [row for _, rows in parts for row in rows]
        items: list[OrderSnapshot] = []
        refused: list[Refused] = []
        for order, where in pairs:
            try:
                items.append(snapshot(order, where))
            except Malformed as error:
                refused.append((order.id, str(error)))
        return items, refused


def _next_search(run: Run) -> Run | None:
    """The first run is several searches, one after the other; any other is one."""
    if run.query not in FIRST_RUN[:-1]:
        return None
    return Run(FIRST_RUN[FIRST_RUN.index(run.query) + 1], mark=run.mark)


def _variables(run: Run) -> Mapping[str, Any]:
    return {"first": documents.ORDERS_PAGE, "after": run.after, "query": run.query}


def _understand_page(answer: Answer) -> _Found:
    return _Found(shaped(RawPage, answer.field("orders"), "the page of orders"), answer.at)
