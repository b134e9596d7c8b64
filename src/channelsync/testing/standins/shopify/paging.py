"""Connections: pages of records behind opaque cursors, and the refusals of a malformed request."""

from __future__ import annotations

import base64
import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from graphql import GraphQLError

PAGE_MAX = 250


class Connection:
    """One page of (cursor key, record) rows."""

    def __init__(self, rows: Iterable[tuple[Any, Any]], first: int | None) -> None:
        if first is None:
            raise refusal("you must provide one of first or last")
        if not 0 <= first <= PAGE_MAX:
            raise refusal(f"first is limited to {PAGE_MAX}")
        found = list(islice(rows, first + 1))
        self.rows = found[:first]
        self.nodes = [record for _, record in self.rows]
        self.page_info = {
            "hasNextPage": len(found) > first,
            "hasPreviousPage": False,
            "startCursor": cursor(self.rows[0][0]) if self.rows else None,
            "endCursor": cursor(self.rows[-1][0]) if self.rows else None,
        }

    @property
    def edges(self) -> list[dict[str, Any]]:
        return [{"cursor": cursor(key), "node": record} for key, record in self.rows]


def refusal(text: str, code: str = "BAD_REQUEST", **more: Any) -> GraphQLError:
    return GraphQLError(text, extensions={"code": code, **more})


def cursor(key: Any) -> str:
    return base64.b64encode(json.dumps(key).encode()).decode()


def key_of(after: str | None) -> Any:
    if after is None:
        return None
    try:
        return json.loads(base64.b64decode(after))
    except ValueError:
        raise refusal(f"Invalid cursor {after!r}") from None


def in_order(records: Sequence[Any], after: str | None, first: int | None) -> Connection:
    """The same of records that are in that order already: it starts where the page does, whatever lies before it."""
    last = key_of(after)
    start = 0 if last is None else bisect_right(records, last, key=lambda record: record.number)
    return Connection(((record.number, record) for record in islice(records, start, None)), first)


def numbered(records: Iterable[Any], after: str | None, first: int | None) -> Connection:
    """A page of records in the order of their numbers."""
    last = key_of(after)
    return Connection(((r.number, r) for r in records if last is None or r.number > last), first)
