"""Small worlds whose daemon is hit at one place after the other (`channelsync.testing.simulation.every_step`), and the sum of what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from channelsync.testing.proof.profile import Profile
from channelsync.testing.simulation import every_step
from channelsync.testing.simulation.every_step import Hit, Point
from channelsync.testing.simulation.points import Kind
from channelsync.testing.simulation.scenarios import SCENARIOS


@dataclass(slots=True)
class Places:
    """deaths: places at which the daemon died. errors: places at which its database or the way to a shop failed. broken: where a rule did not hold."""

    deaths: int = 0
    errors: int = 0
    broken: list[Hit] = field(default_factory=list)

    def add(self, hit: Hit) -> None:
        self.deaths += bool(hit.place) and hit.point.kind is Kind.DEATH
        self.errors += bool(hit.place) and hit.point.kind is not Kind.DEATH
        if hit.problems:
            self.broken.append(hit)


def points(profile: Profile) -> list[Point]:
    """Of each world, in every way. Another first seed means other places, where not all are taken."""
    if not profile.stride:
        return []
    first = 1 + profile.first % profile.stride
    return [point for name in SCENARIOS for kind in Kind for point in every_step.every(name, kind, stride=profile.stride, first=first)]
