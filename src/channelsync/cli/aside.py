"""`aside`: what could not be applied, by what it has in common, and trying it again."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy import Connection

from channelsync.cli.show import ago, complain, dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.ledger import aside_groups, channels
from channelsync.ledger.aside_groups import Group

group = typer.Typer(
    no_args_is_help=True,
    help="What could not be applied, with its reason; nothing is lost, and it can be tried again.\n\n[dim]Example: channelsync aside list[/dim]",
)

Channel = Annotated[str | None, typer.Argument(help="Only this channel.", show_default=False)]
Reason = Annotated[str | None, typer.Option(help="Only those whose reason contains this.", show_default=False)]
Kind = Annotated[str | None, typer.Option(help="Only these: order, line, delivery, listing, shelf, export.", show_default=False)]


@group.command("list")
def list_(channel: Channel = None, config: ConfigFile = None, json: AsJson = False) -> None:
    """Show what is set aside, grouped by reason, the most frequent first.

    [dim]Example: channelsync aside list webshop[/dim]
    """
    store = StoreAt(config)
    store.channel(channel)
    found, names = store.read(_grouped)
    shown = [(names.get(each.channel_id, "?"), each) for each in found if channel in (None, names.get(each.channel_id))]
    if json:
        dump(
            [
                {"channel": name, "kind": g.kind, "reason": g.reason, "count": g.count, "since": g.since, "first": g.first}
                for name, g in shown
            ]
        )
        return
    rows = [(name, each.kind, each.count, ago(each.since), each.reason, each.first) for name, each in shown]
    table("Set aside", ("channel", "what", "how many#", "since", "because", "first"), rows, empty="nothing")


@group.command()
def retry(
    channel: Channel = None,
    reason: Reason = None,
    kind: Kind = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Try what is set aside again: all of it, or what shares a reason.

    [dim]Example: channelsync aside retry webshop --reason "no SKU is linked"[/dim]
    """
    done = StoreAt(config).ask("aside.retry", {"channel": channel, "reason": reason, "kind": kind})
    if json:
        dump(done)
    else:
        for name, trouble in done["troubles"].items():
            complain(f"{name} could not be asked: {trouble}")
        say(f"{done['tried']} tried again, {done['left']} still aside")
    if done["troubles"]:
        raise typer.Exit(1)


def _grouped(conn: Connection) -> tuple[list[Group], dict[int, str]]:
    return aside_groups.grouped(conn), {state.id: state.name for state in channels.every(conn)}
