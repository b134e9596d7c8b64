"""How much of everything a proof runs. `ci` is for every change, `long` for an hour, `night` for all of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """dense: seeds of worlds that trade for seconds in which a lot happens. sparse: seeds of worlds that trade for days. first: the first seed of each.

    cycles: kills of the daemon, on each database. restarts: of the database server under it.
    stride: a daemon is hit at every so manieth place of its life; 1 is every place, 0 none.
    minutes: after so many nothing new is begun; worlds of all kinds then take turns, each kind as much of the time as of the whole.
    """

    name: str
    dense: int
    sparse: int
    first: int = 1
    cycles: int = 0
    restarts: int = 0
    stride: int = 0
    minutes: float | None = None


_ALL = (
    Profile("ci", dense=280, sparse=20, cycles=26, restarts=10, stride=197),
    Profile("long", dense=3_000, sparse=60, cycles=100, restarts=40, stride=5, minutes=60),
    Profile("night", dense=5_000, sparse=100, cycles=250, restarts=100, stride=1),
)
PROFILES = {profile.name: profile for profile in _ALL}
