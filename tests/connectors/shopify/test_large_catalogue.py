"""A catalogue of thousands, through the whole store: how many calls the first match, the plan and a change of 1,000 SKUs take."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import event

from channelsync.config import load
from channelsync.ledger import stock
from channelsync.ledger.stock import Change
from channelsync.registry import Registry
from channelsync.shell.assemble import Assembly, assembled
from channelsync.shell.desk import Desk
from channelsync.testing.standins.base import Item
from channelsync.testing.standins.shopify import ShopifyStandIn
from channelsync.testing.virtual_clock import VirtualClock
from support.shopify import run, stand_in

LISTINGS, CHANGED = 3_000, 1_000


@asynccontextmanager
async def store_of(shop: ShopifyStandIn, clock: VirtualClock, folder: Path) -> AsyncIterator[Assembly]:
    settings = "".join(f"{name} = {json.dumps(value)}\n" for name, value in shop.settings("https://shop.test").items())
    file = folder / "store.toml"
    file.touch(mode=0o600)
    head = f'[store]\nid = "acme"\ndatabase = "sqlite:///{folder}/store.db"\nopening = "shop"\n[channels.shop]\nmode = "live"\n'
    file.write_text(head + settings)
    registry = Registry.installed()
    config = load(file, registry, environ={})
    transports = {"shop": httpx.ASGITransport(shop.app)}
    async with assembled(config, registry, clock=clock, source=random.Random(1), inline=True, transports=transports) as assembly:
        yield assembly


def test_thousands_of_listings_cost_a_handful_of_calls_and_a_thousand_changes_four_writes(tmp_path: Path) -> None:
    clock = VirtualClock()
    shop = stand_in(clock, *(Item(f"SKU-{number:04}", 40) for number in range(LISTINGS)), bulk_seconds=20.0)

    async def main() -> None:
        async with store_of(shop, clock, tmp_path) as assembly:
            desk = Desk(assembly, running=False)

            def change(verb: Any, numbers: range, units: Callable[[int], int]) -> None:
                with assembly.database.begin() as conn:
                    verb(conn, [Change(f"SKU-{n:04}", "main", units(n), reason="at the counter") for n in numbers], clock.now())

            statements: list[str] = []
            event.listen(assembly.database, "before_cursor_execute", lambda *said: statements.append(said[2]))
            planned = await desk.handle("plan", {})
            assert (planned.spool.counts["balances"], planned.head["troubles"]) == (LISTINGS, {})
            assert len(statements) < LISTINGS, "statements per listing"
            assert (shop.admin.calls["BulkRun"], shop.admin.calls["Listings"], shop.admin.calls["Stock"]) == (3, 0, 0)
            assert assembly.store.read[next(iter(assembly.store.channels))] == {"listings": LISTINGS, "numbers": 2 * LISTINGS, "orders": 0}
            await desk.handle("apply", {"look": False})
            assert shop.admin.calls["SetAvailable"] == 0
            change(stock.adjust, range(CHANGED), lambda _: -1)
            await desk.handle("apply", {"look": False})
            assert shop.admin.calls["SetAvailable"] == 4, "250 numbers a call"
            change(stock.receive, range(CHANGED), lambda number: 1 + number % 2)
            change(stock.adjust, range(2_000, 2_250), lambda _: -1)
            await desk.handle("apply", {"look": False})
            assert shop.admin.calls["SetAvailable"] == 4 + 1 + 4, "lowers and raises apart, both full"
            assert {shop.shows(f"SKU-{number:04}") for number in range(0, CHANGED, 2)} == {40}
            assert (shop.admin.throttles, shop.bulk.leaks) == (0, 0)

    run(main(), clock)
