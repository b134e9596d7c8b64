"""POST /stock/update: a warehouse or an ERP tells how many units lie at a location, as of an instant."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from pydantic import Field

from channelsync.ledger.stock_update import Outcome, Update, update_stock
from channelsync.ledger.together import LINES_MAX
from channelsync.ledger.tokens import Scope
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call, IdempotencyKey
from channelsync.shell.api.models import LocationCode, Model, SkuName
from channelsync.shell.api.requests import Absolute, Instant, Reference
from channelsync.shell.api.stock_writing import BatchOut, all_lines, each_line

router = APIRouter(prefix="/stock", tags=["stock"])


class NumberIn(Model):
    sku: SkuName
    quantity: Absolute


class UpdateIn(Model):
    as_of: Annotated[Instant, Field(description="When the numbers were true there, by your clock.", examples=["2026-11-28T12:00:00Z"])]
    location: LocationCode
    mode: Annotated[Literal["all", "each"], Field(description="all: every line or none. each: what can be done is done.")] = "all"
    create: Annotated[bool, Field(description="Make SKUs that the ledger does not know; otherwise their lines are refused.")] = False
    reference: Reference = ""
    lines: Annotated[list[NumberIn], Field(min_length=1, max_length=LINES_MAX)]

    def items(self, call: Call, key: str | None) -> list[Update]:
        shared: dict[str, Any] = {"as_of": self.as_of, "reference": self.reference, "actor": call.actor, "create": self.create}
        return [Update(line.sku, self.location, line.quantity, **shared, key=call.key(key, n)) for n, line in enumerate(self.lines)]


class UpdatedOut(Model):
    """The level now."""

    sku: SkuName
    location: LocationCode
    outcome: Annotated[
        Outcome,
        Field(
            description="set: taken over. same: it was so already. older: ignored, a newer update came before. counted: ignored, somebody "
            "counted or opened the level after `as_of`.",
            examples=["set"],
        ),
    ]
    on_hand: Annotated[int, Field(description="SKU units.", examples=[12])]
    available: Annotated[int, Field(description="SKU units; negative where more is held than is there.", examples=[7])]
    moved: Annotated[
        int, Field(description="Units that came (or, below 0, went) since `as_of`: added to the number you sent.", examples=[-2])
    ]
    last_as_of: Annotated[datetime | None, Field(description="Of the newest update of this level.")]
    repeat: bool


@router.post("/update", summary="Tell how many units are there", operation_id="update_stock", response_model_exclude_unset=True)
async def update(
    call: Annotated[Call, Depends(needs(Scope.ADJUST))], asked: UpdateIn, idempotency_key: IdempotencyKey = None
) -> BatchOut[UpdatedOut]:
    """Physical units, held ones included: holds stay as they are. What has moved since `as_of` is added. Refused where another system owns on hand."""
    items = asked.items(call, idempotency_key)
    results = await (all_lines if asked.mode == "all" else each_line)(update_stock, call, items)
    return BatchOut[UpdatedOut].model_validate({"results": results})
