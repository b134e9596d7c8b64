"""GET /plan, POST /plan/apply: what would be written to the shops, and writing it for the first time."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse
from pydantic import Field

from channelsync.ledger.openings import Balance
from channelsync.ledger.planned import Blocked, PlannedWrite
from channelsync.ledger.switches import ToTurn
from channelsync.ledger.tokens import Scope
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call, Repeatable
from channelsync.shell.api.models import Model
from channelsync.shell.spool import Long

router = APIRouter(prefix="/plan", tags=["plan"])

Reader = Annotated[Call, Depends(needs(Scope.READ))]
Admin = Annotated[Call, Depends(needs(Scope.ADMIN))]


class PlanOut(Model):
    """Numbers of writes are in the listing's units (a six-pack counts 1), balances in SKU units."""

    opens: Annotated[list[str], Field(description="Channels that applying it opens.", examples=[["webshop"]])]
    balances: Annotated[list[Balance], Field(description="What opens the ledger: shown + taken for open orders.")]
    writes: Annotated[list[PlannedWrite], Field(description="Shelves that would get another number, with every step to it.")]
    blocked: Annotated[list[Blocked], Field(description="Listings that are not written, and why.")]
    unchanged: Annotated[int, Field(description="Shelves that show their number already.", examples=[120])]
    switches: Annotated[
        list[ToTurn], Field(description="Backorder switches that would be turned; none where the channel does not ask for it.")
    ]
    troubles: Annotated[dict[str, str], Field(description="Channels that could not be read, and why.")]


class AppliedOut(PlanOut):
    """What was applied."""

    still_due: Annotated[
        dict[str, int], Field(description="By channel: shelves that still wait for their number.", examples=[{"webshop": 0}])
    ]


class ApplyIn(Model):
    look: Annotated[bool, Field(description="Read every shop first; one that cannot be read is a reason not to apply.")] = True
    push: Annotated[bool, Field(description="Wait until the numbers are written, half a minute at most.")] = True


@router.get("", summary="What would be written", operation_id="read_plan", response_model=PlanOut)
async def plan(call: Reader) -> StreamingResponse:
    """From what the daemon has read of the shops; it changes nothing and asks no shop. `POST /channels/{name}/sync` reads one now."""
    return _streamed(await call.ask("plan", {"look": False}))


@router.post("/apply", summary="Open the ledger and let the shops be written", operation_id="apply_plan", response_model=AppliedOut)
async def apply(call: Admin, asked: ApplyIn, _key: Repeatable = None) -> StreamingResponse:
    """The plan as it is now. On day one it posts the opening balances; channels that are open already go on as they do."""
    return _streamed(await call.ask("apply", asked.model_dump()))


def _streamed(answer: Long) -> StreamingResponse:
    """Row by row: of a large shop the whole would not fit into memory."""
    return StreamingResponse(answer.document(), media_type="application/json")
