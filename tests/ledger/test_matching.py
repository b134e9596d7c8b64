"""Which SKU a listing sells: exact equality once, everything else is a person's word."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select

from channelsync.contract import Listing, OrderLine, OrderSnapshot, OrderState
from channelsync.ledger import listings, matching, orders, skus, stock
from channelsync.ledger.listing_pages import Filter, list_listings
from channelsync.ledger.matching import Link, Linked, Matched, Mismatch, Unlink, Unlinked
from channelsync.ledger.orders import Sighting
from channelsync.ledger.refusals import NotAllowed, UnknownSku
from channelsync.ledger.schema import listings as table
from channelsync.ledger.schema import set_aside, shelves
from channelsync.ledger.skus import Rename
from channelsync.ledger.stock import Change
from support.stock import NOW, open_channel, open_locations, put


@pytest.fixture
def channel(conn: Connection) -> int:
    open_locations(conn, "main")
    put(conn, "A", 7)
    put(conn, "B-1", 2)
    return open_channel(conn)


def tell(conn: Connection, channel: int, *told: Listing) -> None:
    listings.upsert(conn, channel, told, NOW)


def links(conn: Connection) -> dict[str, str | None]:
    return {row.ref: row.sku for row in list_listings(conn, Filter()).rows}


def test_equal_texts_are_linked_and_everything_else_is_reported(conn: Connection, channel: int) -> None:
    tell(
        conn,
        channel,
        Listing("exact", "A"),
        Listing("case", "b-1"),
        Listing("space", "B -1 "),
        Listing("none", None),
        Listing("blank", "  "),
        Listing("stranger", "Z"),
        Listing("broken", "A2", problem="a bundle parent"),
        Listing("child", "A", stock_ref="exact"),
    )
    outcome = matching.match(conn, channel, NOW)
    assert (outcome.linked, outcome.next) == (1, None)
    assert {problem.ref: problem.kind for problem in outcome.problems} == {
        "case": Mismatch.VARIANT,
        "space": Mismatch.VARIANT,
        "none": Mismatch.EMPTY,
        "blank": Mismatch.EMPTY,
        "stranger": Mismatch.UNKNOWN,
        "broken": Mismatch.UNUSABLE,
    }
    assert all("'B-1' is" in problem.reason for problem in outcome.problems if problem.kind is Mismatch.VARIANT)
    assert [ref for ref, sku in links(conn).items() if sku] == ["exact"]
    assert conn.scalar(select(shelves.c.target).join(table).where(table.c.ref == "exact")) == 7


def test_two_listings_with_one_sku_text_are_never_guessed(conn: Connection, channel: int) -> None:
    tell(conn, channel, Listing("1", "A"), Listing("2", "A"))
    outcome = matching.match(conn, channel, NOW)
    assert [problem.kind for problem in outcome.problems] == [Mismatch.DUPLICATE] * 2
    matching.link(conn, [Link(channel, "1", "A"), Link(channel, "2", "A", pack=6)], NOW)
    assert links(conn) == {"1": "A", "2": "A"}


def test_a_late_twin_of_a_linked_listing_is_a_duplicate(conn: Connection, channel: int) -> None:
    tell(conn, channel, Listing("1", "A"))
    matching.match(conn, channel, NOW)
    tell(conn, channel, Listing("2", "A"))
    assert [problem.kind for problem in matching.match(conn, channel, NOW).problems] == [Mismatch.DUPLICATE]


def test_a_deleted_twin_is_no_duplicate_and_another_channel_is_another_matter(conn: Connection, channel: int) -> None:
    other = open_channel(conn, "other")
    tell(conn, other, Listing("1", "A"))
    tell(conn, channel, Listing("1", "A"), Listing("2", "A"))
    listings.gone(conn, channel, ["2"], NOW)
    assert matching.match(conn, channel, NOW).linked == 1


def test_a_link_holds_whatever_happens_to_the_texts(conn: Connection, channel: int) -> None:
    tell(conn, channel, Listing("1", "A"))
    matching.match(conn, channel, NOW)
    tell(conn, channel, Listing("1", "B-1"))
    skus.rename(conn, [Rename("A", "A-new")], NOW)
    assert matching.match(conn, channel, NOW) == Matched(0, (), 0, None)
    assert links(conn) == {"1": "A-new"}


def test_what_a_person_unlinked_stays_unlinked(conn: Connection, channel: int) -> None:
    tell(conn, channel, Listing("1", "A"))
    matching.match(conn, channel, NOW)
    assert matching.unlink(conn, [Unlink(channel, "1"), Unlink(channel, "1")], NOW) == [Unlinked(1, "1", "A"), Unlinked(1, "1", None)]
    assert matching.match(conn, channel, NOW).linked == 0
    assert conn.execute(select(shelves.c.target, shelves.c.due)).all() == [(None, False)]
    stock.receive(conn, [Change("A", "main", 1)], NOW)
    assert conn.scalar(select(shelves.c.target)) is None


def test_matching_goes_on_by_key(conn: Connection, channel: int) -> None:
    tell(conn, channel, *(Listing(str(number), None) for number in range(5)))
    seen, after = 0, 0
    while True:
        outcome = matching.match(conn, channel, NOW, after=after, limit=2)
        seen += len(outcome.problems)
        if outcome.next is None:
            break
        after = outcome.next
    assert seen == 5


def test_links_that_make_no_sense_are_refused_alone(conn: Connection, channel: int) -> None:
    tell(conn, channel, Listing("1", "A", aliases=("v1",)), Listing("child", None, stock_ref="1"))
    answers = matching.link(
        conn,
        [
            Link(channel, "1", "Z"),
            Link(channel, "nobody", "A"),
            Link(channel, "1", "A", pack=0),
            Link(channel, "child", "A"),
            Link(channel, "v1", "B-1"),
        ],
        NOW,
    )
    assert [type(answer) for answer in answers] == [UnknownSku, NotAllowed, NotAllowed, NotAllowed, Linked]
    assert isinstance(matching.unlink(conn, [Unlink(channel, "nobody")], NOW)[0], NotAllowed)
    assert links(conn) == {"1": "B-1", "child": None}


def test_linking_again_gives_the_shelf_the_other_number(conn: Connection, channel: int) -> None:
    tell(conn, channel, Listing("1", "A"))
    matching.link(conn, [Link(channel, "1", "A")], NOW)
    matching.link(conn, [Link(channel, "1", "B-1")], NOW)
    assert conn.scalar(select(shelves.c.target)) == 2


def _waiting_order(conn: Connection, channel: int, ref: str, *refs: str) -> None:
    lines = tuple(OrderLine(f"L/{number}", listing, 1) for number, listing in enumerate(refs))
    orders.apply(conn, [Sighting(channel, OrderSnapshot(ref, OrderState.OPEN, NOW, NOW, lines), 1)], NOW)


def _still_waiting(conn: Connection) -> list[str]:
    return list(conn.scalars(select(set_aside.c.ref).where(set_aside.c.resolved_at.is_(None)).order_by(set_aside.c.id)))


def test_a_link_applies_the_orders_that_waited_for_it(conn: Connection, channel: int) -> None:
    tell(conn, channel, Listing("1", "A", aliases=("gid://v/1",)), Listing("child", None, stock_ref="1"), Listing("2", "B-1"))
    _waiting_order(conn, channel, "gid://order/7", "gid://v/1")
    _waiting_order(conn, channel, "8", "child", "2")
    _waiting_order(conn, channel, "9", "2")
    (linked,) = matching.link(conn, [Link(channel, "1", "A")], NOW)
    assert isinstance(linked, Linked)
    assert linked.orders_applied == 2
    assert _still_waiting(conn) == ["8/L/1", "9/L/0"]
    assert matching.match(conn, channel, NOW).orders_applied == 2
    assert _still_waiting(conn) == []
