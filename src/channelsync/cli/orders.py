"""`orders`: the orders of all shops as the ledger holds them."""

from __future__ import annotations

from typing import Annotated

import typer

from channelsync.cli.show import ago, dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.contract import OrderState
from channelsync.ledger.order_pages import PAGE_MAX, Wanted, order_rows


def orders(
    channel: Annotated[str | None, typer.Option(help="Only this channel's.")] = None,
    state: Annotated[OrderState | None, typer.Option(help="Only those in this state.")] = None,
    sku: Annotated[str | None, typer.Option(help="Only those with this SKU of the ledger.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=PAGE_MAX)] = 50,
    before: Annotated[int | None, typer.Option(help="Go on before this id.", show_default=False)] = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """List orders, the newest first, with the units they hold.

    [dim]Example: channelsync orders --channel webshop --state open[/dim]
    """
    store = StoreAt(config)
    wanted = Wanted(store.channel(channel), state and state.value, sku)
    found = store.read(order_rows, wanted, before=before, limit=limit)
    if json:
        dump(found)
        return
    rows = [(each.channel, each.number or each.ref, each.state, ago(each.placed_at), each.held, each.shipped) for each in found]
    table("Orders", ("channel", "order", "state", "placed", "held#", "shipped#"), rows, empty="none yet")
    if len(found) == limit:
        say(f"more: --before {found[-1].id}")
