"""`drift`: what a shop shows that nothing explains, and what to do about it."""

from __future__ import annotations

from typing import Annotated

import typer

from channelsync.cli.show import ago, dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.errors import ChannelsyncError
from channelsync.ledger import drifts

group = typer.Typer(
    no_args_is_help=True, help="Numbers somebody typed into a shop, or that nothing explains.\n\n[dim]Example: channelsync drift list[/dim]"
)


class Undecided(ChannelsyncError):
    """Neither or both ways of resolving were chosen."""


@group.command("list")
def list_(config: ConfigFile = None, json: AsJson = False) -> None:
    """Show every shelf that shows another number than we expect.

    [dim]Example: channelsync drift list[/dim]
    """
    found = StoreAt(config).read(drifts.listed)
    if json:
        dump(found)
        return
    rows = [
        (
            d.shelf,
            d.channel,
            d.sku or d.listing,
            d.location,
            d.book,
            d.shows,
            ago(d.since),
            "waits for you" if d.asked else "being looked at",
        )
        for d in found
    ]
    table("Drift", ("shelf#", "channel", "SKU", "location", "expected#", "shown#", "since", "state"), rows, empty="none")


@group.command()
def resolve(
    shelf: Annotated[int, typer.Argument(help="The shelf's number in `drift list`.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Our number is right: write it over the shop's.")] = False,
    adopt: Annotated[bool, typer.Option("--adopt", help="The shop's number is right: correct the ledger.")] = False,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Answer a drift: overwrite the shop's number, or adopt it.

    [dim]Example: channelsync drift resolve 17 --overwrite[/dim]
    """
    if overwrite == adopt:
        raise Undecided("say which number is right: --overwrite (ours) or --adopt (the shop's)")
    store = StoreAt(config)
    mine = next((each for each in store.read(drifts.listed, after=shelf - 1, limit=1) if each.shelf == shelf), None)
    if mine is None:
        raise Undecided(f"shelf {shelf} has no drift (any more); `channelsync drift list` shows those that have")
    done = store.ask("drift.resolve", {"shelf": shelf, "policy": "overwrite" if overwrite else "adopt", "shows": mine.shows})
    dump({"shelf": shelf, "done": done}) if json else say(f"shelf {shelf}: {done}")
