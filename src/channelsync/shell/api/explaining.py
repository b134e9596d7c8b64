"""GET /explain/{sku}, POST /freeze and /thaw: why a shop shows its number, and letting nobody change it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from channelsync.ledger.explaining import Explanation, explain
from channelsync.ledger.freezing import Standing
from channelsync.ledger.past import Past, past
from channelsync.ledger.tokens import Scope
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call, Repeatable
from channelsync.shell.api.models import Model, SkuName
from channelsync.shell.api.problems import Problem
from channelsync.shell.api.requests import Instant
from channelsync.shell.api.shops import channel_ids

router = APIRouter(tags=["explain"])

Reader = Annotated[Call, Depends(needs(Scope.READ))]
Adjuster = Annotated[Call, Depends(needs(Scope.ADJUST))]


class ScopeIn(Model):
    sku: SkuName
    channel: Annotated[str | None, Field(max_length=64, description="Only this channel's shelves.", examples=["webshop"])] = None
    listing: Annotated[str | None, Field(max_length=255, description="Only this listing, by its own id at the shop.", examples=["42"])] = (
        None
    )

    def scope(self) -> dict[str, str | None]:
        return {"sku": self.sku, "channel": self.channel, "listing": self.listing}


class FreezeIn(ScopeIn):
    reason: Annotated[str, Field(min_length=1, max_length=1000, description="For whoever finds the number.", examples=["photo shoot"])]


class FrozenOut(Model):
    sku: SkuName
    changed: Annotated[bool, Field(description="false: it was so already.")]
    shelves: Annotated[int, Field(description="How many of its shelves are frozen now.", examples=[1])]
    standing: Annotated[list[Standing], Field(description="What freezes the SKU now, oldest first.")]


@router.get("/explain/{sku:name}", summary="Why a shop shows its number", operation_id="explain_sku")
async def explain_sku(
    call: Reader,
    sku: Annotated[str, Path(description="The SKU; a slash in it is written %2F.", examples=["MUG-01"], max_length=255)],
    channel: Annotated[str | None, Query(max_length=64, description="Only this channel's shelves.", examples=["webshop"])] = None,
    at: Annotated[Instant | None, Query(description="As the ledger knew it then.", examples=["2026-11-28T12:00:00Z"])] = None,
) -> Explanation | Past:
    """Every level, every hold with its order, every step of each shelf's number, its statement, the last push and the last reading. With `at`
    as it was then, and what cannot be told of the past. Levels and holds are SKU units, statements and targets the listing's units.
    """
    await channel_ids(call, channel)
    if at is None:
        return await call.read(explain, sku, channel)
    now = call.backend.store.clock.now()
    if at > now:
        raise Problem(422, "malformed", f"at: {at.isoformat()} has not been yet")
    return await call.read(past, sku, at, now, channel)


@router.post("/freeze", summary="Write nothing to a SKU's listings", operation_id="freeze")
async def freeze(call: Adjuster, asked: FreezeIn, _key: Repeatable = None) -> FrozenOut:
    """Until it is thawed. Orders are still read and counted. What is frozen stays frozen with its first reason."""
    return _told(await call.ask("freeze", {"scope": asked.scope(), "reason": asked.reason, "actor": call.actor}))


@router.post("/thaw", summary="End a freeze", operation_id="thaw")
async def thaw(call: Adjuster, asked: ScopeIn, _key: Repeatable = None) -> FrozenOut:
    """Of exactly this scope; a wider or narrower one goes on, and is in the answer. What is due is written at once."""
    return _told(await call.ask("thaw", {"scope": asked.scope(), "actor": call.actor}))


def _told(done: dict[str, Any]) -> FrozenOut:
    return FrozenOut.model_validate(done)
