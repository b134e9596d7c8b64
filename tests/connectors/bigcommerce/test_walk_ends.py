"""A list of orders ends only where the store says so."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from channelsync.errors import Misunderstood
from channelsync_bigcommerce.api import PER_PAGE, Api
from channelsync_bigcommerce.walk import Walk


class Undated:
    """A store whose rows do not say when they changed."""

    def __init__(self, rows: int) -> None:
        self._rows = [{"id": number} for number in range(rows)]

    async def get(self, path: str, params: dict[str, str]) -> Undated:
        return self

    def rows(self) -> list[dict[str, Any]]:
        return self._rows


def walk(rows: int) -> list[int]:
    async def main() -> list[int]:
        chunks = Walk(cast("Api", Undated(rows)), {}, datetime(2026, 1, 1, tzinfo=UTC)).since(None)
        return [len(chunk.rows) async for chunk in chunks]

    return asyncio.run(main())


def test_a_full_page_without_a_time_is_not_the_end() -> None:
    with pytest.raises(Misunderstood, match="date_modified"):
        walk(PER_PAGE)


def test_a_short_page_is_the_end_whatever_its_rows_say() -> None:
    assert walk(3) == [3]
