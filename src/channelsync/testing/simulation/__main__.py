"""Replays seeds: `python -m channelsync.testing.simulation --seed 17`, or a range with `--count`; with `--recording FILE` what befell a SKU somewhere."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from channelsync.ledger.recording import BadRecording, read
from channelsync.testing.commit import commit
from channelsync.testing.simulation.draw import draw
from channelsync.testing.simulation.plan import SECONDS, Plan
from channelsync.testing.simulation.quiet import quiet
from channelsync.testing.simulation.replaying import replay
from channelsync.testing.simulation.report import Report
from channelsync.testing.simulation.shrink import left_out, shrink
from channelsync.testing.simulation.sparse import draw_sparse
from channelsync.testing.simulation.world import World


def main() -> int:
    options = _options()
    if options.recording is not None:
        return _recorded(options.recording, options)
    failed, at = 0, commit()
    for seed in range(options.seed, options.seed + options.count):
        began = time.perf_counter()
        plan = draw_sparse(seed) if options.sparse else draw(seed, seconds=options.seconds)
        with quiet(on=not options.log):
            report = World(plan).run()
            if report.problems and options.shrink:
                plan, report = smallest(plan)
        failed += bool(report.problems)
        lines = [_line(report, at, time.perf_counter() - began), *(f"    {problem}" for problem in report.problems[:20])]
        lines += [f"        {event}" for event in report.tail[len(report.tail) - options.events :]]
        sys.stdout.write("\n".join(lines) + "\n")
    return 1 if failed else 0


def _recorded(file: Path, options: argparse.Namespace) -> int:
    try:
        replayed = replay(read(file), seed=options.seed, log=options.log)
    except BadRecording as bad:
        sys.stderr.write(f"Error: {bad}\n")
        return 2
    lines = [*replayed.lines(), *(f"        {event}" for event in replayed.report.tail[len(replayed.report.tail) - options.events :])]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if replayed.problems else 0


def smallest(plan: Plan) -> tuple[Plan, Report]:
    """A failing plan without what it does not need to fail, and what became of it; says what was left out."""
    small = shrink(plan, lambda smaller: bool(World(smaller).run().problems))
    sys.stdout.write(f"seed {plan.seed} still fails without: {', '.join(left_out(plan, small)) or 'nothing'}\n")
    return small, World(small).run()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m channelsync.testing.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1, help="how many seeds, from --seed on")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long the shops trade, in virtual seconds")
    parser.add_argument("--events", type=int, default=0, help="print the last events")
    parser.add_argument("--sparse", action="store_true", help="four days with few events instead of seconds with many")
    parser.add_argument("--shrink", action="store_true", help="leave out what a failing world does not need to fail")
    parser.add_argument("--recording", type=Path, metavar="FILE", help="replay what `channelsync record` has written, instead of a seed")
    parser.add_argument("--log", action="store_true", help="show the daemon's own log")
    return parser.parse_args()


def _line(report: Report, at: str, took: float) -> str:
    judge = report.judge
    assert judge is not None
    verdict = "FAILED" if report.problems else "ok"
    return (
        f"seed {report.seed} at {at}: {verdict}, {report.seconds:.0f} s simulated in {took:.1f} s, {report.events} events, {report.lives} lives, "
        f"faults {dict(report.faults)}, acted {dict(report.acted)}, raises {judge.raises}, raced {judge.raced_units}, {report.digest[:12]}"
    )


if __name__ == "__main__":
    sys.exit(main())
