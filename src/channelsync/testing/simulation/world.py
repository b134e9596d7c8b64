"""One world per seed: shops, people, weather, and the daemon that lives and dies among them. `run` tells what became of it."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select

from channelsync.contract import Delivery, ReceivesWebhooks, RegistersWebhooks, Role
from channelsync.engine.channel import Signal
from channelsync.engine.operator import Operator
from channelsync.ledger import brackets, exports, freezing, matching
from channelsync.ledger.brackets import EditPolicy
from channelsync.ledger.freezing import Scope, Thaw
from channelsync.ledger.matching import Link
from channelsync.ledger.schema import attempts, listings, shelves
from channelsync.ledger.schema import exports as export_table
from channelsync.testing.simulation import database, enrolment, invariants, shops
from channelsync.testing.simulation.clocks import SkewedClock
from channelsync.testing.simulation.events import Event
from channelsync.testing.simulation.garbage import Garbage
from channelsync.testing.simulation.house import HousePeople
from channelsync.testing.simulation.house_truth import HouseTruth
from channelsync.testing.simulation.judge import Judge, ShopFacts
from channelsync.testing.simulation.network import Line, Weather
from channelsync.testing.simulation.node import ChannelPlan, Node
from channelsync.testing.simulation.people import People
from channelsync.testing.simulation.plan import DEPOT, MAIN, SECONDS, Plan, ShopPlan
from channelsync.testing.simulation.recorder import Recorder
from channelsync.testing.simulation.steps import Crash
from channelsync.testing.standins.base import Faults, Item, StandIn
from channelsync.testing.standins.memory import MemoryWarehouse
from channelsync.testing.virtual_clock import VirtualClock

SECRET = "x-channelsync-path-secret"
HUB = "https://hub.test/webhooks"
OPENING_SECONDS = 120.0
MOMENT_TRIES, MOMENT_STEP = 1000, 0.004
PROBLEMS_MAX = 20
KICK_SECONDS = 3600.0
SELDOM = (50_000, 50, 100)
"""A world's garbage is small and soon over; collecting it at Python's usual pace takes a fifth of the time."""
TAIL = 400
"""Events kept for the report of a failure."""


@dataclass(slots=True)
class Report:
    """What became of a world. problems: violated invariants, in words; empty means that all held."""

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

    def summary(self) -> dict[str, Any]:
        """Counts that can be added up over many seeds."""
        judge = self.judge
        raced = judge.raced_units if judge else {}
        return {"seconds": self.seconds, "events": self.events, "lives": self.lives, "raises": judge.raises if judge else 0} | {
            "faults": dict(self.faults),
            "acted": dict(self.acted),
            "raced": raced,
        }


class World:
    """Use once: `World(plan).run()`. patience: seconds of quiet within which everything must be at rest, if not the plan's."""

    def __init__(self, plan: Plan, *, patience: float | None = None) -> None:
        self.plan, self._patience = plan, plan.pace.patience if patience is None else patience
        self.clock = VirtualClock()
        self.report = Report(plan.seed)
        self._dice = random.Random(f"world {plan.seed}")
        self._log = hashlib.sha256()
        self._tail: deque[Event] = deque(maxlen=TAIL)
        self._accepted: list[tuple[str, str]] = []
        self._background: list[asyncio.Task[None]] = []
        self._kicks: dict[str, Signal] = {}
        self._lives = 0
        self.nodes: list[Node] = []

    def run(self) -> Report:
        """To the end, in virtual time."""
        often = gc.get_threshold()
        gc.set_threshold(*SELDOM)
        try:
            self.clock.run(self._run())
        finally:
            gc.set_threshold(*often)
        return self.report

    async def _run(self) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
        self._build()
        try:
            await self._live()
        except Broken as broken:
            self.report.problems.append(str(broken))
        finally:
            self._close()

    async def _live(self) -> None:
        self._start()
        await self._open()
        self._check()
        await self._trade()
        await self._calm()

    # -- building ----------------------------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        plan = self.plan
        self.database = database.fresh()
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
        self.lines = {name: self._line(name, shop) for name, shop in self._everybody().items()}
        self.people = People(plan, self.clock, self.shops, self.ask, self._passed)
        if self.house is not None:
            self.people.went_already = self.house_truth.went_from_here
        for number, each in enumerate(plan.shops):
            shop = self.shops[each.name]
            shop.stock(Item(item, plan.stock if not number else self._dice.randint(0, 9)) for item in plan.items(each))
            if not number:
                for sku in plan.skus if self.house is None else ():
                    self.recorder.supplied(sku, plan.stock, MAIN)
            self._first_orders(each, shop)
        self._began = self.hub_clock.now()
        self._channels = enrolment.enrol(self.database, plan, self.shops, self.house, self._began)

    def _open_house(self) -> MemoryWarehouse | None:
        """The warehouse system that owns the main place, if the world has one."""
        plan = self.plan
        if plan.depot is None:
            return None
        house = shops.build_depot(plan.depot, SkewedClock(self.clock), plan.seed)
        house.stock(Item(sku, plan.stock) for sku in plan.skus)
        self.house_truth = HouseTruth(house, self.shops, self.goods, self.judge.truth.left, self._supplied_there)
        self.recorder.beside = self.house_truth.catch_up
        return house

    def _supplied_there(self, sku: str, units: int, told: bool) -> None:
        self.recorder.supplied(sku, units, MAIN, told=told)

    def _everybody(self) -> dict[str, StandIn]:
        return {**self.shops, **({DEPOT: self.house} if self.house is not None else {})}

    def _line(self, name: str, shop: StandIn) -> Line:
        source, garbage = (random.Random(f"{kind} {self.plan.seed} {name}") for kind in ("line", "garbage"))
        return Line(shop, self.clock, source, Weather(), self.report.faults, self._passed, Garbage(garbage))

    @property
    def _opens(self) -> int:
        """The channel whose goods make the ledger's SKUs."""
        depot = self.plan.depot
        return self._channels[-1 if depot is not None and depot.opens else 0].id

    def _first_orders(self, plan: ShopPlan, shop: StandIn) -> None:
        """Every business has orders on the day it begins with us."""
        for item in self.plan.items(plan):
            if self._dice.random() < 0.4 and shop.sellable(item) > 0:
                shop.buy({item: 1})
        self.recorder.catch_up()

    # -- daemons -------------------------------------------------------------------------------------------------------------------------------

    def _start(self) -> Node:
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
            self._channels,
            makes_skus=self._opens,
            tick=self.plan.pace.tick,
            crash_at=crash_at,
            died=self._died,
        )
        self.nodes.append(node)
        node.start()
        return node

    def _died(self) -> None:
        self.report.faults["crash"] += 1
        self._spawn(self._restart())

    async def _restart(self) -> None:
        self._check()
        await self.clock.sleep(self._dice.uniform(0.5, 4.0))
        if not any(node.alive for node in self.nodes):
            self._start()

    def _living(self) -> Node | None:
        return next((node for node in self.nodes if node.alive and node.door.thawed.is_set()), None)

    async def ask(self, verb: Any, item: Any) -> Any:
        while True:
            node = self._living()
            try:
                if node is not None:
                    return await node.door.run(verb, item)
            except Crash:
                pass
            await self.clock.sleep(1.0)

    async def _deliver(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        await self.clock.sleep(self._dice.uniform(0.002, 0.03))
        node = self._living()
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

    # -- the course of events ------------------------------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        """Day one: look at everything, show the plan, apply it."""
        [node] = self.nodes
        for shop in self.shops.values():
            self._spawn(self._work_when_kicked(shop) if self.plan.pace.kicked else shop.run())
        for channel in node.store.channels.values():
            if channel.settings.role is Role.AUTHORITY:
                continue
            assert isinstance(channel.connector, RegistersWebhooks)
            await channel.connector.subscribe(f"{HUB}/{channel.name}")
        operator = Operator(node.engine, opening=self._opens, running=True)
        until = self.clock.monotonic() + OPENING_SECONDS
        while self.clock.monotonic() < until:
            if not await operator.look() and await self._link() and not await self._unread():
                await operator.apply()
                return
            await self.clock.sleep(1.0)
        raise Broken(f"not every number was read within {OPENING_SECONDS:.0f} s of the start")

    async def _work_when_kicked(self, shop: StandIn) -> None:
        """The shop's own clock work, in worlds of days."""
        while True:
            await shop.work()
            due, kicked = shop.next_due(), self._kicks.setdefault(shop.name, Signal())
            wait = KICK_SECONDS if due is None else max(0.001, min(KICK_SECONDS, due - self.clock.monotonic()))
            await kicked.wait(self.clock, wait)

    def _passed(self) -> None:
        """Something has happened in the shops."""
        self.recorder.catch_up()
        for kicked in self._kicks.values():
            kicked.set()

    async def _link(self) -> bool:
        """What no SKU text can tell a person does: which SKU a pack is made of. False: not every listing is there yet."""
        wanted = [(plan.id, item, sku, units) for plan, shop in self._pairs() for item, (sku, units) in shop.packs.items()]
        with self.database.connect() as conn, conn.begin():
            query = select(listings.c.channel_id, listings.c.sku_text, listings.c.ref).where(listings.c.sku_text.is_not(None))
            refs = {(row.channel_id, row.sku_text): row.ref for row in conn.execute(query)}
        if not all((channel_id, item) in refs for channel_id, item, _, _ in wanted):
            return False
        for channel_id, item, sku, units in wanted:
            await self.ask(matching.link, Link(channel_id, refs[channel_id, item], sku, units, key=f"link {channel_id} {item}"))
        return True

    def _pairs(self) -> Iterator[tuple[ChannelPlan, ShopPlan]]:
        return zip(self._channels, self.plan.shops, strict=False)

    async def _unread(self) -> bool:
        with self.database.connect() as conn, conn.begin():
            found = conn.execute(select(shelves.c.book)).scalars().all()
        return len(found) < sum(len(self.plan.items(shop)) * len(shop.places) for shop in self.plan.shops) or None in found

    async def _trade(self) -> None:
        plan = self.plan
        began = self.clock.monotonic()
        until = began + plan.seconds
        for shop in plan.shops:
            self.shops[shop.name].faults = shop.faults
            self.lines[shop.name].weather = shop.weather
        jobs = self.people.jobs()
        if self.house is not None and plan.depot is not None:
            self.house.faults, self.lines[DEPOT].weather = plan.depot.faults, plan.depot.weather
            jobs |= HousePeople(plan, plan.depot, self.house, self.house_truth.returned, self.people.acted).jobs()
        for job, rate in jobs.items():
            self._spawn(self.people.trade(job, rate, until))
        for at, seconds in plan.takeovers:
            self._spawn(self._after(began + at, partial(self._take_over, seconds)))
        for at, name, seconds in plan.outages:
            self._spawn(self._after(began + at, partial(self._outage, name, seconds)))
        for at, name, seconds in plan.revocations:
            self._spawn(self._after(began + at, partial(self._revoke, name, seconds)))
        for at, seconds in plan.jumps:
            self._spawn(self._after(began + at, partial(self._jump, seconds)))
        if plan.crashes:
            self._spawn(self._after(began + self._dice.uniform(1, 20) * plan.seconds / SECONDS, self._crash))
        while self.clock.monotonic() < until:
            await self.clock.sleep(plan.pace.audit)
            self._check()

    async def _after(self, at: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        await self.clock.sleep(at - self.clock.monotonic())
        await work()

    async def _crash(self) -> None:
        """The first life ends at a moment; the later ones at a step."""
        for node in self.nodes:
            node.kill()

    async def _take_over(self, seconds: float) -> None:
        """The holder stops as if by SIGSTOP, another daemon starts, the first one wakes and finds its leases gone; one of them goes home."""
        node = self._living()
        if node is None:
            return
        self.report.faults["takeover"] += 1
        await self._until_a_write_is(self._dice.choice(("armed", "sent")))
        node.pause()
        other = self._start()
        await self.clock.sleep(seconds)
        node.resume()
        await self.clock.sleep(self._dice.uniform(2, 15))
        if node.alive and other.alive:
            self._dice.choice((node, other)).kill()

    async def _until_a_write_is(self, state: str) -> None:
        """Wait a little for the worst moment: a write is stored and not sent yet, or its answer is on the way."""
        for _ in range(MOMENT_TRIES):
            with self.database.connect() as conn, conn.begin():
                if conn.execute(select(attempts.c.id).where(attempts.c.state == state).limit(1)).first():
                    return
            await self.clock.sleep(MOMENT_STEP)

    async def _outage(self, name: str, seconds: float) -> None:
        self.report.faults["outage"] += 1
        self.lines[name].down = True
        await self.clock.sleep(seconds)
        self.lines[name].down = False

    async def _revoke(self, name: str, seconds: float) -> None:
        self.lines[name].revoked = True
        await self.clock.sleep(seconds)
        self.lines[name].revoked = False

    async def _jump(self, seconds: float) -> None:
        self.report.faults["clock jump"] += 1
        self.hub_clock.jump(seconds)

    async def _calm(self) -> None:
        """Nobody acts, nothing fails: everything must come to rest, and be right."""
        for name, shop in self._everybody().items():
            shop.faults = Faults()
            self.lines[name].weather = Weather()
            self.lines[name].down = self.lines[name].revoked = False
        for sku in self.plan.skus if self.plan.rates.freeze else ():
            await self.ask(freezing.thaw, Thaw(Scope(sku)))
        until = self.clock.monotonic() + self._patience
        problems = ["it never came to rest"]
        while problems and self.clock.monotonic() < until:
            await self.clock.sleep(self.plan.pace.step)
            await self._answer_questions()
            self._bugs()
            self.recorder.catch_up()
            with self.database.connect() as conn, conn.begin():
                problems = list(invariants.at_rest(conn, self.shops, self.judge.truth, self.goods, deliveries=self.plan.patient))
                problems += invariants.rules_at_rest(conn, self.plan, self.judge.truth, self.goods, self._sale_on)
                if self.house is not None:
                    problems += invariants.house_at_rest(conn, self.house, self.house_truth)
        self.report.problems += problems
        self._check()

    def _sale_on(self, shop: ShopPlan) -> bool:
        """By the hub's clock, as the rules are."""
        since = (self.hub_clock.now() - self._began).total_seconds()
        return shop.sale is not None and shop.sale.after <= since < shop.sale.after + shop.sale.seconds

    async def _answer_questions(self) -> None:
        """A person is asked about drifts and has them overwritten; documents that were deleted in the warehouse are made again."""
        with self.database.connect() as conn, conn.begin():
            asked = conn.execute(select(shelves.c.id, shelves.c.gap, shelves.c.channel_id).where(shelves.c.asked_at.is_not(None))).all()
            for row in asked:
                name = next(plan.name for plan in self._channels if plan.id == row.channel_id)
                brackets.settle_drift(conn, row.id, row.gap, EditPolicy.OVERWRITE, self.clocks[name].now(), self.hub_clock.now())
            gone = conn.execute(select(export_table.c.channel_id, export_table.c.key).where(export_table.c.aside_at.is_not(None))).all()
            exports.retry_aside(conn, [(row.channel_id, row.key) for row in gone], self.hub_clock.now())

    # -- checking --------------------------------------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        """What must hold at any moment. Raises Broken if it does not."""
        self._bugs()
        with self.database.connect() as conn, conn.begin():
            problems = list(invariants.always(conn, self._accepted))
            if self.house is not None:
                problems += invariants.house_always(conn, self.house_truth)
        problems += [str(harm) for harm in self.judge.violations]
        if problems:
            raise Broken("\n".join(problems[:PROBLEMS_MAX]))

    def _bugs(self) -> None:
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

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._background.append(task)

    def _close(self) -> None:
        report = self.report
        report.seconds = self.clock.monotonic()
        report.acted = self.people.acted
        report.digest = self._log.hexdigest()
        report.tail = tuple(self._tail)
        if not report.problems:
            report.problems += [str(harm) for harm in self.judge.violations]
        for task in self._background:
            task.cancel()
        for node in self.nodes:
            node._on_death = lambda: None
            node.kill()
        self.database.dispose()


class Broken(Exception):
    """An invariant does not hold; the text says which."""
