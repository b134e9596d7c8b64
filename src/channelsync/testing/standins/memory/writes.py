"""The memory shop's write call: three carriers, idempotency keys, the race of a non-atomic adjustment, and writes that are applied later."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from channelsync.clock import Clock
from channelsync.testing.standins.memory.dials import Dials
from channelsync.testing.standins.memory.gate import Gate, Vanished
from channelsync.testing.standins.memory.shelves import Shelves
from channelsync.testing.standins.refusing import Refusing, none_refused

SEEN_MAX = 10_000
LOCKED = "refused", "somebody is working on it"
Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One write as the client sent it; `id` is the client's own and comes back with the result."""

    id: str
    listing: str
    location: str
    number: int  # the value to set, or the delta to add
    compare: int = 0


@dataclass(slots=True)
class WriteSeen:
    """One write request as the shop saw it, effect or not. results: None while it is under way or if it vanished."""

    key: str
    monotonic: float
    writes: tuple[Wanted, ...]
    results: list[Result] | None = None


@dataclass(slots=True)
class _Remembered:
    writes: tuple[Wanted, ...]
    until: float
    results: list[Result] | None = None  # None: the first request is still under way


@dataclass(slots=True, order=True)
class _Later:
    due: float
    wanted: Wanted = field(compare=False)
    key: str = field(compare=False)


class KeyConflict(Exception):
    """The key was used with another list, or its first request is still under way."""


class Writes:
    def __init__(self, clock: Clock, dials: Dials, shelves: Shelves, gate: Gate) -> None:
        self._clock, self._dials, self._shelves, self._gate = clock, dials, shelves, gate
        self.refusing: Refusing = none_refused
        self.seen: deque[WriteSeen] = deque(maxlen=SEEN_MAX)
        self._keys: dict[str, _Remembered] = {}
        self._later: list[_Later] = []

    async def write(self, key: str, name: str, writes: tuple[Wanted, ...]) -> list[Result]:
        """Results in no particular order. `key` is "" without one; `name` is what the truth calls this write. Raises KeyConflict, Vanished."""
        seen = WriteSeen(name, self._clock.monotonic(), writes)
        self.seen.append(seen)
        await self._gate.passing("before", name)
        memory = self._remember(key, writes)
        if memory is not None and memory.results is not None:
            results = memory.results
        else:
            try:
                results = await self._apply(name, writes)
            except Vanished:  # before anything was written: the key is free again
                self._keys.pop(key, None)
                raise
            if memory is not None:
                memory.results = results
        seen.results = results
        await self._gate.passing("after", name)
        return results

    def catch_up(self) -> None:
        """Apply what was accepted and is due now."""
        now = self._clock.monotonic()
        while self._later and self._later[0].due <= now:
            later = self._later.pop(0)
            self._put(later.wanted, self._base(later.wanted), later.key)

    def next_due(self) -> float | None:
        return self._later[0].due if self._later else None

    def _remember(self, key: str, writes: tuple[Wanted, ...]) -> _Remembered | None:
        if not key or self._dials.key_memory is None:
            return None
        now = self._clock.monotonic()
        while self._keys and (oldest := next(iter(self._keys.items())))[1].until <= now:
            del self._keys[oldest[0]]
        known = self._keys.get(key)
        if known is None:
            self._keys[key] = fresh = _Remembered(writes, now + self._dials.key_memory)
            return fresh
        if known.writes != writes or known.results is None:
            raise KeyConflict(key)
        return known

    async def _apply(self, name: str, writes: Sequence[Wanted]) -> list[Result]:
        bases = {wanted.id: self._base(wanted) for wanted in writes}
        if self._dials.race_seconds is not None:
            await self._gate.passing("between", name)
            await self._clock.sleep(self._dials.race_seconds)
        refused = self.refusing(len(writes))
        verdicts = {wanted.id: LOCKED if place in refused else self._verdict(wanted) for place, wanted in enumerate(writes)}
        spoiled = self._dials.all_or_nothing and any(outcome != "ok" for outcome, _ in verdicts.values())
        results = []
        for wanted in reversed(writes):
            outcome, reason = verdicts[wanted.id]
            if spoiled and outcome == "ok":
                outcome, reason = "skipped", "another write of this call was not accepted"
            if outcome == "ok":
                outcome = self._do(wanted, bases[wanted.id], name)
            shows = self._base(wanted) if outcome in {"ok", "stale"} else None
            results.append({"id": wanted.id, "outcome": outcome, "shows": shows, "reason": reason})
        return results

    def _verdict(self, wanted: Wanted) -> tuple[str, str]:
        product = self._shelves.by_ref(wanted.listing)
        if product is None or wanted.location not in self._shelves.locations:
            return "refused", f"there is no shelf {wanted.listing} at {wanted.location!r}"
        if not product.tracked:
            return "refused", f"{wanted.listing} is not tracked"
        if self._dials.carrier == "compare_and_set" and self._base(wanted) != wanted.compare:
            return "stale", f"{wanted.listing} does not show {wanted.compare}"
        return "ok", ""

    def _do(self, wanted: Wanted, base: int, name: str) -> str:
        if self._dials.write_visible_after > 0:
            due = self._clock.monotonic() + self._dials.write_visible_after
            self._later.append(_Later(due, wanted, name))
            self._later.sort()
            return "accepted"
        self._put(wanted, base, name)
        return "ok"

    def _put(self, wanted: Wanted, base: int, name: str) -> None:
        product = self._shelves.by_ref(wanted.listing)
        if product is None:  # deleted since it was accepted
            return
        number = base + wanted.number if self._dials.carrier == "adjust" else wanted.number
        self._shelves.set(product.sku, wanted.location, number, "write", write=name)

    def _base(self, wanted: Wanted) -> int:
        product = self._shelves.by_ref(wanted.listing)
        known = product is not None and wanted.location in self._shelves.locations
        return self._shelves.level(product.sku, wanted.location) if product is not None and known else 0
