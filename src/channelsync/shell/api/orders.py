"""GET /orders: the orders of all shops as the ledger holds them. They come from the shops alone; nothing here changes one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from channelsync.contract import OrderState
from channelsync.ledger.order_pages import OrderDetail, OrderRow, Wanted, one_order, order_rows
from channelsync.ledger.tokens import Scope
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call
from channelsync.shell.api.paging import Cursor, Limit, Page, before, next_of
from channelsync.shell.api.problems import Problem
from channelsync.shell.api.shops import channel_ids

router = APIRouter(prefix="/orders", tags=["orders"])

Reader = Annotated[Call, Depends(needs(Scope.READ))]
ChannelName = Annotated[str | None, Query(max_length=64, description="Only of this channel.", examples=["webshop"])]
OfSku = Annotated[str | None, Query(max_length=255, description="Only with this SKU, also as a part of a bundle.", examples=["MUG-01"])]


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
    channel: Annotated[str, Path(max_length=64, description="The channel's name.", examples=["webshop"])],
    ref: Annotated[
        str, Path(max_length=255, description="The order's own id at the shop; a slash in it is written %2F.", examples=["1001"])
    ],
) -> OrderDetail:
    """What the ledger has posted for each line, and the lines as the shop tells them. No personal data is kept of it."""
    await channel_ids(call, channel)
    found = await call.read(one_order, channel, ref)
    if found is None:
        raise Problem(404, "unknown_order", f"{channel!r} has told of no order {ref!r}; `POST /channels/{channel}/sync` looks for new ones")
    return found
