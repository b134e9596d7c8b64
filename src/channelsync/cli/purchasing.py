"""`po`: purchase orders from draft to receipt, shown by `purchase_shown`. What should be ordered is in `suggesting`, who goods are bought from in `suppliers`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from channelsync.cli.goods import key_of
from channelsync.cli.numbers import number_argument
from channelsync.cli.purchase_shown import show_list, show_one, show_told
from channelsync.cli.show import dump, say, table
from channelsync.cli.stock import Key, Reason, place_of
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor
from channelsync.cli.suggesting import Cover, Days, Lead, OfSkus, suggest
from channelsync.cli.times import instant
from channelsync.ledger.documents.heads import PAGE_MAX
from channelsync.ledger.purchasing import pages
from channelsync.ledger.purchasing.pages import Filter
from channelsync.ledger.purchasing.states import PURCHASE
from channelsync.ledger.purchasing.suggestions import COVER, DAYS, LEAD

group = typer.Typer(no_args_is_help=True, help="Purchase orders.\n\n[dim]Example: channelsync po suggest[/dim]")
group.command()(suggest)

LINE = re.compile(r"(?P<sku>.+):(?P<quantity>[0-9]{1,10})(?:@(?P<cost>[^@:]*))?", re.DOTALL)
Number = Annotated[int, number_argument("PO", "ORDER", 7)]
Lines = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SKU:QTY[@COST]...", help="SKUs with their units, and what one costs if it is not as agreed.", show_default=False
    ),
]
Supplier = Annotated[str | None, typer.Option(help="The supplier's code.", show_default=False)]
Location = Annotated[str | None, typer.Option("--location", "-l", help="Where it shall come; needed only if there are several.")]
Expected = Annotated[str | None, typer.Option(metavar="DATE", help="The day on which it should come.", show_default=False)]


@group.command("list")
def list_(
    state: Annotated[
        str | None, typer.Option(help=f"Only in this state: {', '.join(sorted(PURCHASE.states))}.", show_default=False)
    ] = None,
    supplier: Supplier = None,
    location: Annotated[str | None, typer.Option("--location", "-l", help="Only for this location.", show_default=False)] = None,
    late: Annotated[bool, typer.Option("--late", help="Only those that should have come before today.")] = False,
    before: Annotated[int | None, typer.Option(help="Go on before this order.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=PAGE_MAX)] = 50,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """List purchase orders, the newest first.

    [dim]Example: channelsync po list --state ordered --supplier ACME[/dim]
    """
    if state is not None and state not in PURCHASE.states:
        raise typer.BadParameter(f"one of {', '.join(sorted(PURCHASE.states))}", param_hint="--state")
    store, today = StoreAt(config), datetime.now(UTC).date()
    found = store.read(pages.order_rows, Filter(state, supplier, location, today if late else None), before, limit)
    if json:
        dump(found)
        return
    show_list(found, store.config.store.currency)
    if len(found) == limit:
        say(f"more: --before {found[-1].number}")


@group.command()
def show(number: Number, config: ConfigFile = None, json: AsJson = False) -> None:
    """Show one purchase order and its lines.

    [dim]Example: channelsync po show 7[/dim]
    """
    store = StoreAt(config)
    found = store.read(pages.one_order, number)
    if json:
        dump(found)
        return
    show_one(found, store.config.store.currency)


@group.command()
def draft(
    lines: Lines = None,
    suggested: Annotated[
        bool, typer.Option("--suggested", "--from-suggestion", help="What `po suggest` says, one draft for each supplier and location.")
    ] = False,
    supplier: Supplier = None,
    location: Location = None,
    reference: Annotated[str, typer.Option(help="The supplier's own number.")] = "",
    note: Annotated[str, typer.Option(help="For whoever reads the order.")] = "",
    expected: Expected = None,
    sku: OfSkus = None,
    days: Days = DAYS,
    cover: Cover = COVER,
    lead: Lead = LEAD,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Write a purchase order; nothing is on its way before `po order`. With --suggested: what should be ordered, without writing it out.

    [dim]Example: channelsync po draft MUG-01:24 TEE-S:10@4.50 --supplier ACME[/dim]
    """
    store = StoreAt(config)
    if suggested:
        if lines or reference or note or expected:
            raise typer.BadParameter("takes no lines, reference, note or date: edit the drafts it makes", param_hint="--suggested")
        asked: dict[str, Any] = {"location": location, "supplier": supplier, "skus": sku or [], "days": days, "cover": cover, "lead": lead}
        done = store.ask("po.suggested", {**asked, "actor": actor(), "key": key_of(key)})
        dump(done) if json else show_told(done["orders"])
        return
    if not lines:
        raise typer.BadParameter("name what to order, or say --suggested", param_hint="SKU:QTY")
    if sku:
        raise typer.BadParameter("only together with --suggested", param_hint="--sku")
    asked = {"location": place_of(store, location), "supplier": supplier, "lines": lines_of(lines), "reference": reference, "note": note}
    one = store.ask("po.draft", {**asked, "expected_on": expected or "", "actor": actor(), "key": key_of(key)})
    dump(one) if json else show_told([one])


@group.command()
def edit(
    number: Number,
    lines: Lines = None,
    supplier: Annotated[str | None, typer.Option(help="The supplier's code; an empty text: none.", show_default=False)] = None,
    location: Annotated[str | None, typer.Option("--location", "-l", help="Where it shall come.", show_default=False)] = None,
    reference: Annotated[str | None, typer.Option(help="The supplier's own number.", show_default=False)] = None,
    note: Annotated[str | None, typer.Option(help="For whoever reads the order.", show_default=False)] = None,
    expected: Annotated[str | None, typer.Option(metavar="DATE", help="When it should come; an empty text: by the lead time.")] = None,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Change a draft. What is left out stays; lines are all of them, in the place of those before.

    [dim]Example: channelsync po edit 7 MUG-01:36 --note "before Easter"[/dim]
    """
    said = {"supplier": supplier, "location": location, "reference": reference, "note": note, "expected_on": expected}
    asked = {"number": number, "lines": lines_of(lines) if lines else None, **said, "key": key_of(key)}
    done = StoreAt(config).ask("po.edit", asked)
    dump(done) if json else show_told([done])


@group.command()
def order(number: Number, expected: Expected = None, key: Key = None, config: ConfigFile = None, json: AsJson = False) -> None:
    """Order a draft: its units are on their way. They are not available before they arrive.

    [dim]Example: channelsync po order 7 --expected 2026-12-24[/dim]
    """
    _do("po.order", number, config, key, json=json, expected_on=expected or "")


@group.command()
def receive(
    number: Number,
    lines: Lines = None,
    over: Annotated[bool, typer.Option("--over", help="More than is still to come may have arrived.")] = False,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="When it arrived; now, if left out.", show_default=False)] = None,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Units of an order arrived: those that are named, or everything that is still to come. What one unit costs becomes the average.

    [dim]Example: channelsync po receive 7 MUG-01:12@3.15[/dim]
    """
    store = StoreAt(config)
    when = None if at is None else instant(at, store.config.store.time_zone, datetime.now(UTC)).isoformat()
    asked = {"number": number, "lines": lines_of(lines or []), "over": over, "occurred_at": when, "actor": actor(), "key": key_of(key)}
    done = store.ask("po.receive", asked)
    if json:
        dump(done)
        return
    currency = store.config.store.currency
    rows = [(r["sku"], r["quantity"], r["over"] or None, r["incoming"], r["on_hand"], r["was"], r["cost"]) for r in done["lines"]]
    columns = ("SKU", "arrived#", "too many#", "to come#", "on hand#", f"cost before {currency}#", f"cost {currency}#")
    table(f"PO-{number} at {done['location']}: {done['state'].replace('_', ' ')}", columns, rows)


@group.command()
def close(number: Number, reason: Reason = "", key: Key = None, config: ConfigFile = None, json: AsJson = False) -> None:
    """The rest of an order that has arrived in part is not coming.

    [dim]Example: channelsync po close 7 --reason "sold out there"[/dim]
    """
    _do("po.close", number, config, key, json=json, reason=reason)


@group.command()
def cancel(number: Number, reason: Reason = "", key: Key = None, config: ConfigFile = None, json: AsJson = False) -> None:
    """Cancel a draft, or an order of which nothing has arrived.

    [dim]Example: channelsync po cancel 7[/dim]
    """
    _do("po.cancel", number, config, key, json=json, reason=reason)


def lines_of(texts: list[str]) -> list[dict[str, Any]]:
    """SKU:QTY or SKU:QTY@COST; the quantity is behind the last colon, so that a SKU may have some of its own."""
    found = []
    for text in texts:
        match = LINE.fullmatch(text)
        if match is None:
            raise typer.BadParameter(f"{text!r} is not SKU:QTY or SKU:QTY@COST, such as MUG-01:24@3.20", param_hint="SKU:QTY")
        found.append({"sku": match["sku"], "quantity": int(match["quantity"]), "cost": match["cost"]})
    return found


def _do(verb: str, number: int, config: Any, key: str | None, *, json: bool, **more: Any) -> None:
    done = StoreAt(config).ask(verb, {"number": number, **more, "actor": actor(), "key": key_of(key)})
    dump(done) if json else show_told([done])
