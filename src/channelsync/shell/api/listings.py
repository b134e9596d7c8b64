"""GET /listings, POST /listings/link|unlink: what the shops sell, what is wrong with it, and which SKU each listing is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from channelsync.ledger import listing_pages, workbench
from channelsync.ledger.listing_pages import Filter, ListingRow, Show
from channelsync.ledger.matching import MAX_PACK
from channelsync.ledger.tokens import Scope
from channelsync.ledger.workbench import Item, Kind
from channelsync.shell.api.bearer import needs
from channelsync.shell.api.call import Call, IdempotencyKey
from channelsync.shell.api.models import Model, SkuName
from channelsync.shell.api.orders import ChannelName
from channelsync.shell.api.paging import Cursor, Limit, Page, after
from channelsync.shell.api.shops import channel_ids, configured

router = APIRouter(prefix="/listings", tags=["listings"])

Reader = Annotated[Call, Depends(needs(Scope.READ))]
Adjuster = Annotated[Call, Depends(needs(Scope.ADJUST))]
Ref = Annotated[str, Field(min_length=1, max_length=255, description="The listing's own id at the shop, or an alias.", examples=["42"])]
Named = Annotated[str, Field(min_length=1, max_length=64, description="The channel's name in the config.", examples=["webshop"])]


class LinkIn(Model):
    channel: Named
    ref: Ref
    sku: SkuName
    pack: Annotated[int, Field(ge=1, le=MAX_PACK, description="SKU units in one unit of the listing (a six-pack: 6).", examples=[1])] = 1


class UnlinkIn(Model):
    channel: Named
    ref: Ref


class LinkedOut(Model):
    listing: Annotated[int, Field(description="Its id in the ledger.", examples=[7])]
    ref: Annotated[str, Field(examples=["42"])]
    sku: SkuName
    pack: Annotated[int, Field(examples=[1])]
    orders_applied: Annotated[int, Field(description="Orders whose sales waited for it, and wait no more.", examples=[0])]
    repeat: bool


class UnlinkedOut(Model):
    listing: Annotated[int, Field(description="Its id in the ledger.", examples=[7])]
    ref: Annotated[str, Field(examples=["42"])]
    was: Annotated[str | None, Field(description="The SKU it was linked to; null if it was not.", examples=["MUG-01"])]
    repeat: bool


@router.get("", summary="List listings", operation_id="list_listings")
async def list_listings(
    call: Reader,
    channel: ChannelName = None,
    sku: Annotated[str | None, Query(max_length=255, description="Only those linked to this SKU.", examples=["MUG-01"])] = None,
    q: Annotated[
        str | None, Query(max_length=255, description="Only with this text in ref, SKU, title or barcode.", examples=["mug"])
    ] = None,
    show: Annotated[Show, Query(description="Which of them.", examples=["unlinked"])] = Show.ALL,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[ListingRow]:
    """In the order they were first seen. sku is what a listing is linked to, sku_text what the shop calls it."""
    ids = await channel_ids(call, channel)
    wanted = Filter(ids[0] if channel else None, sku, q or None, show)
    page = await call.read(listing_pages.list_listings, wanted, after=after(cursor), limit=limit)
    return Page(items=list(page.rows), next=None if page.next is None else str(page.next))


@router.get("/problems/{kind}", summary="Listings with a problem", operation_id="list_listing_problems")
async def list_problems(
    call: Reader,
    kind: Annotated[Kind, Path(description="Which problem.", examples=["duplicate"])],
    channel: ChannelName = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Page[Item]:
    """Of one kind: those that cannot be linked by themselves, and linked ones that need a person's eye. reason says what is wrong with each."""
    ids = await channel_ids(call, channel)
    items, following = await call.read(workbench.of_kind, ids, kind, after=after(cursor), limit=limit)
    return Page(items=list(items), next=None if following is None else str(following))


@router.post("/link", summary="Say which SKU a listing sells", operation_id="link_listing")
async def link(call: Adjuster, asked: LinkIn, idempotency_key: IdempotencyKey = None) -> LinkedOut:
    """Its shelves get their numbers at once, and sales that waited for it are applied."""
    await configured(call, asked.channel)
    done = await call.ask("listings.link", {**asked.model_dump(), "key": call.key(idempotency_key)})
    return LinkedOut.model_validate(done)


@router.post("/unlink", summary="Take a listing off its SKU", operation_id="unlink_listing")
async def unlink(call: Adjuster, asked: UnlinkIn, idempotency_key: IdempotencyKey = None) -> UnlinkedOut:
    """Nothing is written to it from now on, and its sales wait until it is linked again."""
    await configured(call, asked.channel)
    done = await call.ask("listings.unlink", {**asked.model_dump(), "key": call.key(idempotency_key)})
    return UnlinkedOut.model_validate(done)
