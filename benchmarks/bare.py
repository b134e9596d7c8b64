"""The anchor of intake: a bare receiver that checks the signature, stores the delivery and then says 200. One thread commits what has piled up, one
INSERT for each request; no framework below it but Starlette and the driver.
"""

from __future__ import annotations

import asyncio
import hmac
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from queue import Empty, SimpleQueue
from typing import Any

import psycopg
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.deliveries import ID, PATH, SIGNATURE, signature

Row = tuple[str, bytes]
Store = Callable[[Sequence[Row]], None]
"""Stores a group in one transaction; returns after the commit."""

SCHEMA = "CREATE TABLE inbox (key text PRIMARY KEY, body {blob} NOT NULL)"
IDS = "SELECT key FROM inbox"
GROUP_MAX = 256


@contextmanager
def sqlite_store(file: str) -> Iterator[Store]:
    """WAL, and every commit on the disk."""
    conn = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    for setting in ("journal_mode = WAL", "synchronous = FULL"):
        conn.execute(f"PRAGMA {setting}")
    conn.execute(SCHEMA.format(blob="blob"))

    def store(rows: Sequence[Row]) -> None:
        conn.execute("BEGIN IMMEDIATE")
        for row in rows:
            conn.execute("INSERT INTO inbox (key, body) VALUES (?, ?) ON CONFLICT DO NOTHING", row)
        conn.execute("COMMIT")

    try:
        yield store
    finally:
        conn.close()


@contextmanager
def postgres_store(url: str) -> Iterator[Store]:
    """psycopg sends the INSERTs of a group one behind the other, without waiting for each."""
    conn = psycopg.connect(url)
    conn.execute(SCHEMA.format(blob="bytea").encode())
    conn.commit()

    def store(rows: Sequence[Row]) -> None:
        with conn.cursor() as cursor:
            cursor.executemany("INSERT INTO inbox (key, body) VALUES (%s, %s) ON CONFLICT DO NOTHING", rows)
        conn.commit()

    try:
        yield store
    finally:
        conn.close()


class Writer:
    """The thread: takes what is queued, stores it, wakes those who wait."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue: SimpleQueue[tuple[Row, asyncio.Future[None]] | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    async def put(self, row: Row) -> None:
        stored = self._loop.create_future()
        self._queue.put((row, stored))
        await stored

    async def close(self) -> None:
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group = [first]
            try:
                while len(group) < GROUP_MAX and (more := self._queue.get_nowait()) is not None:
                    group.append(more)
            except Empty:
                pass
            self._store([row for row, _ in group])
            self._loop.call_soon_threadsafe(_settle, [stored for _, stored in group])


def _settle(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        future.set_result(None)


@asynccontextmanager
async def receiver(store: Store) -> AsyncIterator[int]:
    """Its port, as long as the block runs."""
    writer = Writer(store)

    async def webhook(request: Request) -> Response:
        body = await request.body()
        if not hmac.compare_digest(request.headers[SIGNATURE], signature(body)):
            return Response(status_code=401)
        await writer.put((request.headers[ID], body))
        return Response()

    app: Any = Starlette(routes=[Route(PATH, webhook, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", ws="none", log_config=None, access_log=False))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.005)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await running
        await writer.close()
