"""The memory connector in the role of an authority: it speaks to the memory warehouse, which owns on hand and keeps documents of our orders."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import AwareDatetime

from channelsync.contract import (
    Call,
    Carrier,
    Claim,
    Claimed,
    ClaimedLine,
    Context,
    Cursor,
    Gone,
    HttpRequest,
    HttpResponse,
    Identity,
    Listing,
    OrderSnapshot,
    Outcome,
    Page,
    Physical,
    Reading,
    ShelfRef,
    Traits,
    WriteResult,
)
from channelsync.errors import Refused
from channelsync_memory import shapes
from channelsync_memory.answers import Shape, fits, moment, understood
from channelsync_memory.marks import marks, present
from channelsync_memory.settings import Settings

T = TypeVar("T")


class GoodShape(Shape):
    ref: str
    sku: str
    title: str


class GoodsPage(Shape):
    items: list[GoodShape]
    next: str | None
    now: AwareDatetime


class RowShape(Shape):
    item: str
    location: str
    units: int | None
    reserved: int | None
    read_as: str


class RowsPage(Shape):
    rows: list[RowShape]
    next: str | None
    now: AwareDatetime


class DocumentLineShape(Shape):
    ref: str
    held: int
    shipped: int


class DocumentShape(Shape):
    key: str
    document: str
    gone: bool
    lines: list[DocumentLineShape]


class DocumentsPage(Shape):
    claims: list[DocumentShape]
    next: str | None
    now: AwareDatetime


class MemoryAuthority:
    """Satisfies Connector and StockAuthority. Marks are those of `MemoryConnector`."""

    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings = settings
        self._http = context.http

    @property
    def traits(self) -> Traits:
        return Traits(Carrier.NONE, visibility_lag=timedelta(0))  # what changed is in its list at once

    async def check(self) -> Identity:
        return await self._get("/shop", {}, shapes.identity)

    async def listings(self, cursor: Cursor) -> AsyncIterator[Page[Listing]]:
        """Always all of them: a warehouse does not say which changed."""
        since, start, after = marks(cursor)
        while True:
            page = await self._get("/items", present(after=after), lambda body: fits(GoodsPage, body))
            start = start or page.now.isoformat()
            items = tuple(Listing(good.ref, good.sku, good.title, locations=()) for good in page.items)
            if page.next is None:
                yield Page(items, high_water=start)
                return
            after = page.next
            yield Page(items, resume=f"{since}|{start}|{after}")

    async def orders(self, cursor: Cursor, *, widen: timedelta = timedelta(0)) -> AsyncIterator[Page[OrderSnapshot]]:
        yield Page((), high_water=cursor.high_water or "none")

    async def order(self, ref: str) -> OrderSnapshot | Gone:
        return Gone(ref)

    async def stock(self, shelves: Sequence[ShelfRef]) -> Sequence[Reading]:
        return []

    async def push(self, call: Call) -> Sequence[WriteResult]:
        return [WriteResult(write.id, Outcome.REFUSED, "a warehouse has no shelf to write") for write in call.writes]

    async def physical(self, cursor: Cursor, *, full: bool = False) -> AsyncIterator[Page[Physical]]:
        since, start, after = marks(cursor)
        if full and not after:
            since = ""
        bound = (moment(since) - self._overlap()).isoformat() if since else ""
        while True:
            page = await self._get("/stock", present(since=bound, after=after), lambda body: fits(RowsPage, body))
            start = start or page.now.isoformat()
            rows = tuple(_physical(row) for row in page.rows)
            if page.next is None:
                yield Page(rows, high_water=start)
                return
            after = page.next
            yield Page(rows, resume=f"{since}|{start}|{after}")

    async def physical_of(self, shelves: Sequence[ShelfRef]) -> Sequence[Physical]:
        found: list[Physical] = []
        size = self._settings.readings_per_call
        for first in range(0, len(shelves), size):
            places = [{"item": shelf.listing, "location": shelf.location} for shelf in shelves[first : first + size]]
            request = self._request("POST", "/stock", content={"places": places})
            page = await self._http.read(request, understood(lambda body: fits(RowsPage, body)))
            found += [_physical(row) for row in page.rows]
        return found

    async def export(self, claim: Claim) -> Claimed:
        lines = [
            {"ref": line.ref, "item": line.listing, "location": line.location, "quantity": line.quantity, "held": line.held}
            for line in claim.lines
        ]
        request = self._request("PUT", "/claims", content={"key": claim.key, "number": claim.number, "lines": lines})

        def understand(response: HttpResponse) -> Claimed:
            if response.status == 422:
                raise Refused(f"the warehouse does not take it: {response.body[:120]!r}")
            return understood(lambda body: _claimed(fits(DocumentShape, body)))(response)

        return await self._http.write(request, understand)

    async def claims(self, cursor: Cursor) -> AsyncIterator[Page[Claimed]]:
        since, start, after = marks(cursor)
        bound = (moment(since) - self._overlap()).isoformat() if since else ""
        while True:
            page = await self._get("/claims", present(since=bound, after=after), lambda body: fits(DocumentsPage, body))
            start = start or page.now.isoformat()
            documents = tuple(_claimed(document) for document in page.claims)
            if page.next is None:
                yield Page(documents, high_water=start)
                return
            after = page.next
            yield Page(documents, resume=f"{since}|{start}|{after}")

    def _overlap(self) -> timedelta:
        return timedelta(seconds=self._settings.overlap_seconds)

    async def _get(self, path: str, params: Mapping[str, str], meaning: Callable[[bytes], T]) -> T:
        return await self._http.read(self._request("GET", path, params=params), understood(meaning))

    def _request(self, method: str, path: str, *, params: Mapping[str, str] | None = None, content: Any = None) -> HttpRequest:
        headers = {"authorization": f"Bearer {self._settings.token.get_secret_value()}", "accept": "application/json"}
        return HttpRequest(
            method, self._settings.url + path, headers, params or {}, None if content is None else json.dumps(content).encode()
        )


def _physical(row: RowShape) -> Physical:
    units = None if row.units is None else max(0, row.units)
    read_as = row.read_as or (str(row.units) if row.units is not None and row.units < 0 else "")
    return Physical(row.item, row.location, units, row.reserved, read_as)


def _claimed(document: DocumentShape) -> Claimed:
    lines = tuple(ClaimedLine(line.ref, line.held, line.shipped) for line in document.lines)
    return Claimed(document.key, document.document, lines, document.gone)
