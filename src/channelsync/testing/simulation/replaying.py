"""Replays a recording in a world of its own and says what became of it, beside what the recording says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from channelsync.ledger.recording.model import Drift, Found, OrderChange, Push, Recording, Stock
from channelsync.testing.simulation.quiet import quiet
from channelsync.testing.simulation.recordings import Converted, convert
from channelsync.testing.simulation.report import Report
from channelsync.testing.simulation.world import World

MISSED_SHOWN = 10
DECIDES_ANEW = "a replay is no tape: today's code decides anew, so what follows from its decisions may differ"


@dataclass(frozen=True, slots=True)
class Replayed:
    recording: Recording
    converted: Converted
    report: Report

    @property
    def problems(self) -> list[str]:
        return self.report.problems

    @property
    def same_end(self) -> bool:
        return all(recorded == replayed for _, recorded, replayed in self._ends())

    def lines(self) -> Iterator[str]:
        """For people."""
        recording, report = self.recording, self.report
        kinds = ", ".join(f"{each.channel} ({each.kind})" for each in recording.channels)
        yield f"{len(recording.events)} events in {recording.seconds:.0f} s around {recording.sku}; {kinds}"
        yield from self._sold()
        for unit, recorded, replayed in self._ends():
            yield f"{unit} not promised at the end: {replayed} in the replay, {recorded} recorded" + (
                "" if recorded == replayed else " (differs)"
            )
        if not self.same_end:
            yield DECIDES_ANEW
        yield from (f"missed at {each}" for each in report.played.missed[:MISSED_SHOWN])
        if (more := len(report.played.missed) - MISSED_SHOWN) > 0:
            yield f"and {more} more deeds that this world did not allow"
        yield from (f"note: {each}" for each in self.converted.notes)
        yield from self._verdict()

    def _sold(self) -> Iterator[str]:
        there = Counter({each.sku: 0 for each in self.recording.opening})
        for level in self.recording.opening:
            there[level.sku] += level.on_hand
        came = Counter[str]()
        for event in self.recording.events:
            if isinstance(event, Stock):
                came[event.sku] += event.units
        for sku in there:
            yield f"{sku}: {there[sku]} there at the start, {came[sku]:+d} came or went"
        recorded = Counter[tuple[str, str]]()
        for event in self.recording.events:
            if isinstance(event, OrderChange) and event.change == "placed":
                recorded.update({(event.channel, line.item): line.pieces for line in event.lines})
        for shop, item in sorted({*recorded, *self.report.played.sold}):
            key = shop, item
            away = self.report.played.turned_away[key]
            sold = f"{shop} {item}: {self.report.played.sold[key]} sold in the replay, {recorded[key]} recorded"
            yield sold + (f", {away} could not be bought" if away else "")

    def _ends(self) -> Iterator[tuple[str, int, int]]:
        for level in self.recording.closing:
            recorded, here = level.on_hand - level.hard, (level.sku, self.converted.places[level.place])
            yield f"{level.sku} at {level.place}", recorded, self.report.left.get(here, 0)

    def _verdict(self) -> Iterator[str]:
        events = self.recording.events
        drifts = sum(isinstance(each, Drift) for each in events)
        oversold = sum(isinstance(each, Found) and each.kind == "oversell" for each in events)
        unknown = sum(isinstance(each, Push) and each.was_unknown for each in events)
        yield f"recorded: {oversold} oversells, {drifts} drifts, {unknown} writes without an answer"
        judge = self.report.judge
        assert judge is not None
        raced = ", ".join(f"{units} {kind}" for kind, units in judge.raced_units.items()) or "none"
        yield f"replayed: {judge.raises} raises, {judge.resurrected_units} units put back on sale, races no protocol can close: {raced}"
        yield from self.report.problems[:20]
        yield "FAILED" if self.report.problems else "ok: the judge finds no harm, every invariant holds"


def replay(recording: Recording, *, seed: int = 1, log: bool = False) -> Replayed:
    """Deterministic: the same recording, seed and code give the same report."""
    converted = convert(recording, seed)
    with quiet(on=not log):
        return Replayed(recording, converted, World(converted.plan).run())
