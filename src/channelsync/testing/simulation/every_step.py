"""The same small world over and over, and each time the daemon is hit one place later, until none is left: every place, not a sample.

`python -m channelsync.testing.simulation.every_step --scenario shops`. What can be hit, and how, is in `points`; the worlds are in `scenarios`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

from rich.console import Console
from rich.progress import track

from channelsync.testing.simulation.points import Kind, Points
from channelsync.testing.simulation.quiet import quiet
from channelsync.testing.simulation.scenarios import SCENARIOS
from channelsync.testing.simulation.world import World

PROBLEMS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Point:
    """Where a world is to be hit: which world, in which way, and at the place with which number."""

    scenario: str
    kind: Kind
    number: int

    @property
    def replay(self) -> str:
        return (
            f"python -m channelsync.testing.simulation.every_step --scenario {self.scenario} --kind {self.kind} "
            f"--first {self.number} --count 1"
        )


@dataclass(frozen=True, slots=True)
class Hit:
    """What came of it. place: in words; "" if the daemon's life was over before. problems: violated invariants, in words."""

    point: Point
    place: str
    problems: tuple[str, ...]


def hit(point: Point) -> Hit:
    """One world, hit there."""
    points = Points(point.kind, point.number)
    with quiet():
        report = World(SCENARIOS[point.scenario], points=points).run()
    return Hit(point, points.hit, tuple(report.problems))


def places(scenario: str, kind: Kind) -> Points:
    """All places of a world in which nothing fails."""
    points = Points(kind)
    with quiet():
        World(SCENARIOS[scenario], points=points).run()
    return points


def every(scenario: str, kind: Kind, *, stride: int = 1, first: int = 1) -> list[Point]:
    """Every `stride`-th place from `first` on, and at last one where nothing is left to be hit: the world by itself, which must be sound, too."""
    count = places(scenario, kind).count
    return [Point(scenario, kind, number) for number in (*range(first, count + 1, stride), count + 1)]


def main() -> int:
    options = _options()
    failed = 0
    for scenario in options.scenario or SCENARIOS:
        for kind in options.kind or Kind:
            failed += _tell(scenario, Kind(kind), options)
    return 1 if failed else 0


def _tell(scenario: str, kind: Kind, options: argparse.Namespace) -> int:
    console = Console(stderr=True)
    wanted = every(scenario, kind, stride=options.stride, first=options.first)[: options.count]
    points = failed = 0
    for point in track(wanted, f"{scenario}, {kind}", console=console):
        done = hit(point)
        points += bool(done.place)
        if done.problems:
            failed += 1
            lines = [f"{scenario}, {kind}, place {point.number} ({done.place})", *done.problems[:PROBLEMS_SHOWN], point.replay]
            sys.stdout.write("\n    ".join(lines) + "\n")
    sys.stdout.write(f"{scenario}, {kind}: {points} places hit, {failed} of them broke a rule\n")
    return failed


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m channelsync.testing.simulation.every_step", description=__doc__)
    parser.add_argument("--scenario", action="append", choices=sorted(SCENARIOS), help="only this world; may be given again")
    parser.add_argument("--kind", action="append", choices=sorted(Kind), help="only this; may be given again")
    parser.add_argument("--stride", type=int, default=1, help="every so manieth place (default: 1)")
    parser.add_argument("--first", type=int, default=1, help="the first place (default: 1)")
    parser.add_argument("--count", type=int, help="at most so many places")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
