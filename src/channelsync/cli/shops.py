"""`pause` and `resume`: stop and go on writing to shops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer
from sqlalchemy import Connection

from channelsync.cli.show import dump, say
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor
from channelsync.clock import SystemClock
from channelsync.ledger import channels, guard_answer
from channelsync.ledger.guard import Alarm

Channel = Annotated[str | None, typer.Argument(help="A channel of the config; all of them if omitted.", show_default=False)]


def pause(
    channel: Channel = None,
    reason: Annotated[str, typer.Option(help="Why, for whoever looks at the status.")] = "",
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Stop writing to a channel, or to all at once. Orders are still read and counted; it lasts until `resume`, also over restarts.

    [dim]Example: channelsync pause webshop --reason "stock-taking"[/dim]
    """
    done = StoreAt(config).ask("pause", {"channel": channel, "reason": reason or f"paused by {actor()}"})
    if json:
        dump(done)
        return
    for name, changed in done.items():
        say(f"{name}: {'paused' if changed else 'was paused already'}")


def resume(
    channel: Channel = None,
    accept: Annotated[bool, typer.Option("--accept", help="Let through what the guard has stopped, exactly as it stands now.")] = False,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Go on writing to a channel, or to all. What the guard has stopped goes on only with --accept, or once it is harmless.

    [dim]Example: channelsync resume webshop --accept[/dim]
    """
    if accept and channel is None:
        raise typer.BadParameter("name the channel whose changes you accept; every channel is a question of its own", param_hint="--accept")
    store = StoreAt(config)
    held = store.read(_held) if accept else {}
    done = store.ask("resume", {"channel": channel, "accept": accept})
    if json:
        dump(done)
        return
    for alarm in held.get(channel or "", []):
        say(f"{channel}: let through: {alarm}")
    for name, changed in done.items():
        say(f"{name}: {'resumed' if changed else 'was not paused'}")


def _held(conn: Connection) -> Mapping[str, list[Alarm]]:
    """What the guard holds against each channel it has stopped."""
    now = SystemClock().now()
    stopped = [state for state in channels.every(conn) if state.paused_kind is channels.PauseKind.GUARD]
    return {state.name: guard_answer.standing(conn, state.id, now) for state in stopped}
