"""/returns: what customers announce, what arrives, and what becomes of it. What a verb does is the ledger's affair."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from channelsync.ledger.documents.heads import NUMBER_MAX
from channelsync.ledger.returns import expecting, inspecting, pages, receiving
from channelsync.ledger.returns.pages import Filter
from channelsync.ledger.tokens import Scope
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call, IdempotencyKey
from channelsync.shell.api.paging import Cursor, Limit, Page, before, next_of
from channelsync.shell.api.return_models import (
    ReturnCancelIn,
    ReturnDetailOut,
    ReturnExpectIn,
    ReturnInspectIn,
    ReturnOut,
    ReturnReceiveIn,
    ReturnRowOut,
)

router = APIRouter(prefix="/returns", tags=["returns"])

Reader = Annotated[Call, Depends(needs(Scope.READ))]
Adjuster = Annotated[Call, Depends(needs(Scope.ADJUST))]
Number = Annotated[int, Path(ge=1, le=NUMBER_MAX, description="The return's number.", examples=[1])]


class State(StrEnum):
    EXPECTED = "expected"
    RECEIVED = "received"
    INSPECTED = "inspected"
    CANCELLED = "cancelled"


@router.get("", summary="List returns", operation_id="list_returns")
async def list_returns(
    call: Reader,
    state: Annotated[State | None, Query(description="Only in this state.", examples=["received"])] = None,
    location: Annotated[str | None, Query(max_length=64, description="Only to this location.", examples=["main"])] = None,
    channel: Annotated[str | None, Query(max_length=255, description="Only of orders of this channel.", examples=["shop"])] = None,
    order: Annotated[
        str | None, Query(max_length=255, description="Only of this order: the shop's own id, or its number.", examples=["order-1001"])
    ] = None,
    waiting: Annotated[bool, Query(description="Only those with units that wait for an inspection.")] = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[ReturnRowOut]:
    """The newest first. `order` needs `channel`."""
    wanted = Filter(state and state.value, location, channel, order, waiting)
    rows = await call.read(pages.return_rows, wanted, before(cursor), limit)
    return Page(items=[ReturnRowOut(**asdict(row)) for row in rows], next=next_of([row.number for row in rows], limit))


@router.post("", summary="Expect a return", operation_id="expect_return", response_model=ReturnOut)
async def expect_return(call: Adjuster, asked: ReturnExpectIn, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """No stock moves. With channel and order, units that the shop tells as restocked, too, count once; more than the order shipped, together with
    its other returns, is refused (`more_than_shipped`) unless `over` says that it may be so.
    """
    return asdict(await call.run(expecting.expect, asked.item(call.actor, call.key(idempotency_key))))


@router.get("/{number}", summary="One return", operation_id="read_return")
async def read_return(call: Reader, number: Number) -> ReturnDetailOut:
    """With its lines."""
    return ReturnDetailOut(**asdict(await call.read(pages.one_return, number)))


@router.post("/{number}/receive", summary="Receive units of a return", operation_id="receive_return", response_model=ReturnOut)
async def receive_return(call: Adjuster, number: Number, asked: ReturnReceiveIn, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """In part or whole; without lines, everything still expected. They wait in quarantine and are not available. More than was expected, and other
    SKUs, are refused (`more_than_expected`) unless `over` says that it may be so.
    """
    return asdict(await call.run(receiving.receive, asked.item(number, call.actor, call.key(idempotency_key))))


@router.post("/{number}/inspect", summary="Decide about received units", operation_id="inspect_return", response_model=ReturnOut)
async def inspect_return(call: Adjuster, number: Number, asked: ReturnInspectIn, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """All lines or none. The return is inspected once nothing of it waits and nothing more is expected, or `complete` says that nothing more comes."""
    return asdict(await call.run(inspecting.inspect, asked.item(number, call.actor, call.key(idempotency_key))))


@router.post("/{number}/cancel", summary="Cancel a return", operation_id="cancel_return", response_model=ReturnOut)
async def cancel_return(call: Adjuster, number: Number, asked: ReturnCancelIn, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """Only one of which nothing has arrived."""
    return asdict(await call.run(expecting.cancel, asked.item(number, call.actor, call.key(idempotency_key))))
