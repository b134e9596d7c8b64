"""Listings that staff delete in a shop: found by a webhook's word or by the daily whole run, asked for by name, and taken off behind the guard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, select

from channelsync.engine.catalogue import Catalogue
from channelsync.ledger import findings, guard
from channelsync.ledger.guard import Guarded, Limits
from channelsync.ledger.schema import listings, shelves
from channelsync.testing.standins.base import Item
from support.push import Bench

Play = Callable[..., None]
MORE = tuple(f"Y{number}" for number in range(8))


def delete(bench: Bench, *skus: str) -> None:
    shelves = bench.a.standin.shelves
    for sku in skus:
        del shelves._by_ref[shelves.products.pop(sku).ref]


def living(bench: Bench) -> set[str]:
    def read(conn: Connection) -> set[str]:
        mine = listings.c.channel_id == bench.a.channel.id, listings.c.removed_at.is_(None)
        return set(conn.scalars(select(listings.c.sku_text).where(*mine)))

    return bench.read(read)


def _target(bench: Bench, sku: str) -> Any:
    mine = listings.c.channel_id == bench.a.channel.id, listings.c.sku_text == sku
    return select(shelves.c.target).join(listings, listings.c.id == shelves.c.listing_id).where(*mine)


async def more(bench: Bench) -> Catalogue:
    bench.a.standin.stock([Item(sku, 3) for sku in MORE])
    catalogue = Catalogue(bench.store, bench.a.channel, makes_skus=True)
    await catalogue.refresh()
    await bench.clock.sleep(60.0)
    return catalogue


def test_a_whole_run_finds_it_and_its_shelf_is_written_no_more(play: Play) -> None:
    async def story(bench: Bench) -> None:
        catalogue = await more(bench)
        delete(bench, "X")
        await catalogue.refresh()
        assert "X" in living(bench), "a run over what changed proves nothing"
        await catalogue.refresh(whole=True)
        assert living(bench) == set(MORE)
        assert bench.read(lambda conn: conn.scalar(_target(bench, "X"))) is None
        assert bench.b.state()["target"] == 2, "the other shop goes on"

    play(story)


def test_a_listing_that_a_run_missed_but_the_shop_knows_stays(play: Play) -> None:
    async def story(bench: Bench) -> None:
        catalogue = await more(bench)
        products = bench.a.standin.shelves.products
        hidden = products.pop("X")  # from the list only: by its ref the shop still knows it
        products_by_ref = bench.a.standin.shelves._by_ref
        assert products_by_ref[hidden.ref] is hidden
        await catalogue.refresh(whole=True)
        assert "X" in living(bench)

    play(story)


def test_a_webhook_names_it(play: Play) -> None:
    async def story(bench: Bench) -> None:
        catalogue = await more(bench)
        gone = bench.a.standin.shelves.products["X"]
        delete(bench, "X")
        bench.a.channel.hint(gone.variant)  # by an alias, too
        await catalogue.refresh()
        assert "X" not in living(bench)

    play(story)


def test_a_catalogue_that_is_suddenly_half_empty_is_not_believed(play: Play) -> None:
    async def story(bench: Bench) -> None:
        catalogue = await more(bench)
        await bench.ledger.run(guard.configure, Guarded(bench.a.channel.id, Limits(least=3)))
        delete(bench, *MORE[:5])
        await catalogue.refresh(whole=True)
        assert living(bench) == {"X", *MORE}
        [told] = bench.read(lambda conn: findings.listed(conn, kind="listings_vanished"))
        assert "5 of 9 listings are gone" in str(told.detail["reason"])
        await bench.clock.sleep(60.0)
        delete(bench, MORE[7])
        await bench.ledger.run(guard.configure, Guarded(bench.a.channel.id, Limits(least=3, zero_share=0.9)))
        await catalogue.refresh(whole=True)
        assert living(bench) == {"X", MORE[5], MORE[6]}
        assert bench.read(lambda conn: findings.listed(conn, kind="listings_vanished")) == []

    play(story)
