"""Reads what Moysklad's own people sold: orders that changed, what went to the bin, and what shipments and returns changed since."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from channelsync.contract import Cursor, Gone, OrderSnapshot, Page
from channelsync.errors import Misunderstood, Refused
from channelsync_moysklad.answers import NOT_FOUND, ShopRefused
from channelsync_moysklad.api import EVERY_STATE, EXPANDED_LIMIT, Api, any_of, chunks
from channelsync_moysklad.shapes import Raw, linked_id, linked_in, objects, to_msk
from channelsync_moysklad.snapshot import Positions, order_snapshot, ours, sale_snapshot
from channelsync_moysklad.walk import Walk

POSITIONS = "positions.assortment"
EXPAND = f"{POSITIONS},state,demands"
STAGES = ("customerorder", "bin", "demand", "retaildemand", "salesreturn")
"""In this order. The first run ever reads open orders alone: what has left is no news to a ledger that counts what lies there."""
RAW_MAX = 20_000
REF = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Run:
    """Where a run stands. floor: where every stage begins. after: ask from here on. began: the shop's clock at the first answer."""

    stage: str
    floor: datetime
    after: datetime
    began: datetime | None = None
    first: bool = False

    def encode(self) -> str:
        times = {name: at.isoformat() for name in ("floor", "after", "began") if (at := getattr(self, name))}
        return json.dumps({"stage": self.stage, "first": self.first, **times}, separators=(",", ":"))

    @staticmethod
    def decode(mark: str) -> _Run:
        try:
            raw = json.loads(mark)
            times = {name: instant(raw[name]) for name in ("floor", "after", "began") if name in raw}
            return _Run(str(raw["stage"]), first=bool(raw["first"]), **times)
        except (ValueError, KeyError, TypeError):
            raise Misunderstood(f"this is no cursor of Moysklad orders: {mark[:80]!r}") from None


def instant(mark: str) -> datetime:
    """A mark of ours, as UTC."""
    try:
        return datetime.fromisoformat(mark).astimezone(UTC)
    except (TypeError, ValueError):
        raise Misunderstood(f"this is no mark of ours: {mark[:80]!r}") from None


class Orders:
    """The order stream of one account. Marks are the shop's clock at the start of the run."""

    def __init__(self, api: Api) -> None:
        self._api, self._settings = api, api.settings

    async def one(self, ref: str) -> OrderSnapshot | Gone:
        kind, _, number = ref.rpartition("/")
        if kind not in {"", "demand", "retaildemand"} or not REF.fullmatch(number):
            raise Refused(f"{ref!r} is no id of a Moysklad document")
        try:
            answer = await self._api.get(f"/entity/{kind or 'customerorder'}/{number}", {"expand": POSITIONS if kind else EXPAND})
        except ShopRefused as error:
            if error.code == NOT_FOUND:
                return Gone(ref)
            raise
        return await (self._sale(kind, answer.entity()) if kind else self._order(answer.entity()))

    async def stream(self, cursor: Cursor, widen: timedelta) -> AsyncIterator[Page[OrderSnapshot]]:
        run = await self._start(cursor, widen)
        while True:
            async for rows, mark, at in self._stage(run):
                run = replace(run, began=run.began or at, after=mark or run.after)
                if mark is not None:
                    yield await self._page(run.stage, rows, resume=run.encode())
                    continue
                following = None if run.first else _after(run.stage)
                if following is None:
                    assert run.began is not None
                    yield await self._page(run.stage, rows, high_water=run.began.isoformat())
                    return
                done, run = run.stage, replace(run, stage=following, after=run.floor)
                yield await self._page(done, rows, resume=run.encode())

    async def _start(self, cursor: Cursor, widen: timedelta) -> _Run:
        if cursor.resume:
            run = _Run.decode(cursor.resume)
            if run.stage not in STAGES:
                raise Misunderstood(f"this is no cursor of Moysklad orders: {cursor.resume[:80]!r}")
            return run
        if cursor.high_water:
            floor = instant(cursor.high_water) - timedelta(minutes=self._settings.overlap_minutes) - widen
            return _Run(STAGES[0], floor, floor)
        answer = await self._api.get("/context/employee")
        floor = self._api.time_of(answer) - timedelta(days=self._settings.first_run_days)
        return _Run(STAGES[0], floor, floor, self._api.time_of(answer), first=True)

    async def _stage(self, run: _Run) -> AsyncIterator[tuple[list[Raw], datetime | None, datetime]]:
        """(rows, mark or None at the end, the shop's clock)."""
        if run.stage == "bin":
            params = {"filter": f"isDeleted=true;deleted>={to_msk(run.floor)}", "expand": EXPAND}
            answer_rows = await self._api.all("/entity/customerorder", params, limit=EXPANDED_LIMIT)
            assert run.began is not None
            yield answer_rows, None, run.began
            return
        kept = EVERY_STATE if run.stage in {"demand", "retaildemand"} else ""
        expand = {"customerorder": EXPAND, "salesreturn": "demand"}.get(run.stage, POSITIONS)
        async for chunk in Walk(self._api, f"/entity/{run.stage}", kept, expand).since(run.after):
            yield chunk.rows, chunk.mark, chunk.at

    async def _page(self, stage: str, rows: list[Raw], *, resume: str | None = None, high_water: str | None = None) -> Page[OrderSnapshot]:
        items: list[OrderSnapshot] = []
        refused: list[tuple[str, str, str]] = []
        orders, sales = await self._sold(stage, rows)
        for kind, raw in [*(("", raw) for raw in orders), *sales]:
            try:
                items.append(await (self._sale(kind, raw) if kind else self._order(raw)))
            except Misunderstood as error:
                refused.append((str(raw.get("id", "?")), str(error), json.dumps(raw, ensure_ascii=False)[:RAW_MAX]))
        return Page(tuple(items), resume, high_water, tuple(refused))

    async def _sold(self, stage: str, rows: list[Raw]) -> tuple[list[Raw], list[tuple[str, Raw]]]:
        """The orders behind a page of documents, and the sales without one. Orders that we exported are left out."""
        if stage in {"customerorder", "bin"}:
            return [raw for raw in rows if not ours(raw)], []
        if stage == "retaildemand":
            return [], [(stage, raw) for raw in rows]
        demands = rows if stage == "demand" else [raw["demand"] for raw in rows if linked_in(raw.get("demand"))]
        orders = await self._orders(linked_id(raw, "customerOrder") for raw in demands)
        return orders, [("demand", raw) for raw in demands if not raw.get("customerOrder")]

    async def _orders(self, refs: Iterable[str]) -> list[Raw]:
        found: list[Raw] = []
        for some in chunks(sorted({ref for ref in refs if ref})):
            params = {"filter": f"{any_of('id', some)};{EVERY_STATE}", "expand": EXPAND}
            found += await self._api.all("/entity/customerorder", params, limit=EXPANDED_LIMIT)
        return [raw for raw in found if not ours(raw)]

    async def _order(self, raw: Raw) -> OrderSnapshot:
        demands = objects(raw.get("demands"), "demands")
        positions = Positions(raw, await self._api.positions("customerorder", raw))
        return order_snapshot(positions, demands, await self._returns(demands), self._settings.cancelled_states, self._settings.sku_field)

    async def _sale(self, kind: str, raw: Raw) -> OrderSnapshot:
        positions = Positions(raw, await self._api.positions(kind, raw))
        return sale_snapshot(kind, positions, await self._returns([raw] if kind == "demand" else []), self._settings.sku_field)

    async def _returns(self, demands: Iterable[Raw]) -> list[Positions]:
        """What came back of these shipments; each return costs a request, and there are few."""
        found: list[Positions] = []
        for demand in demands:
            for target in objects(demand.get("returns"), "returns"):
                ref = (linked_in(target) or ("", ""))[1]
                try:
                    raw = (await self._api.get(f"/entity/salesreturn/{ref}", {"expand": "positions"})).entity()
                except ShopRefused as error:
                    if error.code == NOT_FOUND:  # deleted since the order was read
                        continue
                    raise Misunderstood(f"return {ref} cannot be read: {error}") from None
                found.append(Positions(raw, await self._api.positions("salesreturn", raw)))
        return found


def _after(stage: str) -> str | None:
    place = STAGES.index(stage) + 1
    return STAGES[place] if place < len(STAGES) else None
