"""`transfers`: units from one of our locations to another, from draft to receipt. What they look like is in `transfer_shown`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from channelsync.cli.goods import key_of
from channelsync.cli.numbers import number_argument
from channelsync.cli.show import dump, say, table
from channelsync.cli.stock import Key, Reason
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor
from channelsync.cli.times import instant
from channelsync.cli.transfer_shown import show_list, show_one, show_told
from channelsync.ledger.documents.heads import PAGE_MAX
from channelsync.ledger.transfers import pages
from channelsync.ledger.transfers.pages import Filter
from channelsync.ledger.transfers.states import TRANSFER

group = typer.Typer(
    no_args_is_help=True,
    help="Transfers between locations.\n\n[dim]Example: channelsync transfers draft MUG-01:12 --from main --to shop[/dim]",
)

LINE = re.compile(r"(?P<sku>.+):(?P<quantity>[0-9]{1,10})", re.DOTALL)
Number = Annotated[int, number_argument("TR", "TRANSFER", 3)]
Lines = Annotated[list[str] | None, typer.Argument(metavar="SKU:QTY...", help="SKUs with their units.", show_default=False)]
When = Annotated[str | None, typer.Option("--at", metavar="TIME", help="When it was; now, if left out.", show_default=False)]


@group.command("list")
def list_(
    state: Annotated[
        str | None, typer.Option(help=f"Only in this state: {', '.join(sorted(TRANSFER.states))}.", show_default=False)
    ] = None,
    origin: Annotated[str | None, typer.Option("--from", help="Only from this location.", show_default=False)] = None,
    destination: Annotated[str | None, typer.Option("--to", help="Only to this location.", show_default=False)] = None,
    before: Annotated[int | None, typer.Option(help="Go on before this transfer.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=PAGE_MAX)] = 50,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """List transfers, the newest first. The value is that of what is in transit, at its cost when it was shipped.

    [dim]Example: channelsync transfers list --state shipped --to shop[/dim]
    """
    if state is not None and state not in TRANSFER.states:
        raise typer.BadParameter(f"one of {', '.join(sorted(TRANSFER.states))}", param_hint="--state")
    store = StoreAt(config)
    found = store.read(pages.transfer_rows, Filter(state, origin, destination), before, limit)
    if json:
        dump(found)
        return
    show_list(found, store.config.store.currency)
    if len(found) == limit:
        say(f"more: --before {found[-1].number}")


@group.command()
def show(number: Number, config: ConfigFile = None, json: AsJson = False) -> None:
    """Show one transfer and its lines: what was shipped, what arrived, what is in transit or missing, and what came too many.

    [dim]Example: channelsync transfers show 3[/dim]
    """
    store = StoreAt(config)
    found = store.read(pages.one_transfer, number)
    if json:
        dump(found)
        return
    show_one(found, store.config.store.currency)


@group.command()
def draft(
    lines: Annotated[list[str], typer.Argument(metavar="SKU:QTY...", help="SKUs with their units.", show_default=False)],
    origin: Annotated[str, typer.Option("--from", help="The location that the units leave.", show_default=False)],
    destination: Annotated[str, typer.Option("--to", help="The location that they come to.", show_default=False)],
    reference: Annotated[str, typer.Option(help="A carrier's number.")] = "",
    note: Annotated[str, typer.Option(help="For whoever reads the transfer.")] = "",
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Write a transfer; no stock moves before `transfers ship`.

    [dim]Example: channelsync transfers draft MUG-01:12 TEE-S:4 --from main --to shop[/dim]
    """
    asked = {"origin": origin, "destination": destination, "lines": lines_of(lines), "reference": reference, "note": note}
    show_told(StoreAt(config).ask("transfers.draft", {**asked, "actor": actor(), "key": key_of(key)}), json=json)


@group.command()
def edit(
    number: Number,
    lines: Lines = None,
    origin: Annotated[str | None, typer.Option("--from", help="The location that the units leave.", show_default=False)] = None,
    destination: Annotated[str | None, typer.Option("--to", help="The location that they come to.", show_default=False)] = None,
    reference: Annotated[str | None, typer.Option(help="A carrier's number.", show_default=False)] = None,
    note: Annotated[str | None, typer.Option(help="For whoever reads the transfer.", show_default=False)] = None,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Change a draft. What is left out stays; lines are all of them, in the place of those before.

    [dim]Example: channelsync transfers edit 3 MUG-01:8 --note "for the fair"[/dim]
    """
    said = {"origin": origin, "destination": destination, "reference": reference, "note": note}
    asked = {"number": number, "lines": lines_of(lines) if lines else None, **said, "key": key_of(key)}
    show_told(StoreAt(config).ask("transfers.edit", asked), json=json)


@group.command()
def ship(
    number: Number,
    reference: Annotated[str | None, typer.Option(help="A carrier's number.", show_default=False)] = None,
    at: When = None,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Ship a draft: its units leave the one location and are in transit to the other. What is reserved stays.

    [dim]Example: channelsync transfers ship 3 --reference 1Z-4711[/dim]
    """
    store = StoreAt(config)
    _do(store, "transfers.ship", number, key, json=json, reference=reference, occurred_at=_instant(store, at))


@group.command()
def receive(
    number: Number,
    lines: Lines = None,
    over: Annotated[bool, typer.Option("--over", help="More than is in transit may have arrived.")] = False,
    at: When = None,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Units of a transfer arrived: those that are named, or everything that is in transit. What is short or too many is shown.

    [dim]Example: channelsync transfers receive 3 MUG-01:11[/dim]
    """
    store = StoreAt(config)
    asked = {"number": number, "lines": lines_of(lines or []), "over": over, "occurred_at": _instant(store, at)}
    done = store.ask("transfers.receive", {**asked, "actor": actor(), "key": key_of(key)})
    if json:
        dump(done)
        return
    rows = [(r["sku"], r["quantity"], r["short"] or None, r["over"] or None, r["on_hand"], r["available"]) for r in done["lines"]]
    columns = ("SKU", "arrived#", "short#", "over#", "on hand#", "available#")
    table(f"TR-{number} at {done['destination']}: {done['state'].replace('_', ' ')}", columns, rows)
    if done["in_transit"]:
        say(f"still in transit: {done['in_transit']}; receive them when they come, or: channelsync transfers close {number}")


@group.command()
def close(number: Number, reason: Reason = "", key: Key = None, config: ConfigFile = None, json: AsJson = False) -> None:
    """What is still in transit is missing: it will not come.

    [dim]Example: channelsync transfers close 3 --reason "lost by the carrier"[/dim]
    """
    _do(StoreAt(config), "transfers.close", number, key, json=json, reason=reason)


@group.command()
def cancel(number: Number, key: Key = None, config: ConfigFile = None, json: AsJson = False) -> None:
    """Cancel a draft. What is shipped arrives somewhere, or is missing: `receive` or `close`.

    [dim]Example: channelsync transfers cancel 3[/dim]
    """
    _do(StoreAt(config), "transfers.cancel", number, key, json=json)


def lines_of(texts: list[str]) -> list[dict[str, Any]]:
    """SKU:QTY; the quantity is behind the last colon, so that a SKU may have some of its own."""
    found = []
    for text in texts:
        match = LINE.fullmatch(text)
        if match is None:
            raise typer.BadParameter(f"{text!r} is not SKU:QTY, such as MUG-01:12", param_hint="SKU:QTY")
        found.append({"sku": match["sku"], "quantity": int(match["quantity"])})
    return found


def _instant(store: StoreAt, at: str | None) -> str | None:
    return None if at is None else instant(at, store.config.store.time_zone, datetime.now(UTC)).isoformat()


def _do(store: StoreAt, verb: str, number: int, key: str | None, *, json: bool, **more: Any) -> None:
    show_told(store.ask(verb, {"number": number, **more, "actor": actor(), "key": key_of(key)}), json=json)
