"""The page of figures, for people and as JSON. Nothing is measured here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from channelsync.testing.proof.crashes import Crashes
from channelsync.testing.proof.places import Places
from channelsync.testing.proof.worlds import DENSE, SPARSE, Worlds
from channelsync.testing.simulation.every_step import Hit

PROBLEMS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Proof:
    """commit: what was proved, "+" behind it where files differ from it. seconds: how long the proof took."""

    commit: str
    profile: str
    seconds: float
    worlds: Worlds
    crashes: Crashes | None = None
    places: Places = field(default_factory=Places)

    @property
    def holds(self) -> bool:
        return not self.worlds.failed and not self.places.broken and (self.crashes is None or self.crashes.sound)

    def as_json(self) -> dict[str, Any]:
        worlds = self.worlds
        return {
            "commit": self.commit,
            "profile": self.profile,
            "seconds": round(self.seconds, 1),
            "holds": self.holds,
            "seeds": dict(worlds.seeds),
            "simulated_hours": {kind: round(hours, 2) for kind, hours in worlds.hours.items()},
            "events": worlds.events,
            "daemon_lives": worlds.lives,
            "raises_judged": worlds.raises,
            "raced_units": worlds.raced,
            "faults": dict(worlds.faults.most_common()),
            "acted": dict(worlds.acted.most_common()),
            "places": {"deaths": self.places.deaths, "errors": self.places.errors, "broken": [_told(hit) for hit in self.places.broken]},
            "crashes": None if self.crashes is None else asdict(self.crashes),
            "violations": [{"seed": list(each.seed), "problems": list(each.problems), "replay": each.replay} for each in worlds.failed],
        }

    def page(self) -> str:
        """Markdown."""
        worlds = self.worlds
        figures = {
            "worlds that trade for seconds, dense": f"{worlds.seeds[DENSE]:,} seeds, {worlds.hours[DENSE]:,.1f} simulated hours",
            "worlds that trade for days, sparse": f"{worlds.seeds[SPARSE]:,} seeds, {worlds.hours[SPARSE]:,.0f} simulated hours",
            "events": f"{worlds.events:,}",
            "daemons that lived and died": f"{worlds.lives:,}",
            "writes that raised a number, each judged": f"{worlds.raises:,}",
            "units in races that no protocol can close": f"{worlds.raced:,}",
            "faults": f"{worlds.faults.total():,} of {len(worlds.faults)} kinds",
            "worlds in which a rule was broken": f"{len(worlds.failed)}",
            **self._places(),
            **self._crashes(),
        }
        parts = [
            f"# Proof: {'every rule held' if self.holds else 'FAILED'}",
            f"Commit {self.commit}, profile `{self.profile}`, {self.seconds / 60:.1f} minutes.",
            _table(("what", "figure"), figures),
            "## Faults",
            _table(("fault", "times"), {kind: f"{count:,}" for kind, count in worlds.faults.most_common()}),
            "## What people did",
            _table(("deed", "times"), {kind: f"{count:,}" for kind, count in worlds.acted.most_common()}),
            *self._failures(),
        ]
        return "\n\n".join(parts) + "\n"

    def _places(self) -> dict[str, str]:
        places = self.places
        if not places.deaths + places.errors + len(places.broken):
            return {}
        return {
            "places at which the daemon died": f"{places.deaths:,}",
            "places at which its database or a request failed": f"{places.errors:,}",
            "of these, places at which a rule was broken": f"{len(places.broken):,}",
        }

    def _crashes(self) -> dict[str, str]:
        if (crashes := self.crashes) is None:
            return {}
        kills = ", ".join(f"{each.cycles:,} on {each.database}" for each in crashes.kills)
        restarts = crashes.database.killed + crashes.database.stopped if crashes.database else 0
        differences = [difference for outcome in crashes.outcomes for difference in outcome.differences]
        differences += [each.partition("\n")[0] for each in crashes.failed]
        return {
            "kill -9 of the daemon": kills,
            "restarts of the database under it": f"{restarts:,}",
            "deliveries answered 2xx meanwhile": f"{crashes.acknowledged:,}",
            "reservations, releases and shipments by API answered 2xx meanwhile": f"{crashes.carts:,}, {crashes.carts_repeated:,} of them only when asked again",
            "of both, lost or done twice": f"{crashes.lost:,}",
            "messages about alerts that arrived meanwhile": f"{crashes.alerts:,}",
            "differences of ledger, shops, log and alerts after them": "; ".join(differences) or "0",
        }

    def _failures(self) -> list[str]:
        places = [
            "\n".join([f"## {hit.place}", *(f"- {line}" for line in hit.problems), f"\n    {hit.point.replay}"])
            for hit in self.places.broken[:PROBLEMS_SHOWN]
        ]
        return places + [
            "\n".join([f"## {kind} seed {number}", *(f"- {line}" for line in each.problems), f"\n    {each.replay}"])
            for each in self.worlds.failed[:PROBLEMS_SHOWN]
            for kind, number in (each.seed,)
        ]


def _told(hit: Hit) -> dict[str, Any]:
    return {"place": hit.place, "problems": list(hit.problems), "replay": hit.point.replay}


def _table(head: tuple[str, str], rows: Mapping[str, str]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    return "\n".join(lines)
