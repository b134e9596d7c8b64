"""From a loaded config to a store that can run: database, ledger, locations, channels, connectors, engine. Nothing is started here."""

from __future__ import annotations

import asyncio
import os
import random
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
import sqlalchemy

from channelsync.clock import Clock
from channelsync.config import ChannelConfig, Config, ConfigError, Problem
from channelsync.contract import Connector, Context, Role, StockAuthority, TurnsSwitches
from channelsync.engine.catalogue import Catalogue
from channelsync.engine.channel import Channel, Settings
from channelsync.engine.introduce import introduce
from channelsync.engine.loops import Engine
from channelsync.engine.store import Store
from channelsync.errors import ChannelError, Unauthorized
from channelsync.ledger import alert_queue, authorities, channel_places, channels, guard, identity, leases, locations, measuring, ruling
from channelsync.ledger.authorities import Ownership
from channelsync.ledger.brackets import EditPolicy, OnEdit
from channelsync.ledger.channel_places import Follow
from channelsync.ledger.channels import ChannelSpec
from channelsync.ledger.database import open_database
from channelsync.ledger.door import Door, InlineLedger, Ledger
from channelsync.ledger.guard import Guarded, Limits
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.order_policy import OrderPolicy, Restock, Unpaid
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.routing import board
from channelsync.ledger.routing.areas import Areas
from channelsync.ledger.routing.board import PlaceSpec
from channelsync.ledger.ruling import CatchUp
from channelsync.ledger.upgrade import upgrade
from channelsync.registry import Registry
from channelsync.shell.alert_wiring import wired
from channelsync.shell.http import ShopHttp, shop_http
from channelsync.shell.hush import hushed
from channelsync.shell.redact import Redactor

Watch = Callable[[Door], Door]


@dataclass(frozen=True, slots=True)
class Assembly:
    """A store, ready to run. doors: the HTTP door of each channel, by name, for its rates."""

    config: Config
    database: sqlalchemy.Engine
    ledger: Door
    store: Store
    engine: Engine
    doors: Mapping[str, ShopHttp]

    @property
    def opening(self) -> int | None:
        """The channel whose numbers open the ledger on day one."""
        name = self.config.store.opening
        return None if name is None else self.store.named(name).id


@dataclass(frozen=True, slots=True)
class Ids:
    """What the config's names are in the ledger."""

    locations: Mapping[str, int]
    channels: Mapping[str, int]


@asynccontextmanager
async def assembled(
    config: Config,
    registry: Registry,
    *,
    clock: Clock,
    source: random.Random,
    inline: bool = False,
    transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
    watch: Watch | None = None,
    redactor: Redactor | None = None,
) -> AsyncIterator[Assembly]:
    """Open everything, close everything at the end. inline: work in this thread, for a short command. transports: instead of the network.
    watch: puts something around the ledger's door (a recorder). redactor: the log's, so that it learns the tokens that shops grant.

    Raises WrongDatabase, UnusableDatabase and Refusal if this config and this database do not belong together.
    """
    async with AsyncExitStack() as stack:
        database = opened(config)
        stack.callback(database.dispose)
        ids = enrol(database, config, clock.now())
        ledger: Door = InlineLedger(database, clock) if inline else Ledger(database, clock)
        ledger = watch(ledger) if watch else ledger
        await ledger.start()
        stack.push_async_callback(ledger.close)
        await bring_up(ledger, config, ids)
        owner = f"{os.uname().nodename}:{os.getpid()}:{uuid.UUID(int=source.getrandbits(128)).hex[:8]}"
        store = Store(ledger, clock, source, owner)
        redactor = redactor or Redactor(config.secrets)
        doors: dict[str, ShopHttp] = {}
        for each in config.channels.values():
            door = shop_http(
                each.name,
                clock=clock,
                source=source,
                timeout=each.timeout_seconds,
                transport=(transports or {}).get(each.name),
                private_hosts=each.allow_private_hosts,
                redactor=redactor,
            )
            doors[each.name] = await stack.enter_async_context(door)
            context = Context(each.name, doors[each.name], clock, each.role)
            connector = hushed(_connected(config, each, registry, context), redactor)
            settings = _settings(each, ids, config.store.lease_seconds)
            channel_id = ids.channels[each.name]
            measured = await ledger.read(measuring.of_channel, channel_id)
            store.channels[channel_id] = Channel(channel_id, settings, connector, introduced=False, measured=measured)
        engine = _engine(config, store)
        engine.alerts = await stack.enter_async_context(wired(config, store, clock, redactor, check=not inline))
        yield Assembly(config, database, ledger, store, engine, doors)


def opened(config: Config) -> sqlalchemy.Engine:
    """The store's database, at this program's schema."""
    database = open_database(config.store.database, pooled=config.store.pooled)
    try:
        upgrade(database)
    except BaseException:
        database.dispose()
        raise
    return database


def enrol(database: sqlalchemy.Engine, config: Config, now: datetime) -> Ids:
    """Write down whose database this is, its locations and its channels: all of it or nothing."""
    places = list(config.locations.items())
    with database.connect() as conn, conn.begin():
        identity.claim_store(conn, config.store.id)
        if conn.dialect.name == "sqlite":
            leases.end_all(conn)  # we hold the lock, so whoever had them is gone
            alert_queue.end_claims(conn)
        specs = [LocationSpec(code, place.name, place.kind, place.priority) for code, place in places]
        location_ids = dict(zip((code for code, _ in places), locations.ensure(conn, specs, now), strict=True))
        wanted = [_spec(each, location_ids) for each in config.channels.values()]
        answers = channels.register(conn, wanted, now)
        channel_ids = {}
        for spec, answer in zip(wanted, answers, strict=True):
            if isinstance(answer, Refusal):
                raise answer
            channel_ids[spec.name] = answer
        authorities.enrol(conn, _owners(config, {place.code: place.id for place in locations.every(conn)}, channel_ids), now)
        guard.configure(conn, [Guarded(channel_ids[each.name], _limits(each)) for each in config.channels.values()], now)
        ruling.keep(conn, config.shelf_rules(channel_ids))
        board.configure(conn, _shipping(config, location_ids), now)
    return Ids(location_ids, channel_ids)


async def bring_up(ledger: Door, config: Config, ids: Ids) -> None:
    """Shelves get the rules and places that the config has now, before anything is computed from the old ones; a page per transaction."""
    for each in config.channels.values():
        after: int | None = 0
        while after is not None:
            after = await ledger.run(channel_places.follow, Follow(ids.channels[each.name], _places(each, ids.locations), after))
    step: CatchUp | None = CatchUp()
    while step is not None:
        step = (await ledger.run(ruling.catch_up, step)).go_on


async def introduce_all(store: Store) -> None:
    """Ask every shop who it is, together. One that does not answer or is another shop is in trouble; the rest goes on."""

    async def one(channel: Channel) -> None:
        try:
            await introduce(store, channel)
        except ChannelError as error:
            await store.troubled(channel, error)
            if isinstance(error, Unauthorized):
                channel.trouble = f"not read until this is repaired: {error}"

    await asyncio.gather(*(one(channel) for channel in store.channels.values()))


def _engine(config: Config, store: Store) -> Engine:
    engine = Engine(store, delivery_days=config.retention.delivery_days)
    if config.store.opening is not None:
        channel = store.named(config.store.opening)
        engine.catalogues[channel.id] = Catalogue(store, channel, makes_skus=True, places=engine.places[channel.id])
    return engine


def _connected(config: Config, channel: ChannelConfig, registry: Registry, context: Context) -> Connector:
    connector = registry.connector(channel.connector).connect(channel.settings, context)
    if channel.role is Role.AUTHORITY and not isinstance(connector, StockAuthority):
        why = f"connector {channel.connector!r} cannot own on hand; remove the role, or use a connector that can"
        raise ConfigError([Problem(config.path, f"channels.{channel.name}.role", why)])
    if channel.backorder_switch == "write" and not isinstance(connector, TurnsSwitches):
        why = f'connector {channel.connector!r} cannot turn a shop\'s backorder switch; remove the key, or write "read"'
        raise ConfigError([Problem(config.path, f"channels.{channel.name}.backorder_switch", why)])
    return connector


def _owners(config: Config, location_ids: Mapping[str, int], channel_ids: Mapping[str, int]) -> list[Ownership]:
    """Of every location, those that left the config as well: nobody owns them any more."""
    owner = {
        code: channel_ids[each.name]
        for each in config.channels.values()
        if each.role is Role.AUTHORITY
        for codes in each.locations.values()
        for code in codes
    }
    return [Ownership(location_id, owner.get(code)) for code, location_id in location_ids.items()]


def _shipping(config: Config, location_ids: Mapping[str, int]) -> list[PlaceSpec]:
    """The locations that routing may choose; none if it is off."""
    named = config.routing.locations or tuple(code for code, place in config.locations.items() if place.kind != "virtual")
    found = []
    for code, place in config.locations.items() if config.routing.enabled else ():
        if code in named:
            point = None if place.latitude is None or place.longitude is None else (place.latitude, place.longitude)
            found.append(PlaceSpec(location_ids[code], point, Areas(place.countries, place.regions, place.postcodes)))
    return found


def _default_place(channel: ChannelConfig, ids: Mapping[str, int]) -> int | None:
    """Where orders that name no location are taken from. A channel with a table of places but no default takes the first of them."""
    code = channel.location or next((places[0] for places in channel.locations.values() if places), None)
    return None if code is None else ids[code]


def _places(channel: ChannelConfig, ids: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    return {ref: tuple(ids[code] for code in codes) for ref, codes in channel.locations.items()}


def _spec(channel: ChannelConfig, ids: Mapping[str, int]) -> ChannelSpec:
    minutes = channel.unpaid_minutes
    policy = OrderPolicy(Restock(channel.restock), Unpaid(channel.unpaid), timedelta(minutes=minutes) if minutes else None)
    return ChannelSpec(channel.name, channel.connector, _default_place(channel, ids), channel.role, policy)


def _limits(channel: ChannelConfig) -> Limits:
    said = channel.guard
    return Limits(said.zero_share, said.multiply, said.multiply_share, said.least, timedelta(minutes=said.window_minutes))


def _settings(channel: ChannelConfig, ids: Ids, lease_seconds: float) -> Settings:
    place = _default_place(channel, ids.locations)
    assert place is not None, "the config check has seen to it"
    return Settings(
        name=channel.name,
        connector=channel.connector,
        location_id=place,
        places=_places(channel, ids.locations),
        live=channel.mode == "live",
        turns_switches=channel.backorder_switch == "write",
        on_edit=OnEdit(EditPolicy(channel.on_edit.lower), EditPolicy(channel.on_edit.higher)),
        poll=timedelta(seconds=channel.poll_seconds),
        sweep=timedelta(seconds=channel.sweep_seconds),
        timeout=timedelta(seconds=channel.timeout_seconds),
        lease=timedelta(seconds=lease_seconds),
        role=channel.role,
        full_every=timedelta(hours=channel.full_every_hours),
        authority_lag=timedelta(minutes=channel.authority_lag_minutes) if channel.authority_lag_minutes else None,
    )
