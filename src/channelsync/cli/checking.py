"""`check`: is this config good, do the credentials open the right shops, and do the locations fit? Writes nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import typer
from rich.markup import escape
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from channelsync.cli.show import dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.clock import Clock, SystemClock
from channelsync.config import ChannelConfig, Config
from channelsync.contract import Cursor, HasLocations
from channelsync.errors import ChannelError
from channelsync.ledger import channels, ruling
from channelsync.ledger.channel_places import feeds_of
from channelsync.ledger.database import open_database, reading
from channelsync.ledger.upgrade import Schema
from channelsync.ledger.upgrade import check as schema_state
from channelsync.shell.alert_wiring import people
from channelsync.shell.redact import Redactor
from channelsync.shell.visiting import visiting


@dataclass(frozen=True, slots=True)
class Checked:
    """facts: what the shop tells about itself. unmapped: its locations that no ledger location feeds."""

    channel: str
    ok: bool
    shop: str | None
    message: str
    facts: dict[str, str]
    unmapped: tuple[str, ...] = ()


def check(config: ConfigFile = None, json: AsJson = False) -> None:
    """Check the config file, every shop's credentials and identity, and the locations. Changes nothing.

    [dim]Example: channelsync check -c acme.toml[/dim]
    """
    store = StoreAt(config)
    people(store.config, SystemClock(), Redactor())
    known = _known(store)
    results = asyncio.run(_check_all(store, known.shops))
    warnings = [*map(str, store.config.warnings), *(f"{rule}: the ledger has no such SKU or listing" for rule in known.lost_rules)]
    if json:
        dump({"store": store.config.store.id, "warnings": warnings, "channels": results})
    else:
        say(f"[green]config ok[/green]: store {store.config.store.id}, {len(results)} channels, {store.config.path}")
        for warning in warnings:
            say(f"[yellow]warning[/yellow]: {escape(warning)}")
        rows = [(each.channel, "ok" if each.ok else "FAILED", each.shop, each.message) for each in results]
        table("Shops", ("channel", "", "shop", "what it says"), rows, empty="no channels configured")
    if not all(each.ok for each in results):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger says. shops: which shop each channel belongs to. lost_rules: those that name what it does not have."""

    shops: dict[str, str | None] = field(default_factory=dict)
    lost_rules: tuple[str, ...] = ()


def _known(store: StoreAt) -> Known:
    """Nothing, where there is no ledger yet. Does not make one."""
    url = make_url(store.config.store.database)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        return Known()
    database = open_database(store.config.store.database, pooled=store.config.store.pooled)
    try:
        if schema_state(database).schema is not Schema.CURRENT:
            return Known()
        with reading(database).connect() as conn, conn.begin():
            return _ask(conn, store.config)
    finally:
        database.dispose()


def _ask(conn: Connection, config: Config) -> Known:
    states = {state.name: state for state in channels.every(conn)}
    ids = {name: states[name].id if name in states else 0 for name in config.channels}
    lost = ruling.about_nothing(conn, config.shelf_rules(ids))
    return Known({name: state.shop for name, state in states.items()}, tuple(lost))


async def _check_all(store: StoreAt, known: dict[str, str | None]) -> list[Checked]:
    clock = SystemClock()
    return list(await asyncio.gather(*(_check_one(store, each, known.get(each.name), clock) for each in store.config.channels.values())))


async def _check_one(store: StoreAt, channel: ChannelConfig, known: str | None, clock: Clock) -> Checked:
    async with visiting(store.config, channel, store.registry, clock) as visit:
        connector = visit.connector
        try:
            told = await connector.check()
            page = await anext(aiter(connector.listings(Cursor())))
            places = {place.ref for place in await connector.locations() if place.active} if isinstance(connector, HasLocations) else set()
        except ChannelError as error:
            return Checked(channel.name, False, known, str(error), {})
    facts = {name: str(value) for name, value in told.facts.items()}
    if known is not None and known != told.shop:
        message = (
            f"its credentials open {told.shop}, but the ledger knows this channel as {known}; use another channel name for another shop"
        )
        return Checked(channel.name, False, told.shop, message, facts)
    fed_by = feeds_of(places | {place for listing in page.items for place in listing.locations}, channel.locations, channel.location)
    unmapped = tuple(sorted(place for place, fed in fed_by.items() if not fed and place not in channel.locations))
    said = f"{told.name or told.shop}: {len(page.items)} listings on the first page"
    if unmapped:
        said += f"; not mapped to a ledger location: {', '.join(unmapped)} (add them to [channels.{channel.name}.locations])"
    return Checked(channel.name, not unmapped, told.shop, said, facts, unmapped)
