"""One rig for as long as you like: `python -m channelsync.testing.siege kills --count 500 --postgresql`. Prints its figures as JSON."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import logging
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from channelsync.testing.postgres import PostgresServer
from channelsync.testing.siege.daemons_in_a_storm import storm_over_daemons
from channelsync.testing.siege.database_kills import kill_the_database
from channelsync.testing.siege.frozen_node import freeze_a_node
from channelsync.testing.siege.full_disk import fill_the_disk
from channelsync.testing.siege.kills import kill_over_and_over
from channelsync.testing.siege.migration import kill_upgrades
from channelsync.testing.siege.stopping import stop_under_load
from channelsync.testing.siege.storm import weather_a_storm
from channelsync.testing.siege.town import KINDS, PLATFORMS

Rig = Callable[[Path, argparse.Namespace], Awaitable[Any]]


class Databases:
    """New databases: of one PostgreSQL server, which is started for the first of them, or SQLite files."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._server: PostgresServer | None = None
        self._serial = itertools.count(1)

    def postgresql(self) -> str:
        if self._server is None:
            self._server = PostgresServer(durable=True)
            self._server.start()
            self._stack.callback(self._server.stop)
        return self._server.create_database(f"siege_{next(self._serial)}")

    def sqlite(self, home: Path) -> str:
        home.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{home / f'siege-{next(self._serial)}.db'}"


def _rigs(new: Databases) -> dict[str, Rig]:
    def database(options: argparse.Namespace) -> str | None:
        return new.postgresql() if options.postgresql else None

    async def migration(home: Path, options: argparse.Namespace) -> Any:
        make = new.postgresql if options.postgresql else lambda: new.sqlite(home)
        return await asyncio.to_thread(kill_upgrades, home, options.count, new_database=make, seed=options.seed)

    return {
        "kills": lambda home, options: kill_over_and_over(
            home, options.count, database=database(options), platforms=options.shops, seed=options.seed
        ),
        "database-kills": lambda home, options: kill_the_database(home, options.count, seed=options.seed),
        "stops": lambda home, options: stop_under_load(home, options.count, database=database(options), seed=options.seed),
        "full-disk": lambda home, options: fill_the_disk(home, options.count, seed=options.seed),
        "full-tmpfs": lambda home, options: fill_the_disk(home, options.count, way="tmpfs", seed=options.seed),
        "frozen-node": lambda home, options: freeze_a_node(home, options.count, seed=options.seed),
        "storm": lambda _, options: weather_a_storm(new.postgresql(), options.count, seed=options.seed),
        "daemon-storm": lambda home, options: storm_over_daemons(home, options.count, seed=options.seed),
        "migration": migration,
    }


def main() -> int:
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # it tells of every transaction that the database refused
    with ExitStack() as stack:
        rigs = _rigs(Databases(stack))
        options = _options(list(rigs))
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="channelsync-siege-")))
        figures = asyncio.run(_run(rigs[options.rig], home / "store", options))
    sys.stdout.write(json.dumps(asdict(figures), indent=2) + "\n")
    return 0


async def _run(rig: Rig, home: Path, options: argparse.Namespace) -> Any:
    return await rig(home, options)


def _options(rigs: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m channelsync.testing.siege", description=__doc__)
    parser.add_argument("rig", choices=rigs)
    parser.add_argument(
        "--count", type=int, default=10, help="how many kills, restarts, stops, times full, freezes; of storms, how many failures"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--shops", type=_shops, default=(), help="for kills, instead of the three memory shops, e.g. shopify,woocommerce,north"
    )
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite, for kills, stops and migrations")
    return parser.parse_args()


def _shops(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := set(names) - {*PLATFORMS, *KINDS}:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join((*PLATFORMS, *KINDS))}")
    return names


if __name__ == "__main__":
    sys.exit(main())
