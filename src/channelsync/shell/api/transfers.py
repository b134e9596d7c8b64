"""/transfers: units from one of our locations to another. What a verb does is the ledger's affair."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from channelsync.ledger.documents.heads import NUMBER_MAX
from channelsync.ledger.tokens import Scope
from channelsync.ledger.transfers import drafting, pages, receiving, shipping
from channelsync.ledger.transfers.pages import Filter
from channelsync.ledger.transfers.shipping import Cancel
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call, IdempotencyKey
from channelsync.shell.api.paging import Cursor, Limit, Page, before, next_of
from channelsync.shell.api.transfer_models import (
    TransferCloseIn,
    TransferDetailOut,
    TransferDraftIn,
    TransferEditIn,
    TransferOut,
    TransferReceiptOut,
    TransferReceiveIn,
    TransferRowOut,
    TransferShipIn,
)

router = APIRouter(prefix="/transfers", tags=["transfers"])

Reader = Annotated[Call, Depends(needs(Scope.READ))]
Adjuster = Annotated[Call, Depends(needs(Scope.ADJUST))]
Number = Annotated[int, Path(ge=1, le=NUMBER_MAX, description="The transfer's number.", examples=[1])]


class State(StrEnum):
    DRAFT = "draft"
    SHIPPED = "shipped"
    PART_RECEIVED = "part_received"
    RECEIVED = "received"
    CANCELLED = "cancelled"


@router.get("", summary="List transfers", operation_id="list_transfers")
async def list_transfers(
    call: Reader,
    state: Annotated[State | None, Query(description="Only in this state.", examples=["shipped"])] = None,
    origin: Annotated[str | None, Query(max_length=64, description="Only from this location.", examples=["main"])] = None,
    destination: Annotated[str | None, Query(max_length=64, description="Only to this location.", examples=["annex"])] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[TransferRowOut]:
    """The newest first."""
    rows = await call.read(pages.transfer_rows, Filter(state and state.value, origin, destination), before(cursor), limit)
    return Page(items=[TransferRowOut(**asdict(row)) for row in rows], next=next_of([row.number for row in rows], limit))


@router.post("", summary="Draft a transfer", operation_id="draft_transfer", response_model=TransferOut)
async def draft_transfer(call: Adjuster, asked: TransferDraftIn, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """No stock moves yet, and more than is there may be drafted."""
    return asdict(await call.run(drafting.draft, asked.item(call.actor, call.key(idempotency_key))))


@router.get("/{number}", summary="One transfer", operation_id="read_transfer")
async def read_transfer(call: Reader, number: Number) -> TransferDetailOut:
    """With its lines."""
    return TransferDetailOut(**asdict(await call.read(pages.one_transfer, number)))


@router.post("/{number}/edit", summary="Change a draft", operation_id="edit_transfer", response_model=TransferOut)
async def edit_transfer(call: Adjuster, number: Number, asked: TransferEditIn, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """What is left out stays; lines are all of them. Only while it is a draft."""
    return asdict(await call.run(drafting.edit, asked.item(number, call.key(idempotency_key))))


@router.post("/{number}/ship", summary="Ship a draft", operation_id="ship_transfer", response_model=TransferOut)
async def ship_transfer(call: Adjuster, number: Number, asked: TransferShipIn, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """Its units leave the origin and lie on the transfer, with what they cost; at the destination they are incoming. All lines or none: more than
    is available at the origin is refused (`insufficient_stock`), and what is reserved stays there.
    """
    return asdict(await call.run(shipping.ship, asked.item(number, call.actor, call.key(idempotency_key))))


@router.post("/{number}/receive", summary="Receive units of a transfer", operation_id="receive_transfer", response_model=TransferReceiptOut)
async def receive_transfer(
    call: Adjuster, number: Number, asked: TransferReceiveIn, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """In part or whole; without lines, everything in transit. The answer tells what is `short` and what is `over`. More than is in transit is refused
    (`more_than_shipped`) unless `over` says that it may be. What a unit costs does not change.
    """
    return asdict(await call.run(receiving.receive, asked.item(number, call.actor, call.key(idempotency_key))))


@router.post("/{number}/close", summary="Say that the rest is missing", operation_id="close_transfer", response_model=TransferOut)
async def close_transfer(call: Adjuster, number: Number, asked: TransferCloseIn, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """What is still in transit is missing from now on, and no longer incoming."""
    return asdict(await call.run(receiving.close, asked.item(number, call.actor, call.key(idempotency_key))))


@router.post("/{number}/cancel", summary="Cancel a draft", operation_id="cancel_transfer", response_model=TransferOut)
async def cancel_transfer(call: Adjuster, number: Number, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """Only a draft: what has left arrives somewhere, or is missing."""
    return asdict(await call.run(shipping.cancel, Cancel(number, call.actor, key=call.key(idempotency_key))))
