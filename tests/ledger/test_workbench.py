"""The workbench: one planted trouble of each kind is found, counted, and given a remedy; nothing is linked by looking."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, select

from channelsync.contract import Listing
from channelsync.ledger import listings, matching, policies, workbench
from channelsync.ledger.matching import Link, Unlink
from channelsync.ledger.policies import SetPolicy
from channelsync.ledger.schema import listings as table
from channelsync.ledger.skus import Backorder
from channelsync.ledger.workbench import Kind
from support.stock import NOW, open_channel, open_locations, put


@pytest.fixture
def channel(conn: Connection) -> int:
    open_locations(conn, "main")
    for sku in ("MUG", "CUP", "POT"):
        put(conn, sku, 5)
    return open_channel(conn)


def told(conn: Connection, channel: int, *seen: Listing, match: bool = True) -> None:
    listings.upsert(conn, channel, seen, NOW)
    if match:
        matching.match(conn, channel, NOW)


def found(conn: Connection, channel: int) -> dict[Kind, list[str]]:
    bench = workbench.survey(conn, [channel])
    return {each.kind: [item.ref for item in each.items] for each in bench.groups}


Plant = Callable[[Connection, int], None]


def _renamed(conn: Connection, channel: int) -> None:
    told(conn, channel, Listing("x", "MUG"))
    told(conn, channel, Listing("x", "MUG-NEW"))


def _moved(conn: Connection, channel: int) -> None:
    told(conn, channel, Listing("x", "MUG"))
    told(conn, channel, Listing("x", "CUP"))


def _became_a_child(conn: Connection, channel: int) -> None:
    told(conn, channel, Listing("x", "MUG"), Listing("parent", "CUP"))
    told(conn, channel, Listing("x", "MUG", stock_ref="parent"))


def _removed(conn: Connection, channel: int) -> None:
    told(conn, channel, Listing("x", "MUG"))
    listings.gone(conn, channel, ["x"], NOW)


def _barcode(conn: Connection, channel: int) -> None:
    told(conn, channel, Listing("sold", "MUG", barcode="4006381333931"), Listing("x", "MUG (new)", barcode="4006381333931"))


def _reused(conn: Connection, channel: int) -> None:
    told(conn, channel, Listing("old", "MUG"))
    listings.gone(conn, channel, ["old"], NOW)
    told(conn, channel, Listing("x", "MUG"))


def _stops(conn: Connection, channel: int) -> None:
    policies.set_policy(conn, [SetPolicy("MUG", Backorder.ALLOW)], NOW)
    told(conn, channel, Listing("x", "MUG", sells_below_zero=False))


PLANTED: dict[Kind, Plant] = {
    Kind.EMPTY: lambda conn, channel: told(conn, channel, Listing("x", "")),
    Kind.DUPLICATE: lambda conn, channel: told(conn, channel, Listing("x", "MUG"), Listing("y", "MUG")),
    Kind.VARIANT: lambda conn, channel: told(conn, channel, Listing("x", "m ug")),
    Kind.UNKNOWN: lambda conn, channel: told(conn, channel, Listing("x", "NOPE")),
    Kind.UNUSABLE: lambda conn, channel: told(conn, channel, Listing("x", "MUG", problem="a bundle of the platform")),
    Kind.UNTRACKED: lambda conn, channel: told(conn, channel, Listing("x", "MUG", tracked=False)),
    Kind.CHILD: lambda conn, channel: told(conn, channel, Listing("x", "S", stock_ref="p"), Listing("p", "MUG")),
    Kind.REMOVED: _removed,
    Kind.RENAMED: _renamed,
    Kind.MOVED: _moved,
    Kind.BARCODE: _barcode,
    Kind.REUSED: _reused,
    Kind.OVERSELLS: lambda conn, channel: told(conn, channel, Listing("x", "MUG", sells_below_zero=True)),
    Kind.STOPS: _stops,
}


@pytest.mark.parametrize("kind", list(Kind))
def test_a_planted_trouble_is_found(conn: Connection, channel: int, kind: Kind) -> None:
    PLANTED[kind](conn, channel)
    assert "x" in found(conn, channel)[kind]
    bench = workbench.survey(conn, [channel])
    assert all(each.remedy and each.count >= len(each.items) > 0 for each in bench.groups)
    rows, following = workbench.of_kind(conn, [channel], kind)
    assert "x" in [row.ref for row in rows]
    assert following is None
    assert all(row.reason for row in rows)


def test_a_linked_listing_that_became_a_child_has_moved(conn: Connection, channel: int) -> None:
    _became_a_child(conn, channel)
    assert found(conn, channel) == {Kind.MOVED: ["x"]}


def test_what_is_in_order_is_not_shown(conn: Connection, channel: int) -> None:
    told(conn, channel, Listing("x", "MUG", barcode="1"), Listing("y", "CUP", barcode="2"))
    matching.link(conn, [Link(channel, "y", "POT")], NOW)
    assert workbench.survey(conn, [channel]) == workbench.Bench(0, ())


@pytest.mark.parametrize(("policy", "switch"), [("deny", False), ("allow", True), ("preorder", True), ("deny", None), ("allow", None)])
def test_a_shop_whose_switch_says_what_the_policy_says_or_nothing_is_in_order(
    conn: Connection, channel: int, policy: str, switch: bool | None
) -> None:
    policies.set_policy(conn, [SetPolicy("MUG", Backorder(policy))], NOW)
    told(conn, channel, Listing("x", "MUG", sells_below_zero=switch))
    assert found(conn, channel) == {}


def test_a_link_stays_whatever_the_text_becomes_and_linking_again_ends_the_question(conn: Connection, channel: int) -> None:
    _moved(conn, channel)
    assert conn.scalar(select(table.c.sku_text)) == "CUP"
    [item] = workbench.survey(conn, [channel]).groups[0].items
    assert item.sku == "MUG"
    matching.link(conn, [Link(channel, "x", "CUP")], NOW)
    assert found(conn, channel) == {}


def test_what_a_person_unlinked_is_no_problem(conn: Connection, channel: int) -> None:
    told(conn, channel, Listing("x", "MUG"))
    matching.unlink(conn, [Unlink(channel, "x")], NOW)
    assert found(conn, channel) == {}


def test_looking_links_nothing_and_says_how_many_would_be(conn: Connection, channel: int) -> None:
    told(conn, channel, Listing("x", "MUG"), Listing("y", "CUP"), match=False)
    assert workbench.survey(conn, [channel]) == workbench.Bench(2, ())
    assert conn.scalars(select(table.c.sku_id)).all() == [None, None]


def test_many_are_counted_and_the_first_few_are_named_and_the_rest_pages(conn: Connection, channel: int) -> None:
    told(conn, channel, *(Listing(f"{number:04}", f"NOPE-{number}") for number in range(1203)), match=False)
    [group] = workbench.survey(conn, [channel]).groups
    assert (group.kind, group.count, [item.ref for item in group.items]) == (Kind.UNKNOWN, 1203, [f"{n:04}" for n in range(5)])
    [whole] = workbench.survey(conn, [channel], few=None).groups
    assert len(whole.items) == 1203
    refs: list[str] = []
    after: int | None = 0
    while after is not None:
        rows, after = workbench.of_kind(conn, [channel], Kind.UNKNOWN, after=after, limit=500)
        refs += [row.ref for row in rows]
    assert refs == [f"{number:04}" for number in range(1203)]
