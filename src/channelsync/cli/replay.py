"""`replay`: what is set aside, tried again; or every level, formed anew from the log."""

from __future__ import annotations

from typing import Annotated

import typer

from channelsync.cli.aside import Channel, Kind, Reason, retry
from channelsync.cli.show import dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor
from channelsync.ledger import repairing
from channelsync.shell.plain import plain


def replay(
    channel: Channel = None,
    reason: Reason = None,
    kind: Kind = None,
    levels: Annotated[
        bool, typer.Option("--levels", help="Instead: add up the whole log and show the levels that are not its sum.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --levels: form those levels anew.")] = False,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Try what is set aside again (as `aside retry`); with --levels rebuild the levels from the log.

    [dim]Example: channelsync replay --levels[/dim]
    """
    if not levels:
        if yes:
            raise typer.BadParameter("it goes with --levels", param_hint="--yes")
        retry(channel, reason, kind, config, json)
        return
    if channel or reason or kind:
        raise typer.BadParameter("all levels are rebuilt, not those of a channel or a reason", param_hint="--levels")
    _levels(StoreAt(config), yes=yes, json=json)


def _levels(store: StoreAt, *, yes: bool, json: bool) -> None:
    """What a level is now and what its movements make; it is formed anew only where that differs, all in one transaction."""
    found = [step for step in store.read(repairing.plan) if step.kind == "level"]
    done = store.ask("audit.repair", {"steps": plain(found), "actor": actor()})["done"] if yes and found else 0
    if json:
        dump({"differences": found, "rebuilt": done})
    else:
        rows = [(step.sku, step.location, step.what, step.found, step.right) for step in found]
        table("Levels that are not the sum of their log", ("SKU", "location", "bucket", "is#", "log#"), rows, empty="none")
        if found:
            say(f"{done} formed anew from the log" if yes else "nothing was changed; add --yes to form them anew")
    if len(found) != done:
        raise typer.Exit(1)
