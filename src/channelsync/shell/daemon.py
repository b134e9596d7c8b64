"""The daemon on one screen: take the lock, assemble the store, listen, run the engine, tell systemd, and stop in order."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from channelsync.clock import Clock
from channelsync.config import Config, ListenConfig
from channelsync.engine.loops import Engine
from channelsync.ledger import leases, upgrade
from channelsync.ledger.group import DatabaseAway
from channelsync.ledger.leases import Lease
from channelsync.registry import Registry
from channelsync.shell.assemble import Assembly, Watch, assembled, introduce_all
from channelsync.shell.control import controlled
from channelsync.shell.desk import Desk
from channelsync.shell.heap import kept_from_the_collector
from channelsync.shell.inlet import Inlets
from channelsync.shell.lock import beside, exclusive
from channelsync.shell.notify import Notifier
from channelsync.shell.private import Private
from channelsync.shell.pulse import Pulse, Readiness
from channelsync.shell.redact import Redactor
from channelsync.shell.schedule import SchedulerTicker, Ticker
from channelsync.shell.serve import Address, App, serving
from channelsync.shell.storefront.feed import Hinted
from channelsync.shell.storefront.storefront import Shopfront
from channelsync.shell.subscribing import TICK_SECONDS, Subscriptions
from channelsync.shell.within import within

log = structlog.get_logger(__name__)

LOCK_PATIENCE_SECONDS = 10.0
SETTLE_SECONDS = 10.0
"""At stop, for writes on the wire. With the listeners and the ticks, which end before, a stop takes less than 30 s."""
LISTENER_STOP_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Running:
    """A daemon that is up."""

    assembly: Assembly
    public: Address
    private: Address
    inlets: Inlets


@asynccontextmanager
async def daemon(
    config: Config,
    registry: Registry,
    *,
    clock: Clock,
    source: random.Random,
    notifier: Notifier | None = None,
    watch: Watch | None = None,
    redactor: Redactor | None = None,
) -> AsyncIterator[Running]:
    """Everything runs while the block runs; a bug in the engine's loops ends the block with its exception.

    At the end: no new requests, what is on the wire is answered and settled, the ledger is closed.
    """
    notifier = notifier or Notifier({})
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(exclusive(config, clock, patience=LOCK_PATIENCE_SECONDS))
        committed = asyncio.Event()
        store = assembled(config, registry, clock=clock, source=source, watch=_hinting(committed, watch), redactor=redactor)
        assembly = await stack.enter_async_context(store)
        pulse, inlets = Pulse(assembly.engine), Inlets(assembly.engine, waiting_max=config.listen.inbox_max)
        listen, desk = config.listen, Desk(assembly, running=True)
        private = _private(assembly, desk, pulse, inlets)
        public_app: App = inlets.receiver()
        shop = Shopfront(config.availability, assembly.ledger, clock, public_app, committed) if config.availability.enabled else None
        await introduce_all(assembly.store)
        stack.push_async_callback(_release_leases, assembly)
        await stack.enter_async_context(_engine_running(assembly.engine))
        await stack.enter_async_context(controlled(beside(config, ".sock"), desk.handle, clock))
        public = await stack.enter_async_context(
            serving(shop or public_app, listen.public.host, listen.public.port, stop_seconds=LISTENER_STOP_SECONDS)
        )
        if shop:
            await stack.enter_async_context(shop.live())
        inside = await stack.enter_async_context(
            serving(private, listen.private.host, listen.private.port, stop_seconds=LISTENER_STOP_SECONDS)
        )
        ticker = SchedulerTicker(clock, source)
        _set_timers(ticker, assembly, inlets, pulse, notifier)
        await stack.enter_async_context(ticker)
        stack.enter_context(kept_from_the_collector())
        private.ready = True
        # once the block waits: by then it has said what a signal means, and who hears that we run may send one at once
        announcing = asyncio.get_running_loop().call_soon(_announce, config, notifier, public, listen)
        try:
            yield Running(assembly, public, inside, inlets)
        finally:
            announcing.cancel()
            private.ready = False
            notifier.stopping()
            log.info("stopping")


def _hinting(committed: asyncio.Event, watch: Watch | None) -> Watch:
    """Whatever else is put around the ledger's door: commits are heard."""
    return lambda door: Hinted(watch(door) if watch else door, committed.set)


def _private(assembly: Assembly, desk: Desk, pulse: Pulse, inlets: Inlets) -> Private:
    """Imported here: it takes half a second, which no other command should pay."""
    from channelsync.shell.api.app import serve
    from channelsync.shell.metrics import CONTENT_TYPE, Metrics

    metrics = Metrics(assembly, pulse.problems)
    readiness = Readiness(assembly.engine, upgrade.check(assembly.database).wanted, inlets.full)
    return Private(pulse, readiness, (metrics.text, CONTENT_TYPE), metrics.counting(serve(assembly, desk)))


def _set_timers(ticker: Ticker, assembly: Assembly, inlets: Inlets, pulse: Pulse, notifier: Notifier) -> None:
    async def watchdog() -> None:
        """systemd hears that we are alive only after the database and the loops have shown it."""
        problems = await pulse.problems()
        if problems:
            log.error("not alive", problems=problems)
        else:
            notifier.alive()

    subscriptions = Subscriptions(assembly.engine, assembly.config)
    ticker.every(TICK_SECONDS, subscriptions.tend, name="webhooks")
    ticker.every(5.0, inlets.tell, name="rejected")
    if notifier.watchdog_seconds:
        ticker.every(notifier.watchdog_seconds / 3, watchdog, name="watchdog")


@asynccontextmanager
async def _engine_running(engine: Engine) -> AsyncIterator[None]:
    """The engine's loops beside the block. A bug that ends one of them ends the block with it; the block's own errors pass as they are."""
    owner = asyncio.current_task()
    assert owner is not None
    bugs: list[BaseException] = []

    def ended(loop: asyncio.Task[None]) -> None:
        if not loop.cancelled() and (bug := loop.exception()) is not None:
            bugs.append(bug)
            owner.cancel()

    loops = [asyncio.create_task(work(), name=name) for name, work in engine.tasks().items()]
    for loop in loops:
        loop.add_done_callback(ended)
    try:
        yield
    except asyncio.CancelledError:
        if not bugs:
            raise
        owner.uncancel()
        raise bugs[0] from None
    finally:
        for loop in loops:
            loop.remove_done_callback(ended)
        await _settle(engine)
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


async def _settle(engine: Engine) -> None:
    """Let every dispatcher end the call it is in. A shop that answers too slowly leaves an attempt open, which the next start resolves."""
    stops = asyncio.gather(*(dispatcher.stop() for dispatcher in engine.dispatchers.values()))
    try:
        await within(engine.store.clock, SETTLE_SECONDS, _wait(stops))
    except TimeoutError:
        log.warning("a shop did not answer in time; its write is resolved at the next start", seconds=SETTLE_SECONDS)


async def _wait(future: asyncio.Future[list[None]]) -> None:
    await future


async def _release_leases(assembly: Assembly) -> None:
    """So that another node need not wait for their end. A database that is away keeps them until then."""
    store = assembly.store
    for channel in store.channels.values():
        if channel.lease is None:
            continue
        try:
            await store.ledger.run(leases.give_back, Lease(channel.id, store.owner, channel.lease.version))
        except DatabaseAway as error:
            log.warning("a lease could not be given back; it ends by itself", channel=channel.name, error=str(error))


def _announce(config: Config, notifier: Notifier, public: Address, listen: ListenConfig) -> None:
    names = ", ".join(config.channels) or "no channels"
    notifier.ready(f"{config.store.id}: {names}")
    log.info(
        "running", store=config.store.id, public=public.url, public_url=listen.public_url, channels=list(config.channels), pid=os.getpid()
    )


async def until_told() -> None:
    """Return at the first SIGTERM or SIGINT."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    try:
        await told.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
