"""`shadow`: what another tool did to the shops that we only look on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from channelsync.cli.show import dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.ledger import shadow as ledger


def shadow(
    channel: Annotated[str | None, typer.Argument(help="Only this channel.", show_default=False)] = None,
    since: Annotated[datetime | None, typer.Option(help="Only what was seen since then (UTC).", show_default=False)] = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Who else writes to a shop in `mode = "shadow"`, and which of those writes put sold units back on sale. What we would write: `plan`.

    [dim]Example: channelsync shadow webshop --since 2026-11-20[/dim]
    """
    store = StoreAt(config)
    found = store.read(ledger.report, store.channel(channel), since)
    if json:
        dump({"looked": found.looked, "resurrected": found.resurrected, "writes": found.writes})
        return
    if not found.looked:
        say('nothing was looked at yet: set mode = "shadow" on a channel and let `channelsync run` go on for a while')
        return
    rows = [
        (
            f"{write.before:%m-%d %H:%M:%S}",
            write.channel,
            write.sku,
            write.location,
            f"{write.showed[0]} -> {write.showed[1]}",
            f"{write.change:+d}",
            write.left,
            write.resurrected,
        )
        for write in found.writes
    ]
    columns = ("seen at (UTC)", "channel", "SKU", "location", "showed", "written#", "left#", "sold units back on sale#")
    table("Somebody else's writes", columns, rows, empty="none: every number is explained by orders")
    say(f"{found.looked} shelves looked at; sold units put back on sale by another tool: {found.resurrected}")
