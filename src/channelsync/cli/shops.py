"""`pause` and `resume`: stop and go on writing to shops."""

from __future__ import annotations

from typing import Annotated

import typer

from channelsync.cli.show import dump, say
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor

Channel = Annotated[str | None, typer.Argument(help="A channel of the config; all of them if omitted.", show_default=False)]


def pause(
    channel: Channel = None,
    reason: Annotated[str, typer.Option(help="Why, for whoever looks at the status.")] = "",
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Stop writing to a channel, or to all. Orders are still read and counted.

    [dim]Example: channelsync pause webshop --reason "stock-taking"[/dim]
    """
    done = StoreAt(config).ask("pause", {"channel": channel, "reason": reason or f"paused by {actor()}"})
    if json:
        dump(done)
        return
    for name, changed in done.items():
        say(f"{name}: {'paused' if changed else 'was paused already'}")


def resume(channel: Channel = None, config: ConfigFile = None, json: AsJson = False) -> None:
    """Go on writing to a channel, or to all.

    [dim]Example: channelsync resume webshop[/dim]
    """
    done = StoreAt(config).ask("resume", {"channel": channel})
    if json:
        dump(done)
        return
    for name, changed in done.items():
        say(f"{name}: {'resumed' if changed else 'was not paused'}")
