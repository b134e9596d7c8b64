"""`stock reorder` and `stock low`: from which number on a SKU is low, and what is."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from channelsync.cli.goods import key_of
from channelsync.cli.show import ago, dump, say, table
from channelsync.cli.stock import Key, Sku
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor
from channelsync.ledger import looking, low_stock


def reorder(
    sku: Sku,
    low: Annotated[int | None, typer.Option(min=0, help="With so many left or fewer it is low; as the config says, if left out.")] = None,
    reorder: Annotated[int | None, typer.Option(min=0, help="How many to order then.")] = None,
    location: Annotated[str | None, typer.Option("--location", "-l", help="Only at this location; over all of them, if left out.")] = None,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Set from which number on a SKU is low. Without --low and --reorder the config's level holds again.

    [dim]Example: channelsync stock reorder MUG-01 --low 5 --location main[/dim]
    """
    asked = {"sku": sku, "location": location, "low": low, "reorder": reorder, "actor": actor(), "key": key_of(key)}
    done = StoreAt(config).ask("stock.reorder", asked)
    if json:
        dump(done)
        return
    where = f" at {done['location']}" if done["location"] else ""
    said = "the config's level holds" if done["low"] is None else f"low at {done['low']}"
    say(escape(f"{done['sku']}{where}: {said}" + (f", reorder {done['reorder']}" if done["reorder"] is not None else "")))


def low(
    location: Annotated[str | None, typer.Option("--location", "-l", help="Only what is low there.")] = None,
    after: Annotated[int, typer.Option(help="Go on after this id.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=looking.PAGE_MAX)] = 100,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """List what is low, and since when.

    [dim]Example: channelsync stock low --location main[/dim]
    """
    found = StoreAt(config).read(low_stock.page, location, after, limit)
    if json:
        dump(found)
        return
    rows = [
        (r.sku, r.title, r.location or "all", r.available, r.level, ago(r.since), r.reorder, r.incoming or None, r.incoming_on)
        for r in found
    ]
    columns = ("SKU", "title?", "location", "available#", "level#", "since?", "reorder#", "incoming#", "expected")
    table("Low stock", columns, rows, empty="nothing is low")
    if len(found) == limit:
        say(f"more: --after {found[-1].id}")
