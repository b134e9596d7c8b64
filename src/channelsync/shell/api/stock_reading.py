"""GET /inventory/...: stock by SKU, by location, by both, and its log."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import Field

from channelsync.ledger import stock_pages
from channelsync.ledger.movement_pages import movements_of
from channelsync.ledger.stock_pages import Filter
from channelsync.ledger.tokens import Scope
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call
from channelsync.shell.api.models import MovementOut, SkuLevelOut, SkuOut
from channelsync.shell.api.paging import Cursor, Limit, Page, after, before, next_of
from channelsync.shell.api.problems import Problem

router = APIRouter(prefix="/inventory", tags=["stock"])

Reader = Annotated[Call, Depends(needs(Scope.READ))]
Sku = Annotated[str, Path(description="The SKU; a slash in it is written %2F.", examples=["MUG-01"], max_length=255)]
Location = Annotated[str, Path(description="The location's code.", examples=["main"], max_length=64)]
IfNoneMatch = Annotated[
    str | None,
    Header(max_length=128, description="The ETag of your copy: 304 if it is still right.", examples=['"4711"']),
]
ETAG = {"ETag": {"description": "The version of what was read.", "schema": {"type": "string"}}}
TAGGED: dict[int | str, dict[str, Any]] = {200: {"headers": ETAG}, 304: {"description": "Your copy is still right.", "headers": ETAG}}
ChangedSince = Annotated[
    str | None,
    Query(
        description="Only SKUs whose stock has changed since then: an instant (ISO 8601 with its offset), or `changes` of an earlier answer, "
        "which misses nothing. Some SKUs may come twice.",
        examples=["2026-11-28T12:00:00Z", "m4711"],
        max_length=64,
    ),
]


class SkuPage(Page[SkuOut]):
    changes: Annotated[
        str,
        Field(
            description="Pass it as `changed_since` once you have read the last page, to get what changes from now on.", examples=["m4711"]
        ),
    ]


@router.get("/skus", summary="List SKUs with their stock", operation_id="list_skus")
async def list_skus(
    call: Reader,
    q: Annotated[str, Query(description="Only with this text in SKU or title.", max_length=255)] = "",
    location: Annotated[str | None, Query(description="Only with a level at this location.", max_length=64)] = None,
    changed_since: ChangedSince = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> SkuPage:
    """In the order in which the ledger learned of them. Pages stay stable while stock changes."""
    now = call.backend.store.clock.now()
    changes = await call.read(stock_pages.complete_until, now)
    wanted = Filter(q, location, None if changed_since is None else await _since(call, changed_since))
    rows = await call.read(stock_pages.page, wanted, after(cursor), limit)
    return SkuPage(items=[SkuOut.of(row) for row in rows], next=next_of([row.id for row in rows], limit), changes=f"m{changes}")


@router.get("/skus/{sku:name}", summary="One SKU", operation_id="read_sku", responses=TAGGED)
async def read_sku(call: Reader, response: Response, sku: Sku, if_none_match: IfNoneMatch = None) -> SkuOut:
    """With its level at every location. Send the ETag as `If-None-Match` to learn cheaply that nothing changed (304)."""
    row = await call.read(stock_pages.one, sku)
    out = SkuOut.of(row)
    whole = out.model_dump_json().encode()  # a policy changes without a movement, and a bundle by those of its parts
    _tag(if_none_match, response, f"{row.version}-{hashlib.sha256(whole).hexdigest()[:12]}")
    return out


@router.get("/skus/{sku:name}/locations/{location:name}", summary="One SKU at one location", operation_id="read_level", responses=TAGGED)
async def read_level(call: Reader, response: Response, sku: Sku, location: Location, if_none_match: IfNoneMatch = None) -> SkuLevelOut:
    """Zeros for a place where nothing of it ever lay. With an ETag, as for the SKU."""
    row = await call.read(stock_pages.level, sku, location)
    _tag(if_none_match, response, str(row.version))
    return SkuLevelOut.of(row)


@router.get("/skus/{sku:name}/movements", summary="The log of one SKU", operation_id="list_movements")
async def list_movements(
    call: Reader,
    sku: Sku,
    location: Annotated[str | None, Query(description="Only at this location.", max_length=64)] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[MovementOut]:
    """The newest first. Entries are never changed or deleted."""
    rows = await call.read(movements_of, sku, location, before(cursor), limit)
    return Page(items=[MovementOut(**row) for row in rows], next=next_of([row["id"] for row in rows], limit))


@router.get("/locations/{location:name}", summary="All stock at one location", operation_id="list_location")
async def list_location(call: Reader, location: Location, cursor: Cursor = None, limit: Limit = 100) -> Page[SkuLevelOut]:
    """Every SKU that ever lay there, in the order in which the ledger learned of them."""
    rows = await call.read(stock_pages.at_location, location, after(cursor), limit)
    return Page(items=[SkuLevelOut.of(row) for _, row in rows], next=next_of([sku_id for sku_id, _ in rows], limit))


async def _since(call: Call, text: str) -> int:
    if text[:1] == "m" and text[1:].isascii() and text[1:].isdigit() and len(text) < 19:
        return int(text[1:])
    try:
        instant = datetime.fromisoformat(text)
        at = None if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):  # no instant, or one before the first or after the last that there is
        at = None
    if at is None:
        raise Problem(
            422, "malformed", "changed_since: an instant with its offset, like 2026-11-28T12:00:00Z, or `changes` of an earlier answer"
        )
    return await call.read(stock_pages.first_since, at)


def _tag(known: str | None, response: Response, version: str) -> None:
    """Raises the 304."""
    tag = f'"{version}"'
    if known == tag:
        raise NotModified(tag)
    response.headers["etag"] = tag


class NotModified(Exception):
    """The caller's copy is still right."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self.tag = tag
