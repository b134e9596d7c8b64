"""Reads orders: those still open, those that changed, those that were refunded (a refund need not change an order's date), or one."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from channelsync.contract import Cursor, Gone, OrderSnapshot, Page
from channelsync.errors import Misunderstood, Refused
from channelsync_bigcommerce.answers import StoreRefused
from channelsync_bigcommerce.api import Api
from channelsync_bigcommerce.lines import lines_of
from channelsync_bigcommerce.rules import RulesOf
from channelsync_bigcommerce.settings import Settings
from channelsync_bigcommerce.shapes import from_iso, iso, number_id, objects, units, unix_time
from channelsync_bigcommerce.snapshot import REFUNDED, Habits, RawLine, snapshot, status_of
from channelsync_bigcommerce.walk import Raw, Walk

INCLUDE = {"include": "consignments.line_items", "consignment_structure": "object"}
OPEN_STATUSES = (1, 3, 7, 8, 9, 11, 12, 13, 14)
SECOND = timedelta(seconds=1)
RAW_MAX = 20_000
REFUNDS_PER_PAGE = 50
SEEN_MAX = 10_000  # orders of one run that its refunds need not bring again
REF = re.compile(r"[1-9]\d{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Run:
    """Where a run stands. stage: open, live or refunds. began: the store's clock when it began; nothing later is read.

    floor: where live and refunds begin. after: ask from here on. place: how many of OPEN_STATUSES, or of the refunded orders, are done.
    """

    stage: str
    began: datetime
    floor: datetime | None = None
    after: datetime | None = None
    place: int = 0

    def encode(self) -> str:
        times = {name: iso(at) for name in ("began", "floor", "after") if (at := getattr(self, name)) is not None}
        return json.dumps({"stage": self.stage, "place": self.place, **times}, separators=(",", ":"))

    @staticmethod
    def decode(mark: str) -> _Run:
        try:
            raw = json.loads(mark)
            stage, place = str(raw.pop("stage")), int(raw.pop("place"))
            run = _Run(stage, place=place, **{name: from_iso(at) for name, at in raw.items()})
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Misunderstood(f"this is no cursor of BigCommerce orders: {mark[:80]!r}") from None
        return run


class Orders:
    """The order stream of one store."""

    def __init__(self, api: Api, settings: Settings, rules: RulesOf) -> None:
        self._api, self._rules = api, rules
        self._overlap = timedelta(seconds=settings.overlap_seconds)
        self._habits = Habits(
            settings.placed_statuses,
            settings.partial_shipment_lowers,
            settings.default_location,
            settings.bundle_parents_counted,
        )

    async def one(self, ref: str) -> OrderSnapshot | Gone:
        if not REF.fullmatch(ref):
            raise Refused(f"{ref!r} is no BigCommerce order id")
        try:
            answer = await self._api.get(f"/v2/orders/{ref}", INCLUDE)
        except StoreRefused as error:
            if error.status == 404 and error.in_v2:
                return Gone(ref)
            raise
        return await self._snapshot(answer.object())

    async def stream(self, cursor: Cursor, widen: timedelta) -> AsyncIterator[Page[OrderSnapshot]]:
        """A first run reads the open orders, status by status; later ones what changed, then the orders of new refunds."""
        run = await self._start(cursor, widen)
        seen: set[str] = set()
        if run.stage != "refunds":
            async for rows, after in self._changed(run):
                page = await self._page(rows, resume=after.encode())
                if len(seen) < SEEN_MAX:
                    seen.update(order.ref for order in page.items)
                yield page
        if run.floor is not None:
            async for page in self._refunded(run, seen):
                yield page
        yield Page((), high_water=iso(run.began))

    async def _start(self, cursor: Cursor, widen: timedelta) -> _Run:
        if cursor.resume:
            return _Run.decode(cursor.resume)
        mark = from_iso(cursor.high_water) if cursor.high_water else None
        began = await self._time()
        if mark is None:
            return _Run("open", began)
        floor = mark - self._overlap - widen - SECOND
        return _Run("live", began, floor, floor)

    async def _time(self) -> datetime:
        return unix_time((await self._api.get("/v2/time")).object(), "time")

    async def _changed(self, run: _Run) -> AsyncIterator[tuple[list[Raw], _Run]]:
        """Rows, and where the run stands after them."""
        statuses: tuple[int | None, ...] = OPEN_STATUSES if run.stage == "open" else (None,)
        for place in range(run.place, len(statuses)):
            status = statuses[place]
            params = INCLUDE if status is None else {**INCLUDE, "status_id": str(status)}
            async for chunk in Walk(self._api, params, run.began).since(run.after):
                run = replace(run, after=chunk.mark, place=place if chunk.mark else place + 1)
                if chunk.mark is None and place + 1 == len(statuses) and run.floor is not None:
                    run = replace(run, stage="refunds", place=0)
                if chunk.rows or chunk.mark:
                    yield chunk.rows, run

    async def _refunded(self, run: _Run, seen: set[str]) -> AsyncIterator[Page[OrderSnapshot]]:
        """The orders of refunds since the floor, but for those just read."""
        assert run.floor is not None
        async for rows, _ in self._api.pages("/v3/orders/payment_actions/refunds", {"created:min": iso(run.floor)}, limit=REFUNDS_PER_PAGE):
            items: list[OrderSnapshot] = []
            refused: list[tuple[str, str, str]] = []
            for row in rows:
                try:
                    ref = str(number_id(row, "order_id"))
                    found = None if ref in seen else await self.one(ref)
                except Misunderstood as error:
                    refused.append((str(row.get("order_id", "?")), str(error), json.dumps(row)[:RAW_MAX]))
                    continue
                items += [found] if isinstance(found, OrderSnapshot) else []
            if items or refused:
                yield Page(tuple(items), resume=replace(run, stage="refunds", after=None).encode(), refused=tuple(refused))

    async def _page(self, rows: list[Raw], *, resume: str) -> Page[OrderSnapshot]:
        items: list[OrderSnapshot] = []
        refused: list[tuple[str, str, str]] = []
        for row in rows:
            try:
                items.append(await self._snapshot(row))
            except Misunderstood as error:
                refused.append((str(row.get("id", "?")), str(error), json.dumps(row)[:RAW_MAX]))
        return Page(tuple(items), resume, None, tuple(refused))

    async def _snapshot(self, raw: Raw) -> OrderSnapshot:
        channel = None if raw.get("order_source") == "manual" else number_id(raw, "channel_id", missing=0) or None
        rules = await self._rules.of(channel)
        lines = await lines_of(self._api, raw)
        by_action = status_of(raw) == REFUNDED and await self._refunded_by_action(raw, lines)
        return snapshot(raw, lines, rules, self._habits, refunded_by_action=by_action)

    async def _refunded_by_action(self, raw: Raw, lines: list[RawLine]) -> bool:
        """Whether the refund action set the status: all units are refunded, or an amount was that names no units."""
        if lines and all(units(line.raw, "quantity_refunded") >= units(line.raw, "quantity") for line in lines):
            return True
        rows = (await self._api.get(f"/v3/orders/{number_id(raw)}/payment_actions/refunds")).data_rows()
        return any(item.get("item_type") == "ORDER" for row in rows for item in objects(row, "items"))
