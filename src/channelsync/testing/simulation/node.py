"""One daemon as the simulator runs it: the real engine and receiver on a shared database, in memory that a crash takes away."""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine as Database

from channelsync.clock import Clock
from channelsync.contract import ConnectorType, Context, Role
from channelsync.engine.channel import Channel, Settings
from channelsync.engine.loops import Engine
from channelsync.engine.store import Store
from channelsync.ledger import ruling
from channelsync.ledger.brackets import OnEdit
from channelsync.ledger.door import InlineLedger
from channelsync.ledger.group import DatabaseAway
from channelsync.ledger.ruling import Rule
from channelsync.registry import Registry
from channelsync.shell.circuit import Circuit
from channelsync.shell.http import ShopHttp
from channelsync.shell.http_client import HttpClient
from channelsync.shell.inlet import Inlets
from channelsync.shell.limiter import RateBudget
from channelsync.shell.retry import ReadRetry
from channelsync.testing.simulation.clocks import SkewedClock
from channelsync.testing.simulation.network import Line, Socket
from channelsync.testing.simulation.points import Kind, Points
from channelsync.testing.simulation.recorder import Recorder, RecordingDoor
from channelsync.testing.simulation.steps import Crash, FailingLedger, SteppingClock, SteppingDoor, Steps


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """One channel as every daemon of a world sets it up."""

    id: int
    name: str
    connector: str
    table: Mapping[str, Any]
    location_id: int
    places: Mapping[str, tuple[int, ...]]
    on_edit: OnEdit
    rules: tuple[Rule, ...]
    poll: float
    sweep: float
    timeout: float
    role: Role = Role.CHANNEL
    full_every: float = 20.0


def _keep_rules(database: Database, plans: list[ChannelPlan]) -> None:
    with database.connect() as conn, conn.begin():
        ruling.keep(conn, [rule for plan in plans for rule in plan.rules])


@functools.cache
def _connector_type(name: str) -> ConnectorType:
    return Registry.installed().connector(name)


class _Outliving(Engine):
    """Goes on when the database has failed, as it does in life; anything else unexpected is a bug still."""

    async def _failed(self, error: Exception, name: str) -> None:
        self.forgiving = isinstance(error, DatabaseAway)
        await super()._failed(error, name)


class Node:
    """A running daemon. `owner` names it in leases; crash_at: the step at which it dies; points: all places at which something can go wrong."""

    def __init__(
        self,
        owner: str,
        database: Database,
        clock: SkewedClock,
        source: random.Random,
        recorder: Recorder,
        lines: Mapping[str, Line],
        plans: list[ChannelPlan],
        *,
        makes_skus: int | None = None,
        tick: float = 1.0,
        crash_at: int | None = None,
        died: Callable[[], None] = lambda: None,
        points: Points | None = None,
    ) -> None:
        self.owner, self.recorder = owner, recorder
        self.steps = Steps(crash_at, self._buried, points)
        self.clock: Clock = clock if points is None else SteppingClock(clock, self.steps)
        self._on_death = died
        ledger = InlineLedger(database, clock)
        recording = RecordingDoor(ledger if points is None else FailingLedger(ledger, self.steps, points), recorder, ledger)
        _keep_rules(database, plans)
        self.door = SteppingDoor(recording, self.steps, clock, random.Random(f"door {owner} {source.random()}"))
        self.store = Store(self.door, self.clock, source, owner)
        for plan in plans:
            self.store.channels[plan.id] = self._channel(plan, lines[plan.name], source)
        kind = _Outliving if points is not None and points.kind is Kind.ERROR else Engine
        self.engine = kind(self.store, forgiving=False, makes_skus=makes_skus, tick=tick)
        self.receiver = Inlets(self.engine).receiver()
        self._tasks: list[asyncio.Task[None]] = []
        self.bugs: list[BaseException] = []

    def _channel(self, plan: ChannelPlan, line: Line, source: random.Random) -> Channel:
        client = HttpClient(self.clock, timeout=plan.timeout, transport=Socket(line, self.steps))
        http = ShopHttp(client, RateBudget(self.clock), Circuit(plan.name, self.clock, pause_max=20.0), ReadRetry(self.clock, source, None))
        kind = _connector_type(plan.connector)
        connector = kind.connect(kind.settings.model_validate(plan.table), Context(plan.name, http, self.clock, plan.role))
        settings = Settings(
            name=plan.name,
            connector=plan.connector,
            location_id=plan.location_id,
            places=plan.places,
            on_edit=plan.on_edit,
            poll=timedelta(seconds=plan.poll),
            sweep=timedelta(seconds=plan.sweep),
            timeout=timedelta(seconds=plan.timeout),
            lease=timedelta(seconds=2 * plan.timeout + 4),
            role=plan.role,
            full_every=timedelta(seconds=plan.full_every),
        )
        return Channel(plan.id, settings, connector, introduced=False)

    # -- life and death ----------------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        for name, work in self.engine.tasks().items():
            task = asyncio.get_running_loop().create_task(work(), name=f"{self.owner}/{name}")
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not isinstance(error, Crash) and not self.steps.dead:
            self.bugs.append(error)

    def kill(self) -> None:
        self.steps.kill()

    def _buried(self) -> None:
        """Cancel everything; what a task still tries on its way out meets a dead ledger and a dead network."""
        for task in self._tasks:
            task.cancel()
        self._on_death()

    @property
    def alive(self) -> bool:
        return not self.steps.dead

    def pause(self) -> None:
        self.door.thawed.clear()

    def resume(self) -> None:
        self.door.thawed.set()

    # -- its public listener -------------------------------------------------------------------------------------------------------------------

    async def deliver(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """A webhook arrives at the real receiver. Raises OSError if the daemon is down or dies while it stores it."""
        if not self.alive or not self.door.thawed.is_set():
            raise ConnectionRefusedError("nobody listens")
        status: list[int] = []
        sent = False

        async def receive() -> MutableMapping[str, Any]:
            nonlocal sent
            if sent:
                return {"type": "http.disconnect"}
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                status.append(int(message["status"]))

        scope = {
            "type": "http",
            "method": "POST",
            "path": urlsplit(url).path,
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        }
        try:
            await self.receiver(scope, receive, send)
        except Crash as crash:
            raise ConnectionResetError("the daemon died") from crash
        return status[0]
