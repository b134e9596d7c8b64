"""The real daemon killed over and over, and the database under it: figures of `channelsync.testing.siege` for the page."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from channelsync.testing.postgres import PostgresServer, available
from channelsync.testing.proof.profile import Profile
from channelsync.testing.siege.database_kills import DatabaseKills, kill_the_database
from channelsync.testing.siege.figures import Outcome
from channelsync.testing.siege.kills import Kills, kill_over_and_over

BOTH_KINDS = ("north", "shopify", "woocommerce")
"""On PostgreSQL: a memory shop that keeps no keys, and the dialects of two real platforms."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Crashes:
    """kills: of the daemon, on each database. failed: rigs that broke off, and why. database: kills of the database server; None where there are no PostgreSQL binaries."""

    kills: tuple[Kills, ...]
    database: DatabaseKills | None
    failed: tuple[str, ...] = ()

    @property
    def outcomes(self) -> list[Outcome]:
        return [*(each.outcome for each in self.kills), *([self.database.outcome] if self.database else [])]

    @property
    def sound(self) -> bool:
        return not self.failed and all(outcome.sound for outcome in self.outcomes) and (self.database is None or self.database.survived)

    @property
    def cycles(self) -> int:
        return sum(each.cycles for each in self.kills)

    @property
    def acknowledged(self) -> int:
        return sum(outcome.acknowledged for outcome in self.outcomes)

    @property
    def carts(self) -> int:
        return sum(outcome.carts for outcome in self.outcomes)

    @property
    def carts_repeated(self) -> int:
        return sum(outcome.carts_repeated for outcome in self.outcomes)

    @property
    def alerts(self) -> int:
        return sum(outcome.alerts for outcome in self.outcomes)

    @property
    def lost(self) -> int:
        return sum(outcome.lost for outcome in self.outcomes)


def run(profile: Profile) -> Crashes | None:
    """None: the profile wants none. A rig that breaks off is told of as what did not hold; the others are run all the same."""
    if not profile.cycles and not profile.restarts:
        return None
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # it tells of every transaction that a dying server refuses
    failed: list[str] = []

    def tried(name: str, rig: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        try:
            return asyncio.run(rig())
        except Exception as error:
            failed.append(f"{name} broke off: {type(error).__name__} {error}\n{traceback.format_exc()}")
            return None

    with tempfile.TemporaryDirectory(prefix="channelsync-proof-") as home:
        kills = [tried("kills on SQLite", lambda: kill_over_and_over(Path(home) / "sqlite", profile.cycles))]
        if not available():
            return Crashes(_those(kills), None, tuple(failed))
        server = PostgresServer(durable=True)
        server.start()
        try:
            url = server.create_database("kills")
            rig = partial(kill_over_and_over, Path(home) / "postgresql", profile.cycles, database=url, platforms=BOTH_KINDS)
            kills.append(tried("kills on PostgreSQL", rig))
        finally:
            server.stop()
        database = tried("restarts of the database", lambda: kill_the_database(Path(home) / "database", profile.restarts))
        return Crashes(_those(kills), database, tuple(failed))


def _those(kills: list[Kills | None]) -> tuple[Kills, ...]:
    return tuple(each for each in kills if each is not None)
