"""What no single key can know: references between the parts of a file, and the database's place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from channelsync.config import alerts, rules
from channelsync.config.models import MAIN, ChannelKeys, Sections
from channelsync.config.problems import Key
from channelsync.contract import Role


def codes_in(tree: Mapping[str, Any]) -> tuple[str, ...]:
    """The location codes of a file whose sections did not validate, so that channels can be checked all the same."""
    locations = tree.get("locations")
    return tuple(locations) if isinstance(locations, dict) and locations else (MAIN,)


def location_problems(channel: ChannelKeys, codes: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(key, message) for each location that is not there, or not clear."""
    known = f"known: {', '.join(codes)}"
    if channel.location is not None and channel.locations:
        yield "location", "is given beside a locations table; keep one of them"
    if channel.location is not None and channel.location not in codes:
        yield "location", f"no such ledger location; {known}"
    if channel.locations and not any(channel.locations.values()):
        yield "locations", f"leaves all of them alone; map at least one ({known})"
    fed: dict[str, str] = {}
    for ref, places in channel.locations.items():
        for code in places:
            if code not in codes:
                yield f"locations.{ref}", f"no such ledger location {code!r}; {known}"
            elif (other := fed.setdefault(code, ref)) != ref or places.count(code) > 1:
                yield f"locations.{ref}", f"{code!r} feeds {other!r} of this channel already; the shop would show the same units twice"
    if channel.location is None and not channel.locations and len(codes) > 1:
        yield "location", f"there are several ledger locations; say which one feeds this channel ({known})"


def authority_problems(channel: ChannelKeys) -> Iterator[tuple[str, str]]:
    """(key, message) for what an authority's table must say, and what only an authority's may."""
    if channel.role is Role.CHANNEL:
        if channel.authority_lag_minutes:
            yield "authority_lag_minutes", 'is for systems that own on hand; add role = "authority" or remove it'
        return
    if channel.backorder_switch == "write":
        yield "backorder_switch", "is for shops that sell; remove it from an authority's table"
    if not channel.locations:
        yield "locations", 'an authority needs one: { "<its store>" = "<ledger location>" } for each of its stores that counts'
    for ref, places in channel.locations.items():
        if len(places) > 1:
            yield f"locations.{ref}", "what lies in one store of an authority lies at one ledger location; name a single one"


def owner_problems(channels: Mapping[str, ChannelKeys], opening: str | None) -> Iterator[tuple[Key, str]]:
    """Each ledger location has at most one authority, and the shop that opens the ledger does not sell from there alone."""
    owners: dict[str, str] = {}
    for name, channel in channels.items():
        for ref, places in channel.locations.items() if channel.role is Role.AUTHORITY else ():
            for code in places:
                if (other := owners.setdefault(code, name)) != name:
                    yield (
                        ("channels", name, "locations", ref),
                        f"on hand at {code!r} belongs to {other!r} already; one authority per location",
                    )
    first = channels.get(opening or "")
    if first is None or first.role is Role.AUTHORITY:
        return
    sells_from = {code for codes in first.locations.values() for code in codes} or {first.location or MAIN}
    if sells_from <= set(owners):
        owner = owners[min(sells_from)]
        yield ("store", "opening"), f"{opening!r} sells from locations whose on hand is read from {owner!r}; name {owner!r} here, or nobody"


def section_problems(sections: Sections, channels: Mapping[str, Any]) -> Iterator[tuple[Key, str]]:
    opening = sections.store.opening
    if opening is not None and opening not in channels:
        yield ("store", "opening"), f"no such channel; known: {', '.join(channels) or 'none'}"
    for code in sections.availability.locations:
        if code not in sections.locations:
            yield ("availability", "locations"), f"no such ledger location {code!r}; known: {', '.join(sections.locations)}"
    yield from routing_problems(sections)
    yield from rules.problems(sections.rules, channels, sections.store.time_zone)
    yield from alerts.problems(sections.alerts, sections.locations)
    public, private = sections.listen.public, sections.listen.private
    if public == private and public.port:
        yield ("listen", "private"), "is the same address as the public listener; choose another port"


def routing_problems(sections: Sections) -> Iterator[tuple[Key, str]]:
    for code in sections.routing.locations:
        if code not in sections.locations:
            yield ("routing", "locations"), f"no such ledger location {code!r}; known: {', '.join(sections.locations)}"
    for code, place in sections.locations.items():
        if (place.latitude is None) != (place.longitude is None):
            there, missing = ("longitude", "latitude") if place.latitude is None else ("latitude", "longitude")
            yield ("locations", code, missing), f"belongs to the {there}; give both, or neither"
    may = sections.routing.locations or [code for code, place in sections.locations.items() if place.kind != "virtual"]
    if sections.routing.enabled and not may:
        yield ("routing", "locations"), "all locations are virtual, and nothing is shipped from those unless they are named here"


def database_url(text: str, file: Path, environ: Mapping[str, str]) -> tuple[str, str]:
    """The complete URL and its password ("" if none). Raises ValueError.

    Relative SQLite paths are relative to systemd's state directory if there is one, else to the config file: never to where the daemon
    happens to have been started.
    """
    home = Path(environ.get("STATE_DIRECTORY", "").partition(":")[0] or file.parent)
    try:
        url = make_url(text or f"sqlite:///{file.stem}.db")
    except (ArgumentError, ValueError) as error:
        raise ValueError("is not a database URL; use sqlite:///path.db or postgresql://user@host/name") from error
    backend = url.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise ValueError(f"database {backend!r} is not supported; use sqlite:///path.db or postgresql://user@host/name")
    if backend == "sqlite":
        if not url.database or url.database == ":memory:":
            raise ValueError("a ledger in memory is lost with the process; name a file: sqlite:///path.db")
        url = url.set(database=str(home / url.database))
    return url.render_as_string(hide_password=False), url.password or ""


def guarded_by_systemd(file: Path, environ: Mapping[str, str]) -> bool:
    """Files in $CREDENTIALS_DIRECTORY show a group bit (the mask of their access list) though only the service can read them."""
    directory = environ.get("CREDENTIALS_DIRECTORY")
    return bool(directory) and file.is_relative_to(Path(directory or ""))
