"""/counts: sheets to count by, what was counted, what it would change, and its being applied. What a verb does is the ledger's affair."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from channelsync.ledger.counts import applying, entering, opening, pages
from channelsync.ledger.counts.pages import Filter
from channelsync.ledger.documents.heads import NUMBER_MAX
from channelsync.ledger.tokens import Scope
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call, IdempotencyKey
from channelsync.shell.api.count_models import (
    CountAppliedOut,
    CountApplyIn,
    CountCancelIn,
    CountCancelledOut,
    CountDetailOut,
    CountEnteredOut,
    CountEnterIn,
    CountOpenedOut,
    CountOpenIn,
    CountPlanOut,
    CountRowOut,
)
from channelsync.shell.api.paging import Cursor, Limit, Page, before, next_of

router = APIRouter(prefix="/counts", tags=["counts"])

Reader = Annotated[Call, Depends(needs(Scope.READ))]
Adjuster = Annotated[Call, Depends(needs(Scope.ADJUST))]
Number = Annotated[int, Path(ge=1, le=NUMBER_MAX, description="The sheet's number.", examples=[1])]
MissingIsZero = Annotated[bool, Query(description="As if nothing were there of what was not counted.")]


class State(StrEnum):
    OPEN = "open"
    APPLIED = "applied"
    CANCELLED = "cancelled"


@router.get("", summary="List count sheets", operation_id="list_counts")
async def list_counts(
    call: Reader,
    state: Annotated[State | None, Query(description="Only in this state.", examples=["open"])] = None,
    location: Annotated[str | None, Query(max_length=64, description="Only of this location.", examples=["main"])] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[CountRowOut]:
    """The newest first."""
    rows = await call.read(pages.sheet_rows, Filter(state and state.value, location), before(cursor), limit)
    return Page(items=[CountRowOut(**asdict(row)) for row in rows], next=next_of([row.number for row in rows], limit))


@router.post("", summary="Open a count sheet", operation_id="open_count", response_model=CountOpenedOut)
async def open_count(call: Adjuster, asked: CountOpenIn, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """Of a whole location, of SKUs that begin alike, or of named ones; at most 1000 lines. Nothing moves, and selling goes on."""
    return asdict(await call.run(opening.open_sheet, asked.item(call.actor, call.key(idempotency_key))))


@router.get("/{number}", summary="One count sheet", operation_id="read_count")
async def read_count(call: Reader, number: Number) -> CountDetailOut:
    """With its lines. While a blind sheet is open nobody is told here what should be there."""
    return CountDetailOut(**asdict(await call.read(pages.one_sheet, number)))


@router.get("/{number}/plan", summary="What applying a count sheet would do", operation_id="plan_count")
async def plan_count(call: Reader, number: Number, missing_is_zero: MissingIsZero = False) -> CountPlanOut:
    """Of an open one: what should have been there, what was, what has come and gone since, and what on hand would become. Of a blind sheet these
    numbers are shown to tokens with the scope `adjust` only.
    """
    shown = call.token.allows(Scope.ADJUST)
    return CountPlanOut(**asdict(await call.read(pages.plan, number, missing_zero=missing_is_zero, shown=shown)))


@router.post("/{number}/enter", summary="Enter what was counted", operation_id="enter_count", response_model=CountEnteredOut)
async def enter_count(call: Adjuster, number: Number, asked: CountEnterIn, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """All lines or none. Entered again, it stands in the place of what was entered before; a SKU that is not on the sheet is put there."""
    return asdict(await call.run(entering.enter_counts, asked.item(number, call.actor, call.key(idempotency_key))))


@router.post("/{number}/apply", summary="Apply a count sheet", operation_id="apply_count", response_model=CountAppliedOut)
async def apply_count(call: Adjuster, number: Number, asked: CountApplyIn, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """On hand becomes what was counted and what has come and gone since, line by line, as one. If a line cannot be (counted again since, or fewer
    than have gone since), all is refused (`not_applicable`), unless `skip` says that such lines are left as they are.
    """
    return asdict(await call.run(applying.apply_sheet, asked.item(number, call.actor, call.key(idempotency_key))))


@router.post("/{number}/cancel", summary="Cancel a count sheet", operation_id="cancel_count", response_model=CountCancelledOut)
async def cancel_count(call: Adjuster, number: Number, asked: CountCancelIn, idempotency_key: IdempotencyKey = None) -> dict[str, Any]:
    """While it is open. What was counted on it changes nothing."""
    return asdict(await call.run(applying.cancel_sheet, asked.item(number, call.actor, call.key(idempotency_key))))
