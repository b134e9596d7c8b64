"""The upgrade is killed half way."""

from __future__ import annotations

import itertools
from pathlib import Path

from channelsync.testing.postgres import PostgresServer
from channelsync.testing.siege.migration import Migration, kill_upgrades
from siege.profile import count, heavy

pytestmark = heavy

KILLS, ROWS = count(2, 25), count(2_000, 20_000)
"""Two: the next upgrade before the daemon, and the daemon alone."""


def judge(figures: Migration) -> None:
    assert figures.differences == (), figures
    assert figures.untouched + figures.complete == figures.kills
    assert figures.started == figures.kills, figures


def test_a_killed_upgrade_on_sqlite_leaves_all_or_nothing(tmp_path: Path) -> None:
    serial = itertools.count(1)
    judge(kill_upgrades(tmp_path, KILLS, new_database=lambda: f"sqlite:///{tmp_path / f'old-{next(serial)}.db'}", rows=ROWS))


def test_a_killed_upgrade_on_postgresql_leaves_all_or_nothing(tmp_path: Path, durable_postgres: PostgresServer) -> None:
    serial = itertools.count(1)
    judge(kill_upgrades(tmp_path, KILLS, new_database=lambda: durable_postgres.create_database(f"old_{next(serial)}"), rows=ROWS))
