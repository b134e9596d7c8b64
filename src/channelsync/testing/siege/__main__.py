"""One rig for as long as you like: `python -m channelsync.testing.siege kills --count 500 --postgresql`. Prints its figures as JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from channelsync.testing.postgres import PostgresServer
from channelsync.testing.siege.database_kills import kill_the_database
from channelsync.testing.siege.frozen_node import freeze_a_node
from channelsync.testing.siege.full_disk import fill_the_disk
from channelsync.testing.siege.kills import kill_over_and_over
from channelsync.testing.siege.stopping import stop_under_load
from channelsync.testing.siege.storm import weather_a_storm

Rig = Callable[[Path, argparse.Namespace], Awaitable[Any]]


def _rigs(server: Callable[[], str]) -> dict[str, Rig]:
    """By name. server: the URL of a new PostgreSQL database."""

    def database(options: argparse.Namespace) -> str | None:
        return server() if options.postgresql else None

    return {
        "kills": lambda home, options: kill_over_and_over(home, options.count, database=database(options), seed=options.seed),
        "database-kills": lambda home, options: kill_the_database(home, options.count, seed=options.seed),
        "stops": lambda home, options: stop_under_load(home, options.count, database=database(options), seed=options.seed),
        "full-disk": lambda home, options: fill_the_disk(home, options.count, seed=options.seed),
        "full-tmpfs": lambda home, options: fill_the_disk(home, options.count, way="tmpfs", seed=options.seed),
        "frozen-node": lambda home, options: freeze_a_node(home, options.count, seed=options.seed),
        "storm": lambda _, options: weather_a_storm(server(), options.count, seed=options.seed),
    }


def main() -> int:
    with ExitStack() as stack:

        def server() -> str:
            postgres = PostgresServer(durable=True)
            postgres.start()
            stack.callback(postgres.stop)
            return postgres.create_database("siege")

        rigs = _rigs(server)
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
        "--count", type=int, default=10, help="how many kills, restarts, stops, times full, freezes; of a storm, how many failures"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite, for kills and stops")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
