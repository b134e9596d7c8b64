"""Two daemons on one PostgreSQL, and the one that holds a channel is killed or frozen while stock moves: how long until the other one writes that
channel's numbers, as a share of the lease, and whether anything was lost or written twice.

Run it with `make bench` or `python -m benchmarks.takeover --times 3`; a table goes to standard error, the last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import ExitStack
from typing import Any, Final

from sqlalchemy import select

from benchmarks.nodes import SKUS, Store, store, until
from channelsync.clock import SystemClock
from channelsync.ledger import stock
from channelsync.ledger.database import reading
from channelsync.ledger.schema import channels
from channelsync.ledger.stock import Change
from channelsync.testing import filling
from channelsync.testing.postgres import PostgresServer, available
from channelsync.testing.siege.process import Process
from channelsync.testing.standins.memory import MemoryStandIn

LEASE_SECONDS: Final = 8.0
"""The shortest that shops with a time-out of 2 s allow."""

AIM: Final = 1.25
"""Leases: one until it ends, and a little to notice, to read and to write."""

SOLD: Final = 5
SKU: Final = "SKU-7"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=1, help="of each: killed, frozen")
    given = options.parse_args()
    if not available():
        sys.exit("no PostgreSQL binaries: install the test extra")
    server = PostgresServer(durable=True)
    server.start()
    try:
        figures = [asyncio.run(one_run(server, how)) for _ in range(given.times) for how in ("killed", "frozen")]
    finally:
        server.stop()
    for each in figures:
        sys.stderr.write(f"{'reached' if each['reached'] else 'MISSED'} {AIM}: {json.dumps(each)}\n")
    sys.stdout.write(json.dumps({"aim": AIM, "lease_seconds": LEASE_SECONDS, "figures": figures}) + "\n")


async def one_run(server: PostgresServer, how: str) -> dict[str, Any]:
    async with store(server, 2, lease_seconds=LEASE_SECONDS, poll_seconds=1.0) as here:
        with ExitStack() as stack:
            daemons = []
            for number, config in enumerate(here.configs):
                daemons.append(stack.enter_context(Process(config.path, config.path.with_name(f"log-{number}"))))
                daemons[-1].start()
                await daemons[-1].up()
            await move(here, -SOLD)  # both shops are written once by whoever holds them
            holder = next(each for each in daemons if f":{each.child.pid}:" in held_by(here))
            other = next(each for each in daemons if each is not holder)
            began = time.perf_counter()
            holder.kill() if how == "killed" else holder.freeze()
            await move(here, -SOLD)
            took = time.perf_counter() - began
            assert f":{other.child.pid}:" in held_by(here), "the other one has it"
            if how == "frozen":
                holder.thaw()
                await move(here, -SOLD)
                assert holder.alive
            assert other.alive
            doubled = [name for name, shop in here.shops.items() if twice(shop)]
            assert not doubled, f"a write has landed twice in {doubled}"
            for each in (other, holder) if how == "frozen" else (other,):
                assert await each.stop() == 0, each.said()
        filling.prove(here.database, SystemClock().now())
    return {"how": how, "seconds": round(took, 1), "leases": round(took / LEASE_SECONDS, 2), "reached": took <= AIM * LEASE_SECONDS}


async def move(here: Store, units: int) -> None:
    """Units come or go, and it is waited until both shops show it."""
    before = [shop.shelves.shows(SKU) for shop in here.shops.values()]

    def change() -> None:
        with here.database.begin() as conn:
            stock.adjust(conn, [Change(SKU, "main", units, reason="counted")], SystemClock().now())

    def shown() -> bool:
        return [shop.shelves.shows(SKU) for shop in here.shops.values()] == [number + units for number in before]

    await asyncio.to_thread(change)
    await until(shown)


def held_by(here: Store) -> str:
    """Who holds the second channel."""
    with reading(here.database).connect() as conn:
        return str(conn.scalar(select(channels.c.lease_owner).where(channels.c.name == filling.CHANNELS[1])))


def twice(shop: MemoryStandIn) -> bool:
    """Whether a write of ours was carried out twice, or a number of another SKU was touched."""
    landed = Counter((change.write, change.sku) for change in shop.changes if change.write)
    assert {sku for _, sku in landed} <= {SKU}, landed
    return max(landed.values(), default=0) > 1


assert int(SKU.removeprefix("SKU-")) <= SKUS

if __name__ == "__main__":
    main()
