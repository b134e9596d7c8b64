"""`plan`, `apply` and `sync`: what would be written, writing it for the first time, and looking and writing now."""

from __future__ import annotations

import json as json_text
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from channelsync.cli.progress import Tell, progress
from channelsync.cli.show import complain, dump, dump_long, out, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.ledger.openings import SECTIONS
from channelsync.ledger.refusals import NotAllowed
from channelsync.shell.spool import Long, NoRoom

ROWS_SHOWN = 200
"""Of each table, as many as a person reads."""


def plan(config: ConfigFile = None, json: AsJson = False) -> None:
    """Read the shops and show what would be written to them, and why. On day one also what would open the ledger. Writes nothing to any shop.

    [dim]Example: channelsync plan --json > plan.json[/dim]
    """
    store = StoreAt(config)
    with progress() as tell:
        answer = _asked(store, "plan", tell=tell)
    dump_long(answer) if json else _show(answer, _onlookers(store))
    if answer.head["troubles"]:
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
            planned = _asked(store, "plan", tell=tell)
        if not json:
            _show(planned, _onlookers(store))
        if troubles := planned.head["troubles"]:
            raise NotAllowed(f"nothing can be applied while a shop cannot be read: {', '.join(sorted(troubles))}")
        typer.confirm("Apply this plan?", abort=True, err=json)
    with out.status("applying ..."):
        applied = _asked(store, "apply", {"look": yes})
    if json:
        dump_long(applied)
        return
    opened, counts = ", ".join(applied.head["opens"]) or "no new channel", applied.spool.counts
    say(f"[green]applied[/green]: {opened} opened, {counts['balances']} SKUs opened, {counts['writes']} numbers to write")
    _still_due(applied.head["still_due"], _onlookers(store))


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


def _asked(store: StoreAt, verb: str, args: Mapping[str, Any] | None = None, *, tell: Tell | None = None) -> Long:
    answer = store.ask_long(verb, args, tell=tell)
    if isinstance(answer, Long):
        return answer
    try:
        return Long.of(answer, SECTIONS)  # from a daemon that has not been restarted since an upgrade
    except NoRoom as error:
        raise NoRoom(f"{error}. What was asked is done") from error


def _onlookers(store: StoreAt) -> frozenset[str]:
    """Channels that are only looked at."""
    return frozenset(name for name, channel in store.config.channels.items() if channel.mode == "shadow")


def _show(answer: Long, onlookers: frozenset[str]) -> None:
    _troubles(answer.head["troubles"])
    if answer.head["opens"]:
        say(f"opens: {', '.join(answer.head['opens'])}")
    rows, of_onlookers = _read(answer, onlookers)
    counts = answer.spool.counts
    balances = [(b["sku"], b["location"], b["shows"], b["taken"], b["shows"] + b["taken"]) for b in rows["balances"]]
    if balances:
        columns = ("SKU", "location", "shown#", "taken for open orders#", "on hand#")
        _table("Opening balances", columns, balances, counts["balances"])
    _writes(rows["writes"], counts["writes"], blind=bool(answer.head["troubles"]))
    turns = [(each["channel"], each["listing"], each["sku"], "on" if each["sells_on"] else "off") for each in rows["switches"]]
    if turns:
        _table("Backorder switches to turn", ("channel", "listing", "SKU", "will be"), turns, counts["switches"])
    for what, section in (("numbers is written", "writes"), ("switches is turned", "switches")):
        for name in sorted(onlookers):
            if of_onlookers[section, name]:
                say(f"{name}: mode is shadow, so none of its {what}")
    blocked = [(b["channel"], b["listing"], b["sku"], b["reason"]) for b in rows["blocked"]]
    if blocked:
        _table("Not written", ("channel", "listing", "SKU", "because"), blocked, counts["blocked"])
    say(f"{answer.head['unchanged']} shelves show the right number already")


def _read(answer: Long, onlookers: frozenset[str]) -> tuple[dict[str, list[Any]], Counter[tuple[str, str]]]:
    """Of each section the rows that are shown, and how many rows are about each channel that is only looked at."""
    rows: dict[str, list[Any]] = {section: [] for section in answer.spool.counts}
    of_onlookers: Counter[tuple[str, str]] = Counter()
    for section, text in answer.spool.rows():
        shown = len(rows[section]) < ROWS_SHOWN
        if not (shown or onlookers):
            continue
        row = json_text.loads(text)
        of_onlookers[section, row.get("channel", "")] += 1
        if shown:
            rows[section].append(row)
    return rows, of_onlookers


def _writes(writes: Sequence[Mapping[str, Any]], count: int, *, blind: bool) -> None:
    """Locations are named only where a channel has several: ids are long."""
    several = len({(w["channel"], w["location"]) for w in writes}) > len({w["channel"] for w in writes})
    rows = [(w["channel"], w["sku"], *([w["location"]] if several else []), w["shows"], w["target"], _why(w)) for w in writes]
    columns = ("channel", "SKU", *(["location"] if several else []), "shows#", "will show#", "why")
    empty = "none that could be seen" if blind else "none, every shelf shows its number"
    _table("Numbers to write", columns, rows, count, empty=empty)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], count: int, *, empty: str = "none") -> None:
    """count: how many rows there are in all."""
    table(title, columns, rows, empty=empty)
    if count > len(rows):
        say(f"... and {count - len(rows)} more; --json names them all")


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
