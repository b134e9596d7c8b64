"""The shops' own backorder switches: which are to be turned, to what, and which are left alone."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from channelsync.contract import Listing
from channelsync.ledger import bundling, freezing, listings, matching, openings, policies, reservations, switches, workbench
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.freezing import Freeze, Scope, Thaw
from channelsync.ledger.holds import Which
from channelsync.ledger.matching import Link
from channelsync.ledger.openings import Opening
from channelsync.ledger.policies import SetPolicy
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.reservations import Release
from channelsync.ledger.schema import listings as table
from channelsync.ledger.schema import shelves, skus
from channelsync.ledger.skus import Backorder
from channelsync.ledger.switches import Told
from channelsync.ledger.workbench import Kind
from support.planning import planned
from support.pushing import Outgoing, open_outgoing
from support.stock import NOW, want


@pytest.fixture
def shop(conn: Connection) -> Outgoing:
    """Listings a, b and c sell A, B and C, five of each; every switch is off."""
    shop = open_outgoing(conn)
    says(conn, shop, a=False, b=False, c=False)
    return shop


def says(conn: Connection, shop: Outgoing, **switch: bool | None) -> None:
    """What a reading of the catalogue says."""
    listings.upsert(conn, shop.channel, [Listing(ref, ref.upper(), sells_below_zero=on) for ref, on in switch.items()], NOW)


def policy(conn: Connection, sku: str, backorder: Backorder = Backorder.ALLOW, limit: int | None = None) -> None:
    [done] = policies.set_policy(conn, [SetPolicy(sku, backorder, limit)], NOW)
    assert not isinstance(done, Refusal), done


def to_turn(conn: Connection, shop: Outgoing, **more: Any) -> dict[str, bool]:
    return {each.listing: each.sells_on for each in switches.to_turn(conn, shop.channel, **more)}


def promise(conn: Connection, sku: str, units: int, reference: str = "cart") -> None:
    [done] = reservations.reserve(conn, [want(sku, units, reference)], NOW)
    assert not isinstance(done, Refusal), done


@pytest.mark.parametrize(
    ("backorder", "switch", "wanted"),
    [
        (Backorder.DENY, False, {}),
        (Backorder.DENY, True, {"a": False}),
        (Backorder.ALLOW, False, {"a": True}),
        (Backorder.ALLOW, True, {}),
        (Backorder.PREORDER, False, {"a": True}),
        (Backorder.PREORDER, True, {}),
        (Backorder.DENY, None, {}),
        (Backorder.ALLOW, None, {}),
    ],
)
def test_the_switch_follows_the_policy(
    conn: Connection, shop: Outgoing, backorder: Backorder, switch: bool | None, wanted: dict[str, bool]
) -> None:
    policy(conn, "A", backorder)
    says(conn, shop, a=switch)
    assert to_turn(conn, shop) == wanted


def test_when_no_more_may_be_promised_it_goes_off_and_comes_back_with_room(conn: Connection, shop: Outgoing) -> None:
    policy(conn, "A", limit=2)
    says(conn, shop, a=True)
    promise(conn, "A", 6)
    assert to_turn(conn, shop) == {}, "one more may be"
    promise(conn, "A", 1, "last")
    assert to_turn(conn, shop) == {"a": False}
    says(conn, shop, a=False)
    assert to_turn(conn, shop) == {}, "nor is it asked for again while it is used up"
    reservations.release(conn, [Release(Which(reference="last"))], NOW)
    assert to_turn(conn, shop) == {"a": True}


def test_a_limit_of_nothing_is_no_promise(conn: Connection, shop: Outgoing) -> None:
    policy(conn, "A", limit=0)
    assert to_turn(conn, shop) == {}


def test_a_pack_is_sold_on_only_while_a_whole_one_may_be_promised(conn: Connection, shop: Outgoing) -> None:
    matching.link(conn, [Link(shop.channel, "a", "A", pack=6)], NOW)
    policy(conn, "A", limit=7)
    assert to_turn(conn, shop) == {"a": True}
    promise(conn, "A", 7)
    assert to_turn(conn, shop) == {}, "five of seven are left, and a pack has six"


@pytest.mark.parametrize(
    ("part", "other", "wanted"),
    [
        ((Backorder.ALLOW, None), (Backorder.PREORDER, None), {"c": True}),
        ((Backorder.ALLOW, None), (Backorder.DENY, None), {}),
        ((Backorder.ALLOW, None), (Backorder.ALLOW, 1), {}),
        ((Backorder.ALLOW, None), (Backorder.ALLOW, 2), {"c": True}),
    ],
)
def test_a_bundle_is_sold_on_only_if_each_of_its_parts_may_be(
    conn: Connection, shop: Outgoing, part: tuple[Backorder, int | None], other: tuple[Backorder, int | None], wanted: dict[str, bool]
) -> None:
    bundling.define(conn, [Define("KIT", (Part("A", 1), Part("B", 2)))], NOW)
    matching.link(conn, [Link(shop.channel, "c", "KIT")], NOW)
    policy(conn, "A", *part)
    policy(conn, "B", *other)
    says(conn, shop, a=None, b=None)
    assert to_turn(conn, shop) == wanted


def test_a_bundle_that_should_not_be_sold_on_is_shown_and_switched_off(conn: Connection, shop: Outgoing) -> None:
    bundling.define(conn, [Define("KIT", (Part("A", 1), Part("B", 2)))], NOW)
    matching.link(conn, [Link(shop.channel, "c", "KIT")], NOW)
    says(conn, shop, c=True)
    assert to_turn(conn, shop) == {"c": False}
    [group] = [each for each in workbench.survey(conn, [shop.channel]).groups if each.kind is Kind.OVERSELLS]
    assert [(item.ref, item.reason) for item in group.items] == [
        ("c", "the shop sells it below 0, the ledger says that not all of its parts may be")
    ]


def test_a_used_up_limit_is_named_as_the_reason(conn: Connection, shop: Outgoing) -> None:
    policy(conn, "A", limit=1)
    promise(conn, "A", 6)
    says(conn, shop, a=True)
    [group] = workbench.survey(conn, [shop.channel]).groups
    assert [item.reason for item in group.items] == ["the shop sells it below 0, the ledger says that its limit is reached"]


def test_what_is_frozen_is_left_alone_until_it_is_thawed(conn: Connection, shop: Outgoing) -> None:
    policy(conn, "A")
    freezing.freeze(conn, [Freeze(Scope("A"), "recall")], NOW)
    assert to_turn(conn, shop) == {}
    freezing.thaw(conn, [Thaw(Scope("A"))], NOW)
    assert to_turn(conn, shop) == {"a": True}


@pytest.mark.parametrize("state", [{"skip": True}, {"aside_at": NOW}, {"book": None}])
def test_a_listing_whose_number_is_not_written_keeps_its_switch(conn: Connection, shop: Outgoing, state: dict[str, Any]) -> None:
    policy(conn, "A")
    conn.execute(update(shelves).where(shelves.c.id == shop.shelf("a")).values(**state))
    assert to_turn(conn, shop) == {}


def test_what_was_never_counted_is_switched_on_by_its_policy_and_never_off(conn: Connection, shop: Outgoing) -> None:
    conn.execute(update(skus).values(counted=False))
    conn.execute(update(shelves).values(target=None))
    policy(conn, "A")
    says(conn, shop, b=True)
    assert to_turn(conn, shop) == {"a": True}


@pytest.mark.parametrize(
    "told", [Listing("a", "A", tracked=False, sells_below_zero=True), Listing("a", "A", problem="odd", sells_below_zero=True)]
)
def test_what_cannot_be_written_keeps_its_switch(conn: Connection, shop: Outgoing, told: Listing) -> None:
    listings.upsert(conn, shop.channel, [told], NOW)
    assert to_turn(conn, shop) == {}


def test_what_is_deleted_in_the_shop_is_left_alone(conn: Connection, shop: Outgoing) -> None:
    says(conn, shop, a=True)
    listings.gone(conn, shop.channel, ["a"], NOW)
    assert to_turn(conn, shop) == {}


def test_off_comes_before_on_and_no_more_than_asked_for(conn: Connection, shop: Outgoing) -> None:
    policy(conn, "A")
    policy(conn, "B")
    says(conn, shop, c=True)
    assert list(to_turn(conn, shop)) == ["c", "a", "b"]
    assert list(to_turn(conn, shop, limit=2)) == ["c", "a"]
    ids = {each.listing: each.id for each in switches.to_turn(conn, shop.channel)}
    assert list(to_turn(conn, shop, avoid=[ids["c"], ids["a"]])) == ["b"]


def test_what_the_shop_answers_is_kept_until_the_catalogue_says_otherwise(conn: Connection, shop: Outgoing) -> None:
    policy(conn, "A")
    before = conn.execute(select(shelves).order_by(shelves.c.id)).all()
    [wanted] = switches.to_turn(conn, shop.channel)
    switches.tell(conn, [Told(wanted.id, sells_on=True)], NOW)
    assert to_turn(conn, shop) == {}
    assert conn.scalar(select(table.c.sells_below_zero).where(table.c.ref == "a")) is True
    assert conn.execute(select(shelves).order_by(shelves.c.id)).all() == before, "no number has anything to do with it"
    says(conn, shop, a=False)
    assert to_turn(conn, shop) == {"a": True}, "somebody has turned it back"


def test_the_plan_names_them_only_where_they_are_turned(conn: Connection, shop: Outgoing) -> None:
    policy(conn, "A")
    for switching, wanted in (((), []), ((shop.channel,), [("shop", "a", "A", True)])):
        plan = planned(conn, openings.preview, Opening((shop.channel,), None, switching), NOW)
        assert [(each.channel, each.listing, each.sku, each.sells_on) for each in plan.switches] == wanted
