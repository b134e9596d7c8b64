"""`freeze` and `thaw`: no number of a SKU is written while a person wants it so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from channelsync.cli.show import dump, say
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor

Sku = Annotated[str, typer.Argument(help="The ledger's SKU.")]
Channel = Annotated[str | None, typer.Option(help="Only on this channel.")]
Listing = Annotated[str | None, typer.Option(help="Only this listing, by its own id at the shop.")]


def freeze(
    sku: Sku,
    reason: Annotated[str, typer.Option(help="Why, for whoever finds the number.")],
    channel: Channel = None,
    listing: Listing = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Write nothing to a SKU's listings until it is thawed. Orders are still read and counted.

    [dim]Example: channelsync freeze MUG-01 --channel webshop --reason "photo shoot"[/dim]
    """
    done = StoreAt(config).ask("freeze", {"scope": _scope(sku, channel, listing), "reason": reason, "actor": actor()})
    dump(done) if json else _tell(done, "frozen", "was frozen already, and keeps its first reason")


def thaw(sku: Sku, channel: Channel = None, listing: Listing = None, config: ConfigFile = None, json: AsJson = False) -> None:
    """End a freeze; name the same channel or listing as when it was made. What is due is written at once.

    [dim]Example: channelsync thaw MUG-01 --channel webshop[/dim]
    """
    done = StoreAt(config).ask("thaw", {"scope": _scope(sku, channel, listing), "actor": actor()})
    dump(done) if json else _tell(done, "thawed", "was not frozen")


def _scope(sku: str, channel: str | None, listing: str | None) -> dict[str, str | None]:
    return {"sku": sku, "channel": channel, "listing": listing}


def _tell(done: Mapping[str, Any], changed: str, same: str) -> None:
    say(escape(f"{done['sku']}: {changed if done['changed'] else same}; {done['shelves']} of its numbers are frozen now"))
    for line in standing(done["standing"]):
        say(escape(line))


def standing(freezes: list[Mapping[str, Any]]) -> Iterator[str]:
    """One line per freeze: where, since when, by whom and why."""
    for each in freezes:
        where = ", ".join(name for name in (each["channel"], each["listing"] and f"listing {each['listing']}") if name) or "everywhere"
        yield f"frozen {where} since {datetime.fromisoformat(each['since']):%Y-%m-%d %H:%M} UTC by {each['actor'] or 'nobody named'}: {each['reason']}"
