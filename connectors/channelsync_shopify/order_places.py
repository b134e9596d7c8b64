"""Where orders are shipped from and what came back without a refund: asked for beside the orders, where it can matter.

A shop with one location of ours is not asked where, an order without returns not what came back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from channelsync.errors import Unavailable
from channelsync_shopify import documents
from channelsync_shopify import order_answers as told
from channelsync_shopify.admin import Admin, Answer
from channelsync_shopify.answers import Health
from channelsync_shopify.order_answers import Fulfillment, FulfillmentOrder, Order
from channelsync_shopify.orders import TakenIn, Where
from channelsync_shopify.places import Places
from channelsync_shopify.shapes import Malformed, shaped
from channelsync_shopify.shares import Spots, spots_of
from channelsync_shopify.whole_orders import WholeOrders, same

PARTS_MAX = 40
NO_RETURN = "NO_RETURN"
RETURNS_SCOPE = "read_returns"
Located = tuple[Order, Where]


class OrderPlaces:
    def __init__(self, admin: Admin, places: Places, whole: WholeOrders) -> None:
        self._admin, self._places, self._whole = admin, places, whole
        self._sees_returns: bool | None = None

    async def of(self, orders: Sequence[Order]) -> list[Located]:
        """At most PLACES_MAX orders, in order; one that was deleted meanwhile is missing. Raises Malformed if one has more parts than we read."""
        refs = await self._places.active()
        if len(refs) == 1:
            return [(order, Where(refs[0], taken_in=await self._taken_in(order))) for order in orders]
        found = await self._admin.read(documents.PLACES, {"ids": [order.id for order in orders]}, _understand_places) if orders else {}
        pairs = []
        for order in orders:
            now, spots = await self._spots(order, found.get(order.id))
            if now is not None:
                pairs.append((now, Where(refs[0], spots, await self._taken_in(now))))
        return pairs

    async def _spots(self, order: Order, places: told.OrderPlaces | None) -> tuple[Order | None, Mapping[str, Spots]]:
        """The order and its places, both of the same moment: an order that changed in between is read once more."""
        if places is None or places.updated_at != order.updated_at:
            again = await self._whole.read(order.id)
            if again is None:
                return None, {}
            places = (await self._admin.read(documents.PLACES, {"ids": [again.id]}, _understand_places)).get(again.id)
            if places is None or places.updated_at != again.updated_at:
                raise Unavailable(f"order {order.name} changed while it was being read; read it again")
            order = again
        parts, parcels = places.fulfillment_orders.nodes, places.fulfillments
        if places.fulfillment_orders.cut or any(part.line_items.cut for part in parts):
            parts = await self._all_parts(order)
        if len(parcels) >= documents.PARCELS_IN_PAGE or any(parcel.fulfillment_line_items.cut for parcel in parcels):
            parcels = await self._all_parcels(order)
        return order, spots_of(parts, parcels)

    async def _all_parts(self, order: Order) -> tuple[FulfillmentOrder, ...]:
        parts: list[FulfillmentOrder] = []
        after: str | None = None
        for _ in range(PARTS_MAX):
            page = await self._admin.read(documents.ORDER_PLACES, {"id": order.id, "after": after}, _understand_parts)
            same(order, page.updated_at)
            parts += page.fulfillment_orders.nodes
            if any(part.line_items.cut for part in page.fulfillment_orders.nodes):
                raise Malformed(f"order {order.name}: a fulfillment order has more lines than can be read at once")
            if not page.fulfillment_orders.cut:
                return tuple(parts)
            after = page.fulfillment_orders.page_info.end_cursor
        raise Malformed(f"order {order.name} has more than {PARTS_MAX} pages of fulfillment orders")

    async def _all_parcels(self, order: Order) -> tuple[Fulfillment, ...]:
        page = await self._admin.read(documents.ORDER_SHIPMENTS, {"id": order.id}, _understand_shipments)
        same(order, page.updated_at)
        if len(page.fulfillments) >= documents.PARCELS_MAX or any(parcel.fulfillment_line_items.cut for parcel in page.fulfillments):
            raise Malformed(f"order {order.name} was shipped in more parts than can be read at once")
        return page.fulfillments

    # What came back without a refund

    async def _taken_in(self, order: Order) -> Sequence[TakenIn]:
        """Nothing where the app may not read returns: such units then show up as drift of the number."""
        if order.return_status == NO_RETURN or not await self._may_read_returns():
            return ()
        returns: list[told.Return] = []
        after: str | None = None
        for _ in range(PARTS_MAX):
            page = await self._admin.read(documents.ORDER_RETURNS, {"id": order.id, "after": after}, _understand_returns)
            same(order, page.updated_at)
            returns += page.returns.nodes
            if not page.returns.cut:
                return [each for one in returns for each in _put_back(order, one)]
            after = page.returns.page_info.end_cursor
        raise Malformed(f"order {order.name} has more than {PARTS_MAX} pages of returns")

    async def _may_read_returns(self) -> bool:
        if self._sees_returns is None:
            self._sees_returns = bool({RETURNS_SCOPE, "write_returns"} & await granted_scopes(self._admin))
        return self._sees_returns


def _put_back(order: Order, one: told.Return) -> Sequence[TakenIn]:
    """What a return put back on sale, less what its refunds say again: each unit comes back once."""
    orders = one.reverse_fulfillment_orders
    if orders.cut or one.refunds.cut or any(part.line_items.cut for part in orders.nodes):
        raise Malformed(f"order {order.name}: a return has more parts than can be read at once")
    refunded = _refunded(order, {refund.id for refund in one.refunds.nodes})
    found = []
    for row in (row for part in orders.nodes for row in part.line_items.nodes if row.fulfillment_line_item):
        assert row.fulfillment_line_item is not None
        line = row.fulfillment_line_item.line_item.id
        for each in (each for each in row.dispositions if each.type == "RESTOCKED"):
            again = min(each.quantity, refunded[line])
            refunded[line] -= again
            if each.quantity > again:
                found.append(TakenIn(line, each.location.id if each.location else None, each.quantity - again, each.created_at))
    return found


def _refunded(order: Order, refunds: set[str]) -> defaultdict[str, int]:
    """Units per line that these refunds put back on sale."""
    units: defaultdict[str, int] = defaultdict(int)
    for refund in order.refunds:
        if refund.id in refunds:
            for line in refund.refund_line_items.nodes:
                units[line.line_item.id] += line.quantity if line.restock_type == "RETURN" else 0
    return units


def _understand_places(answer: Answer) -> Mapping[str, told.OrderPlaces]:
    nodes: Any = answer.field("nodes")
    if not isinstance(nodes, list):
        raise Malformed("nodes: not a list")
    return {found.id: found for found in (shaped(told.OrderPlaces, node, "an order's places") for node in nodes if node)}


def _understand_parts(answer: Answer) -> told.PlacesPart:
    return shaped(told.PlacesPart, answer.field("order"), "the order's fulfillment orders")


def _understand_shipments(answer: Answer) -> told.Shipments:
    return shaped(told.Shipments, answer.field("order"), "the order's fulfillments")


def _understand_returns(answer: Answer) -> told.ReturnsPart:
    return shaped(told.ReturnsPart, answer.field("order"), "the order's returns")


async def granted_scopes(admin: Admin) -> set[str]:
    """What the app may do now."""
    return await admin.read(documents.HEALTH, {}, _understand_scopes)


def _understand_scopes(answer: Answer) -> set[str]:
    return {scope.handle for scope in shaped(Health, answer.data, "the shop's description").current_app_installation.access_scopes}
