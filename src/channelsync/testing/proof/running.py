"""Runs a profile: worlds, places and kills beside each other, as many at a time as there are processors."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from channelsync.testing.proof import crashes, places, worlds
from channelsync.testing.proof.crashes import Crashes
from channelsync.testing.proof.places import Places
from channelsync.testing.proof.profile import Profile
from channelsync.testing.proof.progress import Shown, shown
from channelsync.testing.proof.worlds import DENSE, SPARSE, Worlds
from channelsync.testing.simulation import every_step

AHEAD = 2
"""Pieces of work per processor that are handed out before they are wanted."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One world or place: what it is called in the progress, the function that runs it in another process, and its argument."""

    kind: str
    work: Callable[[Any], Any]
    of: Any


@dataclass(slots=True)
class Ran:
    worlds: Worlds = field(default_factory=Worlds)
    places: Places = field(default_factory=Places)
    crashes: Crashes | None = None


def run(profile: Profile) -> Ran:
    """In processes that are made anew, not forked: a world is the same wherever it runs. The kills take one of them, the rest the others."""
    kinds = _pieces(profile)
    ran, until = Ran(), None if profile.minutes is None else time.monotonic() + profile.minutes * 60
    with (
        shown({kind: len(pieces) for kind, pieces in kinds.items()}) as progress,
        ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        crashing = pool.submit(crashes.run, profile)
        order = one_after_the_other(kinds) if until is None else in_turn(kinds)
        for piece, result in _results(pool, order, until):
            _keep(ran, piece, result, progress)
        if not crashing.done():
            progress.waits_for("kills of the daemon and its database")
        ran.crashes = crashing.result()
    return ran


def _pieces(profile: Profile) -> dict[str, Sequence[Piece]]:
    """The long ones first, so that no processor waits for one at the end."""
    seeds = worlds.seeds(profile)
    return {
        "worlds of days": [Piece("worlds of days", worlds.live, seed) for seed in seeds if seed[0] == SPARSE],
        "worlds of seconds": [Piece("worlds of seconds", worlds.live, seed) for seed in seeds if seed[0] == DENSE],
        "places in a daemon's life": [Piece("places in a daemon's life", every_step.hit, point) for point in places.points(profile)],
    }


def one_after_the_other(kinds: Mapping[str, Sequence[Piece]]) -> Iterator[Piece]:
    for pieces in kinds.values():
        yield from pieces


def in_turn(kinds: Mapping[str, Sequence[Piece]]) -> Iterator[Piece]:
    """Wherever it ends, about the same share of each kind has come."""
    spread = [
        ((number + 0.5) / len(pieces), place, piece) for place, pieces in enumerate(kinds.values()) for number, piece in enumerate(pieces)
    ]
    yield from (piece for _, _, piece in sorted(spread, key=lambda each: each[:2]))


def _results(pool: Executor, order: Iterator[Piece], until: float | None) -> Iterator[tuple[Piece, Any]]:
    """Each as it ends. A few are handed out ahead, so that little is left to do when the time is over."""
    running: dict[Future[Any], Piece] = {}
    while True:
        while len(running) < AHEAD * (os.cpu_count() or 1) and (until is None or time.monotonic() < until):
            if (piece := next(order, None)) is None:
                break
            running[pool.submit(piece.work, piece.of)] = piece
        if not running:
            return
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for ended in done:
            yield running.pop(ended), ended.result()


def _keep(ran: Ran, piece: Piece, result: Any, progress: Shown) -> None:
    progress.done(piece.kind)
    if isinstance(result, every_step.Hit):
        ran.places.add(result)
        name = result.point.replay
    else:
        ran.worlds.add(result)
        name = " seed ".join(map(str, result.seed))
    if result.problems:
        progress.failed(f"{name}: {result.problems[0]}")
