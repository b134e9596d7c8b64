"""`returns`: what customers send back, from its announcement to what becomes of each unit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from channelsync.cli.goods import key_of
from channelsync.cli.numbers import number_argument
from channelsync.cli.show import age, dump, say, table
from channelsync.cli.stock import Key, Reason, place_of
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor
from channelsync.cli.times import instant
from channelsync.cli.transfers import lines_of
from channelsync.ledger.documents.heads import PAGE_MAX
from channelsync.ledger.returns import pages
from channelsync.ledger.returns.inspecting import Outcome
from channelsync.ledger.returns.pages import Filter
from channelsync.ledger.returns.states import RETURN

group = typer.Typer(no_args_is_help=True, help="What customers send back.\n\n[dim]Example: channelsync returns list --waiting[/dim]")

Number = Annotated[int, number_argument("RET", "RETURN", 12)]
Lines = Annotated[list[str] | None, typer.Argument(metavar="SKU:QTY...", help="SKUs with their units.", show_default=False)]
Channel = Annotated[str | None, typer.Option(help="The channel of the order.", show_default=False)]
Order = Annotated[str | None, typer.Option(help="The order: the shop's own id of it, or its number.", show_default=False)]
When = Annotated[str | None, typer.Option("--at", metavar="TIME", help="When it was; now, if left out.", show_default=False)]


@group.command("list")
def list_(
    state: Annotated[str | None, typer.Option(help=f"Only in this state: {', '.join(sorted(RETURN.states))}.", show_default=False)] = None,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those with units that nobody has inspected.")] = False,
    location: Annotated[str | None, typer.Option("--location", "-l", help="Only to this location.", show_default=False)] = None,
    channel: Channel = None,
    order: Order = None,
    before: Annotated[int | None, typer.Option(help="Go on before this return.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=PAGE_MAX)] = 50,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """List returns, the newest first.

    [dim]Example: channelsync returns list --waiting --location main[/dim]
    """
    if state is not None and state not in RETURN.states:
        raise typer.BadParameter(f"one of {', '.join(sorted(RETURN.states))}", param_hint="--state")
    found = StoreAt(config).read(pages.return_rows, Filter(state, location, channel, order, waiting), before, limit)
    if json:
        dump(found)
        return
    rows = [
        (
            f"RET-{r.number}",
            r.state,
            _order(r.channel, r.order_number or r.order),
            r.location,
            r.reference,
            r.to_come or None,
            r.waiting or None,
            "" if r.waiting_since is None else age(r.waiting_since),
        )
        for r in found
    ]
    columns = ("return", "state", "order", "location", "reference", "to come#", "to inspect#", "for")
    table("Returns", columns, rows, empty="none")
    if len(found) == limit:
        say(f"more: --before {found[-1].number}")


@group.command()
def show(number: Number, config: ConfigFile = None, json: AsJson = False) -> None:
    """Show one return and its lines.

    [dim]Example: channelsync returns show 12[/dim]
    """
    found = StoreAt(config).read(pages.one_return, number)
    if json:
        dump(found)
        return
    head = found.document
    say(escape(_head(head.number, head.state, head.channel, head.order, head.location)))
    waits = f"{head.waiting} to be inspected, for {age(head.waiting_since)}" if head.waiting_since else ""
    for text in (head.reference and f"reference {head.reference}", head.note, waits):
        if text:
            say(escape(text))
    columns = ("SKU", "title", "came#", "told#", "waits#", "restocked#", "off#", "supplier#")
    rows = [
        (r.sku, r.title, f"{r.received} of {r.expected}", r.told, r.waiting, r.restocked, r.written_off, r.to_supplier) for r in found.lines
    ]
    table("Lines", columns, rows)
    if head.told:
        say("told: the shop has told them as restocked, too; they count once, here")


@group.command()
def expect(
    lines: Lines = None,
    channel: Channel = None,
    order: Order = None,
    location: Annotated[str | None, typer.Option("--location", "-l", help="Where it comes; needed only if there are several.")] = None,
    reference: Annotated[str, typer.Option(help="Your own number of it, such as an RMA number.")] = "",
    note: Annotated[str, typer.Option(help="For whoever reads the return.")] = "",
    over: Annotated[bool, typer.Option("--over", help="More may come back than the order shipped.")] = False,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Write down what a customer sends back. Name the order: what its shop tells as restocked, too, then counts once.

    [dim]Example: channelsync returns expect MUG-01:2 --channel shop --order 1001 --reference RMA-9[/dim]
    """
    if not lines:
        raise typer.BadParameter("name what comes back", param_hint="SKU:QTY")
    store = StoreAt(config)
    asked = {"location": place_of(store, location), "lines": lines_of(lines), "channel": channel, "order": order}
    done = store.ask("returns.expect", {**asked, "reference": reference, "note": note, "over": over, "actor": actor(), "key": key_of(key)})
    dump(done) if json else _told(done)


@group.command()
def receive(
    number: Number,
    lines: Lines = None,
    over: Annotated[bool, typer.Option("--over", help="More than was expected may have arrived, and other SKUs.")] = False,
    at: When = None,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Units of a return arrived: those that are named, or everything that is still expected. They wait in quarantine.

    [dim]Example: channelsync returns receive 12 MUG-01:1[/dim]
    """
    _do("returns.receive", number, config, key, at, json=json, lines=lines_of(lines or []), over=over)


@group.command()
def inspect(
    number: Number,
    restock: Annotated[list[str] | None, typer.Option(metavar="SKU:QTY", help="On hand again, and on sale.", show_default=False)] = None,
    write_off: Annotated[list[str] | None, typer.Option(metavar="SKU:QTY", help="Damaged; needs --reason.", show_default=False)] = None,
    supplier: Annotated[
        list[str] | None, typer.Option(metavar="SKU:QTY", help="Back to whom it was bought from.", show_default=False)
    ] = None,
    rest: Annotated[
        str | None,
        typer.Option(metavar="OUTCOME", help="Everything that waits and is not named: restock, write-off or supplier.", show_default=False),
    ] = None,
    complete: Annotated[bool, typer.Option("--complete", help="What is still expected will not come.")] = False,
    reason: Reason = "",
    at: When = None,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Decide about units that have arrived.

    [dim]Example: channelsync returns inspect 12 --write-off MUG-01:1 --reason "no handle" --rest restock[/dim]
    """
    named = ((Outcome.RESTOCK, restock), (Outcome.WRITE_OFF, write_off), (Outcome.TO_SUPPLIER, supplier))
    lines = [{**line, "outcome": outcome.value} for outcome, texts in named for line in lines_of(texts or [])]
    more = {"lines": lines, "rest": _outcome(rest), "complete": complete, "reason": reason}
    _do("returns.inspect", number, config, key, at, json=json, **more)


@group.command()
def cancel(number: Number, key: Key = None, config: ConfigFile = None, json: AsJson = False) -> None:
    """Cancel a return of which nothing has arrived.

    [dim]Example: channelsync returns cancel 12[/dim]
    """
    done = StoreAt(config).ask("returns.cancel", {"number": number, "actor": actor(), "key": key_of(key)})
    dump(done) if json else _told(done)


OUTCOMES = {"restock": Outcome.RESTOCK, "write-off": Outcome.WRITE_OFF, "supplier": Outcome.TO_SUPPLIER}


def _outcome(text: str | None) -> str | None:
    if text is not None and text not in OUTCOMES:
        raise typer.BadParameter(f"one of {', '.join(OUTCOMES)}", param_hint="--rest")
    return None if text is None else OUTCOMES[text].value


def _do(verb: str, number: int, config: Any, key: str | None, at: str | None, *, json: bool, **more: Any) -> None:
    store = StoreAt(config)
    when = None if at is None else instant(at, store.config.store.time_zone, datetime.now(UTC)).isoformat()
    done = store.ask(verb, {"number": number, **more, "occurred_at": when, "actor": actor(), "key": key_of(key)})
    dump(done) if json else _told(done)


def _told(done: dict[str, Any]) -> None:
    say(escape(_head(done["number"], done["state"], done["channel"], done["order"], done["location"])))
    for line in done["lines"]:
        parts = [f"{line['expected']} expected", f"{line['received']} received"]
        words = {"told": "told by the shop, too", "waiting": "to inspect", "restocked": "restocked", "written_off": "written off"}
        parts += [f"{line[name]} {text}" for name, text in (words | {"to_supplier": "to the supplier"}).items() if line[name]]
        say(escape(f"  {line['sku']}: {', '.join(parts)}"))


def _order(channel: str | None, order: str | None) -> str:
    return f"{order} of {channel}" if channel else ""


def _head(number: int, state: str, channel: str | None, order: str | None, location: str) -> str:
    whose = f" of order {_order(channel, order)}" if channel else ""
    return f"RET-{number}{whose} to {location}, {state}"
