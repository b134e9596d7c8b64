"""`po suggest`: what should be ordered, and how it comes to that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape

from channelsync.cli.show import dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.ledger.documents.heads import PAGE_MAX
from channelsync.ledger.purchasing import suggestions
from channelsync.ledger.purchasing.suggestions import COVER, DAYS, DAYS_MAX, LEAD, Question

Days = Annotated[int, typer.Option(min=1, max=DAYS_MAX, help="Sales of the last so many days.")]
Cover = Annotated[int, typer.Option(min=0, max=DAYS_MAX, help="Days it shall last once it is there.")]
Lead = Annotated[int, typer.Option(min=0, max=DAYS_MAX, help="Days until it is there, where neither SKU nor supplier say so.")]
OfSkus = Annotated[list[str] | None, typer.Option("--sku", help="Only this SKU; may be repeated.", show_default=False)]


def suggest(
    sku: OfSkus = None,
    supplier: Annotated[str | None, typer.Option(help="Only from this supplier.", show_default=False)] = None,
    location: Annotated[str | None, typer.Option("--location", "-l", help="Only for this location.", show_default=False)] = None,
    days: Days = DAYS,
    cover: Cover = COVER,
    lead: Lead = LEAD,
    everything: Annotated[bool, typer.Option("--all", help="Also what sells or has a level and need not be ordered.")] = False,
    explained: Annotated[bool, typer.Option("--explain", help="Show how each comes to its number.")] = False,
    after: Annotated[int, typer.Option(min=0, help="Go on after so many rows.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=PAGE_MAX)] = 50,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """What should be ordered, the most urgent first. `po draft --suggested` makes drafts of it. Of a single SKU the sum is shown.

    [dim]Example: channelsync po suggest --supplier ACME --explain[/dim]
    """
    asked = Question(days, cover, lead, location, supplier, tuple(sku or ()), everything)
    found = StoreAt(config).read(suggestions.page, asked, datetime.now(UTC), after, limit)
    if json:
        dump(found)
        return
    rows = [
        (r.sku, r.location, r.supplier, r.per_day, r.available, r.incoming, r.days_left, r.lead_days, r.low and "low", r.quantity)
        for r in found
    ]
    columns = ("SKU", "location", "supplier", "a day#?", "available#", "incoming#", "days left#", "lead days#?", "level?", "order#")
    table("To order", columns, [[cell if cell is not False else None for cell in row] for row in rows], empty="nothing")
    if explained or len(sku or ()) == 1:
        for row in found:
            say(escape(f"{row.sku} at {row.location}: order {row.quantity}"))
            for term in row.sum:
                say(escape(f"  {term}"))
    if len(found) == limit:
        say(f"more: --after {after + limit}")
