"""The five verbs. Each is a request and a function that understands the answer; nothing is remembered, nothing is tried twice."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from channelsync.contract import (
    Call,
    Carrier,
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
    Reading,
    ShelfRef,
    Traits,
    WriteResult,
)
from channelsync.errors import Misunderstood, Unauthorized, Unavailable
from channelsync_kiosk import shapes

CHANGES_PER_CALL = 50
S = TypeVar("S", bound=shapes.Shape)


class Settings(BaseModel):
    """The `[channels.<name>]` table, less the engine's own keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    token: SecretStr
    overlap_seconds: float = Field(default=60.0, ge=0)


class KioskConnector:
    def __init__(self, settings: Settings, context: Context) -> None:
        self._settings, self._http = settings, context.http

    @property
    def traits(self) -> Traits:
        """The till adds a difference in one step and remembers a call's stamp for a day."""
        return Traits(carrier=Carrier.ADJUST, key_memory=timedelta(days=1), visibility_lag=timedelta(0), writes_per_call=CHANGES_PER_CALL)

    async def check(self) -> Identity:
        till = await self._get(shapes.Till, "/till")
        return Identity(till.serial, "kiosk")

    async def listings(self, cursor: Cursor) -> AsyncIterator[Page[Listing]]:
        """The till cannot tell what changed, so every run is whole; a broken one goes on after its last good."""
        after = cursor.resume or "0"
        while True:
            answer = await self._get(shapes.Goods, "/goods", after=after)
            goods = tuple(shapes.listing(good) for good in answer.goods)
            if not answer.more:
                yield Page(goods, high_water=answer.clock.isoformat())
                return
            after = goods[-1].ref
            yield Page(goods, resume=after)

    async def orders(self, cursor: Cursor, *, widen: timedelta = timedelta(0)) -> AsyncIterator[Page[OrderSnapshot]]:
        """Marks: the lower bound, the till's time when the run began, the last ticket that came."""
        since, began, after = _marks(cursor, timedelta(seconds=self._settings.overlap_seconds) + widen)
        while True:
            answer = await self._get(shapes.Tickets, "/tickets", since=since, after=after)
            began = began or answer.clock.isoformat()
            tickets, refused = shapes.each_ticket(answer.tickets)
            if not answer.more or answer.mark is None:
                yield Page(tickets, high_water=began, refused=refused)
                return
            after = answer.mark
            yield Page(tickets, resume=f"{since} {began} {after}", refused=refused)

    async def order(self, ref: str) -> OrderSnapshot | Gone:
        def understand(response: HttpResponse) -> OrderSnapshot | Gone:
            if response.status == 404 and response.json() == {"no": "such ticket"}:  # another 404 may be a proxy's
                return Gone(ref)
            return shapes.ticket(_content(response))

        return await self._http.read(self._request("GET", f"/tickets/{ref}"), understand)

    async def stock(self, shelves: Sequence[ShelfRef]) -> Sequence[Reading]:
        found: list[Reading] = []
        for start in range(0, len(shelves), CHANGES_PER_CALL):
            refs = [shelf.listing for shelf in shelves[start : start + CHANGES_PER_CALL]]
            answer = await self._get(shapes.Counts, "/counts", goods=",".join(refs))
            found += [Reading(ShelfRef(row.no), row.count, answer.clock) for row in answer.counts]
        return found

    async def push(self, call: Call) -> Sequence[WriteResult]:
        """One request, one try. What the answer does not mention is left out: the engine takes it as unknown."""
        if len(call.writes) > CHANGES_PER_CALL:
            raise ValueError(f"{len(call.writes)} writes in one call, the till takes {CHANGES_PER_CALL}")
        rows = [{"id": write.id, "good": write.shelf.listing, "by": write.delta} for write in call.writes]
        body = json.dumps({"stamp": call.key, "changes": rows}).encode()

        def understand(response: HttpResponse) -> list[WriteResult]:
            if response.status == 409:
                return [WriteResult(write.id, Outcome.UNKNOWN, "the till knows this stamp from another call") for write in call.writes]
            done = shapes.fits(shapes.Changes, _content(response)).done
            if strange := {row.id for row in done} - {write.id for write in call.writes}:
                raise Misunderstood(f"results for changes we did not ask for: {sorted(strange)}")
            return [shapes.result(row) for row in done]

        return await self._http.write(self._request("POST", "/changes", body=body), understand)

    async def _get(self, shape: type[S], path: str, **params: str) -> S:
        request = self._request("GET", path, params={name: value for name, value in params.items() if value})
        return await self._http.read(request, lambda response: shapes.fits(shape, _content(response)))

    def _request(self, method: str, path: str, *, params: dict[str, str] | None = None, body: bytes | None = None) -> HttpRequest:
        headers = {"authorization": f"Bearer {self._settings.token.get_secret_value()}", "accept": "application/json"}
        return HttpRequest(method, self._settings.url + path, headers, params or {}, body)


def _content(response: HttpResponse) -> bytes:
    """The body of a usable answer; whatever else it is, is said in the contract's errors."""
    if response.status == 401:
        raise Unauthorized("the till does not know this token; look it up in the till's settings and correct `token`")
    if response.status >= 500:
        raise Unavailable(f"the till answered {response.status}")
    if response.status != 200:
        raise Misunderstood(f"the till answered {response.status}: {response.body[:120]!r}")
    return response.body


def _marks(cursor: Cursor, overlap: timedelta) -> tuple[str, str, str]:
    if cursor.resume is not None:
        since, began, after = cursor.resume.split(" ")
        return since, began, after
    if cursor.high_water is None:
        return "", "", ""
    return (datetime.fromisoformat(cursor.high_water) - overlap).isoformat(), "", ""
