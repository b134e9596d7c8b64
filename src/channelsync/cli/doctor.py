"""`doctor`: everything wrong or doubtful about this store, each with what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from channelsync.cli.show import dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.clock import SystemClock
from channelsync.contract import Diagnosis, Severity
from channelsync.errors import ChannelsyncError
from channelsync.ledger import channels, doctoring
from channelsync.ledger.identity import WrongStore
from channelsync.shell import doctor as shops
from channelsync.shell import doctor_host
from channelsync.shell.control import ControlError
from channelsync.shell.desk import UnknownRequest

ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}

Found = list[tuple[str, Diagnosis]]
"""(channel, finding); "" for the store as a whole."""


def doctor(
    channel: Annotated[str | None, typer.Argument(help="Only this channel.", show_default=False)] = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Look for everything that is wrong or doubtful, and say what to do about it. Writes nothing, with or without a running daemon.

    Exit code 1 if anything does not work.

    [dim]Example: channelsync doctor webshop[/dim]
    """
    store = StoreAt(config)
    if channel is not None and channel not in store.config.channels:
        raise UnknownRequest(f"the config has no channel {channel!r}; known: {', '.join(store.config.channels) or 'none'}")
    found = sorted(_everything(store, channel), key=lambda each: (each[0], ORDER.index(each[1].severity)))
    if json:
        dump([_row(name, each) for name, each in found])
    else:
        _show(found)
    if any(each.severity is Severity.ERROR for _, each in found):
        raise typer.Exit(1)


def _everything(store: StoreAt, channel: str | None) -> Found:
    clock = SystemClock()
    known, seen = _ledger(store)
    found: Found = [("", each) for each in (*doctor_host.examine(store.config), *_daemon(store))]
    found += seen
    found += asyncio.run(shops.examine(store.config, store.registry, known, clock, channel))
    return [(name, each) for name, each in found if channel is None or name == channel]


def _ledger(store: StoreAt) -> tuple[dict[str, str | None], Found]:
    """Which shop each channel belongs to, and what the ledger tells. Empty without a ledger that this program can read: the host's findings say so."""
    url = make_url(store.config.store.database)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        return {}, []
    tables = {name: dict(each.locations) for name, each in store.config.channels.items()}
    try:
        return store.read(_shops), store.read(doctoring.examine, SystemClock().now(), tables)
    except WrongStore as error:
        remedy = "correct database or id under [store], or give this store a database of its own"
        return {}, [("", Diagnosis("other-store", Severity.ERROR, str(error), remedy))]
    except ChannelsyncError:
        return {}, []


def _shops(conn: Connection) -> dict[str, str | None]:
    return {state.name: state.shop for state in channels.every(conn)}


def _daemon(store: StoreAt) -> Iterator[Diagnosis]:
    try:
        live = store.ask_daemon("live")
    except (ControlError, OSError) as error:
        yield Diagnosis(
            "daemon-deaf", Severity.ERROR, f"the daemon's socket does not answer: {error}", "restart the daemon, as its own user"
        )
        return
    if live is None:
        yield Diagnosis(
            "daemon-down", Severity.WARNING, "the daemon is not running: nothing is synced", "`channelsync run`, or start its systemd unit"
        )
        return
    for name, each in live["channels"].items():
        if trouble := each.get("trouble"):
            yield Diagnosis("trouble", Severity.WARNING, f"{name}: {trouble}", "see the findings of that channel", name)


def _what(each: Diagnosis) -> str:
    """With what it is about, where the sentence does not say that itself."""
    return f"{each.where}: {each.what}" if each.where and each.where not in each.what else each.what


def _show(found: Found) -> None:
    for name in sorted({name for name, _ in found}):
        rows = [(each.severity.value, _what(each), each.remedy) for channel, each in found if channel == name]
        table(name or "This store", ("", "what", "what to do"), rows)
    counts = {severity: sum(each.severity is severity for _, each in found) for severity in ORDER}
    said = ", ".join(
        f"[{COLOURS[severity]}]{count} {severity.value}{'s' if count > 1 else ''}[/{COLOURS[severity]}]"
        for severity, count in counts.items()
        if count
    )
    say(said or "[green]nothing found[/green]")


def _row(channel: str, each: Diagnosis) -> dict[str, Any]:
    return {
        "channel": channel or None,
        "code": each.code,
        "severity": each.severity.value,
        "what": each.what,
        "remedy": each.remedy,
        "where": each.where,
    }
