"""Watches our exported documents: changed, shipped, thrown into the bin or deleted for good."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta

from channelsync.contract import Claimed, Cursor, Page
from channelsync.errors import Misunderstood, Unauthorized
from channelsync_moysklad import note
from channelsync_moysklad.api import EXPANDED_LIMIT, LIMIT, Api
from channelsync_moysklad.documents import KEYS_PER_CALL, KIND, Document, claimed, find, is_ours
from channelsync_moysklad.orders import instant
from channelsync_moysklad.shapes import Raw, id_of, inner, linked, text, to_msk
from channelsync_moysklad.snapshot import OURS
from channelsync_moysklad.walk import Walk

AUDIT_LIMIT = 100
AGAIN = "again"  # a broken run begins anew: its cursor has not moved


class Claims:
    """The stream of our documents in one account. Marks are the shop's clock at the start of the run."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._overlap = timedelta(minutes=api.settings.overlap_minutes)

    async def stream(self, cursor: Cursor) -> AsyncIterator[Page[Claimed]]:
        since = instant(cursor.high_water) - self._overlap if cursor.high_water else None
        began: datetime | None = None
        async for codes, at in self._changed(since):
            began = began or at
            if codes:
                yield await self._page(codes)
        assert began is not None
        items = await self._deleted(since) if since else []
        yield Page(tuple(items), high_water=began.isoformat())

    async def _changed(self, since: datetime | None) -> AsyncIterator[tuple[set[str], datetime]]:
        """External codes of our documents that changed, went to the bin, or were shipped from."""
        prefix = f"externalCode~={OURS}"
        at = self._api.time_of(await self._api.get("/context/employee"))
        yield set(), at
        async for chunk in Walk(self._api, f"/entity/{KIND}", prefix, limit=LIMIT).since(since):
            yield _codes(chunk.rows), at
        if since is None:
            return
        binned = f"isDeleted=true;deleted>={to_msk(since)}"
        async for rows in self._api.pages(f"/entity/{KIND}", {"filter": f"{prefix};{binned}"}):
            yield _codes(rows), at
        async for chunk in Walk(self._api, "/entity/demand", expand="customerOrder").since(since):
            yield _codes(inner(row, "customerOrder") for row in chunk.rows), at
        params = {"filter": binned, "expand": "customerOrder"}
        async for rows in self._api.pages("/entity/demand", params, limit=EXPANDED_LIMIT):
            yield _codes(inner(row, "customerOrder") for row in rows), at

    async def _page(self, codes: set[str]) -> Page[Claimed]:
        items: list[Claimed] = []
        refused: list[tuple[str, str, str]] = []
        by_code: dict[str, list[Document]] = {}
        for document in await find(self._api, "externalCode", sorted(codes), size=KEYS_PER_CALL):
            by_code.setdefault(text(document.raw.get("externalCode")), []).append(document)
        for code, documents in by_code.items():
            try:
                items.append(claimed(documents))
            except Misunderstood as error:
                refused.append((code.removeprefix(OURS), str(error), documents[0].comment[:1000]))
        return Page(tuple(items), resume=AGAIN, refused=tuple(refused))

    async def _deleted(self, since: datetime) -> list[Claimed]:
        """What was deleted for good is told by the audit alone, and by that only to administrators (doctor says so)."""
        params = {"filter": f"entityType={KIND};eventType=delete;moment>={to_msk(since)[:19]}"}
        found: list[Claimed] = []
        try:
            contexts = await self._api.all("/audit", params, limit=AUDIT_LIMIT)
        except Unauthorized:
            return []
        for context in contexts:
            async for events in self._api.pages(f"/audit/{id_of(context)}/events", {}, limit=AUDIT_LIMIT):
                found += [gone for event in events if (gone := _gone(event))]
        return found


def _codes(rows: Iterable[Raw]) -> set[str]:
    return {code for row in rows if is_ours(code := text(row.get("externalCode")))}


def _gone(event: Raw) -> Claimed | None:
    """The deletion of one of our documents, if the event names the fields of what was deleted."""
    code, comment = (text(inner(inner(event, "diff"), name).get("oldValue")) for name in ("externalCode", "description"))
    entity = linked({"entity": event.get("entity")}, "entity")
    if not is_ours(code) or entity is None or entity[0] != KIND:
        return None
    try:
        noted = note.read(comment, "")
    except Misunderstood:
        noted = None
    return Claimed(noted.key if noted else code.removeprefix(OURS), entity[1], (), gone=True)
