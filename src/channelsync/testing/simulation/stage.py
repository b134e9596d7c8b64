"""What stands in a world: shops, a warehouse, people, and the daemons that live and die among them. What happens in it is in `world`."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import deque
from collections.abc import Awaitable, Mapping
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import text

from channelsync.contract import Delivery, ReceivesWebhooks
from channelsync.engine.channel import Signal
from channelsync.ledger.group import DatabaseAway
from channelsync.testing.simulation import database, enrolment, invariants, shops
from channelsync.testing.simulation.clocks import SkewedClock
from channelsync.testing.simulation.events import Event
from channelsync.testing.simulation.garbage import Garbage
from channelsync.testing.simulation.house_truth import HouseTruth
from channelsync.testing.simulation.houses import House
from channelsync.testing.simulation.judge import Judge, ShopFacts
from channelsync.testing.simulation.network import Line, Weather
from channelsync.testing.simulation.node import Node
from channelsync.testing.simulation.people import People
from channelsync.testing.simulation.plan import DEPOT, MAIN, Plan, ShopPlan
from channelsync.testing.simulation.player import Player
from channelsync.testing.simulation.points import Points
from channelsync.testing.simulation.recorder import Recorder
from channelsync.testing.simulation.report import Broken, Report
from channelsync.testing.simulation.script import Script
from channelsync.testing.simulation.steps import Crash
from channelsync.testing.standins.base import Item, StandIn
from channelsync.testing.virtual_clock import VirtualClock

SECRET = "x-channelsync-path-secret"
PROBLEMS_MAX = 20
LEFT = text(
    "SELECT skus.sku, locations.code, on_hand, hard FROM stock_levels JOIN skus ON skus.id = stock_levels.sku_id "
    "JOIN locations ON locations.id = stock_levels.location_id"
)
TAIL = 400
"""Events kept for the report of a failure."""


class Stage:
    """dice: for everything that is no shop's, line's or person's own. nodes: all daemons that ever lived here. points: of the first one's life."""

    def __init__(self, plan: Plan, clock: VirtualClock, report: Report, points: Points | None = None) -> None:
        self.plan, self.clock, self.report, self._points = plan, clock, report, points
        self.dice = random.Random(f"world {plan.seed}")
        self.nodes: list[Node] = []
        self.kicks: dict[str, Signal] = {}
        self._log = hashlib.sha256()
        self._tail: deque[Event] = deque(maxlen=TAIL)
        self._accepted: list[tuple[str, str]] = []
        self._background: list[asyncio.Task[None]] = []
        self._lives = 0
        self._build()

    def _build(self) -> None:
        plan = self.plan
        self.database = database.fresh()
        if self._points is not None:
            self._points.watch(self.database)
        self.clocks = {shop.name: SkewedClock(self.clock, shop.skew) for shop in plan.shops}
        self.hub_clock = SkewedClock(self.clock)
        self.shops: dict[str, StandIn] = {
            shop.name: shops.build(shop, self.clocks[shop.name], plan.seed, self._deliver) for shop in plan.shops
        }
        facts = {shop.name: ShopFacts(shop.lag, shop.exclusive) for shop in plan.shops}
        self.goods = goods = plan.goods()
        back = sum(max(0.0, -seconds) for _, seconds in plan.jumps)  # a clock that goes back holds up the leases of the dead by as much
        self.judge = self.report.judge = Judge(facts, goods, reading_within=plan.pace.reading + back)
        self.recorder = Recorder(self.clock, self.shops, self._tell, goods)
        self.house = self._open_house()
        self.lines = {name: self._line(name, shop) for name, shop in self.everybody().items()}
        self.people = People(plan, self.clock, self.shops, self.ask, self.passed)
        if self.house is not None:
            self.people.went_already = self.house_truth.went_from_here
        self.player = Player(self, plan.script or Script(()))
        if plan.has_levels:
            self._as_scripted()
        else:
            self._as_drawn()
        self.began = self.hub_clock.now()
        self.channels = enrolment.enrol(self.database, plan, self.shops, self.house, self.began)

    def _as_drawn(self) -> None:
        """The first shop's numbers are what there is; the others show anything."""
        plan = self.plan
        for number, each in enumerate(plan.shops):
            shop = self.shops[each.name]
            shop.stock(Item(item, plan.stock if not number else self.dice.randint(0, 9)) for item in plan.items(each))
            if not number:
                for sku in plan.skus if self.house is None else ():
                    self.recorder.supplied(sku, plan.stock, MAIN)
            self._first_orders(each, shop)

    def _as_scripted(self) -> None:
        """Each shop shows what its plan says. What there is comes later (`Player.open`)."""
        for each in self.plan.shops:
            first, *others = each.places if each.split else ("",)
            self.shops[each.name].stock(
                Item(item, each.shows.get((item, first), 0), at=tuple((own, each.shows.get((item, own), 0)) for own in others))
                for item in self.plan.items(each)
            )
        self.player.before()
        self.recorder.catch_up()

    def _open_house(self) -> House | None:
        """The warehouse system that owns the main place, if the world has one."""
        plan = self.plan
        if plan.depot is None:
            return None
        house = shops.build_depot(plan.depot, SkewedClock(self.clock), plan.seed, self._deliver)
        house.standin.stock(Item(sku, plan.stock) for sku in plan.skus)
        self.house_truth = HouseTruth(house, self.shops, self.goods, self.judge.truth.left, self._supplied_there)
        self.recorder.beside = self.house_truth.catch_up
        return house

    def _supplied_there(self, sku: str, units: int, told: bool) -> None:
        self.recorder.supplied(sku, units, MAIN, told=told)

    def everybody(self) -> dict[str, StandIn]:
        return {**self.shops, **({DEPOT: self.house.standin} if self.house is not None else {})}

    def busy(self) -> list[StandIn]:
        """All who have something to do by the clock, such as webhooks."""
        hooks = self.plan.depot is not None and self.plan.depot.hooks
        return [shop for name, shop in self.everybody().items() if name != DEPOT or hooks]

    def _line(self, name: str, shop: StandIn) -> Line:
        source, garbage = (random.Random(f"{kind} {self.plan.seed} {name}") for kind in ("line", "garbage"))
        return Line(shop, self.clock, source, Weather(), self.report.faults, self.passed, Garbage(garbage))

    @property
    def opens(self) -> int | None:
        """The channel whose goods make the ledger's SKUs; None: they are there already."""
        if self.plan.has_levels:
            return None
        depot = self.plan.depot
        return self.channels[-1 if depot is not None and depot.opens else 0].id

    def _first_orders(self, plan: ShopPlan, shop: StandIn) -> None:
        """Every business has orders on the day it begins with us."""
        for item in self.plan.items(plan):
            if self.dice.random() < 0.4 and shop.sellable(item) > 0:
                shop.buy({item: 1})
        self.recorder.catch_up()

    # -- daemons ----------------------------------------------------------------------------------------------------------------------------

    def start(self) -> Node:
        """A new daemon: the first, the next after a crash, or a second one beside a paused one."""
        crash_at = self.plan.crashes[self._lives - 1] if 0 < self._lives <= len(self.plan.crashes) else None
        self._lives += 1
        self.report.lives = self._lives
        node = Node(
            f"hub-{self._lives}",
            self.database,
            self.hub_clock,
            random.Random(f"node {self.plan.seed} {self._lives}"),
            self.recorder,
            self.lines,
            self.channels,
            makes_skus=self.opens,
            tick=self.plan.pace.tick,
            crash_at=crash_at,
            died=self._died,
            points=self._points if self._lives == 1 else None,
        )
        self.nodes.append(node)
        node.start()
        return node

    def _died(self) -> None:
        self.report.faults["crash"] += 1
        self.spawn(self._restart())

    async def _restart(self) -> None:
        self.check()
        await self.clock.sleep(self.dice.uniform(0.5, 4.0))
        if not any(node.alive for node in self.nodes):
            self.start()

    def living(self) -> Node | None:
        return next((node for node in self.nodes if node.alive and node.door.thawed.is_set()), None)

    async def ask(self, verb: Any, item: Any) -> Any:
        while True:
            node = self.living()
            try:
                if node is not None:
                    return await node.door.run(verb, item)
            except (Crash, DatabaseAway):
                pass
            await self.clock.sleep(1.0)

    async def _deliver(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        await self.clock.sleep(self.dice.uniform(0.002, 0.03))
        node = self.living()
        if node is None:
            raise ConnectionRefusedError("nobody listens")
        status = await node.deliver(url, headers, body)
        if 200 <= status < 300:
            name, *secret = urlsplit(url).path.split("/")[2:]
            connector = node.store.named(name).connector
            assert isinstance(connector, ReceivesWebhooks)
            lower = {key.lower(): value for key, value in headers.items()} | ({SECRET: secret[0]} if secret else {})
            self._accepted.append((name, connector.verify(Delivery(name, lower, body, self.clock.now()))))
        return status

    # -- what is seen of it -----------------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """What must hold at any moment. Raises Broken if it does not."""
        self.bugs()
        with self.database.connect() as conn, conn.begin():
            problems = list(invariants.always(conn, self._accepted))
            if self.house is not None:
                problems += invariants.house_always(conn, self.house_truth)
        problems += [str(harm) for harm in self.judge.violations]
        if problems:
            raise Broken("\n".join(problems[:PROBLEMS_MAX]))

    def bugs(self) -> None:
        for node in self.nodes:
            if node.bugs:
                raise Broken(f"{node.owner} failed: {node.bugs[0]!r}") from node.bugs[0]
        for task in self._background:
            if task.done() and not task.cancelled() and (error := task.exception()) and not isinstance(error, Crash):
                raise Broken(f"{task.get_name()}: {error}") from error

    def _tell(self, event: Event) -> None:
        self.report.events += 1
        self._log.update(repr(event).encode())
        self._tail.append(event)
        self.judge.feed((event,))

    def spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._background.append(task)

    def passed(self) -> None:
        """Something has happened in the shops."""
        self.recorder.catch_up()
        for kicked in self.kicks.values():
            kicked.set()

    def close(self) -> None:
        report = self.report
        report.seconds = self.clock.monotonic()
        report.acted, report.played = self.people.acted, self.player.played
        for shop in self.everybody().values():
            report.faults.update(+shop.mishaps)
        report.digest = self._log.hexdigest()
        report.tail = tuple(self._tail)
        if not report.problems:
            report.problems += [str(harm) for harm in self.judge.violations]
        for task in self._background:
            task.cancel()
        for node in self.nodes:
            node._on_death = lambda: None
            node.kill()
        report.left = self._left()
        self.database.dispose()

    def _left(self) -> dict[tuple[str, str], int]:
        with self.database.connect() as conn, conn.begin():
            return {(row.sku, row.code): row.on_hand - row.hard for row in conn.execute(LEFT)}
