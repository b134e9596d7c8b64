"""`orders`: the orders of all shops as the ledger holds them."""

from __future__ import annotations

from typing import Annotated

import typer

from channelsync.cli.show import ago, dump, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.contract import OrderState
from channelsync.ledger import looking


def orders(
    channel: Annotated[str | None, typer.Option(help="Only this channel's.")] = None,
    state: Annotated[OrderState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=looking.PAGE_MAX)] = 50,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """List orders, the newest first, with the units they hold.

    [dim]Example: channelsync orders --channel webshop --state open[/dim]
    """
    store = StoreAt(config)
    found = store.read(looking.order_rows, channel=store.channel(channel), state=state and state.value, limit=limit)
    if json:
        dump(found)
        return
    rows = [(each.channel, each.number or each.ref, each.state, ago(each.placed_at), each.held, each.shipped) for each in found]
    table("Orders", ("channel", "order", "state", "placed", "held#", "shipped#"), rows, empty="none yet")
