"""Stores, channels, locations, leases, cursors: who is who, who may write, and how far was read."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, update

from channelsync.contract import Cursor
from channelsync.ledger import channels, cursors, identity, leases, locations, schema, selling
from channelsync.ledger.channels import ChannelSpec, Pause
from channelsync.ledger.database import WrongDatabase
from channelsync.ledger.leases import Lease, LeaseRequest
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.refusals import NotAllowed
from channelsync.ledger.selling import Duty
from support.clock import ManualClock


@pytest.fixture
def shop(conn: Connection, clock: ManualClock) -> int:
    [place] = locations.ensure(conn, [LocationSpec("main")], clock.now())
    [channel] = channels.register(conn, [ChannelSpec("web", "shopify", place)], clock.now())
    assert isinstance(channel, int)
    return channel


def test_a_database_belongs_to_one_store(conn: Connection) -> None:
    identity.claim_store(conn, "tea")
    identity.claim_store(conn, "tea")
    with pytest.raises(WrongDatabase, match="'tea'.*'coffee'"):
        identity.claim_store(conn, "coffee")


def test_a_channel_belongs_to_one_shop(conn: Connection, shop: int, clock: ManualClock) -> None:
    identity.claim_shop(conn, shop, "tea.example")
    first, second = identity.claim_shops(
        conn, [identity.ShopClaim(shop, "tea.example"), identity.ShopClaim(shop, "rum.example")], clock.now()
    )
    assert first is None
    assert isinstance(second, NotAllowed)
    assert "'tea.example'" in str(second)
    assert "'rum.example'" in str(second)
    assert [state.shop for state in channels.every(conn)] == ["tea.example"]


def test_locations_follow_the_config_and_keep_their_ids(conn: Connection, clock: ManualClock) -> None:
    first = locations.ensure(conn, [LocationSpec("main"), LocationSpec("attic", "Attic", "virtual", 5)], clock.now())
    again = locations.ensure(conn, [LocationSpec("attic", "The attic", "retail", -1), LocationSpec("main")], clock.now())
    assert again == first[::-1]
    assert [(place.code, place.name, place.kind, place.priority) for place in locations.every(conn)] == [
        ("attic", "The attic", "retail", -1),
        ("main", "main", "warehouse", 0),
    ]
    assert locations.ensure(conn, [], clock.now()) == []


def test_channels_are_registered_once_and_keep_their_connector(conn: Connection, shop: int, clock: ManualClock) -> None:
    [attic] = locations.ensure(conn, [LocationSpec("attic")], clock.now())
    moved, other = channels.register(conn, [ChannelSpec("web", "shopify", attic), ChannelSpec("web", "woocommerce", None)], clock.now())
    assert moved == shop
    assert isinstance(other, NotAllowed)
    [state] = channels.every(conn)
    assert (state.connector, state.location_id) == ("shopify", attic)


def test_a_channel_is_written_only_when_opened_and_not_paused(conn: Connection, shop: int, clock: ManualClock) -> None:
    assert not channels.may_write(conn, shop)
    conn.execute(update(schema.channels).where(schema.channels.c.id == shop).values(opened_at=clock.now()))
    assert channels.may_write(conn, shop)
    assert channels.pause(conn, [Pause(shop, "token revoked"), Pause(shop, "second thoughts")], clock.now()) == [True, False]
    assert not channels.may_write(conn, shop)
    [state] = channels.every(conn)
    assert (state.paused_at, state.paused_reason) == (clock.now(), "token revoked")
    assert not selling.duty(conn, shop).may_write
    assert channels.resume(conn, [shop, shop], clock.now()) == [True, False]
    assert channels.may_write(conn, shop)
    assert selling.duty(conn, shop) == Duty(may_write=True, unsettled=False, due=False)


def test_read_numbers_only_grow(conn: Connection, shop: int, clock: ManualClock) -> None:
    [other] = channels.register(conn, [ChannelSpec("b", "memory", None)], clock.now())
    assert isinstance(other, int)
    assert channels.next_read_seq(conn, shop) == 1
    assert channels.next_read_seqs(conn, [other, shop, other, shop], clock.now()) == [1, 2, 2, 3]


def _pass(conn: Connection, channel_id: int, clock: ManualClock, seconds: float) -> None:
    """Let leases age: PostgreSQL judges them by its own clock, SQLite by ours."""
    clock.advance(seconds)
    if conn.dialect.name == "postgresql":
        row = schema.channels.c
        until = conn.execute(select(row.lease_until).where(row.id == channel_id)).scalar_one()
        if until is not None:
            conn.execute(update(schema.channels).where(row.id == channel_id).values(lease_until=until - timedelta(seconds=seconds)))


def take(conn: Connection, channel_id: int, owner: str, clock: ManualClock) -> int | None:
    return leases.take_lease(conn, [LeaseRequest(channel_id, owner, 60)], clock.now())[0]


def test_one_holder_at_a_time_and_a_new_version_for_each(conn: Connection, shop: int, clock: ManualClock) -> None:
    assert take(conn, shop, "a", clock) == 1
    assert take(conn, shop, "b", clock) is None
    _pass(conn, shop, clock, 50)
    assert take(conn, shop, "a", clock) == 1  # renewed in time: the same lease
    _pass(conn, shop, clock, 50)
    assert take(conn, shop, "b", clock) is None
    _pass(conn, shop, clock, 11)
    assert take(conn, shop, "b", clock) == 2
    assert take(conn, shop, "a", clock) is None
    _pass(conn, shop, clock, 61)
    assert take(conn, shop, "b", clock) == 3  # it lapsed: somebody else may have had it
    assert leases.lease_version(conn, shop) == 3


def test_only_the_holder_renews_and_releases(conn: Connection, shop: int, clock: ManualClock) -> None:
    take(conn, shop, "a", clock)
    mine = Lease(shop, "a", 1)
    for other in (Lease(shop, "b", 1), Lease(shop, "a", 2)):
        assert not leases.renew_lease(conn, other, clock.now(), 60)
        assert not leases.release_lease(conn, other, clock.now())
    _pass(conn, shop, clock, 59)
    assert leases.renew_lease(conn, mine, clock.now(), 60)
    _pass(conn, shop, clock, 59)
    assert leases.release_lease(conn, mine, clock.now())
    assert take(conn, shop, "b", clock) == 2
    _pass(conn, shop, clock, 60)
    assert not leases.renew_lease(conn, Lease(shop, "b", 2), clock.now(), 60)


def test_a_cursor_resumes_within_a_run_and_moves_its_mark_at_the_end(conn: Connection, shop: int, clock: ManualClock) -> None:
    assert cursors.get(conn, shop, "orders") == Cursor()
    began = clock.now()

    def page(resume: str | None, high_water: str | None) -> None:
        cursors.advance(conn, shop, "orders", resume=resume, high_water=high_water, looked_at=began, now=clock.advance(1))

    page("page 2", None)
    assert cursors.get(conn, shop, "orders") == Cursor(None, "page 2")
    assert cursors.looked_at(conn, shop, "orders") is None
    page(None, "monday")
    assert cursors.get(conn, shop, "orders") == Cursor("monday", None)
    assert cursors.looked_at(conn, shop, "orders") == began
    page("page 2", None)
    assert cursors.get(conn, shop, "orders") == Cursor("monday", "page 2")
    assert cursors.looked_at(conn, shop, "orders") == began
    assert cursors.get(conn, shop, "listings") == Cursor()
    for resume, high_water in ((None, None), ("page 3", "tuesday")):
        with pytest.raises(ValueError, match="either"):
            page(resume, high_water)
