"""One world per seed: shops, people, weather, and the daemon that lives and dies among them. `run` tells what became of it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from contextlib import suppress

from sqlalchemy import select

from channelsync.engine.channel import Signal
from channelsync.errors import ChannelError
from channelsync.ledger import aside_groups, brackets, exports, freezing, matching
from channelsync.ledger.brackets import EditPolicy
from channelsync.ledger.freezing import Scope, Thaw
from channelsync.ledger.schema import exports as export_table
from channelsync.ledger.schema import shelves
from channelsync.testing.simulation import invariants
from channelsync.testing.simulation.back_room import BackRoom
from channelsync.testing.simulation.house import HousePeople
from channelsync.testing.simulation.network import Weather
from channelsync.testing.simulation.opening import open_business
from channelsync.testing.simulation.plan import DEPOT, Plan, ShopPlan
from channelsync.testing.simulation.points import Points
from channelsync.testing.simulation.report import Broken, Report
from channelsync.testing.simulation.staff import Staff, refused, to_link
from channelsync.testing.simulation.stage import Stage
from channelsync.testing.simulation.steps import Crash
from channelsync.testing.simulation.troubles import Troubles
from channelsync.testing.standins.base import Faults, StandIn
from channelsync.testing.virtual_clock import VirtualClock

KICK_SECONDS = 3600.0
SELDOM = (50_000, 50, 100)
"""A world's garbage is small and soon over; collecting it at Python's usual pace takes a fifth of the time."""


class World:
    """Use once: `World(plan).run()`. patience: seconds of quiet within which everything must be at rest, if not the plan's.

    points: the places of the first daemon's life, and which of them fails.
    look: sees everything that stands in it when the trade is over, before it is quiet, or when a rule was broken.
    """

    def __init__(
        self, plan: Plan, *, patience: float | None = None, points: Points | None = None, look: Callable[[Stage], None] | None = None
    ) -> None:
        self._look, self._points = look, points
        self._back_room: BackRoom | None = None
        self.plan, self._patience = plan, plan.pace.patience if patience is None else patience
        self.report = Report(plan.seed)

    def run(self) -> Report:
        """To the end, in virtual time."""
        often = gc.get_threshold()
        gc.set_threshold(*SELDOM)
        clock = VirtualClock(self.plan.begins)
        try:
            clock.run(self._run(clock))
        finally:
            gc.set_threshold(*often)
        return self.report

    async def _run(self, clock: VirtualClock) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        self._stage = Stage(self.plan, clock, self.report, self._points)
        try:
            await self._live()
        except Broken as broken:
            self.report.problems.append(str(broken))
            self._seen()
        finally:
            self._stage.close()

    async def _live(self) -> None:
        stage = self._stage
        stage.start()
        for shop in stage.busy():
            stage.spawn(self._work_when_kicked(shop) if self.plan.pace.kicked else shop.run())
        await open_business(stage)
        if self.plan.has_levels:
            await stage.player.open()
        stage.check()
        await self._trade()
        self._seen()
        await self._calm()

    def _seen(self) -> None:
        look, self._look = self._look, None
        if look is not None:
            look(self._stage)

    async def _work_when_kicked(self, shop: StandIn) -> None:
        """The shop's own clock work, in worlds of days."""
        while True:
            await shop.work()
            due, kicked = shop.next_due(), self._stage.kicks.setdefault(shop.name, Signal())
            wait = KICK_SECONDS if due is None else max(0.001, min(KICK_SECONDS, due - self._stage.clock.monotonic()))
            await kicked.wait(self._stage.clock, wait)

    async def _trade(self) -> None:
        plan, stage = self.plan, self._stage
        began = stage.clock.monotonic()
        until = began + plan.seconds
        for shop in plan.shops:
            stage.shops[shop.name].faults = shop.faults
            stage.lines[shop.name].weather = shop.weather
        jobs = stage.people.jobs()
        if stage.house is not None and plan.depot is not None:
            stage.house.standin.faults, stage.lines[DEPOT].weather = plan.depot.faults, plan.depot.weather
            jobs |= HousePeople(plan, plan.depot, stage.house, stage.house_truth.returned, stage.people.acted).jobs()
        jobs |= Staff(stage).jobs()
        if plan.back_room is not None:
            self._back_room = BackRoom(stage, plan.back_room)
            jobs |= self._back_room.jobs()
        for job, rate in jobs.items():
            stage.spawn(stage.people.trade(job, rate, until))
        if plan.script is not None:
            stage.spawn(stage.player.play(began))
        Troubles(self._stage).begin(began)
        while stage.clock.monotonic() < until:
            await stage.clock.sleep(plan.pace.audit)
            stage.check()

    async def _calm(self) -> None:
        """Nobody acts, nothing fails: everything must come to rest, and be right."""
        stage = self._stage
        for name, shop in stage.everybody().items():
            shop.faults = Faults()
            stage.lines[name].weather = Weather()
            stage.lines[name].down = stage.lines[name].revoked = False
        for sku in self.plan.skus if self.plan.rates.freeze else ():
            await stage.ask(freezing.thaw, Thaw(Scope(sku)))
        until = stage.clock.monotonic() + self._patience
        problems = ["it never came to rest"]
        while problems and stage.clock.monotonic() < until:
            await stage.clock.sleep(self.plan.pace.step)
            await self._answer_questions()
            stage.bugs()
            stage.recorder.catch_up()
            with stage.database.connect() as conn, conn.begin():
                problems = list(invariants.at_rest(conn, stage.shops, stage.judge.truth, stage.goods, deliveries=self.plan.patient))
                problems += invariants.rules_at_rest(conn, self.plan, stage.judge.truth, stage.goods, self._sale_on)
                problems += invariants.listed_at_rest(conn, self.plan, stage.shops, stage.goods)
                if self._back_room is not None:
                    problems += self._back_room.at_rest(conn)
                if stage.house is not None:
                    problems += invariants.house_at_rest(conn, stage.house, stage.house_truth)
        stage.report.problems += problems
        stage.check()

    def _sale_on(self, shop: ShopPlan) -> bool:
        """By the hub's clock, as the rules are."""
        since = (self._stage.hub_clock.now() - self._stage.began).total_seconds()
        return shop.sale is not None and shop.sale.after <= since < shop.sale.after + shop.sale.seconds

    async def _answer_questions(self) -> None:
        """A person is asked about drifts and has them overwritten; documents that were deleted in the warehouse are made
        again, refused numbers are written again.
        """
        stage = self._stage
        with stage.database.connect() as conn, conn.begin():
            asked = conn.execute(select(shelves.c.id, shelves.c.gap, shelves.c.channel_id).where(shelves.c.asked_at.is_not(None))).all()
            for row in asked:
                name = next(plan.name for plan in stage.channels if plan.id == row.channel_id)
                brackets.settle_drift(conn, row.id, row.gap, EditPolicy.OVERWRITE, stage.clocks[name].now(), stage.hub_clock.now())
            gone = conn.execute(select(export_table.c.channel_id, export_table.c.key).where(export_table.c.aside_at.is_not(None))).all()
            exports.retry_aside(conn, [(row.channel_id, row.key) for row in gone], stage.hub_clock.now())
            aside_groups.retry(conn, refused(conn), stage.hub_clock.now())
            matching.link(conn, to_link(conn, stage), stage.hub_clock.now())
        await self._read_catalogues()

    async def _read_catalogues(self) -> None:
        """Who has deleted or renamed something has the catalogues read as a whole, as the news of it may have been lost."""
        stage, rates = self._stage, self.plan.rates
        node = stage.living()
        if node is None or not (rates.relist or rates.rename):
            return
        for channel in node.store.channels.values():
            with suppress(ChannelError, Crash):
                await node.engine.catalogues[channel.id].refresh(whole=True)
