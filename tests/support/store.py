"""A real daemon on loopback beside real stand-in shops, for tests that go through its public doors."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from channelsync.clock import SystemClock
from channelsync.config import Config, load
from channelsync.registry import Registry
from channelsync.shell.control import ask
from channelsync.shell.daemon import Running, daemon
from channelsync.shell.lock import beside
from channelsync.shell.notify import Notifier
from channelsync.testing import config_file
from channelsync.testing.standins.base import Item, StandIn
from channelsync.testing.standins.memory import MemoryStandIn
from channelsync.testing.standins.serving import Courier, shop_open

T = TypeVar("T")

STEP = 0.05
QUICK = {"visibility_lag_seconds": 0.05, "write_drains_seconds": 0.5, "overlap_seconds": 2.0}
PROMPT = {"poll_seconds": 0.3, "sweep_seconds": 1.0, "timeout_seconds": 2.0, "allow_private_hosts": True}


def write_config(folder: Path, channels: Mapping[str, Mapping[str, Any]], **store: Any) -> Path:
    """A config file readable by its owner alone, with free ports."""
    port = config_file.free_port()
    tables = {
        "store": {"id": "acme", **store},
        "listen": {"public": {"port": port}, "private": {"port": 0}, "public_url": f"http://127.0.0.1:{port}"},
        "rules": {"safety_stock": 2},
        "channels": channels,
    }
    return config_file.write(folder / "acme.toml", tables)


def memory_shop(courier: Courier, name: str, *, units: int = 10, skus: int = 3, **dials: Any) -> MemoryStandIn:
    shop = MemoryStandIn(SystemClock(), random.Random(name), deliver=courier.deliver, name=name, **dials)
    shop.stock([Item(f"SKU-{number}", units) for number in range(1, skus + 1)])
    return shop


@dataclass(frozen=True, slots=True)
class Scene:
    """Two shops that sell the same things. `file`: the store's config."""

    file: Path
    shops: Mapping[str, StandIn]

    @property
    def config(self) -> Config:
        return load(self.file, Registry.installed())

    async def ask(self, verb: str, **args: Any) -> Any:
        return await ask(beside(self.config, ".sock"), verb, args)


@asynccontextmanager
async def two_shops(folder: Path, dials: Mapping[str, Any] | None = None, **store_keys: Any) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        courier = Courier()
        stack.push_async_callback(courier.close)
        shops = {name: memory_shop(courier, name, **(dials or {})) for name in ("east", "west")}
        tables = {}
        for name, shop in shops.items():
            url = await stack.enter_async_context(shop_open(shop))
            known = {key: value for key, value in QUICK.items() if key in shop.settings(url)}
            tables[name] = {**shop.settings(url), **known, **PROMPT}
        yield Scene(write_config(folder, tables, opening="east", **store_keys), shops)


@asynccontextmanager
async def up(scene: Scene, notifier: Notifier | None = None) -> AsyncIterator[Running]:
    """The store's daemon, in this process."""
    registry = Registry.installed()
    async with daemon(
        load(scene.file, registry), registry, clock=SystemClock(), source=random.SystemRandom(), notifier=notifier
    ) as running:
        yield running


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float = 15.0) -> None:
    """Wait for something that must come about; fails if it does not."""
    for _ in range(int(seconds / STEP)):
        if await condition():
            return
        await asyncio.sleep(STEP)
    assert await condition(), f"not within {seconds} s"


async def until_shown(scene: Scene, shop: str, sku: str, shows: int) -> None:
    async def shown() -> bool:
        return scene.shops[shop].shows(sku) == shows

    await until(shown)


@contextmanager
def in_background(context: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """The context, entered in an event loop of its own thread: for commands that need a loop themselves."""
    ready: Future[T] = Future()
    over = threading.Event()

    async def main() -> None:
        async with context as value:
            ready.set_result(value)
            await asyncio.to_thread(over.wait)

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield ready.result(timeout=30)
    finally:
        over.set()
        thread.join(timeout=40)


@asynccontextmanager
async def shops_and_daemon(folder: Path) -> AsyncIterator[Scene]:
    """Two shops and a daemon whose first plan is applied."""
    async with two_shops(folder) as scene, up(scene):
        await scene.ask("apply")
        yield scene
