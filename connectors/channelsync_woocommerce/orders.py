"""Reads orders: those that changed (live ones, then the trash, which every list hides), those still open, or one."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from channelsync.contract import Cursor, Gone, OrderSnapshot, Page
from channelsync.errors import Misunderstood, Refused, Unavailable
from channelsync_woocommerce.answers import ShopRefused
from channelsync_woocommerce.api import PER_PAGE, Api
from channelsync_woocommerce.settings import Settings
from channelsync_woocommerce.shapes import from_naive_utc, inner, naive_utc, number_id, objects
from channelsync_woocommerce.snapshot import DEAD, Meanings, snapshot, unshipped_refunds
from channelsync_woocommerce.walk import Chunk, Raw, Walk, changed_at

FIELDS = "id,number,status,created_via,date_created_gmt,date_modified_gmt,date_paid_gmt,date_completed_gmt,line_items,refunds,meta_data,shipping.country,shipping.state,shipping.postcode"  # what a snapshot needs: names and streets of customers stay in the shop
OPEN = ("pending", "processing", "on-hold", "checkout-draft")
CLOSED = frozenset({"any", "trash", "auto-draft", "completed", "cancelled", "refunded", "failed"})
REFUND_FIELDS = "id,date_created_gmt,line_items"
RAW_MAX = 20_000
REF = re.compile(r"[1-9]\d{0,18}", re.ASCII)
TIMES = ("after", "floor", "seen", "began")


@dataclass(frozen=True, slots=True)
class _Run:
    """Where a run stands. stage: open, live or trash. after: ask from here on. floor: where live and trash begin.

    seen: the new high-water mark so far. began: the shop's clock at the first answer.
    """

    stage: str
    after: datetime | None = None
    floor: datetime | None = None
    seen: datetime | None = None
    began: datetime | None = None

    def encode(self) -> str:
        times = {name: naive_utc(at) for name in TIMES if (at := getattr(self, name)) is not None}
        return json.dumps({"stage": self.stage, **times}, separators=(",", ":"))

    @staticmethod
    def decode(text: str) -> _Run:
        try:
            raw = json.loads(text)
            run = _Run(raw.pop("stage"), **{name: from_naive_utc(at) for name, at in raw.items()})
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Misunderstood(f"this is no cursor of WooCommerce orders: {text[:80]!r}") from None
        return run


class Orders:
    """The order stream of one shop."""

    def __init__(self, api: Api, settings: Settings) -> None:
        self._api, self._settings = api, settings
        self._meanings = Meanings(settings.held_statuses, settings.shipped_statuses, settings.released_statuses, settings.container_keys)

    async def one(self, ref: str) -> OrderSnapshot | Gone:
        if not REF.fullmatch(ref):
            raise Refused(f"{ref!r} is no WooCommerce order id")
        try:
            answer = await self._api.get(f"/orders/{ref}", {"_fields": FIELDS})
        except ShopRefused as error:
            if error.status == 404 and error.code.endswith("_invalid_id"):
                return Gone(ref)
            raise
        return await self._snapshot(answer.object())

    async def stream(self, cursor: Cursor, widen: timedelta) -> AsyncIterator[Page[OrderSnapshot]]:
        """Live orders, then the trash. A run that is taken up again in a later stage ends with both anew: what was read before the break is old."""
        run = self._start(cursor, widen)
        stale = bool(cursor.resume) and run.stage != "live"
        while True:
            walk = Walk(self._api, "/orders", {"status": await self._statuses(run.stage), "_fields": FIELDS})
            rows: list[Raw] = []
            async for chunk in walk.since(run.after):
                run, rows = _advance(run, chunk), chunk.rows
                if chunk.mark is not None:
                    yield await self._page(rows, resume=run.encode())
            if run.stage == "live":
                run = replace(run, stage="trash", after=run.floor)
            elif stale:
                run, stale = self._live(_mark(run), timedelta(0)), False
            else:
                yield await self._page(rows, high_water=naive_utc(_mark(run)))
                return
            yield await self._page(rows, resume=run.encode())

    def _start(self, cursor: Cursor, widen: timedelta) -> _Run:
        if cursor.resume:
            return _Run.decode(cursor.resume)
        if not cursor.high_water:
            return _Run("open")
        return self._live(from_naive_utc(cursor.high_water), widen)

    def _live(self, mark: datetime, widen: timedelta) -> _Run:
        floor = mark - timedelta(seconds=self._settings.overlap_seconds + 1) - widen  # `modified_after` is strict
        return _Run("live", floor, floor, seen=mark)

    async def _statuses(self, stage: str) -> str:
        """Open orders by name: statuses of plug-ins may hold stock too, and only OPTIONS tells them."""
        if stage != "open":
            return "trash" if stage == "trash" else "any"
        try:
            told = list(_enums((await self._api.get("/orders", method="OPTIONS")).object()))
        except (Unavailable, Misunderstood, Refused):
            told = []
        if "processing" not in told:  # some hosts answer OPTIONS themselves: rather read all orders than miss one
            return "any"
        return ",".join(dict.fromkeys([*OPEN, *(status for status in told if status not in CLOSED or status in self._meanings.held)]))

    async def _page(self, rows: list[Raw], *, resume: str | None = None, high_water: str | None = None) -> Page[OrderSnapshot]:
        items: list[OrderSnapshot] = []
        refused: list[tuple[str, str, str]] = []
        for row in rows:
            try:
                items.append(await self._snapshot(row))
            except Misunderstood as error:
                refused.append((str(row.get("id", "?")), str(error), json.dumps(row)[:RAW_MAX]))
        return Page(tuple(items), resume, high_water, tuple(refused))

    async def _snapshot(self, raw: Raw) -> OrderSnapshot:
        """An order with refunds costs one request more, except where its end is told by the order itself."""
        refunds: list[Raw] = []
        if raw.get("refunds") and (raw.get("date_completed_gmt") or raw.get("status") not in DEAD):
            refunds = await self._refunds(raw)
        return snapshot(raw, self._settings.hold_stock_minutes, unshipped_refunds(raw, refunds), self._meanings)

    async def _refunds(self, raw: Raw) -> list[Raw]:
        try:
            rows = (await self._api.get(f"/orders/{number_id(raw)}/refunds", {"per_page": str(PER_PAGE), "_fields": REFUND_FIELDS})).rows()
        except ShopRefused as error:
            if error.status == 404:  # deleted for good since the list was read
                return []
            raise Misunderstood(f"the refunds of order {raw['id']} cannot be read: {error}") from None
        if len(rows) == PER_PAGE:
            raise Misunderstood(f"order {raw['id']} has {PER_PAGE} refunds or more")
        return rows


def _advance(run: _Run, chunk: Chunk) -> _Run:
    """The mark never passes what was surely seen: a live row changed after the live stage is found by the next run, so trash cannot pass its beginning.

    Nor the shop's own clock: a row dated in the future would hide every change until then.
    """
    began = run.began or chunk.at
    newest = max((at for row in chunk.rows if (at := changed_at(row))), default=None)
    cap = chunk.at if run.stage == "live" else began
    seen = run.seen
    if newest is not None:
        seen = max(min(newest, cap), run.seen or min(newest, cap))
    return replace(run, began=began, seen=seen, after=chunk.mark if chunk.mark is not None else run.after)


def _mark(run: _Run) -> datetime:
    """How far was surely seen. After the first stage ever: the shop's clock before it began. Later: the newest change seen."""
    at = run.began if run.stage == "open" else run.seen
    assert at is not None
    return at


def _enums(told: dict[str, Any]) -> Iterable[str]:
    """Every status named by an OPTIONS answer, in whichever argument it stands."""
    for endpoint in objects(told, "endpoints"):
        status = inner(inner(endpoint, "args"), "status")
        for names in (status.get("enum"), inner(status, "items").get("enum")):
            yield from (name for name in (names if isinstance(names, list) else ()) if isinstance(name, str))
