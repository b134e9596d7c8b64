"""A stop while a shop hangs, a full disk, a node that is frozen past its lease, a storm of serialization failures."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from channelsync.testing.postgres import PostgresServer
from channelsync.testing.siege.daemons_in_a_storm import storm_over_daemons
from channelsync.testing.siege.frozen_node import freeze_a_node
from channelsync.testing.siege.full_disk import fill_the_disk, may_mount
from channelsync.testing.siege.stopping import stop_under_load
from channelsync.testing.siege.storm import weather_a_storm
from siege.profile import LONG, count, heavy, needs_postgres

pytestmark = heavy


def test_a_stop_under_load_while_a_shop_hangs(tmp_path: Path) -> None:
    figures = asyncio.run(stop_under_load(tmp_path, count(1, 10)))
    assert set(figures.statuses) == {0}, figures
    assert figures.seconds < 30
    assert figures.outcome.sound, figures


def test_no_file_may_grow(tmp_path: Path) -> None:
    figures = asyncio.run(fill_the_disk(tmp_path, count(1, 10)))
    assert figures.survived
    assert figures.refused
    assert figures.other == ()
    assert figures.outcome.sound, figures


@pytest.mark.skipif(not LONG, reason="the limit of the other test shows the same in a shorter time; SIEGE=long")
def test_a_full_file_system(tmp_path: Path) -> None:
    if not may_mount(tmp_path):
        pytest.skip("may not mount a file system")
    figures = asyncio.run(fill_the_disk(tmp_path, count(1, 10), way="tmpfs"))
    assert figures.survived
    assert figures.refused
    assert figures.other == ()
    assert figures.outcome.sound, figures


@needs_postgres
def test_a_node_that_is_frozen_past_its_lease(tmp_path: Path) -> None:
    figures = asyncio.run(freeze_a_node(tmp_path, count(1, 10)))
    assert figures.survived
    assert figures.taken_over
    assert figures.doubled == ()
    assert figures.outcome.sound, figures


@needs_postgres
def test_a_storm_of_serialization_failures_and_deadlocks(postgres: PostgresServer) -> None:
    url = postgres.create_database("storm")
    figures = asyncio.run(weather_a_storm(url, count(200, 5000)))
    postgres.drop_database("storm")
    assert figures.differences == ()
    assert figures.failures["40001"]
    assert figures.failures["40P01"]


@needs_postgres
def test_a_storm_over_two_daemons_whose_sessions_are_ended(tmp_path: Path) -> None:
    figures = asyncio.run(storm_over_daemons(tmp_path, count(60, 3000)))
    assert figures.survived, figures
    assert figures.doubled == ()
    assert figures.outcome.sound, figures
    assert figures.outcome.acknowledged
    assert figures.thrown >= count(60, 3000)
    assert figures.ended
