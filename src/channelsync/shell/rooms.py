"""What a shop leaves room for, by the way it counts: a bucket that fills up steadily, windows one after the other, or any stretch of some seconds.

Pure: every method is told what time it is on the monotonic clock. `in_flight` is what calls on their way cost; shops count it sooner or later.
Reads leave writes something over, because a late write is what oversells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

WINDOW_MARGIN_SECONDS = 0.01  # shops tell whole milliseconds


class Room(Protocol):
    """maximum: what can be taken at once, after a long rest. per_second: in the long run."""

    maximum: float
    per_second: float

    def level(self, now: float, in_flight: float) -> float:
        """What could be taken now."""

    def until(self, cost: float, now: float, in_flight: float, *, read: bool) -> float:
        """Seconds until a call of this cost may leave; zero or less: now. A cost above the maximum waits for all of it: the shop, not we, decides
        whether it is too big.
        """

    def take(self, cost: float, now: float, in_flight: float) -> None: ...

    def leaves(self, cost: float) -> None:
        """A call that was taken for goes on the wire."""

    def answered(self, cost: float, now: float) -> None:
        """It has come back, or never will."""

    def empty(self, now: float, in_flight: float) -> None:
        """The shop says that there is none, whatever we believed."""


class Bucket:
    """What was taken comes back steadily. reserve: the share that only writes may use."""

    def __init__(self, maximum: float, per_second: float, level: float, now: float, reserve: float) -> None:
        self.maximum, self.per_second = maximum, per_second
        self._level, self._at, self._reserve = level, now, reserve

    def level(self, now: float, in_flight: float) -> float:
        return min(self.maximum, self._level + (now - self._at) * self.per_second)

    def until(self, cost: float, now: float, in_flight: float, *, read: bool) -> float:
        floor = self._reserve * self.maximum if read else 0.0
        return (min(cost + floor, self.maximum) - self.level(now, in_flight)) / self.per_second

    def take(self, cost: float, now: float, in_flight: float) -> None:
        self._level, self._at = self.level(now, in_flight) - cost, now

    def leaves(self, cost: float) -> None: ...

    def answered(self, cost: float, now: float) -> None: ...

    def empty(self, now: float, in_flight: float) -> None:
        self._level, self._at = min(self.level(now, in_flight), 0.0), now


class Window:
    """Nothing comes back before the window ends, and all of it then. ends_in: seconds, as the shop told. reserve: the share of what is left of its
    time that only writes may use.
    """

    def __init__(self, maximum: float, per_second: float, level: float, now: float, reserve: float, ends_in: float) -> None:
        self.maximum, self.per_second = maximum, per_second
        self._level, self._reserve = level, reserve
        self._ends = now + min(max(ends_in, 0.0), self._long) + WINDOW_MARGIN_SECONDS

    @property
    def _long(self) -> float:
        return self.maximum / self.per_second

    def level(self, now: float, in_flight: float) -> float:
        """Calls that left before the end may count into the next window."""
        return self._level if now < self._ends else self.maximum - in_flight

    def until(self, cost: float, now: float, in_flight: float, *, read: bool) -> float:
        left = max(0.0, self._ends - now)
        floor = self._reserve * min(self.maximum, left * self.per_second) if read else 0.0
        missing = min(cost + floor, self.maximum) - self.level(now, in_flight)
        if left <= 0:  # calls that left before are still on their way
            return missing / self.per_second
        falling = self._reserve * self.per_second if read else 0.0  # what writes may still need, as the window runs out
        return min(left, missing / falling) if falling else left if missing > 0 else missing

    def take(self, cost: float, now: float, in_flight: float) -> None:
        self._level = self.level(now, in_flight) - cost
        if now >= self._ends:
            self._ends = now + self._long  # until the shop tells when the new one really ends

    def leaves(self, cost: float) -> None: ...

    def answered(self, cost: float, now: float) -> None: ...

    def empty(self, now: float, in_flight: float) -> None:
        self._level = min(self.level(now, in_flight), 0.0)


@dataclass(slots=True)
class _Taken:
    """counts: until when, unless its call is on its way: then for long after that. waits: it has not left yet."""

    cost: float
    counts: float
    waits: bool = False
    on_its_way: bool = False


class Sliding:
    """Any stretch of `maximum / per_second` seconds holds at most `maximum`. The shop may have counted a call at any time between its leaving and
    its answer, so it counts for that long after the answer. (One that was let go and then waits for something else for longer than that counts again
    when it leaves.)

    After a rest half of it may go at once. Beyond that reads leave evenly, and the last of the room only where more comes back within an interval of
    theirs: a write waits no longer than that and its answers take.
    """

    def __init__(self, maximum: float, per_second: float) -> None:
        self.maximum, self.per_second = maximum, per_second
        self._log: list[_Taken] = []
        self._others = _Taken(0.0, -math.inf)
        self._last = -math.inf

    @property
    def _long(self) -> float:
        return self.maximum / self.per_second

    def told(self, remaining: float, resets_in: float, now: float) -> None:
        """The shop leaves no more than this until then: others take from the same."""
        self._others = _Taken(0.0, -math.inf)
        self._others = _Taken(max(0.0, self.level(now, 0.0) - remaining), now + min(max(resets_in, 0.0), self._long))

    def level(self, now: float, in_flight: float) -> float:
        return self.maximum - sum(each.cost for each in self._counting(now))

    def until(self, cost: float, now: float, in_flight: float, *, read: bool) -> float:
        wait = self._until_at_most(self.maximum - min(cost, self.maximum), now)
        if not read:
            return wait
        interval = cost / self.per_second
        evenly = min(self._last + interval - now, self._until_at_most(self.maximum / 2 - cost, now))
        return max(wait, evenly, self._until_back(cost, now) - interval)

    def _until_back(self, cost: float, now: float) -> float:
        """Until some of the room comes back, if a call of this cost would take the last of it."""
        counting = self._ends(now)
        is_last = sum(each for _, each in counting) + 2 * cost > self.maximum
        return counting[0][0] - now if is_last and counting else 0.0

    def _until_at_most(self, used: float, now: float) -> float:
        """Until no more than `used` counts. A call on its way may be answered at once."""
        ends = self._ends(now)
        excess, until = sum(cost for _, cost in ends) - used, now
        for end, cost in ends:
            if excess <= 0:
                break
            excess, until = excess - cost, end
        return until - now

    def _ends(self, now: float) -> list[tuple[float, float]]:
        """What counts, by when it no longer does."""
        return sorted((now + self._long if each.on_its_way else each.counts, each.cost) for each in self._counting(now))

    def _counting(self, now: float) -> list[_Taken]:
        self._log = [each for each in self._log if each.on_its_way or each.counts > now]
        return [*self._log, self._others] if self._others.cost and self._others.counts > now else self._log

    def take(self, cost: float, now: float, in_flight: float) -> None:
        self._log.append(_Taken(cost, now + self._long, waits=True))
        self._last = now

    def leaves(self, cost: float) -> None:
        each = next((each for each in self._log if each.waits and each.cost == cost), None)
        if each is None:  # it has waited for longer than it counts
            self._log.append(each := _Taken(cost, math.inf))
        each.waits, each.on_its_way = False, True

    def answered(self, cost: float, now: float) -> None:
        each = next(each for each in self._log if each.on_its_way and each.cost == cost)
        each.on_its_way, each.counts = False, now + self._long

    def empty(self, now: float, in_flight: float) -> None:
        """What we have taken ourselves counts as it is; the pause that the shop asked for is its caller's."""
