"""The stock reports. The short ones leave out what is being recalculated, what never moved, and zeros unless asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from channelsync.testing.standins.moysklad import books
from channelsync.testing.standins.moysklad.query import ApiError, Reply, Request, listed, parts
from channelsync.testing.standins.moysklad.render import meta, units
from channelsync.testing.standins.moysklad.state import Good, State, from_msk

Row = dict[str, Any]
DAY = timedelta(hours=24)
TYPES = ("stock", "reserve", "freeStock", "quantity", "inTransit")


def _allowed(state: State) -> None:
    if not state.dials.stock_permission:
        raise ApiError(403, 13004, "Отсутствует доступ к отчету Текущие остатки")


def current(state: State, request: Request) -> Reply:
    _allowed(state)
    kind = request.params.get("stockType", "stock")
    if kind not in TYPES:
        raise ApiError(400, 1014, "Неверное значение параметра stockType")
    since = _since(state, request.params.get("changedSince"))
    rows = [row for row in _rows(state, request, kind, since) if _asked(request, row)]
    if request.ids[0] == "all":
        rows = _summed(rows, kind)
    if len(rows) > state.dials.report_rows:
        raise ApiError(400, 13005, "Превышен допустимый объем для построения отчета 'Текущие остатки'")
    if since is None and "zeroLines" not in request.params.get("include", ""):
        rows = [row for row in rows if row[kind] != 0]
    return Reply(rows)


def _since(state: State, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        since = from_msk(text)
    except ValueError:
        raise ApiError(400, 1014, "Неверное значение параметра changedSince") from None
    if not state.now() - DAY <= since <= state.now():
        raise ApiError(400, 1014, "changedSince: не более 24 часов назад и не в будущем")
    return since


def _rows(state: State, request: Request, kind: str, since: datetime | None) -> Iterator[Row]:
    """One row per good and store; a row without a store for what orders reserve in none."""
    told = request.params.get("withRecalculate") == "true" and request.ids[0] == "bystore"
    for good in list(state.goods.values()):
        if not _shown(state, good):
            continue
        busy = state.recalculating.get(good.id, 0.0) > state.clock.monotonic()
        if busy and not told:
            continue
        for store in [*state.stores, *([None] if books.number(state, "reserve", good.id, None) else [])]:
            if since is None or _moved_since(state, good.id, store, kind, since):
                yield {"assortmentId": good.id, "storeId": store, kind: None if busy else units(value(state, good.id, store, kind))}


def _shown(state: State, good: Good) -> bool:
    if good.kind == "consignment" and not state.dials.consignment_rows:
        return False
    return good.counted and good.moved and not good.archived


def _moved_since(state: State, good: str, store: str | None, kind: str, since: datetime) -> bool:
    buckets = ("stock",) if kind == "stock" else ("stock", "reserve")
    return any(at >= since for bucket in buckets if (at := state.changed.get((bucket, good, store))))


def value(state: State, good: str, store: str | None, kind: str) -> float:
    stock, reserve = books.number(state, "stock", good, store), books.number(state, "reserve", good, store)
    return {"stock": stock, "reserve": reserve, "inTransit": 0.0}.get(kind, stock - reserve)


def _asked(request: Request, row: Row) -> bool:
    wanted: dict[str, set[str]] = {}
    for part in parts(request.params.get("filter", "")):
        if part.name not in {"assortmentId", "storeId"} or "/" in part.value:
            raise ApiError(400, 1014, f"Неверное значение '{part.value}' параметра фильтрации '{part.name}'")
        wanted.setdefault(part.name, set()).update(part.value.split(","))
    return all(row[name] in values for name, values in wanted.items())


def _summed(rows: list[Row], kind: str) -> list[Row]:
    totals: dict[str, float] = {}
    for row in rows:
        totals[row["assortmentId"]] = totals.get(row["assortmentId"], 0.0) + (row[kind] or 0)
    return [{"assortmentId": good, kind: units(total)} for good, total in totals.items()]


def long(state: State, request: Request) -> Reply:
    """The rich reports, for people; they cost five units."""
    _allowed(state)
    goods = [good for good in state.goods.values() if _shown(state, good)]

    def show(good: Good) -> Row:
        per_store = [
            {**meta("store", store), "stock": value(state, good.id, store, "stock"), "reserve": value(state, good.id, store, "reserve")}
            for store in state.stores
        ]
        if request.ids[0] == "bystore":
            return {**meta(good.kind, good.id), "stockByStore": per_store}
        return {
            **meta(good.kind, good.id),
            "code": good.code,
            "stock": sum(row["stock"] for row in per_store),
            "reserve": sum(row["reserve"] for row in per_store),
        }

    return listed(request, f"report/stock/{request.ids[0]}", goods, show)
