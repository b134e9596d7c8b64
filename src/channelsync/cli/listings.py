"""`listings`: what the shops sell, and which SKU each of them is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.markup import escape

from channelsync.cli.progress import progress
from channelsync.cli.show import dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.ledger import workbench
from channelsync.ledger.channels import every
from channelsync.ledger.listing_pages import MAX_PAGE, Filter, Show, list_listings
from channelsync.ledger.workbench import Item, Kind
from channelsync.shell.plain import plain

group = typer.Typer(
    no_args_is_help=True,
    help="Listings of the shops and the SKUs they are linked to.\n\n[dim]Example: channelsync listings match --dry-run[/dim]",
)

Ref = Annotated[str, typer.Argument(help="The listing's own id at the shop, as `listings list` shows it.")]
Channel = Annotated[str, typer.Argument(help="A channel of the config.")]


@group.command("list")
def list_(
    text: Annotated[str, typer.Argument(help="Only with this text in ref, SKU, title or barcode.", show_default=False)] = "",
    channel: Annotated[str | None, typer.Option(help="Only this channel's.")] = None,
    show: Annotated[Show, typer.Option(help="Which of them.")] = Show.ALL,
    problem: Annotated[Kind | None, typer.Option(help="Only those with this problem, as `listings match` names it.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MAX_PAGE)] = 100,
    after: Annotated[int, typer.Option(help="Go on after this id (`next` of the page before).")] = 0,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Show listings and what they are linked to.

    [dim]Example: channelsync listings list --show unlinked[/dim]
    """
    if problem is not None and (text or show is not Show.ALL):
        raise typer.BadParameter("--problem goes with --channel only, not with a text or --show", param_hint="--problem")
    store = StoreAt(config)
    ids = _channels(store, channel, "--channel")
    if problem is not None:
        _with_problem(store, sorted(ids.values()), problem, after=after, limit=limit, json=json)
        return
    wanted = Filter(ids[channel] if channel else None, text=text or None, show=show)
    page = store.read(list_listings, wanted, after=after, limit=limit)
    if json:
        dump(page)
        return
    rows = [
        (r.channel, r.ref, r.sku_text, r.title, r.sku or "not linked", r.pack, r.problem or ("" if r.tracked else "not counted"))
        for r in page.rows
    ]
    table("Listings", ("channel", "ref", "SKU at the shop", "title?", "linked to", "pack#", "problem"), rows, empty="none")
    if page.next is not None:
        say(f"more: --after {page.next}")


def _channels(store: StoreAt, name: str | None, hint: str) -> dict[str, int]:
    """Channel ids by name: the one that was named, or all."""
    ids = {state.name: state.id for state in store.read(every)}
    if name is not None and name not in ids:
        raise typer.BadParameter(f"no such channel; known: {', '.join(sorted(ids)) or 'none'}", param_hint=hint)
    return ids if name is None else {name: ids[name]}


def _with_problem(store: StoreAt, channel_ids: list[int], kind: Kind, *, after: int, limit: int, json: bool) -> None:
    rows, following = store.read(workbench.of_kind, channel_ids, kind, after=after, limit=limit)
    if json:
        dump({"rows": plain(rows), "next": following})
        return
    _items(kind.value, rows)
    if following is not None:
        say(f"more: --after {following}")


@group.command()
def match(
    channel: Annotated[str | None, typer.Argument(help="Only this channel.", show_default=False)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read no shop and link nothing: show what would be linked.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Name every listing with a problem, not the first few of each kind.")] = False,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Read all listings again, link those whose SKU is exactly one of the ledger's, and show every problem with its remedy.

    Nothing is guessed: what differs in case or spaces, or has the same barcode, is suggested and never linked by itself.

    [dim]Example: channelsync listings match webshop --dry-run[/dim]
    """
    store = StoreAt(config)
    done: dict[str, Any] = {"read": {}}
    if not dry_run:
        with progress() as tell:
            done = store.ask("listings.match", {"channel": channel}, tell=tell)
    ids = _channels(store, channel, "CHANNEL")
    bench = store.read(workbench.survey, sorted(ids.values()), few=None if everything else workbench.FIRST_FEW)
    if json:
        dump({**done, "would_link": bench.would_link, "problems": plain(bench.groups)})
        return
    for name, count in done["read"].items():
        say(f"{escape(name)}: {count} listings read")
    if dry_run:
        say(f"{bench.would_link} listings would be linked")
    for each in bench.groups:
        say(f"\n[bold]{each.kind.value}[/bold]: {each.count}. {escape(each.remedy)}")
        _items(each.kind.value, each.items)
        if each.count > len(each.items):
            say(f"... and {each.count - len(each.items)} more: channelsync listings list --problem {each.kind.value}")
    if not bench.groups:
        say("every listing is linked")


def _items(title: str, items: Sequence[Item]) -> None:
    rows = [(item.channel, item.ref, item.sku_text, item.title, item.sku or "not linked", item.reason) for item in items]
    table(title, ("channel", "ref", "SKU at the shop", "title?", "linked to", "why"), rows, empty="none")


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
