"""The walk over a list that changes meanwhile: what it asks for, and what it does with a shop that does not play along."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from channelsync.contract import Cursor, HttpResponse
from channelsync.errors import Misunderstood
from channelsync_woocommerce.api import Api
from channelsync_woocommerce.settings import Settings
from channelsync_woocommerce.walk import Chunk, Walk
from support.clock import ManualClock
from support.woocommerce import ScriptedHttp, answer, connected

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def rows(first: int, count: int, seconds: float = 0, step: float = 0) -> list[dict[str, Any]]:
    """Rows with ids from `first` on, changed `seconds` after noon and each `step` seconds later."""
    times = [NOON + timedelta(seconds=seconds + index * step) for index in range(count)]
    return [{"id": first + index, "date_modified_gmt": at.strftime("%Y-%m-%dT%H:%M:%S")} for index, at in enumerate(times)]


def walk(after: datetime | None, *pages: list[dict[str, Any]]) -> tuple[list[Chunk], ScriptedHttp]:
    answers: list[HttpResponse | Exception] = [answer(page) for page in pages]
    http = ScriptedHttp(*answers)
    settings = Settings.model_validate({"url": "https://shop.test", "consumer_key": "ck_1", "consumer_secret": "cs_1"})

    async def all_chunks() -> list[Chunk]:
        return [chunk async for chunk in Walk(Api(settings, http, ManualClock()), "/orders", {"status": "any"}).since(after)]

    chunks = asyncio.run(all_chunks())
    assert http.answers == []
    return chunks, http


def asked(http: ScriptedHttp, name: str) -> list[str | None]:
    return [request.params.get(name) for request in http.requests]


def test_each_step_asks_again_from_the_last_rows_second_and_never_by_page() -> None:
    chunks, http = walk(NOON, rows(1, 100, 1, 1), rows(100, 30, 100, 1))
    assert asked(http, "modified_after") == ["2026-11-21T12:00:00", "2026-11-21T12:01:39"]
    assert asked(http, "dates_are_gmt") == ["true", "true"]
    assert asked(http, "page") == [None, None]
    assert [len(chunk.rows) for chunk in chunks] == [100, 29]  # row 100 came twice and is handed out once
    assert [chunk.mark for chunk in chunks] == [NOON + timedelta(seconds=99), None]


def test_a_row_that_came_again_because_it_changed_is_handed_out_again() -> None:
    again = rows(100, 1, 150)
    chunks, _ = walk(NOON, rows(1, 100, 1, 1), again)
    assert chunks[1].rows == again


def test_a_second_with_more_rows_than_a_page_is_paged_inside_its_window() -> None:
    full, more = rows(1, 100, 1), rows(101, 20, 1)
    chunks, http = walk(NOON, full, full, more, full, more, [])
    assert asked(http, "page") == [None, None, "2", None, "2", None]
    assert asked(http, "modified_before")[1] == "2026-11-21T12:00:02"
    assert asked(http, "modified_after")[-1] == "2026-11-21T12:00:01"
    assert {row["id"] for chunk in chunks for row in chunk.rows} == set(range(1, 121))
    assert [chunk.mark for chunk in chunks] == [NOON + timedelta(seconds=1), None]


def test_a_second_that_never_comes_to_rest_is_an_error() -> None:
    full = rows(1, 100, 1)
    passes = [rows(1000 + index * 100, 99, 1) for index in range(5)]
    with pytest.raises(Misunderstood, match="keeps changing"):
        walk(NOON, full, *passes)


def test_a_shop_that_ignores_modified_after_is_an_error_and_not_an_endless_walk() -> None:
    with pytest.raises(Misunderstood, match="ignores modified_after"):
        walk(NOON, rows(1, 100, -500, 1))


def test_a_row_without_a_date_is_handed_out_and_does_not_stop_the_walk() -> None:
    odd = [{"id": 7, "date_modified_gmt": "soon"}, *rows(1, 99, 1, 1)]
    chunks, _ = walk(NOON, odd, [])
    assert chunks[0].rows == odd


def test_an_order_that_is_not_understood_is_set_aside_with_its_reason_and_the_run_goes_on() -> None:
    odd = {"id": 7, "status": "processing", "date_created_gmt": None, "date_modified_gmt": "2026-11-21T12:00:00", "line_items": []}
    good = odd | {"id": 8, "date_created_gmt": "2026-11-21T12:00:00"}
    http = ScriptedHttp(answer([odd, good]), answer([]))

    async def run() -> Any:
        connector = connected(http, ManualClock())
        return [page async for page in connector.orders(Cursor(high_water="2026-11-21T12:00:00"))]

    first, last = asyncio.run(run())
    assert [order.ref for order in first.items] == ["8"]
    ((ref, reason, raw),) = first.refused
    assert (ref, reason) == ("7", "date_created_gmt is missing")
    assert '"id": 7' in raw
    assert last.high_water == "2026-11-21T12:00:00"


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (
            {"endpoints": [{"args": {"status": {"enum": ["processing", "packed", "trash"]}}}]},
            "pending,processing,on-hold,checkout-draft,packed",
        ),
        ({"endpoints": []}, "any"),
        (b"", "any"),
        (b"<html>405 Not Allowed</html>", "any"),
    ],
)
def test_the_first_run_asks_for_open_statuses_by_name_or_for_all_orders(options: Any, status: str) -> None:
    http = ScriptedHttp(answer(options), answer([]))

    async def run() -> list[str | None]:
        return [page.high_water async for page in connected(http, ManualClock()).orders(Cursor())]

    assert asyncio.run(run()) == ["2026-11-21T01:00:00"]
    assert http.requests[1].params["status"] == status
    assert "billing" not in http.requests[1].params["_fields"]


@pytest.mark.parametrize("resume", ["x", "0", "[]", "{}", '{"stage":"live","after":5}', '{"stage":"live","else":"2026-11-21T12:00:00"}'])
def test_a_cursor_of_somebody_else_is_refused(resume: str) -> None:
    async def run() -> None:
        async for _ in connected(ScriptedHttp(), ManualClock()).orders(Cursor(resume=resume)):
            pass

    with pytest.raises(Misunderstood, match="no cursor"):
        asyncio.run(run())
