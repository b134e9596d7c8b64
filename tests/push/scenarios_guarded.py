"""A shop of thirty SKUs under guard, and what somebody does to it. Each scenario ends with what must be true of the shops' numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from sqlalchemy import Connection, select

from channelsync.engine.catalogue import Catalogue
from channelsync.ledger import channels, guard, guard_answer, stock
from channelsync.ledger.channels import Pause, PauseKind
from channelsync.ledger.guard import Guarded, Limits
from channelsync.ledger.guard_answer import Resume
from channelsync.ledger.schema import shelves
from channelsync.testing.standins.base import Item
from support.push import Bench

GOODS = [f"S{number:02}" for number in range(30)]
LIMITS = Limits(least=5)
AT_MOST = 9
"""Three tenths of thirty, and of the one that the bench begins with."""


async def fill(bench: Bench) -> None:
    """Both shops sell them all, five of each are there, and channel a is guarded."""
    for shop in (bench.a, bench.b):
        shop.standin.stock([Item(sku, 5) for sku in GOODS])
        await Catalogue(bench.store, shop.channel, makes_skus=shop is bench.a).refresh()
    await count(bench, GOODS, 5)
    for shop in (bench.a, bench.b):
        assert await shop.bracket() == len(GOODS)
    await bench.ledger.run(guard.configure, Guarded(bench.a.channel.id, LIMITS))


async def count(bench: Bench, skus: Iterable[str], units: int) -> None:
    for sku in skus:
        await bench.ledger.run(stock.count, stock.Change(sku, "main", units))


def sold_out(bench: Bench) -> int:
    return sum(bench.a.standin.shows(sku) == 0 for sku in GOODS)


def paused_by(bench: Bench) -> PauseKind | None:
    return bench.read(lambda conn: channels.state_of(conn, bench.a.channel.id)).paused_kind


def _books(conn: Connection, channel_id: int) -> list[int]:
    return [book for book in conn.scalars(select(shelves.c.book).where(shelves.c.channel_id == channel_id)) if book is not None]


async def all_at_once(bench: Bench) -> None:
    """An import with a broken column counts everything to 0."""
    await fill(bench)
    await count(bench, GOODS, 0)
    await bench.a.push()
    assert sold_out(bench) == 0
    assert paused_by(bench) is PauseKind.GUARD


async def bit_by_bit(bench: Bench) -> None:
    """The same, one SKU a minute, each pushed before the next."""
    await fill(bench)
    for sku in GOODS:
        await count(bench, [sku], 0)
        await bench.a.push()
        await bench.clock.sleep(60)
    assert sold_out(bench) <= AT_MOST
    assert paused_by(bench) is PauseKind.GUARD


async def accepted(bench: Bench) -> None:
    """A person lets a clearance through; what comes afterwards is another question."""
    await fill(bench)
    await count(bench, GOODS[:12], 0)
    await bench.a.push()
    assert sold_out(bench) == 0
    await bench.ledger.run(guard_answer.resume, Resume(bench.a.channel.id, accept=True))
    await bench.a.push()
    assert sold_out(bench) == 12
    await count(bench, GOODS[12:24], 0)
    await bench.a.push()
    assert sold_out(bench) == 12
    assert paused_by(bench) is PauseKind.GUARD


async def reads_empty(bench: Bench) -> None:
    """A plug-in empties shop a; its policy would take that for the truth, and empty shop b as well."""
    await fill(bench)
    for sku in GOODS:
        bench.a.standin.edit(sku, 0)
    await bench.a.sweep()
    for _ in range(3):
        await bench.a.bracket()
        await bench.b.push()
    assert [bench.b.standin.shows(sku) for sku in GOODS] == [5] * len(GOODS)
    assert paused_by(bench) is PauseKind.GUARD
    for sku in GOODS:
        bench.a.standin.edit(sku, 5)
    await bench.a.sweep()
    assert await bench.ledger.run(guard_answer.resume, Resume(bench.a.channel.id)) is True


async def panic(bench: Bench) -> None:
    """A person pauses everything while the first of six calls is on the wire: it is settled, and nothing follows."""
    await fill(bench)
    await bench.ledger.run(guard.configure, Guarded(bench.a.channel.id, Limits(zero_share=0.0)))
    held = bench.a.standin.gate.hold("after")
    await count(bench, GOODS, 1)
    round_ = asyncio.ensure_future(bench.a.push())
    await held.arrived.wait()
    for shop in (bench.a, bench.b):
        await bench.ledger.run(channels.pause, Pause(shop.channel.id, "stop everything"))
    held.release()
    await round_
    shown = [bench.a.standin.shows(sku) for sku in GOODS]
    assert shown.count(1) == 5, "what was on the wire"
    books = bench.read(lambda conn: _books(conn, bench.a.channel.id))
    assert sorted(books) == sorted([*shown, bench.a.shows]), "and it is settled"
    await bench.ledger.run(channels.resume, bench.a.channel.id)
    await bench.a.push()
    assert [bench.a.standin.shows(sku) for sku in GOODS] == [1] * len(GOODS)
