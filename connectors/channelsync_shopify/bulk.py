"""Bulk operations: a query over a whole list that the shop runs in its own time and answers with a file. What the rows mean is said elsewhere.

The file is no snapshot: each row was read at some moment while the operation ran. What failed half way is never used (`partialDataUrl`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from channelsync.contract import Clock, Downloads, NotJson, decoded
from channelsync.errors import Misunderstood, Refused, Unavailable
from channelsync_shopify import documents
from channelsync_shopify.admin import Admin, Answer
from channelsync_shopify.answers import BulkMade, BulkOperation
from channelsync_shopify.shapes import shaped

FILE_MAX = 2 * 1024**3
"""Bytes of a result on our disk: some four million rows."""
WAIT_MAX_SECONDS = 3600.0
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between two questions whether it is done; the last one stays."""

_ENDED = frozenset({"COMPLETED", "FAILED", "CANCELED", "EXPIRED"})


class NoFile(Exception):
    """The shop has no room for another operation now, or the operation brought nothing that can be used: read page by page instead."""


@dataclass(frozen=True, slots=True)
class Begun:
    """at: the shop's clock when it took the query; every row is read after that."""

    ref: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """url None: the list is empty. rows: how many it has (no query of ours has a list in a list). at: the shop's clock when the last row had been read."""

    ref: str
    url: str | None
    rows: int
    at: datetime


class Bulk:
    """One shop's bulk operations. secure: its files come over https (a shop on this machine has none)."""

    def __init__(self, admin: Admin, downloads: Downloads, clock: Clock, *, secure: bool) -> None:
        self._admin, self._downloads, self._clock, self._secure = admin, downloads, clock, secure

    async def begin(self, query: str) -> Begun:
        """Raises NoFile if the shop has as many running as it allows."""
        return await self._admin.write(documents.BULK_RUN, {"query": query}, _understand_begun)

    async def wait(self, ref: str) -> Done:
        """Until it has ended. Raises NoFile unless it is complete, and Unavailable after an hour: it may still end, ask again."""
        waited, questions = 0.0, 0
        while True:
            operation, at = await self._admin.read(documents.BULK_STATUS, {"id": ref}, _understand_status)
            if operation is None or (operation.status in _ENDED and operation.status != "COMPLETED"):
                raise NoFile(f"the bulk operation ended as {operation.status if operation else 'unknown'}")
            if operation.status == "COMPLETED":
                return Done(ref, operation.url, operation.root_object_count, operation.completed_at or at)
            if waited >= WAIT_MAX_SECONDS:
                raise Unavailable(f"bulk operation {ref} has not ended after {waited:.0f} s ({operation.root_object_count} rows so far)")
            pause = PAUSES[min(questions, len(PAUSES) - 1)]
            await self._clock.sleep(pause)
            waited, questions = waited + pause, questions + 1

    @asynccontextmanager
    async def rows(self, done: Done) -> AsyncIterator[Iterator[dict[str, Any]]]:
        """The file's rows. Raises NoFile if it is not there any more; the rows raise Misunderstood at the end of a file that was cut."""
        if done.url is None:
            yield _counted(iter(()), done)
            return
        if self._secure and not done.url.startswith("https://"):
            raise Misunderstood("the shop points to a file without https")
        try:
            async with self._downloads.download(done.url, limit=FILE_MAX) as lines:
                yield _counted(lines, done)
        except Refused as error:
            raise NoFile(str(error)) from error


def _counted(lines: Iterator[bytes], done: Done) -> Iterator[dict[str, Any]]:
    count = 0
    for line in lines:
        if line:
            count += 1
            yield _row(line)
    if count != done.rows:
        raise Misunderstood(f"the bulk file has {count} rows, {done.rows} were announced; it was cut short")


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = decoded(line)
    except NotJson as error:
        raise Misunderstood(f"a line of the bulk file is not JSON: {line[:120]!r}") from error
    if not isinstance(row, dict):
        raise Misunderstood(f"a line of the bulk file is no object: {line[:120]!r}")
    return row


def _understand_begun(answer: Answer) -> Begun:
    made = shaped(BulkMade, answer.field("bulkOperationRunQuery"), "the answer to a bulk query")
    if made.bulk_operation is not None:
        return Begun(made.bulk_operation.id, answer.at)
    codes = {error.code for error in made.user_errors}
    if codes & {"LIMIT_REACHED", "OPERATION_IN_PROGRESS"}:
        raise NoFile("the shop runs as many bulk operations as it allows")
    raise Misunderstood("the shop refuses the bulk query: " + "; ".join(error.message for error in made.user_errors)[:300])


def _understand_status(answer: Answer) -> tuple[BulkOperation | None, datetime]:
    raw = answer.field("bulkOperation")
    return (None if raw is None else shaped(BulkOperation, raw, "a bulk operation")), answer.at
