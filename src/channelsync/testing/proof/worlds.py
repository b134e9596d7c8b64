"""Simulated worlds, and the sum of what came of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from channelsync.testing.proof.profile import Profile
from channelsync.testing.simulation.draw import draw
from channelsync.testing.simulation.quiet import quiet
from channelsync.testing.simulation.shrink import left_out, shrink
from channelsync.testing.simulation.sparse import draw_sparse
from channelsync.testing.simulation.world import World

SHRINK_TRIES = 25
DENSE, SPARSE = "dense", "sparse"

Seed = tuple[str, int]
"""(dense or sparse, number)"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One world. hours: simulated. acted: what people did, by kind. replay: the command that shows a failure again."""

    seed: Seed
    hours: float
    events: int
    lives: int
    raises: int
    raced: int
    faults: dict[str, int]
    acted: dict[str, int]
    problems: tuple[str, ...] = ()
    replay: str = ""


@dataclass(slots=True)
class Worlds:
    """The sum over worlds. hours: simulated, by kind. failed: those that broke a rule."""

    hours: dict[str, float] = field(default_factory=lambda: {DENSE: 0.0, SPARSE: 0.0})
    seeds: Counter[str] = field(default_factory=Counter)
    events: int = 0
    lives: int = 0
    raises: int = 0
    raced: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    acted: Counter[str] = field(default_factory=Counter)
    failed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        kind, _ = outcome.seed
        self.hours[kind] += outcome.hours
        self.seeds[kind] += 1
        self.events += outcome.events
        self.lives += outcome.lives
        self.raises += outcome.raises
        self.raced += outcome.raced
        self.faults.update(outcome.faults)
        self.acted.update(outcome.acted)
        if outcome.problems:
            self.failed.append(outcome)


def seeds(profile: Profile) -> list[Seed]:
    """The long ones first."""
    numbers = {SPARSE: profile.sparse, DENSE: profile.dense}
    return [(kind, number) for kind, count in numbers.items() for number in range(profile.first, profile.first + count)]


def live(seed: Seed) -> Outcome:
    """One world, from its seed; a failing one is made smaller before it is told."""
    kind, number = seed
    plan = draw_sparse(number) if kind == SPARSE else draw(number)
    with quiet():
        report = World(plan).run()
        summary = report.summary()
        problems, replay = report.problems, ""
        if problems:
            small = shrink(plan, lambda smaller: bool(World(smaller).run().problems), tries=SHRINK_TRIES)
            replay = (
                f"python -m channelsync.testing.simulation --seed {number}{' --sparse' if kind == SPARSE else ''} --shrink --events 100"
            )
            problems = [*problems, f"still fails without: {', '.join(left_out(plan, small)) or 'nothing'}"]
    return Outcome(
        seed,
        hours=summary["seconds"] / 3600,
        events=summary["events"],
        lives=summary["lives"],
        raises=summary["raises"],
        raced=sum(summary["raced"].values()),
        faults=summary["faults"],
        acted=summary["acted"],
        problems=tuple(problems),
        replay=replay,
    )
