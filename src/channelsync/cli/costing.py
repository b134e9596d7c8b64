"""`stock cost`: what one unit of a SKU costs."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from channelsync.cli.show import dump, say
from channelsync.cli.stock import Sku
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.ledger import stock_pages


def cost(
    sku: Sku,
    amount: Annotated[
        str | None, typer.Argument(help="Of one unit, in the store's currency. Left out: show it.", show_default=False)
    ] = None,
    unknown: Annotated[bool, typer.Option("--unknown", help="It is not known any more.")] = False,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Say what one unit costs, so that `stock stats` can tell what the stock is worth. Without an amount: show what holds now.

    [dim]Example: channelsync stock cost MUG-01 12.50[/dim]
    """
    if unknown and amount is not None:
        raise typer.BadParameter("either an amount or --unknown", param_hint="--unknown")
    store = StoreAt(config)
    if amount is None and not unknown:
        row = store.read(stock_pages.one, sku)
        told: dict[str, Any] = {"sku": row.sku, "cost": row.unit_cost, "parts": sorted(row.parts)}
    else:
        told = store.ask("stock.cost", {"sku": sku, "cost": amount})
    told |= {"currency": store.config.store.currency}
    dump(told) if json else say(escape(_sentence(told)))


def _sentence(told: dict[str, Any]) -> str:
    if told["cost"] is not None:
        return f"{told['sku']}: {told['cost']} {told['currency']} for one unit"
    if told.get("parts"):
        return f"{told['sku']}: a bundle; its parts have costs: {', '.join(told['parts'])}"
    return f"{told['sku']}: its cost is not known"
