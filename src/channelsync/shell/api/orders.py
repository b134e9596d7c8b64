"""/orders: the orders of all shops as the ledger holds them. They come from the shops alone; what can be said here is where they are shipped from."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from channelsync.contract import OrderState
from channelsync.ledger.order_pages import OrderDetail, OrderRow, Wanted, one_order, order_rows
from channelsync.ledger.routing import rerouting
from channelsync.ledger.routing.pages import one_route
from channelsync.ledger.tokens import Scope
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call, IdempotencyKey
from channelsync.shell.api.paging import Cursor, Limit, Page, before, next_of
from channelsync.shell.api.problems import Problem
from channelsync.shell.api.route_models import RoutedOut, RouteIn, RouteOut
from channelsync.shell.api.shops import channel_ids

router = APIRouter(prefix="/orders", tags=["orders"])

Reader = Annotated[Call, Depends(needs(Scope.READ))]
ChannelName = Annotated[str | None, Query(max_length=64, description="Only of this channel.", examples=["webshop"])]
OfSku = Annotated[str | None, Query(max_length=255, description="Only with this SKU, also as a part of a bundle.", examples=["MUG-01"])]
InChannel = Annotated[str, Path(max_length=64, description="The channel's name.", examples=["webshop"])]
Ref = Annotated[str, Path(max_length=255, description="The order's own id at the shop; a slash in it is written %2F.", examples=["1001"])]
Router = Annotated[Call, Depends(needs(Scope.ADJUST))]


@router.get("", summary="List orders", operation_id="list_orders")
async def list_orders(
    call: Reader,
    channel: ChannelName = None,
    state: Annotated[OrderState | None, Query(description="Only in this state.", examples=["open"])] = None,
    sku: OfSku = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[OrderRow]:
    """The newest first. held and shipped are SKU units."""
    await channel_ids(call, channel)
    rows = await call.read(order_rows, Wanted(channel, state and state.value, sku), before=before(cursor), limit=limit)
    return Page(items=rows, next=next_of([row.id for row in rows], limit))


@router.get("/{channel:name}/{ref:name}", summary="One order", operation_id="read_order")
async def read_order(
    call: Reader,
    channel: InChannel,
    ref: Ref,
) -> OrderDetail:
    """What the ledger has posted for each line, and the lines as the shop tells them. No name and no street is kept of it; where it goes, as far as
    routing needs it, is in `/route` while the order is open.
    """
    await channel_ids(call, channel)
    found = await call.read(one_order, channel, ref)
    if found is None:
        raise _unknown(channel, ref)
    return found


@router.get("/{channel:name}/{ref:name}/route", summary="Where an order is shipped from", operation_id="read_route")
async def read_route(call: Reader, channel: InChannel, ref: Ref) -> RouteOut:
    """Each line's location and why it was chosen, location by location; and every decision before. docs/routing.md"""
    await channel_ids(call, channel)
    found = await call.read(one_route, channel, ref)
    if found is None:
        raise _unknown(channel, ref)
    return RouteOut.model_validate(asdict(found))


@router.post("/{channel:name}/{ref:name}/route", summary="Say where an order is shipped from", operation_id="route_order")
async def route_order(call: Router, channel: InChannel, ref: Ref, asked: RouteIn, idempotency_key: IdempotencyKey = None) -> RoutedOut:
    """What the lines hold moves there. Without a location it is chosen anew. Lines of which something has been shipped stay, and so do those
    that the shop itself places.
    """
    await channel_ids(call, channel)
    return RoutedOut.model_validate(
        asdict(await call.run(rerouting.reroute, asked.item(channel, ref, call.actor, call.key(idempotency_key))))
    )


def _unknown(channel: str, ref: str) -> Problem:
    return Problem(404, "unknown_order", f"{channel!r} has told of no order {ref!r}; `POST /channels/{channel}/sync` looks for new ones")
