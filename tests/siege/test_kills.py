"""kill -9 of the daemon, and of the database server under it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from channelsync.testing.postgres import PostgresServer
from channelsync.testing.siege.database_kills import kill_the_database
from channelsync.testing.siege.kills import kill_over_and_over
from siege.profile import count, heavy, needs_postgres

pytestmark = heavy


def test_kills_of_the_daemon_on_sqlite(tmp_path: Path) -> None:
    figures = asyncio.run(kill_over_and_over(tmp_path, count(3, 30)))
    assert figures.outcome.sound, figures
    assert figures.outcome.acknowledged
    assert figures.outcome.alerts


def test_kills_of_the_daemon_on_postgresql(tmp_path: Path, durable_postgres: PostgresServer) -> None:
    url = durable_postgres.create_database("siege")
    figures = asyncio.run(kill_over_and_over(tmp_path, count(2, 30), database=url))
    assert figures.outcome.sound, figures
    assert figures.outcome.acknowledged


def test_kills_between_the_dialects_of_real_platforms(tmp_path: Path) -> None:
    figures = asyncio.run(kill_over_and_over(tmp_path, count(3, 30), platforms=("shopify", "woocommerce")))
    assert figures.outcome.sound, figures
    assert figures.outcome.acknowledged


@needs_postgres
def test_kills_of_the_database(tmp_path: Path) -> None:
    figures = asyncio.run(kill_the_database(tmp_path, count(2, 12)))
    assert figures.survived
    assert figures.outcome.sound, figures
    assert figures.refused
