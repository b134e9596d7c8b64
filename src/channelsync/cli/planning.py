"""`plan`, `apply` and `sync`: what would be written, writing it for the first time, and looking and writing now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from channelsync.cli.progress import progress
from channelsync.cli.show import complain, dump, out, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.ledger.refusals import NotAllowed

Answer = Mapping[str, Any]
ROWS_SHOWN = 200


def plan(config: ConfigFile = None, json: AsJson = False) -> None:
    """Read the shops and show what would be written to them, and why. On day one also what would open the ledger. Writes nothing to any shop.

    [dim]Example: channelsync plan --json > plan.json[/dim]
    """
    store = StoreAt(config)
    with progress() as tell:
        answer = store.ask("plan", tell=tell)
    dump(answer) if json else _show(answer, _onlookers(store))
    if answer["troubles"]:
        raise typer.Exit(1)


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
        if not json:
            _show(planned, _onlookers(store))
        if planned["troubles"]:
            raise NotAllowed(f"nothing can be applied while a shop cannot be read: {', '.join(sorted(planned['troubles']))}")
        typer.confirm("Apply this plan?", abort=True, err=json)
    with out.status("applying ..."):
        applied = store.ask("apply", {"look": yes})
    if json:
        dump(applied)
        return
    opened = ", ".join(applied["opens"]) or "no new channel"
    say(f"[green]applied[/green]: {opened} opened, {len(applied['balances'])} SKUs opened, {len(applied['writes'])} numbers to write")
    _still_due(applied["still_due"], _onlookers(store))


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
        _still_due(done["still_due"], _onlookers(store))
    if done["troubles"]:
        raise typer.Exit(1)


def _onlookers(store: StoreAt) -> frozenset[str]:
    """Channels that are only looked at."""
    return frozenset(name for name, channel in store.config.channels.items() if channel.mode == "shadow")


def _show(answer: Answer, onlookers: frozenset[str]) -> None:
    _troubles(answer["troubles"])
    if answer["opens"]:
        say(f"opens: {', '.join(answer['opens'])}")
    balances = [(b["sku"], b["location"], b["shows"], b["taken"], b["shows"] + b["taken"]) for b in answer["balances"]]
    if balances:
        _table("Opening balances", ("SKU", "location", "shown#", "taken for open orders#", "on hand#"), balances)
    _writes(answer)
    turns = [(each["channel"], each["listing"], each["sku"], "on" if each["sells_on"] else "off") for each in answer["switches"]]
    if turns:
        _table("Backorder switches to turn", ("channel", "listing", "SKU", "will be"), turns)
    for what, rows in (("numbers is written", answer["writes"]), ("switches is turned", answer["switches"])):
        for name in sorted(onlookers & {each["channel"] for each in rows}):
            say(f"{name}: mode is shadow, so none of its {what}")
    blocked = [(b["channel"], b["listing"], b["sku"], b["reason"]) for b in answer["blocked"]]
    if blocked:
        _table("Not written", ("channel", "listing", "SKU", "because"), blocked)
    say(f"{answer['unchanged']} shelves show the right number already")


def _writes(answer: Answer) -> None:
    """Locations are named only where a channel has several: ids are long."""
    writes = answer["writes"]
    several = len({(w["channel"], w["location"]) for w in writes}) > len({w["channel"] for w in writes})
    rows = [(w["channel"], w["sku"], *([w["location"]] if several else []), w["shows"], w["target"], _why(w)) for w in writes]
    columns = ("channel", "SKU", *(["location"] if several else []), "shows#", "will show#", "why")
    empty = "none that could be seen" if answer["troubles"] else "none, every shelf shows its number"
    _table("Numbers to write", columns, rows, empty=empty)


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


def _still_due(still_due: Mapping[str, int], onlookers: frozenset[str]) -> None:
    for name, count in still_due.items():
        waiting = (
            f"{count} numbers would be written, but mode is shadow" if name in onlookers else f"{count} numbers are still on their way"
        )
        say(f"{name}: {waiting if count else 'every shelf shows its number'}")
