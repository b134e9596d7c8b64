"""`stock backorder`: may a SKU be sold beyond what is there, and how much of it may one cart claim?"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from channelsync.cli.show import dump, say
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.ledger import skus, stock_pages
from channelsync.ledger.skus import Backorder

Policy = Annotated[
    Backorder | None,
    typer.Argument(help="deny: no more than is there. allow or preorder: beyond it. Left out: show it.", show_default=False),
]


def backorder(
    sku: Annotated[str, typer.Argument(help="The SKU, exactly as the ledger spells it.")],
    policy: Policy = None,
    limit: Annotated[int | None, typer.Option(min=0, help="Units that may be promised beyond what is available.")] = None,
    text: Annotated[str, typer.Option(help="For customers: when what is not there comes.")] = "",
    on: Annotated[datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="The same as a date.")] = None,
    per_reference: Annotated[int | None, typer.Option(min=1, help="Units that one cart or order may claim in all.")] = None,
    hours: Annotated[
        float,
        typer.Option("--keep", min=0, help="Hours that a claim outlives its end while its units are not there yet.", show_default=False),
    ] = 0,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Say how a SKU may be sold; what is left out is taken back. Without a policy: show what holds now.

    [dim]Example: channelsync stock backorder MUG-01 preorder --text "5-7 days" --limit 10[/dim]
    """
    store = StoreAt(config)
    if policy is None:
        row = store.read(stock_pages.one, sku)
        told: dict[str, Any] = {"sku": sku, "backorder": row.backorder, "limit": row.backorder_limit, "text": row.expected_text}
        told |= {"date": row.expected_on.isoformat() if row.expected_on else None, "per_reference": row.reference_limit}
        told["release_delay"] = row.release_delay
    else:
        day = None if on is None else date(on.year, on.month, on.day).isoformat()
        args = {"sku": sku, "backorder": policy.value, "limit": limit, "text": text, "date": day, "per_reference": per_reference}
        args["release_delay"] = round(hours * 60)
        told = store.ask("stock.policy", args)
    dump(told) if json else say(escape(_sentence(told)))


def _sentence(told: dict[str, Any]) -> str:
    if told["backorder"] == skus.Backorder.DENY.value:
        said = "sold only while it is there"
    else:
        said = f"{told['backorder']}, {'without limit' if told['limit'] is None else 'at most ' + str(told['limit'])} beyond what is there"
    said += "".join(f", {part}" for part in (told["text"], told["date"]) if part)
    said += f"; at most {told['per_reference']} for each cart or order" if told["per_reference"] else ""
    said += (
        f"; claims outlive their end by {told['release_delay'] / 60:g} h while their units are not there" if told["release_delay"] else ""
    )
    return f"{told['sku']}: {said}"
