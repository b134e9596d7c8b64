"""PUT /inventory/skus/{sku}/policy and /cost: how a SKU may be sold, and what one unit costs. Reading both is part of reading the SKU."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path

from channelsync.ledger import costs, policies
from channelsync.ledger.tokens import Scope
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call, IdempotencyKey
from channelsync.shell.api.models import CostOut, PolicyOut
from channelsync.shell.api.requests import CostIn, PolicyIn

router = APIRouter(prefix="/inventory", tags=["stock"])

Sku = Annotated[str, Path(description="The SKU; a slash in it is written %2F.", examples=["MUG-01"], max_length=255)]


@router.put("/skus/{sku:name}/policy", summary="Say how a SKU may be sold", operation_id="set_policy", response_model=PolicyOut)
async def set_policy(
    call: Annotated[Call, Depends(needs(Scope.ADJUST))],
    sku: Sku,
    asked: PolicyIn,
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Beyond what is there or not, how far, when the rest comes, and how much one cart may claim. What was granted stays granted."""
    return asdict(await call.run(policies.set_policy, asked.item(sku, call.key(idempotency_key))))


@router.put("/skus/{sku:name}/cost", summary="Say what one unit costs", operation_id="set_cost", response_model=CostOut)
async def set_cost(
    call: Annotated[Call, Depends(needs(Scope.ADJUST))],
    sku: Sku,
    asked: CostIn,
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """In the store's currency, without floats. A bundle is refused: its parts have costs. For many SKUs at once: `POST /inventory/cost/batch`."""
    return asdict(await call.run(costs.set_cost, asked.item(sku, call.key(idempotency_key))))
