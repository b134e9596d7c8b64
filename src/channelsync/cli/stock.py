"""`stock` and `explain`: what is there, who holds it, and why a shop shows its number."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import typer
from rich.markup import escape

from channelsync.cli.freezing import standing
from channelsync.cli.past import At, explain_past, show_past
from channelsync.cli.show import ago, dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor
from channelsync.ledger import looking, low_stock, skus
from channelsync.ledger.explaining import Explanation, ShelfView
from channelsync.ledger.explaining import explain as explain_sku
from channelsync.shell.desk import plain

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
    table("Stock", ("SKU", "title", "on hand#", "soft#", "hard#", "quarantined#", "damaged#", "available#"), rows, empty="no SKUs yet")
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
        dump({**about, "parts": list(found.parts), "part_of": list(found.part_of)})
        return
    _levels(found)
    rows = [(ago(m.at), m.location, m.type, m.on_hand, m.soft, m.hard, m.reference, m.reason, m.actor) for m in moved]
    table("Last movements", ("when", "location", "type", "on hand#", "soft#", "hard#", "reference", "reason", "by"), rows)


@group.command()
def receive(
    sku: Sku,
    quantity: Annotated[int, typer.Argument(min=1, help="Units that arrived.")],
    location: Location = None,
    reference: Reference = "",
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Units arrived.

    [dim]Example: channelsync stock receive MUG-01 12 --reference DN-4711[/dim]
    """
    _change("stock.receive", sku, quantity, location, config, json=json, reference=reference, key=key)


@group.command(context_settings={"ignore_unknown_options": True})
def adjust(
    sku: Sku,
    quantity: Annotated[int, typer.Argument(help="Units more, or fewer with a minus sign.")],
    reason: Reason,
    location: Location = None,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """There are more or fewer units than the ledger says.

    [dim]Example: channelsync stock adjust MUG-01 -2 --reason broken[/dim]
    """
    _change("stock.adjust", sku, quantity, location, config, json=json, reason=reason, key=key)


@group.command()
def count(
    sku: Sku,
    quantity: Annotated[int, typer.Argument(min=0, help="Units that are there.")],
    location: Location = None,
    reason: Reason = "",
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Units were counted: this is how many there are. A SKU the ledger does not know yet is opened with it.

    [dim]Example: channelsync stock count MUG-01 47[/dim]
    """
    store = StoreAt(config)
    verb = "stock.count" if store.read(skus.find, [sku]) else "stock.seed"
    _change(verb, sku, quantity, location, config, json=json, reason=reason, key=key)


@group.command()
def reserve(
    sku: Sku,
    quantity: Annotated[int, typer.Argument(min=1, help="Units wanted.")],
    reference: Reference,
    hard: Annotated[bool, typer.Option("--hard", help="Does not expire.")] = False,
    minutes: Annotated[float | None, typer.Option(min=0.1, help="How long a soft claim lives; default: the config's.")] = None,
    location: Location = None,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Claim units for a cart or an order; refused if there are not enough.

    [dim]Example: channelsync stock reserve MUG-01 2 --reference cart-17[/dim]
    """
    store = StoreAt(config)
    ttl = 60 * (minutes or store.config.reservations.ttl_minutes)
    line = {"sku": sku, "location": _place(store, location), "quantity": quantity}
    wanted = {"reference": reference, "lines": [line], "kind": "hard" if hard else "soft", "ttl": ttl, "actor": actor(), "key": _key(key)}
    done = store.ask("stock.reserve", wanted)
    claim = done["claims"][0]
    dump(done) if json else say(
        f"reservation {claim['reservation']}: {claim['quantity']} x {sku} for {reference}, {claim['available']} left"
    )


@group.command()
def release(
    reference: Annotated[str, typer.Argument(help="What the units were claimed for.")],
    sku: Annotated[str | None, typer.Option(help="Only this SKU's.")] = None,
    quantity: Annotated[int | None, typer.Option(min=1, help="Only so many units; all if omitted.")] = None,
    reason: Reason = "",
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Give claimed units back. Releasing what is released already changes nothing.

    [dim]Example: channelsync stock release cart-17[/dim]
    """
    wanted = {"which": {"reference": reference, "sku": sku}, "quantity": quantity, "reason": reason, "actor": actor()}
    done = StoreAt(config).ask("stock.release", wanted)
    already = f" (already {done['already']})" if done["already"] else ""
    told = (
        "nothing is held under this reference"
        if done["already"] == "unknown"
        else f"{done['units']} released, {done['held']} still held{already}"
    )
    dump(done) if json else say(f"{reference}: {told}")


def _change(
    verb: str,
    sku: str,
    quantity: int,
    location: str | None,
    config: Any,
    *,
    json: bool,
    reference: str = "",
    reason: str = "",
    key: str | None = None,
) -> None:
    store = StoreAt(config)
    args = {"sku": sku, "location": _place(store, location), "quantity": quantity, "reference": reference, "reason": reason}
    done = store.ask(verb, {**args, "actor": actor(), "key": _key(key)})
    dump(done) if json else say(f"{done['sku']} at {done['location']}: {done['on_hand']} on hand, {done['available']} available")


@group.command()
def policy(
    sku: Sku,
    low: Annotated[int | None, typer.Option(min=0, help="With so many left or fewer it is low; as the config says, if left out.")] = None,
    reorder: Annotated[int | None, typer.Option(min=0, help="How many to order then.")] = None,
    location: Annotated[str | None, typer.Option("--location", "-l", help="Only at this location; over all of them, if left out.")] = None,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Set from which number on a SKU is low. Without --low and --reorder the config's level holds again.

    [dim]Example: channelsync stock policy MUG-01 --low 5 --location main[/dim]
    """
    asked = {"sku": sku, "location": location, "low": low, "reorder": reorder, "actor": actor(), "key": _key(key)}
    done = StoreAt(config).ask("stock.policy", asked)
    if json:
        dump(done)
        return
    where = f" at {done['location']}" if done["location"] else ""
    said = "the config's level holds" if done["low"] is None else f"low at {done['low']}"
    say(escape(f"{done['sku']}{where}: {said}" + (f", reorder {done['reorder']}" if done["reorder"] is not None else "")))


@group.command("low")
def low_(
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
    rows = [(r.sku, r.title, r.location or "all", r.available, r.level, ago(r.since), r.reorder) for r in found]
    table("Low stock", ("SKU", "title", "location", "available#", "level#", "since", "reorder#"), rows, empty="nothing is low")
    if len(found) == limit:
        say(f"more: --after {found[-1].id}")


def _key(key: str | None) -> str:
    """One of our own, so that an answer lost on its way from the daemon does not move the stock twice."""
    return key or f"cli-{uuid.uuid4()}"


def _place(store: StoreAt, location: str | None) -> str:
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
        )
        for v in found.levels
    ]
    there = ("pending#", "elsewhere#") if owned else ()
    columns = ("location", "on hand#", "soft#", "hard#", *there, "quarantined#", "damaged#", "available#")
    name = f"{found.sku} {found.title}".strip()
    if found.parts:
        parts = [(part.quantity, part.sku, v.location, v.on_hand, v.available) for part in found.parts for v in part.levels]
        table(f"{name}, a bundle", ("units#", "of", "location", "on hand#", "available#"), parts, empty="none of its parts was counted")
        return
    table(name, columns, rows, empty="never counted")
    if found.part_of:
        say(f"part of {', '.join(found.part_of)}")
    holds = [
        (h.kind, h.units, h.location, f"{h.by} {h.reference}", h.channel, h.until.isoformat() if h.until else None) for h in found.holds
    ]
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
    if shelf.aside:
        say(f"set aside: {shelf.aside}")
