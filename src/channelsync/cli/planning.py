"""`plan`, `apply` and `sync`: what would be written, writing it for the first time, and looking and writing now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from channelsync.cli.progress import progress
from channelsync.cli.show import complain, dump, out, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt

Answer = Mapping[str, Any]
ROWS_SHOWN = 200


def plan(config: ConfigFile = None, json: AsJson = False) -> None:
    """Read the shops and show what would be written to them, and why. On day one also what would open the ledger. Writes nothing to any shop.

    [dim]Example: channelsync plan --json > plan.json[/dim]
    """
    store = StoreAt(config)
    with progress() as tell:
        answer = store.ask("plan", tell=tell)
    dump(answer) if json else _show(answer)


def apply(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False, config: ConfigFile = None, json: AsJson = False
) -> None:
    """Show the plan, ask, then open the ledger and let the shops be written.

    [dim]Example: channelsync apply --yes[/dim]
    """
    store = StoreAt(config)
    if not yes:
        with progress() as tell:
            planned = store.ask("plan", tell=tell)
        _show(planned)
        if planned["troubles"]:
            complain("nothing can be applied while a shop cannot be read")
            raise typer.Exit(1)
        typer.confirm("Apply this plan?", abort=True, err=json)
    with out.status("applying ..."):
        applied = store.ask("apply", {"look": yes})
    if json:
        dump(applied)
        return
    opened = ", ".join(applied["opens"]) or "no new channel"
    say(f"[green]applied[/green]: {opened} opened, {len(applied['balances'])} SKUs opened, {len(applied['writes'])} numbers to write")
    _still_due(applied["still_due"])


def sync(
    channel: Annotated[str | None, typer.Argument(help="Only this channel.", show_default=False)] = None,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Look at the shops now (listings, orders, numbers) and send what is due.

    [dim]Example: channelsync sync webshop[/dim]
    """
    store = StoreAt(config)
    with progress() as tell:
        done = store.ask("sync", {"channel": channel}, tell=tell)
    if json:
        dump(done)
    else:
        _troubles(done["troubles"])
        _still_due(done["still_due"])
    if done["troubles"]:
        raise typer.Exit(1)


def _show(answer: Answer) -> None:
    _troubles(answer["troubles"])
    if answer["opens"]:
        say(f"opens: {', '.join(answer['opens'])}")
    balances = [(b["sku"], b["location"], b["shows"], b["taken"], b["shows"] + b["taken"]) for b in answer["balances"]]
    if balances:
        _table("Opening balances", ("SKU", "location", "shown#", "taken for open orders#", "on hand#"), balances)
    writes = [(w["channel"], w["sku"], w["location"], w["shows"], w["target"], _why(w)) for w in answer["writes"]]
    _table(
        "Numbers to write",
        ("channel", "SKU", "location", "shows#", "will show#", "why"),
        writes,
        empty="none, every shelf shows its number",
    )
    blocked = [(b["channel"], b["listing"], b["sku"], b["reason"]) for b in answer["blocked"]]
    if blocked:
        _table("Not written", ("channel", "listing", "SKU", "because"), blocked)
    say(f"{answer['unchanged']} shelves show the right number already")


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str = "none") -> None:
    """At most so many rows as a person reads."""
    table(title, columns, rows[:ROWS_SHOWN], empty=empty)
    if len(rows) > ROWS_SHOWN:
        say(f"... and {len(rows) - ROWS_SHOWN} more; --json names them all")


def _why(write: Mapping[str, Any]) -> str:
    steps = ", ".join(
        f"{step['name']} {step['change']:+d}" if index else f"{step['name']} {step['value']}" for index, step in enumerate(write["steps"])
    )
    return f"bundle of {' + '.join(write['parts'])}: {steps}" if write["parts"] else steps


def _troubles(troubles: Mapping[str, str]) -> None:
    for name, trouble in troubles.items():
        complain(f"{name} could not be read: {trouble}")


def _still_due(still_due: Mapping[str, int]) -> None:
    for name, count in still_due.items():
        say(f"{name}: {'every shelf shows its number' if not count else f'{count} numbers are still on their way'}")
