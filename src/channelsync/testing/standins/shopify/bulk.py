"""Bulk operations: one query over a whole list, run by the shop in its own time, its result a JSONL file behind a URL of another host.

The rows are read little by little while the operation runs, so that the file is no snapshot. How a row is made of a record is in `projection`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from channelsync.testing.standins.base import Answer
from channelsync.testing.standins.shopify.projection import NotBulk, Projection, compiled
from channelsync.testing.standins.shopify.records import Numbered

if TYPE_CHECKING:
    from channelsync.testing.standins.shopify.shop import ShopifyStandIn

KEPT = timedelta(days=7)
RUNNING = ("CREATED", "RUNNING", "CANCELING")
HOST = "storage.test"


@dataclass(slots=True, eq=False)
class BulkOperation(Numbered):
    number: int
    query: str
    created_at: datetime
    status: str = "CREATED"
    error_code: str | None = None
    completed_at: datetime | None = None
    object_count: int = 0
    root_object_count: int = 0
    file_size: int | None = None
    url: str | None = None
    partial_data_url: str | None = None
    type: str = "QUERY"


@dataclass(slots=True)
class _Work:
    """What an operation still has to read, and what it has written."""

    operation: BulkOperation
    projection: Projection
    records: list[Any]
    began: float
    done: int = 0
    lines: list[bytes] = field(default_factory=list)


class BulkOperations:
    """All bulk queries of one app on one shop. Dials: seconds (how long one runs), at_once, fails ("FAILED" or "CANCELED": how the next
    one ends, after half of its rows), cut (the file ends after so many bytes, as a broken download does).

    leaks: downloads that carried an access token to the storage host, which has no business to know it.
    """

    def __init__(self, shop: ShopifyStandIn, *, seconds: float = 0.0, at_once: int = 5) -> None:
        self.shop, self.seconds, self.at_once = shop, seconds, at_once
        self.operations: dict[str, BulkOperation] = {}
        self.fails: str | None = None
        self.cut: int | None = None
        self.leaks = 0
        self._host = HOST
        self._queue: list[_Work] = []
        self._files: dict[str, tuple[bytes, datetime]] = {}  # by path

    def asked_at(self, host: str) -> None:
        """The address under which the shop is known: its files are served by the same process under another name."""
        local = host.startswith("127.0.0.1")
        self._host = host.replace("127.0.0.1", "localhost", 1) if local else HOST

    def run_query(self, text: str) -> dict[str, Any]:
        self.advance()
        if len(self._queue) >= self.at_once:
            many = "A bulk query operation for this app and shop is already in progress." if self.at_once == 1 else "Limit reached"
            return _refused("OPERATION_IN_PROGRESS" if self.at_once == 1 else "LIMIT_REACHED", many)
        try:
            projection = compiled(text)
        except NotBulk as error:
            return _refused("INVALID", str(error))
        made = BulkOperation(self.shop.ids.next("BulkOperation"), text, self.shop.seconds())
        self.operations[made.id] = made
        self._queue.append(_Work(made, projection, projection.records(self.shop), self.shop.clock.monotonic()))
        return {"bulkOperation": made, "userErrors": []}

    def find(self, ref: str) -> BulkOperation | None:
        self.advance()
        return self.operations.get(ref)

    def current(self) -> BulkOperation | None:
        self.advance()
        return list(self.operations.values())[-1] if self.operations else None

    def advance(self) -> None:
        """Read what the running operations have come to by now."""
        now = self.shop.clock.monotonic()
        for work in list(self._queue):
            share = 1.0 if self.seconds <= 0 else min(1.0, (now - work.began) / self.seconds)
            self._read(work, int(len(work.records) * share))
            if self.fails is not None and share >= 0.5:
                self._end(work, self.fails)
            elif share >= 1.0:
                self._end(work, "COMPLETED")
        for operation in self.operations.values():
            if operation.completed_at and self.shop.clock.now() - operation.completed_at > KEPT:
                operation.status, operation.url, operation.partial_data_url = "EXPIRED", None, None

    def _read(self, work: _Work, until: int) -> None:
        operation = work.operation
        operation.status = "RUNNING"
        for record in work.records[work.done : until]:
            work.lines += [json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in work.projection.rows(record, self.shop)]
        work.done = max(work.done, until)
        operation.root_object_count, operation.object_count = work.done, len(work.lines)

    def _end(self, work: _Work, status: str) -> None:
        self._queue.remove(work)
        operation, content = work.operation, b"".join(work.lines)
        operation.status, operation.completed_at = status, self.shop.seconds()
        if status == "FAILED":
            operation.error_code = "INTERNAL_SERVER_ERROR"
        self.fails = None
        if not content:
            return
        path = f"/bulk/{operation.number}-{self.shop.random.randbytes(8).hex()}.jsonl"
        self._files[path] = content, self.shop.clock.now() + KEPT
        url = f"{'http' if self._host.startswith('localhost') else 'https'}://{self._host}{path}?Signature=secret"
        operation.file_size = len(content)
        if status == "COMPLETED":
            operation.url = url
        else:
            operation.partial_data_url = url

    def download(self, path: str, headers: Mapping[str, str]) -> Answer:
        """The storage host's answer: no access token wanted, and a URL that is too old is refused."""
        self.leaks += "x-shopify-access-token" in headers
        content, until = self._files.get(path, (b"", datetime.min.replace(tzinfo=self.shop.clock.now().tzinfo)))
        if self.shop.clock.now() > until:
            return 400, {"content-type": "application/xml"}, b"<Error><Code>ExpiredToken</Code></Error>"
        return 200, {"content-type": "application/jsonl"}, content[: self.cut]


def _refused(code: str, message: str) -> dict[str, Any]:
    return {"bulkOperation": None, "userErrors": [{"code": code, "field": None, "message": message}]}
