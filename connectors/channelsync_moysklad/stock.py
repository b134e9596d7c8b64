"""The short stock reports, and the numbers that a channel's shelves show. A row that does not come says nothing; null means: ask again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime

from channelsync.contract import Reading, ShelfRef
from channelsync.errors import Misunderstood
from channelsync_moysklad.answers import Answer
from channelsync_moysklad.api import Api, chunks
from channelsync_moysklad.shapes import UUID, Raw, id_of, number

Rows = dict[tuple[str, str | None], float | None]
"""(good, store or None where it is no store's) -> the number; None while it is being recalculated."""

Odd = dict[str, tuple[str, str]]
"""good -> why a row of it is not understood, and the row."""

RAW_MAX = 20_000
REPORT = "/report/stock/bystore/current"
EVERY_ROW = {"include": "zeroLines", "withRecalculate": "true"}


def filtered(goods: Sequence[str] = (), stores: Sequence[str] = ()) -> dict[str, str]:
    """Plain ids, not links."""
    parts = [f"{name}={','.join(values)}" for name, values in (("assortmentId", goods), ("storeId", stores)) if values]
    return {"filter": ";".join(parts)} if parts else {}


async def report(api: Api, kind: str, params: Mapping[str, str], odd: Odd | None = None) -> tuple[Rows, datetime]:
    """One reading, and the shop's clock then. kind: "stock" (physical, before any reserve) or "reserve"; never freeStock or quantity.

    odd: takes the rows that are not understood, if their good is; without it they raise Misunderstood.
    """
    answer = await api.get(REPORT, {"stockType": kind, **EVERY_ROW, **params})
    return rows_of(answer, kind, odd), api.time_of(answer)


def rows_of(answer: Answer, kind: str, odd: Odd | None = None) -> Rows:
    rows: Rows = {}
    for row in answer.array():
        good = id_of(row, "assortmentId")
        try:
            rows[good, id_of(row, "storeId") if row.get("storeId") is not None else None] = _value(row, kind)
        except Misunderstood as error:
            if odd is None:
                raise
            odd[good] = (str(error), json.dumps(row, ensure_ascii=False)[:RAW_MAX])
    return rows


def _value(row: Raw, kind: str) -> float | None:
    if kind not in row:
        raise Misunderstood(f"a row of the {kind} report has another number: {str(row)[:120]}")
    return None if row[kind] is None else number(row[kind], kind)


async def readings(api: Api, shelves: Sequence[ShelfRef]) -> list[Reading]:
    """What is being recalculated, was never moved, or is hidden from the employee is absent: its number is not known."""
    wanted = {shelf for shelf in shelves if UUID.fullmatch(shelf.listing) and UUID.fullmatch(shelf.location)}
    goods, stores = sorted({shelf.listing for shelf in wanted}), sorted({shelf.location for shelf in wanted})
    found: list[Reading] = []
    for some in chunks(goods):
        rows, at = await report(api, "stock", filtered(some, stores))
        for (good, store), value in rows.items():
            shelf = ShelfRef(good, store or "")
            if shelf in wanted and value is not None:
                found.append(Reading(shelf, math.floor(value), at))
    return found
