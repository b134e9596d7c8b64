"""`python -m benchmarks`, a part of `make bench`: every comparison, or those that are named; a table for people and one JSON file for programs."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import intake, limits, ordering, pusher, reserving
from benchmarks.side_by_side import Result, compare, sparks
from channelsync.testing.postgres import PostgresServer


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("names", nargs="*", help="which comparisons; all, if none is named")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=float, default=3.0, help="how long one run lasts")
    options.add_argument("--out", type=Path, default=Path("build/benchmarks.json"))
    given = options.parse_args()
    server = PostgresServer(durable=True)
    server.start()
    with ExitStack() as stack:
        stack.callback(server.stop)
        known = [
            *reserving.comparisons(server, given.seconds),
            *ordering.comparisons(server, given.seconds),
            *intake.comparisons(server, given.seconds),
            *pusher.comparisons(stack, _tell),
            *limits.comparisons(given.seconds),
        ]
        if unknown := set(given.names) - {each.name for each in known}:
            options.error(f"no comparison {sorted(unknown)}; there are {', '.join(each.name for each in known)}")
        chosen = [each for each in known if not given.names or each.name in given.names]
        results = [compare(each, given.rounds, _tell) for each in chosen]
    _show(results)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps([result.as_json() for result in results], indent=2) + "\n")
    return 0


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")


def _show(results: list[Result]) -> None:
    grid = Table(title="Measured in turns, as ratios", title_justify="left")
    for name in ("what", "against", "ours", "theirs", "ratio", "rounds", "aim", "p50 / p99 ms"):
        grid.add_column(name, justify="left" if name in ("what", "against", "rounds") else "right")
    for each in results:
        grid.add_row(
            each.what,
            each.against,
            f"{each.project:,.0f} {each.unit}",
            f"{each.anchor:,.0f}",
            f"{each.ratio:.2f} ({each.low:.2f}-{each.high:.2f})",
            sparks(each.ratios),
            f"{'reached' if each.reached else 'MISSED'} {each.aim:g}",
            f"{each.p50_ms} / {each.p99_ms}",
        )
    Console().print(grid)


if __name__ == "__main__":
    sys.exit(main())
