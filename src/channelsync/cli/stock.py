"""`stock list`, `stock show` and `explain`: what is there, who holds it, and why a shop shows its number. What changes it is in `goods` and `claims`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from channelsync.cli.freezing import standing
from channelsync.cli.moves import show_moves
from channelsync.cli.past import At, explain_past, show_past
from channelsync.cli.show import ago, dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.ledger import looking, skus
from channelsync.ledger.explaining import Explanation, ShelfView
from channelsync.ledger.explaining import explain as explain_sku
from channelsync.shell.plain import plain

group = typer.Typer(no_args_is_help=True, help="Physical stock and reservations.\n\n[dim]Example: channelsync stock list MUG[/dim]")

Sku = Annotated[str, typer.Argument(help="The SKU, exactly as the ledger spells it.")]
Location = Annotated[str | None, typer.Option("--location", "-l", help="The ledger location; needed only if there are several.")]
Reason = Annotated[str, typer.Option(help="Why, for the log.")]
Key = Annotated[str | None, typer.Option(help="Idempotency key: the same key does it once, however often it is sent.")]
Reference = Annotated[str, typer.Option(help="A delivery note, a cart, an order: what it is for.")]


def explain(
    sku: Sku,
    channel: Annotated[str | None, typer.Option(help="Only this channel's shelves.")] = None,
    at: At = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Why does a shop show this number? Every term of it, every hold with its order, the shelf's statement, last push and reading.

    [dim]Example: channelsync explain MUG-01 --channel webshop[/dim]
    """
    store = StoreAt(config)
    if at is not None:
        explain_past(store, sku, at, store.channel(channel), json=json)
        return
    found = store.read(explain_sku, sku, store.channel(channel))
    dump(found) if json else _explain(found)


@group.command("list")
def list_(
    text: Annotated[str, typer.Argument(help="Only with this text in SKU or title.", show_default=False)] = "",
    limit: Annotated[int, typer.Option(min=1, max=looking.PAGE_MAX)] = 100,
    after: Annotated[int, typer.Option(help="Go on after this id.")] = 0,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """List SKUs with what is on hand, held and available.

    [dim]Example: channelsync stock list MUG[/dim]
    """
    found = StoreAt(config).read(looking.stock_rows, text=text, after=after, limit=limit)
    if json:
        dump(found)
        return
    rows = [(r.sku, r.title, r.on_hand, r.soft, r.hard, r.quarantined, r.damaged, r.available) for r in found]
    table("Stock", ("SKU", "title?", "on hand#", "soft#", "hard#", "quarantined#?", "damaged#?", "available#"), rows, empty="no SKUs yet")
    if len(found) == limit:
        say(f"more: --after {found[-1].id}")


@group.command()
def show(sku: Sku, at: At = None, config: ConfigFile = None, json: AsJson = False) -> None:
    """Show one SKU: its levels, its holds, its last movements; with --at as the ledger knew them then.

    [dim]Example: channelsync stock show MUG-01 --at 2026-01-31[/dim]
    """
    store = StoreAt(config)
    if at is not None:
        show_past(store, sku, at, json=json)
        return
    found, moved = store.read(explain_sku, sku), store.read(looking.last_movements, sku)
    if json:
        about = {"sku": found.sku, "title": found.title, "levels": list(found.levels), "holds": list(found.holds), "movements": moved}
        dump({**about, "parts": list(found.parts), "part_of": list(found.part_of), "coming": list(found.coming)})
        return
    _levels(found)
    show_moves("Last movements", moved, ago)


def place_of(store: StoreAt, location: str | None) -> str:
    codes = list(store.config.locations)
    if location is None and len(codes) == 1:
        return codes[0]
    if location is None:
        raise typer.BadParameter(f"there are several locations, say which: {', '.join(codes)}", param_hint="--location")
    return location


def _levels(found: Explanation) -> None:
    owned = any(v.pending_debit or v.held_elsewhere for v in found.levels)
    rows = [
        (
            v.location,
            v.on_hand,
            v.soft,
            v.hard,
            *((v.pending_debit, v.held_elsewhere) if owned else ()),
            v.quarantined,
            v.damaged,
            v.available,
            *((v.incoming,) if found.coming else ()),
        )
        for v in found.levels
    ]
    there, way = ("pending#?", "elsewhere#?") if owned else (), ("incoming#",) if found.coming else ()
    columns = ("location", "on hand#", "soft#", "hard#", *there, "quarantined#?", "damaged#?", "available#", *way)
    name = f"{found.sku} {found.title}".strip()
    if found.parts:
        parts = [(part.quantity, part.sku, v.location, v.on_hand, v.available) for part in found.parts for v in part.levels]
        table(f"{name}, a bundle", ("units#", "of", "location", "on hand#", "available#"), parts, empty="none of its parts was counted")
        return
    table(name, columns, rows, empty="never counted")
    if found.backorder != skus.Backorder.DENY.value:
        say(
            f"may be sold beyond what is there: {found.backorder}, {'no limit' if found.backorder_limit is None else found.backorder_limit}"
        )
    if found.part_of:
        say(f"part of {', '.join(found.part_of)}")
    holds = [
        (h.kind, h.units, h.location, f"{h.by} {h.reference}", h.channel, h.until.isoformat() if h.until else None) for h in found.holds
    ]
    if found.coming:
        brings = [(each.reference, each.location, each.units, each.expected_on) for each in found.coming]
        table("On its way", ("by", "location", "units#", "expected"), brings)
    table("Held", ("kind", "units#", "location", "for", "channel", "until"), holds, empty="nothing")


def _explain(found: Explanation) -> None:
    _levels(found)
    for line in standing(plain(found.freezes)):
        say(escape(line))
    for shelf in found.shelves:
        _shelf(shelf)
    if not found.shelves:
        say("no listing is linked to it")


def _shelf(shelf: ShelfView) -> None:
    where = f"{shelf.channel}, listing {shelf.listing}" + (f", location {shelf.location}" if shelf.location else "")
    table(
        f"{where}: the number",
        ("term", "change#", "value#", "rule"),
        [(step.name, f"{step.change:+d}", step.value, step.source) for step in shelf.steps],
    )
    if shelf.target is None:
        say("nothing is written to it: the SKU was never counted, or the listing cannot be written (see `channelsync plan`)")
    if shelf.statement is None:
        say("its number was not read yet")
    else:
        s = shelf.statement
        terms = [("opening", s.opening), ("our writes", s.writes), ("the shop took", -s.took), ("it gave back", s.gave_back)]
        terms += [("corrected", s.corrected)] if s.corrected else []
        terms += [("= expected", s.book), ("shown", s.shown), ("unexplained", s.unexplained)]
        table(f"{where}: the statement", ("", "units#"), terms)
    push, due = shelf.last_push, ", a new number is due" if shelf.due else ""
    said = f"last push {ago(push.at)}: {push.value} ({push.delta:+d}), {push.state} {push.reason}".rstrip() if push else "never pushed"
    if shelf.frozen:
        say(f"frozen: shows {shelf.reading if shelf.statement is None else shelf.statement.shown}, would show {shelf.target}")
    say(f"target {shelf.target}{due}; {said}; last read {ago(shelf.read_at)}: {shelf.reading}")
    if shelf.sells_on or (shelf.sells_on is False and shelf.may_sell_on):
        agreed = "" if shelf.sells_on is shelf.may_sell_on else f", and should {'go on' if shelf.may_sell_on else 'stop'}"
        say(f"at 0 the shop {'goes on selling it' if shelf.sells_on else 'stops selling it'}{agreed}")
    if shelf.aside:
        say(f"set aside: {shelf.aside}")
