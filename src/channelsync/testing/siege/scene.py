"""Shops, shoppers and a config file, and the daemons that tests start on it."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from channelsync.clock import SystemClock
from channelsync.config import load
from channelsync.registry import Registry
from channelsync.shell.control import ControlError, ask
from channelsync.shell.lock import beside as file_beside
from channelsync.testing import config_file
from channelsync.testing.siege import proof
from channelsync.testing.siege.carts import Cart, Carts, broken
from channelsync.testing.siege.figures import Outcome
from channelsync.testing.siege.listener import Listener
from channelsync.testing.siege.process import COMMAND, Process
from channelsync.testing.siege.shoppers import Shoppers
from channelsync.testing.siege.town import Town, town
from channelsync.testing.standins.serving import served

STORE = "siege"
UNITS = 2000
SAFETY_STOCK = 2
LOW_BELOW = 3
"""So many units sold, and a SKU is low: soon, and what is cancelled and returned takes it back over the level again and again."""

LEASE_SECONDS = 8.0
"""The shortest that this town's time-outs allow: whoever takes over from a dead node waits so long."""

APPLY_SECONDS = 30.0
SETTLE_SECONDS = 75.0
STEP_SECONDS = 0.25
DIFFERENCES_KEPT = 20


class Scene:
    """lost and differences: what was found so far, in words."""

    def __init__(
        self, home: Path, database: str | None, town: Town, source: random.Random, rate: float, listener: Listener, feed: str
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home, self.town, self.random, self.listener, self._feed = home, town, source, listener, feed
        self._private = config_file.free_port()
        self.file = self._config_file("siege", database, config_file.free_port(), private=self._private)
        self.database = load(self.file, Registry.installed()).store.database
        self.shoppers = Shoppers(SystemClock(), source, town, rate)
        self.carts = Carts(random.Random(source.getrandbits(64)), self._private, town.skus, rate)
        self.lost: set[str] = set()
        self.differences: list[str] = []
        self._serial = itertools.count(1)

    def _config_file(self, name: str, database: str | None, port: int, *, private: int = 0, public_url: str | None = None) -> Path:
        tables: dict[str, Any] = {
            "store": {
                "id": STORE,
                "opening": next(iter(self.town.tables)),
                "lease_seconds": LEASE_SECONDS,
                **({"database": database} if database else {}),
            },
            "listen": {"public": {"port": port}, "private": {"port": private}, "public_url": public_url or f"http://127.0.0.1:{port}"},
            "rules": {"safety_stock": SAFETY_STOCK},
            "alerts": self.listener.table(self._feed),
            "channels": self.town.tables,
        }
        return config_file.write(self.home / f"{name}.toml", tables)

    def second_node(self, port: int = 0) -> Path:
        """The config of another node on the same database. Shops know the first's address."""
        listen = load(self.file, Registry.installed()).listen
        return self._config_file("second", self.database, port, public_url=listen.public_url)

    def process(self, *command: str, file: Path | None = None, program: Sequence[str] = COMMAND) -> Process:
        """Not started yet."""
        return Process(file or self.file, self.home / f"daemon-{next(self._serial)}.log", *command, program=program)

    @asynccontextmanager
    async def daemon(self, file: Path | None = None, *, program: Sequence[str] = COMMAND) -> AsyncIterator[Process]:
        """A daemon that is up. Killed at the end if it still runs."""
        with self.process(file=file, program=program) as process:
            process.start()
            await process.up()
            yield process

    async def apply(self) -> None:
        """The first plan is accepted, through the door that a person's command takes. It waits until every shop was read."""
        socket = file_beside(load(self.file, Registry.installed()), ".sock")
        for _ in range(int(APPLY_SECONDS / STEP_SECONDS)):
            try:
                await ask(socket, "apply", {})
                break
            except ControlError:
                await asyncio.sleep(STEP_SECONDS)
        else:
            await ask(socket, "apply", {})
        await ask(socket, "token.create", self.carts.new_token())

    async def answers_again(self) -> float:
        """How long it takes until the next delivery is answered 2xx. Raises TimeoutError."""
        loop = asyncio.get_running_loop()
        acknowledged = self.town.register.acknowledged
        began, before = loop.time(), acknowledged.total()
        await until(lambda: acknowledged.total() > before, seconds=60.0)
        return loop.time() - began

    # -- what came of it ---------------------------------------------------------------------------------------------------------------------

    async def check(self, *, carts: bool = False) -> None:
        """Nothing acknowledged is lost and the ledger adds up. True at any moment; a daemon need not run. carts: they too; they must not be served now."""
        acknowledged = dict(self.town.register.acknowledged)
        lost, differences = await asyncio.to_thread(self._look, acknowledged, self.carts.as_answered() if carts else None)
        self.lost.update(lost)
        self.differences += [each for each in differences if each not in self.differences]

    def _look(self, acknowledged: dict[tuple[str, str], int], carts: dict[str, Cart] | None) -> tuple[list[str], list[str]]:
        heard = tuple(self.listener.heard)
        with proof.looking(self.database) as conn:
            missing = proof.missing(conn, acknowledged) + (broken(conn, carts) if carts is not None else [])
            return missing, proof.ledger_differences(conn) + self.listener.lies(conn, heard)

    async def settled(self, seconds: float = SETTLE_SECONDS) -> float | None:
        """How long it took until ledger and shops agree; None: they did not, and what differs is noted. A daemon must run, shoppers be gone."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            differences = await asyncio.to_thread(self._unsettled)
            if not differences:
                return round(loop.time() - began, 1)
            if loop.time() - began > seconds:
                self.differences += differences
                return None
            await asyncio.sleep(STEP_SECONDS)

    def _unsettled(self) -> list[str]:
        with proof.beside(self.database) as conn:
            return proof.town_differences(conn, self.town, self.carts.taken()) + self.listener.unsaid(conn)

    def outcome(self, settled_seconds: float | None) -> Outcome:
        acknowledged = len(self.town.register.acknowledged)
        differences = tuple(self.differences[:DIFFERENCES_KEPT])
        return Outcome(
            self.town.orders,
            acknowledged,
            len(self.lost),
            differences,
            settled_seconds,
            self.carts.acknowledged,
            self.carts.repeats,
            len(self.listener.heard),
        )


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Raises TimeoutError if it does not come about."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  what happens in the shops has no event
            await asyncio.sleep(0.02)


@asynccontextmanager
async def scene(
    home: Path, *, database: str | None = None, seed: int = 1, rate: float = 12.0, units: int = UNITS, **keys: Any
) -> AsyncIterator[Scene]:
    """Shops that are open, and a ledger whose first plan is applied; no daemon runs. database: an SQLite file in `home` if not given.
    rate: of what happens in the shops, per second. keys: of every channel's table, or `platforms`: which stand-ins instead of memory shops.
    """
    source = random.Random(seed)
    async with AsyncExitStack() as stack:
        open_town = await stack.enter_async_context(town(SystemClock(), source, units=units, **keys))
        listener = Listener(STORE, level=units - LOW_BELOW)
        feed = await stack.enter_async_context(served(listener, "the listener"))
        built = Scene(home, database, open_town, source, rate, listener, feed)
        async with built.daemon() as process:
            await built.apply()
            await process.stop()
        yield built
