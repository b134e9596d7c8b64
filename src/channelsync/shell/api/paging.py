"""Cursors of lists: opaque to those who page, an id to us."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import Field

from channelsync.ledger.stock_pages import PAGE_MAX
from channelsync.shell.api.models import Model

T = TypeVar("T")

Cursor = Annotated[
    str | None, Query(pattern=r"^[0-9]{1,18}$", description="`next` of the page before; none for the first page.", examples=["1204"])
]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="Rows in a page.")]


class Page(Model, Generic[T]):
    items: list[T]
    next: Annotated[str | None, Field(description="The cursor of the next page; null on the last.", examples=["1204"])]


def after(cursor: str | None) -> int:
    return int(cursor or 0)


def before(cursor: str | None) -> int | None:
    """For lists that begin with the newest."""
    return int(cursor) if cursor else None


def next_of(ids: list[int], limit: int) -> str | None:
    """Of a page with the rows `ids`: a full one may have a next."""
    return str(ids[-1]) if len(ids) == limit else None
