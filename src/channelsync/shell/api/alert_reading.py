"""GET /alerts and GET /inventory/low-stock: what people are told, and what is low now."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from channelsync.ledger import alert_pages, low_stock
from channelsync.ledger.alert_pages import Filter
from channelsync.ledger.alert_rules import Kind, Severity
from channelsync.ledger.tokens import Scope
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call
from channelsync.shell.api.models import LocationCode, Model, SkuName, Units
from channelsync.shell.api.paging import Cursor, Limit, Page, after, next_of

router = APIRouter()

Reader = Annotated[Call, Depends(needs(Scope.READ))]


class LowStockOut(Model):
    """It stands here until it has risen above its level by more than the margin."""

    sku: SkuName
    title: str
    location: Annotated[LocationCode | None, Field(description="Null: over all locations.")]
    available: Units
    level: Annotated[int, Field(description="With so many left or fewer it is low.", examples=[5])]
    since: datetime
    out: Annotated[bool, Field(description="Nothing is left.")]
    reorder: Annotated[int | None, Field(description="How many to order, where somebody has said so.", examples=[24])]
    incoming: Annotated[int, Field(description="On the way there.", examples=[24])]
    incoming_on: Annotated[
        dt.date | None, Field(description="The earliest day a purchase order names for the SKU.", examples=["2026-12-24"])
    ]


class ToldOut(Model):
    target: str
    event: Annotated[str, Field(description="opened or resolved.", examples=["opened"])]
    state: Annotated[str, Field(description="waiting, sent, failed, or over its route's limit: held, then merged into a summary.")]
    tries: int
    reason: Annotated[str, Field(description="Why the last try did not succeed.")]
    created_at: datetime
    done_at: datetime | None


class AlertOut(Model):
    id: int
    kind: Annotated[str, Field(examples=["low-stock"])]
    severity: Annotated[str, Field(examples=["info"])]
    title: Annotated[str, Field(examples=["MUG-01 is low: 4 left, the level is 5"])]
    data: Annotated[dict[str, Any], Field(description="The same in parts, for programs; what they are depends on the kind.")]
    created_at: datetime
    resolved_at: datetime | None
    messages: Annotated[list[ToldOut], Field(description="Who was told of it, and what came of it.")]


@router.get("/inventory/low-stock", tags=["stock"], summary="What is low", operation_id="list_low_stock")
async def list_low_stock(
    call: Reader,
    location: Annotated[
        str | None,
        Query(description="What is low at this location, and what is low over all locations and lies or lay there.", max_length=64),
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[LowStockOut]:
    """In the order in which it became so. A change of stock shows here within a second or two."""
    rows = await call.read(low_stock.page, location, after(cursor), limit)
    items = [LowStockOut(**{name: value for name, value in asdict(row).items() if name != "id"}) for row in rows]
    return Page(items=items, next=next_of([row.id for row in rows], limit))


@router.get("/alerts", tags=["alerts"], summary="List alerts", operation_id="list_alerts")
async def list_alerts(
    call: Reader,
    kind: Annotated[Kind | None, Query(description="Only of this kind.")] = None,
    severity: Annotated[Severity | None, Query(description="Only as grave as this.")] = None,
    resolved: Annotated[bool, Query(description="Also those that are over.")] = False,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[AlertOut]:
    """The newest first; those that are over are kept for 90 days."""
    rows = await call.read(alert_pages.page, Filter(kind, severity, resolved), int(cursor) if cursor else None, limit)
    return Page(items=[AlertOut(**asdict(row)) for row in rows], next=next_of([row.id for row in rows], limit))
