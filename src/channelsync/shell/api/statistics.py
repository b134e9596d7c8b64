"""GET /inventory/stats: what is there and what was sold, per SKU, location or channel."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from channelsync.ledger.stats import By, StatsRow, stats
from channelsync.ledger.tokens import Scope
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call
from channelsync.shell.api.paging import Cursor, Limit, Page, after, next_of

router = APIRouter(prefix="/inventory", tags=["stock"])


class StatsPage(Page[StatsRow]):
    since: Annotated[datetime, Field(description="Where the days begin.")]
    currency: Annotated[str, Field(description="Of every `value`: the store's, ISO 4217.", examples=["EUR"])]


@router.get("/stats", summary="What is there and what was sold", operation_id="read_stats")
async def read_stats(
    call: Annotated[Call, Depends(needs(Scope.READ))],
    by: Annotated[By, Query(description="One row for each SKU, location or channel.", examples=["sku"])] = By.SKU,
    days: Annotated[int, Query(ge=1, le=3650, description="Sold and shipped in the last so many days.", examples=[30])] = 30,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> StatsPage:
    """SKU units. sold: what orders placed in that time hold or have shipped. shipped: what left in that time, claims by hand included.

    value: on hand times unit cost, as decimal text. Of a SKU it is null where the cost is not known; of a location it leaves such units out, and
    `uncosted` says how many. A bundle has none, its parts have; a channel has no stock. in_transit, in_transit_value: what is on transfers, of the SKU
    or to the location; it is not on hand and not in `value`.
    """
    since = call.backend.store.clock.now() - timedelta(days=days)
    rows = await call.read(stats, by, since, after=after(cursor), limit=limit)
    return StatsPage(items=rows, next=next_of([row.id for row in rows], limit), since=since, currency=call.backend.currency)
