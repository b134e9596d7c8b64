"""`counts`: count sheets from opening to applying. What they look like is in `count_shown`; what is printed and filled in elsewhere, in `count_paper`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from channelsync.cli import count_paper
from channelsync.cli.count_shown import show_applied, show_list, show_one, show_plan
from channelsync.cli.goods import key_of
from channelsync.cli.numbers import number_argument
from channelsync.cli.show import dump, say
from channelsync.cli.stock import Key, place_of
from channelsync.cli.store import AsJson, ConfigFile, StoreAt, actor
from channelsync.cli.times import instant
from channelsync.ledger import bounds
from channelsync.ledger.counts import pages
from channelsync.ledger.counts.pages import Filter
from channelsync.ledger.counts.sheets import reference
from channelsync.ledger.counts.states import COUNT
from channelsync.ledger.documents.heads import PAGE_MAX

group = typer.Typer(
    no_args_is_help=True,
    help="Count sheets: many SKUs counted, while the shops go on selling.\n\n[dim]Example: channelsync counts open --location main[/dim]",
)

LINE = re.compile(r"(?P<sku>.+):(?P<quantity>[0-9]{1,10}|-)", re.DOTALL)
Number = Annotated[int, number_argument("CNT", "SHEET", 4)]
Missing = Annotated[bool, typer.Option("--missing-is-zero", help="Of lines that were not counted nothing is there. Otherwise they stay.")]


@group.command("list")
def list_(
    state: Annotated[str | None, typer.Option(help=f"Only in this state: {', '.join(sorted(COUNT.states))}.", show_default=False)] = None,
    location: Annotated[str | None, typer.Option("--location", "-l", help="Only of this location.", show_default=False)] = None,
    before: Annotated[int | None, typer.Option(help="Go on before this sheet.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=PAGE_MAX)] = 50,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """List count sheets, the newest first.

    [dim]Example: channelsync counts list --state open[/dim]
    """
    if state is not None and state not in COUNT.states:
        raise typer.BadParameter(f"one of {', '.join(sorted(COUNT.states))}", param_hint="--state")
    found = StoreAt(config).read(pages.sheet_rows, Filter(state, location), before, limit)
    if json:
        dump(found)
        return
    show_list(found)
    if len(found) == limit:
        say(f"more: --before {found[-1].number}")


@group.command()
def show(number: Number, config: ConfigFile = None, json: AsJson = False) -> None:
    """Show one count sheet and its lines. Of a blind one nobody is told what should be there until it is closed.

    [dim]Example: channelsync counts show 4[/dim]
    """
    store = StoreAt(config)
    found = store.read(pages.one_sheet, number)
    if json:
        dump(found)
        return
    show_one(found, store.config.store.time_zone)


@group.command("open")
def open_(
    skus: Annotated[
        list[str] | None, typer.Argument(metavar="SKU...", help="Only these; left out: whatever lies there.", show_default=False)
    ] = None,
    location: Annotated[str | None, typer.Option("--location", "-l", help="Where; needed only if there are several.")] = None,
    prefix: Annotated[str, typer.Option(help="SKUs that begin so.")] = "",
    limit: Annotated[
        int | None, typer.Option(min=1, max=bounds.MAX_LINES, help="At most so many; the answer says where to go on.", show_default=False)
    ] = None,
    after: Annotated[str, typer.Option(metavar="SKU", help="Go on behind this one.")] = "",
    empty: Annotated[bool, typer.Option("--empty", help="Also SKUs that once lay there and do not now.")] = False,
    blind: Annotated[bool, typer.Option("--blind", help="Whoever counts is not shown what should be there.")] = False,
    note: Annotated[str, typer.Option(help="For whoever counts.")] = "",
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Open a count sheet of at most 1000 SKUs. Nothing moves, and selling goes on.

    [dim]Example: channelsync counts open --location main --prefix MUG- --blind[/dim]
    """
    store = StoreAt(config)
    which = {"skus": skus or [], "prefix": prefix, "limit": limit, "after": after, "empty": empty}
    asked = {"location": place_of(store, location), **which, "blind": blind, "note": note, "actor": actor(), "key": key_of(key)}
    done = store.ask("counts.open", asked)
    if json:
        dump(done)
        return
    say(escape(f"{reference(done['number'])} of {done['location']}, open: {done['lines']} lines{', blind' if blind else ''}"))
    if done["more_after"] is not None:
        say(escape(f"there are more: --after {done['more_after']}"))


@group.command()
def enter(
    number: Number,
    lines: Annotated[
        list[str] | None, typer.Argument(metavar="SKU:QTY...", help="What was counted; SKU:- takes a number back.", show_default=False)
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", help="A CSV or XLSX file, as `counts print --csv` makes it; - for standard input.", show_default=False),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="When it was counted; now, if left out.", show_default=False)
    ] = None,
    by: Annotated[str, typer.Option(help="Who counted; you, if left out.")] = "",
    again: Annotated[bool, typer.Option("--again", help="Enter this very file once more, in the place of what was entered since.")] = False,
    rejects: count_paper.RejectsAt = None,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Enter what was counted, and when: what has come and gone since then is added. Entered again, it stands in the place of what was there before.

    [dim]Example: channelsync counts enter 4 MUG-01:12 TEE-S:0 --by Ann[/dim]
    """
    if (file is None) == (not lines):
        raise typer.BadParameter("say what was counted, either as SKU:QTY or in a --file", param_hint="SKU:QTY")
    store, now = StoreAt(config), datetime.now(UTC)
    when = None if at is None else instant(at, store.config.store.time_zone, now)
    if file is not None:
        count_paper.enter_file(store, number, file, when, by, now, again=again, rejects=rejects, key=key, json=json)
        return
    if again or rejects is not None:
        raise typer.BadParameter("only together with --file", param_hint="--again" if again else "--rejects")
    said = {"lines": lines_of(lines or []), "counted_at": when and when.isoformat(), "counted_by": by}
    done = store.ask("counts.enter", {"number": number, **said, "actor": actor(), "key": key_of(key)})
    dump(done) if json else count_paper.entered(done)


@group.command()
def plan(
    number: Number,
    missing: Missing = False,
    everything: Annotated[bool, typer.Option("--all", help="Also lines that change nothing.")] = False,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """What applying a sheet would do now: what should have been there, what was, and what has come and gone since. Changes nothing.

    [dim]Example: channelsync counts plan 4[/dim]
    """
    found = StoreAt(config).read(pages.plan, number, missing_zero=missing)
    dump(found) if json else show_plan(found, everything=everything)


@group.command()
def apply(
    number: Number,
    missing: Missing = False,
    skip: Annotated[bool, typer.Option("--skip", help="Leave lines that cannot be applied as they are.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    key: Key = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Apply a sheet: on hand becomes what was counted and what has come and gone since. Lines that nobody counted stay as they are.

    [dim]Example: channelsync counts apply 4 --yes[/dim]
    """
    store = StoreAt(config)
    if not yes:
        planned = store.read(pages.plan, number, missing_zero=missing)
        if not json:
            show_plan(planned)
        typer.confirm(f"Apply {reference(number)}?", abort=True, err=json)
    done = store.ask("counts.apply", {"number": number, "missing_is_zero": missing, "skip": skip, "actor": actor(), "key": key_of(key)})
    if json:
        dump(done)
        return
    show_applied(done)


@group.command()
def cancel(number: Number, key: Key = None, config: ConfigFile = None, json: AsJson = False) -> None:
    """Cancel an open sheet: what was counted on it changes nothing.

    [dim]Example: channelsync counts cancel 4[/dim]
    """
    done = StoreAt(config).ask("counts.cancel", {"number": number, "actor": actor(), "key": key_of(key)})
    dump(done) if json else say(f"{reference(done['number'])}: {done['state']}")


group.command("print")(count_paper.print_)


def lines_of(texts: list[str]) -> list[dict[str, Any]]:
    """SKU:QTY; the quantity is behind the last colon, so that a SKU may have some of its own."""
    found = []
    for text in texts:
        match = LINE.fullmatch(text)
        if match is None:
            raise typer.BadParameter(f"{text!r} is not SKU:QTY, such as MUG-01:12", param_hint="SKU:QTY")
        found.append({"sku": match["sku"], "quantity": None if match["quantity"] == "-" else int(match["quantity"])})
    return found
