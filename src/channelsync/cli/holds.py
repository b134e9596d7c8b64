"""`stock holds`: what holds units, and since when."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from channelsync.cli.show import age, dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.clock import SystemClock
from channelsync.ledger import holding


def holds(
    older_than: Annotated[float, typer.Option(min=0, metavar="DAYS", help="Only what has been held for so many days.")] = 0.0,
    limit: Annotated[int, typer.Option(min=1, max=holding.LIMIT)] = 100,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """List what holds units over all SKUs, the oldest first: claims, and orders that are not shipped.

    A hard claim never ends by itself. If nobody waits for its units any more, `channelsync stock release REFERENCE` frees them; an order ends in its
    shop.

    [dim]Example: channelsync stock holds --older-than 30[/dim]
    """
    now = SystemClock().now()
    found = StoreAt(config).read(holding.oldest, now - timedelta(days=older_than), limit=limit)
    if json:
        dump(found)
        return
    rows = [
        (
            age(held.since, now),
            held.kind,
            held.units,
            held.sku,
            held.location,
            f"{held.channel}: {held.reference}" if held.channel else held.reference,
        )
        for held in found
    ]
    table("What holds units", ("for", "kind", "units#", "SKU", "location", "by"), rows)
    if len(found) == limit:
        say(f"only the {limit} oldest are shown; --limit shows more")
