"""/purchase-orders: drafts, what is on its way, what arrives, and what should be ordered. What a verb does is the ledger's affair."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from channelsync.ledger.documents.heads import NUMBER_MAX
from channelsync.ledger.purchasing import drafting, from_suggestions, ordering, pages, receiving, suggestions
from channelsync.ledger.purchasing.pages import Filter
from channelsync.ledger.purchasing.suggestions import COVER, DAYS, DAYS_MAX, LEAD, Question
from channelsync.ledger.tokens import Scope
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call, IdempotencyKey
from channelsync.shell.api.paging import Cursor, Limit, Page, after, before, next_of
from channelsync.shell.api.purchase_models import (
    PurchaseDetailOut,
    PurchaseDraftIn,
    PurchaseEditIn,
    PurchaseEndIn,
    PurchaseOrderIn,
    PurchaseOut,
    PurchaseReceiveIn,
    PurchaseRowOut,
    ReceiptOut,
    SuggestedIn,
    SuggestedOut,
    SuggestionOut,
)

router = APIRouter(prefix="/purchase-orders", tags=["purchasing"])

Reader = Annotated[Call, Depends(needs(Scope.READ))]
Adjuster = Annotated[Call, Depends(needs(Scope.ADJUST))]
Number = Annotated[int, Path(ge=1, le=NUMBER_MAX, description="The order's number.", examples=[1])]
Supplier = Annotated[str | None, Query(max_length=64, description="Only from this supplier.", examples=["ACME"])]
Location = Annotated[str | None, Query(max_length=64, description="Only for this location.", examples=["main"])]


class State(StrEnum):
    DRAFT = "draft"
    ORDERED = "ordered"
    PART_RECEIVED = "part_received"
    RECEIVED = "received"
    CANCELLED = "cancelled"


@router.get("", summary="List purchase orders", operation_id="list_purchase_orders")
async def list_purchase_orders(
    call: Reader,
    state: Annotated[State | None, Query(description="Only in this state.", examples=["ordered"])] = None,
    supplier: Supplier = None,
    location: Location = None,
    late: Annotated[bool, Query(description="Only those that should have come before today (in UTC).")] = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[PurchaseRowOut]:
    """The newest first."""
    today = call.backend.store.clock.now().date()
    wanted = Filter(state and state.value, supplier, location, today if late else None)
    rows = await call.read(pages.order_rows, wanted, before(cursor), limit)
    return Page(items=[PurchaseRowOut(**asdict(row)) for row in rows], next=next_of([row.number for row in rows], limit))


@router.post("", summary="Draft a purchase order", operation_id="draft_purchase_order", response_model=PurchaseOut)
async def draft_purchase_order(call: Adjuster, asked: PurchaseDraftIn, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """Nothing is on its way yet. A line without a cost takes what is agreed with the supplier for the SKU."""
    return asdict(await call.run(drafting.draft, asked.item(call.actor, call.key(idempotency_key))))


@router.get("/suggestions", summary="What should be ordered", operation_id="suggest_purchases")
async def suggest_purchases(
    call: Reader,
    location: Location = None,
    supplier: Supplier = None,
    sku: Annotated[list[str] | None, Query(max_length=100, description="Only these SKUs.", examples=[["MUG-01"]])] = None,
    days: Annotated[int, Query(ge=1, le=DAYS_MAX, description="Sales of the last so many days.")] = DAYS,
    cover: Annotated[int, Query(ge=0, le=DAYS_MAX, description="Days it shall last once it is there.")] = COVER,
    lead: Annotated[int, Query(ge=0, le=DAYS_MAX, description="Days until it is there, where neither SKU nor supplier say so.")] = LEAD,
    everything: Annotated[bool, Query(description="Also what sells or has a level and need not be ordered.")] = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[SuggestionOut]:
    """The most urgent first: days until it is sold less the lead time. Made anew for each page. Nothing is suggested for bundles, and nothing at
    locations whose stock belongs to another system.
    """
    asked, start = Question(days, cover, lead, location, supplier, tuple(sku or ()), everything), after(cursor)
    rows = await call.read(suggestions.page, asked, call.backend.store.clock.now(), start, limit)
    items = [SuggestionOut(**asdict(row)) for row in rows]
    return Page(items=items, next=str(start + limit) if len(rows) == limit else None)


@router.post("/suggested", summary="Draft what should be ordered", operation_id="draft_suggested", response_model=SuggestedOut)
async def draft_suggested(call: Adjuster, asked: SuggestedIn, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """One draft for each supplier and location. What is on a draft is not suggested again, so asking twice drafts nothing more."""
    return asdict(await call.run(from_suggestions.draft_suggested, asked.item(call.actor, call.key(idempotency_key))))


@router.get("/{number}", summary="One purchase order", operation_id="read_purchase_order")
async def read_purchase_order(call: Reader, number: Number) -> PurchaseDetailOut:
    """With its lines."""
    return PurchaseDetailOut(**asdict(await call.read(pages.one_order, number)))


@router.post("/{number}/edit", summary="Change a draft", operation_id="edit_purchase_order", response_model=PurchaseOut)
async def edit_purchase_order(
    call: Adjuster, number: Number, asked: PurchaseEditIn, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """What is left out stays; lines are all of them. Only while it is a draft."""
    return asdict(await call.run(drafting.edit, asked.item(number, call.key(idempotency_key))))


@router.post("/{number}/order", summary="Order a draft", operation_id="order_purchase_order", response_model=PurchaseOut)
async def order_purchase_order(
    call: Adjuster, number: Number, asked: PurchaseOrderIn, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Its units are incoming at its location; they are not available before they arrive."""
    return asdict(await call.run(ordering.order, asked.item(number, call.actor, call.key(idempotency_key))))


@router.post("/{number}/receive", summary="Receive units of an order", operation_id="receive_purchase_order", response_model=ReceiptOut)
async def receive_purchase_order(
    call: Adjuster, number: Number, asked: PurchaseReceiveIn, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """In part or whole; without lines, everything still to come. The unit cost becomes the weighted average. More than is still to come is
    refused (`more_than_ordered`) unless `over` says that it may be.
    """
    return asdict(await call.run(receiving.receive, asked.item(number, call.actor, call.key(idempotency_key))))


@router.post("/{number}/close", summary="Say that the rest is not coming", operation_id="close_purchase_order", response_model=PurchaseOut)
async def close_purchase_order(
    call: Adjuster, number: Number, asked: PurchaseEndIn, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Of an order that has arrived in part: what has not is no longer incoming."""
    return asdict(await call.run(ordering.close, asked.close(number, call.actor, call.key(idempotency_key))))


@router.post("/{number}/cancel", summary="Cancel a purchase order", operation_id="cancel_purchase_order", response_model=PurchaseOut)
async def cancel_purchase_order(
    call: Adjuster, number: Number, asked: PurchaseEndIn, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """A draft, or what is ordered while nothing of it has arrived. Nothing of it is incoming any more."""
    return asdict(await call.run(ordering.cancel, asked.cancel(number, call.actor, call.key(idempotency_key))))
