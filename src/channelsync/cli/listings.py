"""`listings`: what the shops sell, and which SKU each of them is."""

from __future__ import annotations

from typing import Annotated

import typer

from channelsync.cli.show import dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.ledger.channels import every
from channelsync.ledger.listing_pages import MAX_PAGE, Filter, Show, list_listings

group = typer.Typer(no_args_is_help=True, help="Listings of the shops and the SKUs they are linked to.")

Ref = Annotated[str, typer.Argument(help="The listing's own id at the shop, as `listings list` shows it.")]
Channel = Annotated[str, typer.Argument(help="A channel of the config.")]


@group.command("list")
def list_(
    text: Annotated[str, typer.Argument(help="Only with this text in ref, SKU, title or barcode.", show_default=False)] = "",
    channel: Annotated[str | None, typer.Option(help="Only this channel's.")] = None,
    show: Annotated[Show, typer.Option(help="Which of them.")] = Show.ALL,
    limit: Annotated[int, typer.Option(min=1, max=MAX_PAGE)] = 100,
    after: Annotated[int, typer.Option(help="Go on after this id (`next` of the page before).")] = 0,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Show listings and what they are linked to.

    [dim]Example: channelsync listings list --show unlinked[/dim]
    """
    store = StoreAt(config)
    ids = {state.name: state.id for state in store.read(every)}
    if channel is not None and channel not in ids:
        raise typer.BadParameter(f"no such channel; known: {', '.join(sorted(ids)) or 'none'}", param_hint="--channel")
    wanted = Filter(ids[channel] if channel else None, text=text or None, show=show)
    page = store.read(list_listings, wanted, after=after, limit=limit)
    if json:
        dump(page)
        return
    rows = [
        (r.channel, r.ref, r.sku_text, r.title, r.sku or "not linked", r.pack, r.problem or ("" if r.tracked else "not counted"))
        for r in page.rows
    ]
    table("Listings", ("channel", "ref", "SKU at the shop", "title", "linked to", "pack#", "problem"), rows, empty="none")
    if page.next is not None:
        say(f"more: --after {page.next}")


@group.command()
def match(
    channel: Annotated[str | None, typer.Argument(help="Only this channel.", show_default=False)] = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Read all listings again and link those whose SKU is exactly one of the ledger's.

    [dim]Example: channelsync listings match webshop[/dim]
    """
    done = StoreAt(config).ask("listings.match", {"channel": channel})
    if json:
        dump(done)
        return
    for name, count in done["read"].items():
        say(f"{name}: {count} listings read")


@group.command()
def link(
    channel: Channel,
    ref: Ref,
    sku: Annotated[str, typer.Argument(help="The ledger's SKU.")],
    pack: Annotated[int, typer.Option(min=1, help="SKU units in one unit of the listing (a six-pack: 6).")] = 1,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Say which SKU a listing sells. Sales that waited for it are applied.

    [dim]Example: channelsync listings link webshop 42 MUG-01 --pack 6[/dim]
    """
    done = StoreAt(config).ask("listings.link", {"channel": channel, "ref": ref, "sku": sku, "pack": pack})
    dump(done) if json else say(
        f"{channel} {done['ref']} sells {done['sku']} x {done['pack']}; {done['orders_applied']} waiting orders applied"
    )


@group.command()
def unlink(channel: Channel, ref: Ref, config: ConfigFile = None, json: AsJson = False) -> None:
    """Take a listing off its SKU: nothing is written to it, and its sales wait.

    [dim]Example: channelsync listings unlink webshop 42[/dim]
    """
    done = StoreAt(config).ask("listings.unlink", {"channel": channel, "ref": ref})
    dump(done) if json else say(f"{channel} {done['ref']}: was linked to {done['was'] or 'nothing'}")
