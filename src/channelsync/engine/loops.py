"""The engine's tasks: what runs beside what, and how long each waits. Every task survives the errors of its shop; a bug ends the engine loudly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import structlog

from channelsync.contract import Role
from channelsync.engine.alerts import Alerts
from channelsync.engine.authority import Authority
from channelsync.engine.catalogue import Catalogue
from channelsync.engine.channel import Channel, Signal, sooner
from channelsync.engine.dispatch import Dispatcher
from channelsync.engine.housekeeping import Housekeeping
from channelsync.engine.intake import BATCH, Intake
from channelsync.engine.introduce import introduce
from channelsync.engine.places import Places
from channelsync.engine.poll import Pullers
from channelsync.engine.recheck import Recheck
from channelsync.engine.reconcile import Reconciler
from channelsync.engine.ruling import Ruling
from channelsync.engine.store import Store
from channelsync.engine.switching import Switching
from channelsync.engine.watching import Watch
from channelsync.errors import ChannelError, Unauthorized
from channelsync.ledger.group import DatabaseAway
from channelsync.ledger.inbox import Claimed

log = structlog.get_logger(__name__)

Job = Callable[[], Awaitable[object]]
Task = Callable[[], Coroutine[Any, Any, None]]
T = TypeVar("T")

WIDE_EVERY = timedelta(days=1)
WIDE_BY = timedelta(days=2)
PLACES_TICKS = 60
RULES_LOOK = 60.0
RECHECK_EVERY = timedelta(minutes=10)
RECHECK_TICKS = 4
"""Where ticks are long: no order is asked for at every one of them."""

WATCH_TICKS = 15
SWITCH_TICKS = 15
BUG_PAUSE_SECONDS = 30.0
DATABASE_PAUSE_SECONDS = 1.0
CATALOGUE_PAUSE_SECONDS = 30.0
REFUSED_PAUSE_MAX = 900.0
"""A shop that refuses our credentials is asked by every task this seldom, and by the watch, which wakes them all once it is let in."""

BATCHES_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What a shop's error asks for: a pause in seconds. refused: it was our credentials that it would not take."""

    pause: float
    refused: bool


class Engine:
    """All of one store's work. `arrived` is set by the receiver when a delivery was stored.

    forgiving: an unexpected exception in one task is logged and the task goes on later; otherwise it ends the engine (tests want that).
    progress: task name -> monotonic time of its last success, for the watchdog.
    tick: seconds after which a task that nothing has woken looks by itself whether something is due.
    """

    def __init__(
        self, store: Store, *, forgiving: bool = True, makes_skus: int | None = None, delivery_days: int = 14, tick: float = 1.0
    ) -> None:
        self.store = store
        self.forgiving = forgiving
        self._tick = tick
        self.arrived = Signal()
        self.pullers = Pullers(store)
        self.intake = Intake(store)
        self.housekeeping = Housekeeping(store, delivery_days=delivery_days)
        self.ruling = Ruling(store, look=max(RULES_LOOK, tick))
        self.places = {channel.id: Places(store, channel) for channel in store.channels.values()}
        self.catalogues = {
            channel.id: Catalogue(store, channel, makes_skus=channel.id == makes_skus, places=self.places[channel.id])
            for channel in store.channels.values()
        }
        self.dispatchers = {channel.id: Dispatcher(store, channel, self.pullers) for channel in store.channels.values()}
        self.reconcilers = {channel.id: Reconciler(store, channel, self.pullers[channel]) for channel in store.channels.values()}
        owners = [channel for channel in store.channels.values() if channel.settings.role is Role.AUTHORITY]
        turned = [channel for channel in store.channels.values() if channel.settings.turns_switches]
        self.switchings = {channel.id: Switching(store, channel, self.dispatchers[channel.id]) for channel in turned}
        self.authorities = {channel.id: Authority(store, channel) for channel in owners}
        self.alerts: Alerts | None = None  # who assembles a store with a config gives it the config's
        self.progress: dict[str, float] = {}
        self._database_away = False

    async def run(self) -> None:
        """For ever, or until the first bug: one task's unexpected exception ends all of them."""
        async with asyncio.TaskGroup() as tasks:
            for name, work in self.tasks().items():
                tasks.create_task(work(), name=name)

    def tasks(self) -> dict[str, Task]:
        """Every task by name; the simulator starts them itself."""
        tasks: dict[str, Task] = {"intake": self._intake, "housekeeping": self._housekeeping, "rules": self._rules}
        if self.alerts is not None:
            tasks |= self._alert_tasks(self.alerts)
        for channel in self.store.channels.values():
            for name, work in self._channel_tasks(channel).items():
                tasks[f"{channel.name}.{name}"] = work
        return tasks

    def _alert_tasks(self, alerts: Alerts) -> dict[str, Task]:
        """One per target: none waits for another."""
        jobs: dict[str, Job] = {"alerts": alerts.watch, **{f"messages.{name}": partial(alerts.deliver_to, name) for name in alerts.senders}}
        return {name: self._every_tick(name, job) for name, job in jobs.items()}

    def _authority_tasks(self, channel: Channel, authority: Authority) -> dict[str, Task]:
        catalogue, settings = self.catalogues[channel.id], channel.settings
        return {
            "catalogue": lambda: self._loop(channel, "catalogue", lambda: self._refresh(catalogue), channel.listed, settings.catalogue),
            "whole": lambda: self._later(WIDE_EVERY, channel, "whole", lambda: catalogue.refresh(whole=True)),
            "import": lambda: self._loop(channel, "import", authority.read, channel.pull, settings.poll),
            "export": lambda: self._loop(channel, "export", authority.export, channel.due, settings.poll),
            "watch": lambda: self._watch(channel),
        }

    def _channel_tasks(self, channel: Channel) -> dict[str, Task]:
        if (authority := self.authorities.get(channel.id)) is not None:
            return self._authority_tasks(channel, authority)
        settings = channel.settings
        dispatcher, reconciler, catalogue = self.dispatchers[channel.id], self.reconcilers[channel.id], self.catalogues[channel.id]
        tick = timedelta(seconds=self._tick)
        tasks: dict[str, Task] = {
            "dispatch": lambda: self._loop(channel, "dispatch", dispatcher.run_once, channel.due, tick),
            "poll": lambda: self._loop(channel, "poll", self.pullers[channel].look, channel.pull, settings.poll),
            "look": lambda: self._loop(channel, "look", lambda: self._look(channel, reconciler), channel.look, tick),
            "sweep": lambda: self._loop(channel, "sweep", reconciler.sweep, Signal(), max(tick, settings.sweep / 10)),
            "catalogue": lambda: self._loop(channel, "catalogue", lambda: self._refresh(catalogue), channel.listed, settings.catalogue),
            "places": lambda: self._loop(channel, "places", self.places[channel.id].run_once, channel.placed, PLACES_TICKS * tick),
            "wide": lambda: self._later(WIDE_EVERY, channel, "wide", lambda: self.pullers[channel].look(widen=WIDE_BY)),
            "whole": lambda: self._later(WIDE_EVERY, channel, "whole", lambda: catalogue.refresh(whole=True)),
            "watch": lambda: self._watch(channel),
            "recheck": lambda: self._later(
                max(RECHECK_EVERY, RECHECK_TICKS * tick), channel, "recheck", Recheck(self.store, channel).run_once
            ),
        }
        if (switching := self.switchings.get(channel.id)) is not None:
            tasks["switches"] = lambda: self._loop(channel, "switches", switching.run_once, channel.switched, SWITCH_TICKS * tick)
        return tasks

    async def _later(self, every: timedelta, channel: Channel, name: str, job: Job) -> None:
        """A slow job, first due one period after the start."""
        await self.store.clock.sleep(every.total_seconds())
        await self._loop(channel, name, job, Signal(), every)

    async def _refresh(self, catalogue: Catalogue) -> None:
        await catalogue.refresh()
        await self.store.clock.sleep(CATALOGUE_PAUSE_SECONDS)  # every write of ours may come back as a changed listing: hints are collected

    async def _watch(self, channel: Channel) -> None:
        """Not one of the loops that wait for the shop: it is there for the time when the shop says no."""
        watch = Watch(self.store, channel)
        while True:
            await self._own(f"{channel.name}.watch", watch.run_once)
            await self.store.clock.sleep(WATCH_TICKS * self._tick)

    async def _look(self, channel: Channel, reconciler: Reconciler) -> None:
        await reconciler.look_at(self.intake.moved.pop(channel.id, {}))
        await reconciler.close_brackets()

    async def _loop(self, channel: Channel, name: str, job: Job, signal: Signal, every: timedelta) -> None:
        """Do the job whenever the signal is set and at least once per `every`; after an error wait as the error asks."""
        refused = 0
        while True:
            try:
                trouble = await self._round(channel, name, job)
            except Exception as error:
                await self._failed(error, f"{channel.name}.{name}")
                continue
            if trouble is None:
                refused = 0
                await signal.wait(self.store.clock, every.total_seconds())
                continue
            refused = refused + 1 if trouble.refused else 0
            pause = min(trouble.pause * 2.0 ** min(refused - 1, 8), REFUSED_PAUSE_MAX) if refused else trouble.pause
            spread = 0.5 + self.store.random.random()
            await (sooner(self.store.clock, pause * spread, channel.admitted) if refused else self.store.clock.sleep(pause * spread))

    async def _round(self, channel: Channel, name: str, job: Job) -> _Trouble | None:
        """None: the job is done."""
        try:
            await introduce(self.store, channel)
            await job()
        except ChannelError as error:
            return _Trouble(await self.store.troubled(channel, error), isinstance(error, Unauthorized))
        self._succeeded(f"{channel.name}.{name}")
        return None

    async def _intake(self) -> None:
        """A batch that waits for a shop does not hold up the next: a few are under way at once."""
        room = asyncio.Semaphore(BATCHES_AT_ONCE)
        async with asyncio.TaskGroup() as batches:
            while True:
                await room.acquire()
                claimed = await self._own("intake", self.intake.claim)
                if claimed:
                    batches.create_task(self._batch(claimed, room))
                else:
                    room.release()
                if claimed is not None and len(claimed) > BATCH // 2:  # there may be more; a few are kept from us or given up
                    continue
                await self.arrived.wait(self.store.clock, self._tick)

    async def _batch(self, claimed: Sequence[Claimed], room: asyncio.Semaphore) -> None:
        try:
            await self._own("intake", lambda: self.intake.handle(claimed))
        finally:
            room.release()

    async def _housekeeping(self) -> None:
        while True:
            await self._own("housekeeping", self.housekeeping.run_once)
            await self.store.clock.sleep(self._tick)

    def _every_tick(self, name: str, job: Job) -> Task:
        async def work() -> None:
            while True:
                await self._own(name, job)
                await self.store.clock.sleep(self._tick)

        return work

    async def _rules(self) -> None:
        while True:
            wait = await self._own("rules", self.ruling.run_once)
            await self.store.clock.sleep(wait or self._tick)

    async def _own(self, name: str, job: Callable[[], Awaitable[T]]) -> T | None:
        """One round of a task that belongs to no channel; None if it failed."""
        try:
            done = await job()
        except Exception as error:
            await self._failed(error, name)
            return None
        self._succeeded(name)
        return done

    def _succeeded(self, name: str) -> None:
        self.progress[name] = self.store.clock.monotonic()
        if self._database_away:
            self._database_away = False
            log.warning("the database answers again")

    async def _failed(self, error: Exception, name: str) -> None:
        """A database that does not answer will be back, and its outage is told once; everything else unexpected is a bug."""
        if not self.forgiving:
            raise error
        if isinstance(error, DatabaseAway):
            if not self._database_away:
                self._database_away = True
                log.error("the database does not answer; every task goes on when it does", task=name, error=str(error))
            await self.store.clock.sleep(DATABASE_PAUSE_SECONDS * (0.5 + self.store.random.random()))
            return
        log.error("a task failed and goes on later", task=name, exc_info=error)
        await self.store.clock.sleep(BUG_PAUSE_SECONDS)
