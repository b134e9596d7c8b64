"""`plan`, `apply` and `sync`: what would be written, writing it for the first time, and looking and writing now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from channelsync.cli.show import complain, dump, out, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt

Answer = Mapping[str, Any]


def plan(config: ConfigFile = None, json: AsJson = False) -> None:
    """Read the shops and show what would be written to them, and why. On day one also what would open the ledger. Writes nothing to any shop.

    [dim]Example: channelsync plan --json > plan.json[/dim]
    """
    store = StoreAt(config)
    with out.status("reading the shops ..."):
        answer = store.ask("plan")
    dump(answer) if json else _show(answer)


def apply(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False, config: ConfigFile = None, json: AsJson = False
) -> None:
    """Show the plan, ask, then open the ledger and let the shops be written.

    [dim]Example: channelsync apply --yes[/dim]
    """
    store = StoreAt(config)
    if not yes:
        with out.status("reading the shops ..."):
            planned = store.ask("plan")
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
    with out.status("looking and sending ..."):
        done = store.ask("sync", {"channel": channel})
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
        table("Opening balances", ("SKU", "location", "shown#", "taken for open orders#", "on hand#"), balances)
    writes = [(w["channel"], w["sku"], w["location"], w["shows"], w["target"], _why(w["steps"])) for w in answer["writes"]]
    table(
        "Numbers to write",
        ("channel", "SKU", "location", "shows#", "will show#", "why"),
        writes,
        empty="none, every shelf shows its number",
    )
    blocked = [(b["channel"], b["listing"], b["sku"], b["reason"]) for b in answer["blocked"]]
    if blocked:
        table("Not written", ("channel", "listing", "SKU", "because"), blocked)
    say(f"{answer['unchanged']} shelves show the right number already")


def _why(steps: list[dict[str, Any]]) -> str:
    return ", ".join(
        f"{step['name']} {step['change']:+d}" if index else f"{step['name']} {step['value']}" for index, step in enumerate(steps)
    )


def _troubles(troubles: Mapping[str, str]) -> None:
    for name, trouble in troubles.items():
        complain(f"{name} could not be read: {trouble}")


def _still_due(still_due: Mapping[str, int]) -> None:
    for name, count in still_due.items():
        say(f"{name}: {'every shelf shows its number' if not count else f'{count} numbers are still on their way'}")
