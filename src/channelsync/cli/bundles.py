"""`bundles`: SKUs that are made of other SKUs."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import typer

from channelsync.cli.show import dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor
from channelsync.ledger import bundling
from channelsync.ledger.bundling import BundleRow

group = typer.Typer(
    no_args_is_help=True,
    help="Bundles: SKUs without stock of their own, made of other SKUs.\n\n[dim]Example: channelsync bundles set KIT MUG-01:1 TEE-01:2[/dim]",
)

Sku = Annotated[str, typer.Argument(help="The bundle's SKU.")]


@group.command("list")
def list_(config: ConfigFile = None, json: AsJson = False) -> None:
    """Show every bundle and what it is made of.

    [dim]Example: channelsync bundles list[/dim]
    """
    store, found = StoreAt(config), list[BundleRow]()
    while page := store.read(bundling.listed, after=found[-1].id if found else 0):
        found += page
    if json:
        dump(found)
        return
    rows = [(row.sku, row.title, ", ".join(f"{part.quantity} x {part.sku}" for part in row.parts)) for row in found]
    table("Bundles", ("SKU", "title", "made of"), rows, empty="none")


@group.command("set")
def set_(
    sku: Sku,
    parts: Annotated[list[str], typer.Argument(metavar="PART:QTY...", help="The SKUs one bundle takes, each with its units.")],
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Say what a bundle is made of. Shops that sell it get their new number at once; what was sold before keeps its parts.

    [dim]Example: channelsync bundles set GIFT-BOX MUG-01:2 TEA-05:1[/dim]
    """
    wanted = {"sku": sku, "parts": [_part(text) for text in parts], "actor": actor(), "key": f"cli-{uuid.uuid4()}"}
    done = StoreAt(config).ask("bundles.define", wanted)
    made_of = ", ".join(f"{part['quantity']} x {part['sku']}" for part in done["parts"])
    dump(done) if json else say(f"{done['sku']} is made of {made_of}")


@group.command()
def dissolve(sku: Sku, config: ConfigFile = None, json: AsJson = False) -> None:
    """Make a bundle a plain SKU again, without stock. Open orders keep the parts they were sold with.

    [dim]Example: channelsync bundles dissolve GIFT-BOX[/dim]
    """
    done = StoreAt(config).ask("bundles.dissolve", {"sku": sku, "actor": actor(), "key": f"cli-{uuid.uuid4()}"})
    dump(done) if json else say(f"{done['sku']} is no bundle any more; count it to sell it as it is")


def _part(text: str) -> dict[str, Any]:
    """The quantity is behind the last colon, so that a SKU may have some of its own."""
    sku, colon, units = text.rpartition(":")
    if not colon or not sku or not units.isdecimal():
        raise typer.BadParameter(f"{text!r} is not PART:QTY, such as MUG-01:2", param_hint="PART:QTY")
    return {"sku": sku, "quantity": int(units)}
