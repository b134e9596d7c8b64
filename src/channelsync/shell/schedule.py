"""A mere ticker: it wakes coroutines at intervals and remembers nothing. What is due is written in tables and looked up by each tick.

`SchedulerTicker` (APScheduler) is the daemon's; `LoopTicker` does the same on the injected clock alone, for simulation and tests.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Protocol, Self

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from channelsync.clock import Clock
from channelsync.shell.within import within

log = structlog.get_logger(__name__)

Work = Callable[[], Awaitable[None]]

DRAIN_SECONDS = 10.0
CLOCK_CHECK_SECONDS = 5.0
CLOCK_SET_BACK_SECONDS = 2.0


class Ticker(Protocol):
    """Used as `async with ticker:`. At the end no new tick begins, running ones may finish for DRAIN_SECONDS, the rest is cancelled."""

    def every(self, seconds: float, work: Work, *, name: str, jitter: float = 0.0) -> None:
        """Run `work` within `jitter` seconds of the start, then every `seconds` plus up to `jitter`; never twice at the same time.

        A tick that comes while the last one still runs is left out. An exception is logged and the next tick comes as usual.
        """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class _Running:
    """The ticks that run at this moment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.tasks: set[asyncio.Task[Any]] = set()
        self.stopping = False

    async def tick(self, name: str, work: Work) -> None:
        if self.stopping:
            return
        with self._counted():
            try:
                await work()
            except Exception:
                log.exception("tick failed", job=name)

    async def drain(self) -> None:
        self.stopping = True
        tasks = set(self.tasks)
        try:
            await within(self._clock, DRAIN_SECONDS, _all_ended(tasks))
        except TimeoutError:
            log.warning("ticks cancelled at stop", count=len(self.tasks))
            for task in tasks:
                task.cancel()
            await _all_ended(tasks)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            yield
        finally:
            self.tasks.discard(task)


async def _all_ended(tasks: set[asyncio.Task[Any]]) -> None:
    """Waits without cancelling them when it is itself cancelled."""
    if tasks:
        await asyncio.wait(tasks)


class LoopTicker:
    """One task per job, on the injected clock."""

    def __init__(self, clock: Clock, source: random.Random) -> None:
        self._clock = clock
        self._source = source
        self._running = _Running(clock)
        self._jobs: list[Callable[[], Awaitable[None]]] = []
        self._loops: list[asyncio.Task[None]] | None = None

    def every(self, seconds: float, work: Work, *, name: str, jitter: float = 0.0) -> None:
        async def loop() -> None:
            due = self._clock.monotonic() + self._source.uniform(0.0, jitter)
            while not self._running.stopping:
                await self._clock.sleep(max(due - self._clock.monotonic(), 0.0))
                began = self._clock.monotonic()
                await self._running.tick(name, work)
                due = (began if began - due >= seconds else due) + seconds + self._source.uniform(0.0, jitter)
                overrun = self._clock.monotonic() - due
                due += seconds * math.ceil(overrun / seconds) if overrun > 0 else 0.0

        self._jobs.append(loop)
        if self._loops is not None:
            self._loops.append(asyncio.ensure_future(loop()))

    async def __aenter__(self) -> Self:
        self._loops = [asyncio.ensure_future(loop()) for loop in self._jobs]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._running.stopping = True
        loops = self._loops or []
        for idle in set(loops) - self._running.tasks:
            idle.cancel()
        await self._running.drain()
        await asyncio.gather(*loops, return_exceptions=True)


class SchedulerTicker:
    """APScheduler with a memory store. Its trigger looks at the wall clock, so a clock that is set back is noticed here and put right."""

    def __init__(self, clock: Clock, source: random.Random) -> None:
        self._clock = clock
        self._source = source
        self._running = _Running(clock)
        self._skipping: set[str] = set()
        self._watch: asyncio.Task[None] | None = None
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1})
        self._scheduler.add_listener(self._report, EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)

    def every(self, seconds: float, work: Work, *, name: str, jitter: float = 0.0) -> None:
        async def tick() -> None:
            self._skipping.discard(name)
            await self._running.tick(name, work)

        first = self._clock.now() + timedelta(seconds=self._source.uniform(0.0, jitter))
        self._scheduler.add_job(tick, _Every(seconds, jitter, self._source), id=name, next_run_time=first)

    async def __aenter__(self) -> Self:
        self._scheduler.start()
        self._watch = asyncio.create_task(self._watch_wall_clock(), name="wall clock watch")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._watch is not None
        self._watch.cancel()
        self._scheduler.pause()
        await self._running.drain()  # before shutdown, which would cancel them
        self._scheduler.shutdown(wait=False)
        await asyncio.gather(self._watch, return_exceptions=True)
        await self._clock.sleep(0)  # shutdown is done by the loop's next step

    async def _watch_wall_clock(self) -> None:
        """Without this a clock set back by an hour would mean an hour without ticks."""
        offset = self._offset()
        while True:
            await self._clock.sleep(CLOCK_CHECK_SECONDS)
            before, offset = offset, self._offset()
            if offset < before - CLOCK_SET_BACK_SECONDS:
                log.warning("the wall clock was set back; all ticks are due now", seconds=round(before - offset))
                for job in self._scheduler.get_jobs():
                    job.modify(next_run_time=self._clock.now())

    def _offset(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()

    def _report(self, event: Any) -> None:
        """Once per streak: a job slower than its interval would otherwise fill the log."""
        if self._running.stopping or event.job_id in self._skipping:
            return
        self._skipping.add(event.job_id)
        what = {EVENT_JOB_MAX_INSTANCES: "the last one still runs", EVENT_JOB_MISSED: "it came too late"}.get(event.code, "it failed")
        log.warning("tick left out", job=event.job_id, why=what)


class _Every(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """The next multiple of the interval, however many were missed. Randomness is ours, not the module's."""

    def __init__(self, seconds: float, jitter: float, source: random.Random) -> None:
        self._interval = timedelta(seconds=seconds)
        self._jitter = jitter
        self._source = source

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        base = max(previous, now - self._interval) if previous else now
        return base + self._interval + timedelta(seconds=self._source.uniform(0.0, self._jitter))
