"""What became of a world."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from channelsync.testing.simulation.events import Event
from channelsync.testing.simulation.judge import Judge
from channelsync.testing.simulation.player import Played


@dataclass(slots=True)
class Report:
    """problems: violated invariants, in words; empty means that all held. seconds: simulated. digest: of every event; the same world has the same.

    played: what became of the script. left: (SKU, location) -> on hand and not promised at the end, as the ledger has it.
    """

    seed: int
    problems: list[str] = field(default_factory=list)
    judge: Judge | None = None
    seconds: float = 0.0
    events: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    acted: Counter[str] = field(default_factory=Counter)
    lives: int = 0
    digest: str = ""
    tail: tuple[Event, ...] = ()
    played: Played = field(default_factory=Played)
    left: dict[tuple[str, str], int] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Counts that can be added up over many seeds."""
        judge = self.judge
        raced = judge.raced_units if judge else {}
        return {"seconds": self.seconds, "events": self.events, "lives": self.lives, "raises": judge.raises if judge else 0} | {
            "faults": dict(self.faults),
            "acted": dict(self.acted),
            "raced": raced,
        }


class Broken(Exception):
    """An invariant does not hold; the text says which."""
