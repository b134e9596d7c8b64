"""Numbers out: every shelf of a channel is due, and the engine's own pusher brings them to the shop; against a bare client that posts the same batches.

The shop has no rate limit here. Both send one call after the other, as the safe push does: the next call's numbers depend on nothing, its rights do.
"""

from __future__ import annotations

import asyncio
import json
import math
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Connection, func, select, text

from benchmarks import scene
from benchmarks.side_by_side import Comparison, Figure
from benchmarks.standin import Shop, sku
from channelsync.cli.loop import run_loop
from channelsync.contract import Call, ShelfRef, Write
from channelsync.ledger import stock
from channelsync.ledger.schema import shelves
from channelsync.ledger.stock import Change
from channelsync.shell.assemble import Assembly, introduce_all
from channelsync.shell.desk import Desk
from channelsync.shell.heap import kept_from_the_collector
from channelsync_shopify import push
from channelsync_shopify.documents import SET_AVAILABLE, WRITES_MAX

SHELVES = 10_000
CALLS_MIN = math.ceil(SHELVES / WRITES_MAX)
NO_LIMIT = {"bucket_size": 1e9, "restore_rate": 1e9, "visibility_lag": 0.0}
"""Of the stand-in: it says so in each answer, and the limiter believes it."""


def comparisons(stack: ExitStack, tell: Callable[[str], None]) -> Iterator[Comparison]:
    """The shops and the ledger live until the stack is closed: each run begins where the one before it has ended, with every shelf one unit lower."""
    pusher, client = Pusher(stack, tell), BareClient(stack)
    yield Comparison(
        "pusher",
        f"{SHELVES:,} due shelves through the engine's pusher",
        f"bare httpx client, the same {CALLS_MIN} calls",
        "shelves/s",
        0.5,
        pusher.run,
        client.run,
    )


class Pusher:
    """A store whose one shop was matched and counted, on first use."""

    def __init__(self, stack: ExitStack, tell: Callable[[str], None]) -> None:
        self._stack, self._tell = stack, tell
        self._shop: Shop | None = None

    def run(self) -> Figure:
        if self._shop is None:
            self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
            self._shop = self._stack.enter_context(Shop("shopify", SHELVES, dials=NO_LIMIT))
            run_loop(self._first_day(self._shop))
        before = self._shop.counts()
        seconds, booked, due = run_loop(self._changed_and_pushed(self._shop))
        after = self._shop.counts()
        calls, writes = after["write_calls"] - before["write_calls"], after["writes"] - before["writes"]
        self._tell(f"  {calls} write calls for {writes:,} numbers; the least is {CALLS_MIN}")
        if (writes, calls, due) != (SHELVES, CALLS_MIN, 0) or not booked == after["shown"] == before["shown"] - SHELVES:
            raise AssertionError(
                f"it does not add up: {calls} calls, {writes} writes, {due} still due, {booked} booked, {after['shown']} shown"
            )
        return Figure(SHELVES / seconds)

    async def _first_day(self, shop: Shop) -> None:
        async with scene.store(self._folder, self._url, shop.settings, inline=True) as assembly:
            desk = Desk(assembly, running=False)
            planned = await desk.handle("plan", {})
            assert not planned.head["troubles"], planned.head["troubles"]
            await desk.handle("apply", {"look": False})

    async def _changed_and_pushed(self, shop: Shop) -> tuple[float, int, int]:
        """Seconds of the push alone; the sum of the books and what is still due afterwards."""
        async with scene.store(self._folder, self._url, shop.settings) as assembly:
            await introduce_all(assembly.store)
            await _lower_all(assembly)
            [dispatcher] = assembly.engine.dispatchers.values()
            with kept_from_the_collector():  # as the daemon does
                began = time.perf_counter()
                await dispatcher.run_once()
                seconds = time.perf_counter() - began
            return seconds, *await assembly.ledger.read(_sums)

    @property
    def _url(self) -> str:
        return f"sqlite:///{self._folder}/bench.db"


async def _lower_all(assembly: Assembly) -> None:
    changes = (Change(sku(number), "main", -1, reason="sold at the counter") for number in range(SHELVES))
    await asyncio.gather(*(assembly.ledger.run(stock.adjust, change) for change in changes))


def _sums(conn: Connection) -> tuple[int, int]:
    booked = conn.execute(select(func.sum(shelves.c.book))).scalar_one()
    due = conn.execute(select(func.count()).select_from(shelves).where(text("shelves.due"))).scalar_one()
    return int(booked), int(due)


class BareClient:
    """Posts the same calls to a shop of its own, over one connection of the same library, and reads the answers."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._shop: Shop | None = None

    def run(self) -> Figure:
        if self._shop is None:
            self._shop = self._stack.enter_context(Shop("shopify", SHELVES, dials=NO_LIMIT))
            self._items = list(self._shop.items().values())
        before = self._shop.counts()
        shows = before["shown"] // SHELVES
        bodies = self._bodies(shows)
        with kept_from_the_collector():  # its own heap would be small
            seconds = run_loop(self._post(self._shop.settings, bodies))
        after = self._shop.counts()
        if after["writes"] - before["writes"] != SHELVES or after["shown"] != before["shown"] - SHELVES:
            raise AssertionError(f"the anchor does not add up: {before}, {after}")
        return Figure(SHELVES / seconds)

    def _bodies(self, shows: int) -> list[bytes]:
        """Rendered beforehand: what is compared is the way there and back."""
        assert self._shop is not None
        where = self._shop.settings["shop_location"]
        return [_body(self._items[start : start + WRITES_MAX], where, shows) for start in range(0, SHELVES, WRITES_MAX)]

    @staticmethod
    async def _post(settings: Mapping[str, Any], bodies: Sequence[bytes]) -> float:
        address = f"{settings['url']}/admin/api/2026-07/graphql.json"
        headers = {"content-type": "application/json", "x-shopify-access-token": settings["access_token"]}
        async with httpx.AsyncClient(headers=headers) as client:
            began = time.perf_counter()
            for body in bodies:
                answer = await client.post(address, content=body)
                if answer.json()["data"]["inventorySetQuantities"]["userErrors"]:
                    raise AssertionError(answer.text[:500])
            return time.perf_counter() - began


def _body(items: Sequence[str], location: str, shows: int) -> bytes:
    key = str(uuid.uuid4())
    call = Call(key, tuple(Write(f"{key}.{n}", ShelfRef(item, ""), shows - 1, shows, -1) for n, item in enumerate(items)))
    return json.dumps({"query": SET_AVAILABLE.text, "variables": push.variables(call, location)}, separators=(",", ":")).encode()
