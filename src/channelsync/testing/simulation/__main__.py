"""Replays seeds: `python -m channelsync.testing.simulation --seed 17`, or a range with `--count`."""

from __future__ import annotations

import argparse
import sys
import time

from channelsync.testing.simulation.draw import draw
from channelsync.testing.simulation.plan import SECONDS
from channelsync.testing.simulation.quiet import quiet
from channelsync.testing.simulation.world import Report, World


def main() -> int:
    options = _options()
    failed = 0
    for seed in range(options.seed, options.seed + options.count):
        began = time.perf_counter()
        with quiet(on=not options.log):
            report = World(draw(seed, seconds=options.seconds)).run()
        failed += bool(report.problems)
        lines = [_line(report, time.perf_counter() - began), *(f"    {problem}" for problem in report.problems[:20])]
        lines += [f"        {event}" for event in report.tail[len(report.tail) - options.events :]]
        sys.stdout.write("\n".join(lines) + "\n")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m channelsync.testing.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1, help="how many seeds, from --seed on")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long the shops trade, in virtual seconds")
    parser.add_argument("--events", type=int, default=0, help="print the last events")
    parser.add_argument("--log", action="store_true", help="show the daemon's own log")
    return parser.parse_args()


def _line(report: Report, took: float) -> str:
    judge = report.judge
    assert judge is not None
    verdict = "FAILED" if report.problems else "ok"
    return (
        f"seed {report.seed}: {verdict}, {report.seconds:.0f} s simulated in {took:.1f} s, {report.events} events, {report.lives} lives, "
        f"faults {dict(report.faults)}, acted {dict(report.acted)}, raises {judge.raises}, raced {judge.raced_units}, {report.digest[:12]}"
    )


if __name__ == "__main__":
    sys.exit(main())
