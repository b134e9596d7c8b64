"""`stock stats`: what is there and what was sold."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from channelsync.cli.show import dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.clock import SystemClock
from channelsync.ledger import stats
from channelsync.ledger.stats import By


def add_to(group: typer.Typer) -> None:
    group.command("stats")(show_stats)


def show_stats(
    by: Annotated[By, typer.Option(help="One row for each of these.")] = By.SKU,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Sold and shipped in the last so many days.")] = 30,
    limit: Annotated[int, typer.Option(min=1, max=stats.PAGE_MAX)] = 100,
    after: Annotated[int, typer.Option(help="Go on after this id.")] = 0,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Sum up what is on hand and its value, and what was sold and shipped in the last days, per SKU, location or channel.

    A value leaves units out whose cost is not known; how many these are stands beside it. What is in transit lies on transfers and is not on
    hand: a table of its own tells it, if there is any.

    [dim]Example: channelsync stock stats --by channel --days 7[/dim]
    """
    since = SystemClock().now() - timedelta(days=days)
    store = StoreAt(config)
    found = store.read(stats.stats, by, since, after=after, limit=limit)
    if json:
        dump(found)
        return
    rows = [(r.name, r.on_hand, r.available, r.orders, r.sold, r.shipped, r.value, r.uncosted) for r in found]
    worth = f"value {store.config.store.currency}#"
    columns = (by.value, "on hand#", "available#", "orders#", "sold#", "shipped#", worth, "no cost#?")
    table(f"The last {days} days", columns, rows, empty="nothing yet")
    if moving := [(r.name, r.in_transit, r.in_transit_value) for r in found if r.in_transit]:
        table("In transit on transfers" + (" to" if by is By.LOCATION else ""), (by.value, "units#", worth), moving)
    if len(found) == limit:
        say(f"more: --after {found[-1].id}")
