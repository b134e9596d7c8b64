"""`locations`: where units lie, and which place of which shop shows them."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import typer
from rich.markup import escape
from sqlalchemy import Connection

from channelsync.cli.show import dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.config import Config
from channelsync.contract import Role
from channelsync.ledger import channel_places, locations
from channelsync.ledger.channel_places import Place

group = typer.Typer(
    invoke_without_command=True,
    help="Where units lie, and which places of the shops show them.\n\n[dim]Example: channelsync locations[/dim]",
)


@group.callback()
def default(context: typer.Context, config: ConfigFile = None, json: AsJson = False) -> None:
    if context.invoked_subcommand is None:
        list_(config, json)


@group.command("list")
def list_(config: ConfigFile = None, json: AsJson = False) -> None:
    """Show the ledger's locations and what they feed, and the shops' own locations with what feeds them.

    [dim]Example: channelsync locations list[/dim]
    """
    store = StoreAt(config)
    told = store.read(_told, store.config)
    if json:
        dump(told)
        return
    rows = [(p["code"], p["name"], p["kind"], p["priority"], p["owner"] or "the ledger", ", ".join(p["feeds"])) for p in told["locations"]]
    table("Locations", ("code", "name", "kind", "priority#", "on hand from", "feeds"), rows)
    owners = {place["owner"] for place in told["locations"]}
    places = [(p["channel"], p["ref"], p["name"], "" if p["active"] else "not active", _fed(p, owners)) for p in told["places"]]
    table("The shops' own locations", ("channel", "ref", "name", "", "fed by"), places, empty="none has told of any")
    for place in told["places"]:
        if place["add"]:
            say(escape(f"not mapped: {place['name'] or place['ref']}. Write under [channels.{place['channel']}]: {place['add']}"))


def _told(conn: Connection, config: Config) -> dict[str, Any]:
    tables = {name: channel.locations for name, channel in config.channels.items()}
    places = channel_places.listed(conn, tables)
    return {
        "locations": [
            {
                "code": place.code,
                "name": place.name,
                "kind": place.kind,
                "priority": place.priority,
                "owner": _owner(place.code, config),
                "feeds": _feeds(place.code, config, places),
            }
            for place in locations.every(conn)
        ],
        "places": [
            {
                "channel": place.channel,
                "ref": place.ref,
                "name": place.name,
                "active": place.active,
                "fed_by": None if place.fed_by is None else list(place.fed_by),
                "add": _line(conn, place, places, tables.get(place.channel, {})) if place.fed_by is None else None,
            }
            for place in places
        ],
    }


def _line(conn: Connection, missing: Place, places: list[Place], table: Mapping[str, tuple[str, ...]]) -> str:
    known = table or {place.ref: place.fed_by for place in places if place.channel == missing.channel and place.fed_by}
    return channel_places.line_for(conn, known, missing.ref, missing.name)


def _feeds(code: str, config: Config, places: list[Place]) -> list[str]:
    """Channels that this location feeds, each with the place there, if it has a name."""
    fed = [place for place in places if code in (place.fed_by or ()) and place.channel != _owner(code, config)]
    named = [f"{place.channel} {place.name or place.ref}" for place in fed]
    told = {place.channel for place in fed} | {_owner(code, config)}
    mapped = (
        name
        for name, channel in config.channels.items()
        if name not in told and (channel.location == code or any(code in fed for fed in channel.locations.values()))
    )
    return sorted([*named, *mapped])


def _owner(code: str, config: Config) -> str | None:
    """The channel that on hand at this location is read from."""
    owners = (name for name, channel in config.channels.items() if channel.role is Role.AUTHORITY)
    return next((name for name in owners if any(code in codes for codes in config.channels[name].locations.values())), None)


def _fed(place: Mapping[str, Any], owners: Container[str | None]) -> str:
    codes: list[str] | None = place["fed_by"]
    if codes is None:
        return "NOT MAPPED"
    if codes and place["channel"] in owners:
        return f"tells on hand at {', '.join(codes)}"
    return ", ".join(codes) or "left alone"
