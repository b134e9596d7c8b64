"""`orders`: the orders of all shops as the ledger holds them, and where each is shipped from."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape

from channelsync.cli.goods import key_of
from channelsync.cli.show import ago, dump, say, table
from channelsync.cli.stock import Key, Reason
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor
from channelsync.contract import OrderState, ShipTo
from channelsync.ledger.order_pages import PAGE_MAX, OrderDetail, Wanted, one_order, order_rows
from channelsync.ledger.routing.pages import OrderRoute, RouteLine, one_route
from channelsync.ledger.routing.rerouting import UnknownOrder

group = typer.Typer(
    invoke_without_command=True,
    help="The orders of all shops as the ledger holds them, and where they are shipped from.\n\n"
    "[dim]Example: channelsync orders --channel webshop --state open[/dim]",
)

OfChannel = Annotated[str | None, typer.Option("--channel", help="Only this channel's.")]
InState = Annotated[OrderState | None, typer.Option("--state", help="Only those in this state.")]
OfSku = Annotated[str | None, typer.Option("--sku", help="Only those with this SKU of the ledger.")]
Limit = Annotated[int, typer.Option(min=1, max=PAGE_MAX)]
Before = Annotated[int | None, typer.Option(help="Go on before this id.", show_default=False)]
Ref = Annotated[str, typer.Argument(metavar="ORDER", help="Its own id at the shop, or its number.")]
OnChannel = Annotated[str | None, typer.Option("--channel", help="Needed where two channels have such an order.", show_default=False)]


@group.callback()
def default(
    context: typer.Context,
    channel: OfChannel = None,
    state: InState = None,
    sku: OfSku = None,
    limit: Limit = 50,
    before: Before = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    if context.invoked_subcommand is None:
        list_(channel, state, sku, limit, before, config, json)


@group.command("list")
def list_(
    channel: OfChannel = None,
    state: InState = None,
    sku: OfSku = None,
    limit: Limit = 50,
    before: Before = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """List orders, the newest first, with the units they hold.

    [dim]Example: channelsync orders list --channel webshop --state open[/dim]
    """
    store = StoreAt(config)
    wanted = Wanted(store.channel(channel), state and state.value, sku)
    found = store.read(order_rows, wanted, before=before, limit=limit)
    if json:
        dump(found)
        return
    rows = [(each.channel, each.number or each.ref, each.state, ago(each.placed_at), each.held, each.shipped) for each in found]
    table("Orders", ("channel", "order", "state", "placed", "held#", "shipped#"), rows, empty="none yet")
    if len(found) == limit:
        say(f"more: --before {found[-1].id}")


@group.command()
def show(order: Ref, channel: OnChannel = None, config: ConfigFile = None, json: AsJson = False) -> None:
    """Show one order: what it holds where, what has left, and why it is shipped from there.

    [dim]Example: channelsync orders show 1001 --channel webshop[/dim]
    """
    store = StoreAt(config)
    route = _route(store, order, channel)
    detail = store.read(one_order, route.channel, route.order)
    assert detail is not None, "its route was found"
    if json:
        dump({"order": detail, "route": route})
        return
    said = f"{detail.state}, placed {ago(detail.placed_at)}{_going_to(route.to)}"
    say(escape(f"order {detail.number or detail.ref} of {detail.channel}, {said}"))
    table("Lines", ("line", "SKU", "location", "ordered#", "held#", "shipped#", "back#", "quarantined#"), _rows(detail), empty="none")
    _explain(route)


def _rows(order: OrderDetail) -> list[tuple[Any, ...]]:
    return [
        (row.line, row.sku, row.location, row.ordered, row.soft + row.hard, row.shipped, row.restocked, row.quarantined)
        for row in order.lines
    ]


@group.command()
def route(
    order: Ref,
    to: Annotated[str | None, typer.Option("--to", metavar="LOCATION", help="Where it is shipped from; chosen anew, if left out.")] = None,
    line: Annotated[list[str] | None, typer.Option("--line", help="Only this line, by its own id; may be repeated.")] = None,
    channel: OnChannel = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Also to where units of it are missing.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Change nothing; say where it is shipped from, and why.")] = False,
    reason: Reason = "",
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Say where an order is shipped from, or have it chosen anew. What it holds moves there; nothing moves after shipping.

    [dim]Example: channelsync orders route 1001 --to annex --reason "nobody in the main warehouse today"[/dim]
    """
    store = StoreAt(config)
    if explain:
        if to or line or anyway:
            raise typer.BadParameter("only tells how it is; leave the other options out", param_hint="--explain")
        found = _route(store, order, channel)
        if json:
            dump(found)
            return
        say(escape(f"order {found.number or found.order} of {found.channel}{_going_to(found.to)}"))
        _explain(found)
        return
    asked = {"order": order, "channel": store.channel(channel), "to": to, "lines": line or [], "anyway": anyway, "reason": reason}
    done = store.ask("orders.route", {**asked, "actor": actor(), "key": key_of(key)})
    if json:
        dump(done)
        return
    say(escape(f"order {done['order']} of {done['channel']}: {done['summary']}"))
    rows = [(each["line"], each["before"], each["location"], each["units"], each["why"]) for each in done["lines"]]
    table("Lines", ("line", "was held at", "is held at", "units#", "why"), rows)


def _route(store: StoreAt, order: str, channel: str | None) -> OrderRoute:
    found = store.read(one_route, store.channel(channel), order)
    if found is None:
        raise UnknownOrder(order, channel)
    return found


def _explain(found: OrderRoute) -> None:
    """The lines, and the choice behind each; what was chosen together is told once."""
    rows = [(line.line, line.sku, line.location, line.held, line.shipped, line.way, line.why) for line in found.lines]
    table("Shipped from", ("line", "SKU", "location", "held#", "shipped#", "chosen", "why"), rows, empty="nothing is held or shipped")
    for (summary, considered, forgotten), refs in _choices(found.lines).items():
        say(escape(f"{', '.join(refs)}: {summary}"))
        if forgotten:
            say("  what was considered was forgotten with where the order went")
        for each in considered:
            say(escape(f"  {'+' if each.chosen else '-'} {each.location}: {each.why}"))


def _choices(lines: tuple[RouteLine, ...]) -> dict[tuple[str, Any, bool], list[str]]:
    found: dict[tuple[str, Any, bool], list[str]] = {}
    for line in lines:
        if line.summary:
            found.setdefault((line.summary, line.considered, line.forgotten), []).append(line.line)
    return found


def _going_to(to: ShipTo) -> str:
    told = " ".join(part for part in (to.country, to.region, to.postcode) if part)
    return f", to {told}" if told else ""
