"""`record`: what befell one SKU, without any name, as a file that the simulator replays."""

from __future__ import annotations

import asyncio
import os
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from channelsync.cli.seconds import UNITS
from channelsync.cli.show import out
from channelsync.cli.store import ConfigFile, StoreAt
from channelsync.cli.times import instant
from channelsync.clock import SystemClock
from channelsync.config import ChannelConfig
from channelsync.contract import Context
from channelsync.errors import ChannelsyncError
from channelsync.ledger.recording import Facts, Recording
from channelsync.ledger.recording import record as record_sku
from channelsync.ledger.recording.traits import recorded
from channelsync.registry import Registry
from channelsync.shell.http import shop_http

LAST = "7d"
DAYS = {**UNITS, "d": 86_400.0}
LAST_MAX = 3650 * 86_400.0


class NotWritten(ChannelsyncError):
    """The file could not be written."""


def record(
    sku: Annotated[str, typer.Argument(metavar="SKU", show_default=False)],
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="From this date or time on, in the store's time zone.", show_default=False)
    ] = None,
    last: Annotated[
        str | None, typer.Option(metavar="TIME", help=f"So far back: 30m, 12h, 7d. Default: {LAST}.", show_default=False)
    ] = None,
    file: Annotated[str, typer.Option("--out", metavar="FILE", help="Where to; - is standard output.")] = "-",
    config: ConfigFile = None,
) -> None:
    """Record what befell a SKU, without names, as a file that replays in the simulator: a bug report that is a test.

    [dim]Example: channelsync record MUG-01 --last 2d --out incident.json[/dim]
    """
    if since is not None and last is not None:
        raise typer.BadParameter("it goes without --since", param_hint="--last")
    store, now = StoreAt(config), SystemClock().now()
    start = now - _back(last or LAST) if since is None else _from(since, store.config.store.time_zone, now)
    facts = asyncio.run(_facts(store.registry, list(store.config.channels.values())))
    found = store.read(record_sku, sku, start, now, facts)
    _write(found.text(), file)
    _tell(found, file)


def _back(text: str) -> timedelta:
    try:
        seconds = float(text[:-1]) * DAYS[text[-1:]]
    except (KeyError, ValueError):
        seconds = -1.0
    if not 0 < seconds <= LAST_MAX:
        raise typer.BadParameter(f"{text!r} is no time; write it like 30m, 12h or 7d", param_hint="--last")
    return timedelta(seconds=seconds)


def _from(text: str, zone: str, now: datetime) -> datetime:
    """A day alone means its start."""
    return instant(f"{text}T00:00" if len(text) == len("2026-01-31") else text, zone, now)


async def _facts(registry: Registry, channels: list[ChannelConfig]) -> dict[str, Facts]:
    return {each.name: await _of_channel(registry, each) for each in channels}


async def _of_channel(registry: Registry, channel: ChannelConfig) -> Facts:
    """A connector knows its shop's traits without asking it: nothing is sent."""
    clock = SystemClock()
    async with shop_http(channel.name, clock=clock, source=random.Random(), timeout=channel.timeout_seconds) as door:
        connector = registry.connector(channel.connector).connect(channel.settings, Context(channel.name, door, clock, channel.role))
        traits = recorded(connector.traits)
    return Facts(
        traits, channel.poll_seconds, channel.sweep_seconds, channel.timeout_seconds, channel.on_edit.lower, channel.on_edit.higher
    )


def _write(text: str, file: str) -> None:
    """Readable by its owner alone: what was sold is nobody else's business until it is sent."""
    if file == "-":
        out.file.write(text)
        return
    try:
        with os.fdopen(os.open(Path(file), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise NotWritten(f"{file} cannot be written: {error.strerror or error}; name another file with --out") from error


def _tell(found: Recording, file: str) -> None:
    said = Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print
    where = "" if file == "-" else f"{file}: "
    said(
        f"{where}{len(found.events)} events in {found.seconds / 3600:.1f} h: quantities, relative times, settings of {len(found.channels)} channels."
    )
    said("Not in it: SKU codes, titles, order numbers, customers, shop addresses, secrets, dates.")
    if found.left_out:
        said(
            f"It begins at the newest {len(found.events)} events; {found.left_out} older stock movements are left out. Take less with --last."
        )
    if not found.events:
        said("Nothing happened to it in that time; take more with --last.")
