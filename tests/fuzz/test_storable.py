"""What a parser makes of a spoiled answer, the ledger can take: it applies it or sets it aside, and nothing else happens.

On SQLite: what PostgreSQL refuses besides is held by the tests of the ledger's own bounds.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection

from channelsync.contract import Listing, OrderSnapshot, Page
from channelsync.ledger import cataloguing, orders, pages
from channelsync.ledger.authority_import import PhysicalRead, import_physical
from channelsync.ledger.cataloguing import ListingsRead
from channelsync.ledger.orders import Sighting, Verdict
from channelsync.ledger.pages import PageRead
from channelsync.testing.fuzz import run
from fuzz.parsers import PARSERS
from support.authority import LISTING, PLACE, open_owned
from support.selling import open_shop
from support.stock import NOW

SAMPLE = max(100, int(os.environ.get("CHANNELSYNC_FUZZ_INPUTS", "10000")) // 100)
SEED = int(os.environ.get("CHANNELSYNC_FUZZ_SEED", "1"))
ORDERS = [name for name in PARSERS if name.endswith("orders")]
ORDER = [name for name in PARSERS if name.endswith(".order")]
LISTINGS = [name for name in PARSERS if name.endswith("listings")]


@pytest.fixture
def dialect() -> str:
    return "sqlite"


@pytest.mark.timeout(120 + SAMPLE // 10)
@pytest.mark.parametrize("name", ORDERS)
def test_every_page_of_orders_can_be_applied(conn: Connection, name: str) -> None:
    """With what was refused and with the mark it leaves."""
    channel = open_shop(conn).channel
    verdicts: Counter[Verdict] = Counter()

    def apply(found: Sequence[Any]) -> None:
        for page in found:
            [results] = pages.apply_page(conn, [PageRead(channel, page, 1, NOW)], NOW)
            verdicts.update(result.verdict for result in results)

    run(PARSERS[name], SAMPLE, SEED, heard=apply)
    assert verdicts.keys() <= set(Verdict)
    assert verdicts[Verdict.APPLIED] > 3
    assert verdicts[Verdict.UNCHANGED] > 3


@pytest.mark.timeout(120 + SAMPLE // 10)
@pytest.mark.parametrize("name", ORDER)
def test_every_order_can_be_applied_as_if_it_sold_what_we_have(conn: Connection, name: str) -> None:
    """Every listing that is named is one of the ledger's, so that units move."""
    shop = open_shop(conn)
    verdicts: Counter[Verdict] = Counter()
    linked: set[str] = set()

    def link(snapshot: OrderSnapshot) -> None:
        for ref in {line.listing for line in snapshot.lines if line.listing} - linked:
            linked.add(ref)
            page = Page((Listing(ref, "A", locations=("here", "there")),), high_water="1")
            cataloguing.take_page(conn, [ListingsRead(shop.channel, page, NOW)], NOW)

    def apply(found: Sequence[Any]) -> None:
        for snapshot in found:
            if isinstance(snapshot, OrderSnapshot):
                link(snapshot)
                [result] = orders.apply(conn, [Sighting(shop.channel, snapshot, 1)], NOW)
                verdicts[result.verdict] += 1

    run(PARSERS[name], SAMPLE, SEED, heard=apply)
    assert verdicts.keys() <= set(Verdict)
    assert verdicts[Verdict.APPLIED] > 3
    assert verdicts[Verdict.ASIDE] + verdicts[Verdict.OLDER] + verdicts[Verdict.UNCHANGED] > 3


@pytest.mark.timeout(120 + SAMPLE // 10)
@pytest.mark.parametrize("name", LISTINGS)
def test_every_page_of_listings_can_be_stored(conn: Connection, name: str) -> None:
    channel = open_shop(conn).channel
    stored = 0

    def store(found: Sequence[Any]) -> None:
        nonlocal stored
        for page in found:
            [taken] = cataloguing.take_page(conn, [ListingsRead(channel, page, NOW, makes_skus=True)], NOW)
            stored += taken.listings

    run(PARSERS[name], SAMPLE, SEED, heard=store)
    assert stored > SAMPLE // 4


@pytest.mark.timeout(120 + SAMPLE // 10)
@pytest.mark.parametrize("name", ["moysklad_owner.physical", "moysklad_owner.all_physical"])
def test_every_page_of_numbers_can_be_imported(conn: Connection, name: str) -> None:
    """As if every row were about the one good that the ledger knows."""
    owned = open_owned(conn)
    imported = 0

    def take(found: Sequence[Any]) -> None:
        nonlocal imported
        for page in found:
            items = tuple(replace(row, listing=LISTING, location=PLACE) for row in page.items)
            read = PhysicalRead(owned.house, replace(page, items=items), owned.ask(), NOW, {PLACE: owned.location}, full=True)
            [done] = import_physical(conn, [read], NOW)
            imported += done.numbers

    run(PARSERS[name], SAMPLE, SEED, heard=take)
    assert imported > 3


@pytest.mark.timeout(120 + SAMPLE // 10)
def test_every_page_of_claims_can_be_heard(conn: Connection) -> None:
    """As if every document told of a claim that the ledger has exported."""
    owned = open_owned(conn)
    owned.order("1", 5)
    owned.export()
    [claim] = owned.documents()

    def hear(found: Sequence[Any]) -> None:
        for page in found:
            for told in page.items:
                lines = tuple(replace(line, ref=claim.lines[0].ref) for line in told.lines[:1])
                owned.hear([told, replace(told, key=claim.key, lines=lines)])

    run(PARSERS["moysklad_owner.claims"], SAMPLE, SEED, heard=hear)
    assert owned.lines()
