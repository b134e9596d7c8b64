"""GET /openapi.json: what this API is, for those who may use it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from channelsync.ledger.tokens import Scope
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call

router = APIRouter(tags=["about"])


@router.get("/openapi.json", summary="This document", operation_id="openapi")
async def openapi(_call: Annotated[Call, Depends(needs(Scope.READ))], request: Request) -> dict[str, Any]:
    """OpenAPI 3.1; `channelsync openapi` prints the same."""
    document: dict[str, Any] = request.app.openapi()
    return document
