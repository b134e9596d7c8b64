"""`python -m channelsync.testing.proof`: runs the proof, shows how far it is, and writes its page."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from channelsync.testing.commit import commit
from channelsync.testing.proof import crashes, worlds
from channelsync.testing.proof.crashes import Crashes
from channelsync.testing.proof.profile import PROFILES, Profile
from channelsync.testing.proof.report import Proof
from channelsync.testing.proof.worlds import Outcome


def main() -> int:
    options = _options()
    profile = _profile(options)
    began = time.perf_counter()
    total, crashed = _run(profile)
    proof = Proof(commit(), profile.name, time.perf_counter() - began, total, crashed)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "proof.md").write_text(proof.page())
        (options.out / "proof.json").write_text(json.dumps(proof.as_json(), indent=2) + "\n")
    if options.json:
        sys.stdout.write(json.dumps(proof.as_json(), indent=2) + "\n")
    else:
        Console().print(Markdown(proof.page()))
    return 0 if proof.holds else 1


def _run(profile: Profile) -> tuple[worlds.Worlds, Crashes | None]:
    """In processes that are made anew, not forked: a world is the same wherever it runs. The kills take one of them, worlds the others."""
    wanted = worlds.seeds(profile)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with (
        Progress(*columns, console=Console(stderr=True)) as bars,
        ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        task = bars.add_task("worlds", total=len(wanted))

        def tell(outcome: Outcome) -> None:
            bars.advance(task)
            if outcome.problems:
                bars.console.print(f"[red]FAILED[/red] {' seed '.join(map(str, outcome.seed))}: {outcome.problems[0]}")

        crashing = pool.submit(crashes.run, profile)
        total = worlds.run(pool, wanted, tell)
        bars.update(task, description="kills of the daemon and its database")
        return total, crashing.result()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m channelsync.testing.proof",
        description="The promises as figures: simulated worlds with every fault, and what came of them.",
        epilog="Example: python -m channelsync.testing.proof --profile ci --out build",
    )
    parser.add_argument("--profile", choices=sorted(PROFILES), default="ci", help="how much of everything (default: ci)")
    parser.add_argument("--dense", type=int, help="so many seeds of seconds, instead of the profile's")
    parser.add_argument("--sparse", type=int, help="so many seeds of days, instead of the profile's")
    parser.add_argument("--cycles", type=int, help="so many kills of the daemon on each database, instead of the profile's")
    parser.add_argument("--restarts", type=int, help="so many restarts of the database, instead of the profile's")
    parser.add_argument("--first", type=int, help="the first seed (default: 1)")
    parser.add_argument("--out", type=Path, help="a folder for proof.md and proof.json")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the page")
    return parser.parse_args()


def _profile(options: argparse.Namespace) -> Profile:
    wanted = {name: getattr(options, name) for name in ("dense", "sparse", "first", "cycles", "restarts")}
    return replace(PROFILES[options.profile], **{name: value for name, value in wanted.items() if value is not None})


if __name__ == "__main__":
    sys.exit(main())
