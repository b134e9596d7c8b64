"""Targets follow every level they depend on, also when two writers move two locations that feed one shelf at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, select

from channelsync.contract import Listing
from channelsync.ledger import channels, levels, listings, locations, matching, skus
from channelsync.ledger.channels import ChannelSpec
from channelsync.ledger.database import open_database
from channelsync.ledger.levels import Entry, MovementType
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.schema import shelves

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def two_locations_one_shelf(engine: Engine) -> tuple[int, list[int]]:
    with engine.begin() as conn:
        places = locations.ensure(conn, [LocationSpec("annex"), LocationSpec("main")], NOW)
        [channel] = channels.register(conn, [ChannelSpec("shop", "memory", places[1])], NOW)
        assert isinstance(channel, int)
        sku = skus.ensure(conn, ["X"], NOW)["X"].id
        listings.upsert(conn, channel, [Listing("l1", "X")], NOW, {"": places})
        matching.match(conn, channel, NOW)
        levels.post(conn, [Entry(sku, place, MovementType.RECEIVE, on_hand=10) for place in places], NOW)
    return sku, places


def target_of(engine: Engine) -> int | None:
    with engine.connect() as conn:
        target: int | None = conn.execute(select(shelves.c.target)).scalar_one()
        return target


def test_a_shelf_is_the_sum_of_the_locations_that_feed_it(engine: Engine) -> None:
    two_locations_one_shelf(engine)
    assert target_of(engine) == 20


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_two_writers_at_two_locations_of_one_shelf(engine: Engine, database_url: str, dialect: str) -> None:
    sku, places = two_locations_one_shelf(engine)
    first_posted, second_waits = threading.Event(), threading.Event()

    def take(place: int, before_commit: Callable[[], None]) -> None:
        mine = open_database(database_url, durable=False)
        with mine.begin() as conn:
            levels.post(conn, [Entry(sku, place, MovementType.ADJUST, on_hand=-1)], NOW)
            before_commit()
        mine.dispose()

    def first_then_wait() -> None:
        first_posted.set()
        second_waits.wait(1)

    one = threading.Thread(target=take, args=(places[0], first_then_wait))
    one.start()
    first_posted.wait(10)
    two = threading.Thread(target=take, args=(places[1], lambda: None))
    two.start()
    two.join(0.5)
    second_waits.set()
    one.join(20)
    two.join(20)
    assert target_of(engine) == 18
