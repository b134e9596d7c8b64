"""All commands: where each is written, and what the overview says of it. A command's module is imported when it is called, so that each
starts with what it needs, and the overview with nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

STYLE: Mapping[str, Any] = {"add_completion": False, "pretty_exceptions_enable": False, "rich_markup_mode": "rich"}


@dataclass(frozen=True)
class Place:
    """A function or a group of commands, and the first paragraph of what it says of itself."""

    module: str
    name: str
    summary: str


COMMANDS: Mapping[str, Place] = {
    "init": Place("initial", "init", "Write a commented config file. Asks for what the options do not say."),
    "check": Place(
        "checking",
        "check",
        "Check the config file, every shop's credentials and identity, and the locations. Changes nothing.",
    ),
    "run": Place("daemon", "run", "Run the store's daemon until SIGTERM or Ctrl-C."),
    "demo": Place(
        "demo",
        "demo",
        "Three stand-in shops and a Moysklad that owns the stock, the real daemon, shoppers who buy, and a count of "
        "the harm. Needs no account and leaves nothing behind.",
    ),
    "status": Place(
        "running",
        "status",
        "Show each channel: live, paused or unopened and what ends it, what waits and since when, how fast it flows, what needs a person.",
    ),
    "doctor": Place(
        "doctor",
        "doctor",
        "Look for everything that is wrong or doubtful, and say what to do about it. Writes nothing, with or without a running daemon.",
    ),
    "sync": Place("planning", "sync", "Look at the shops now (listings, orders, numbers) and send what is due."),
    "plan": Place(
        "planning",
        "plan",
        "Read the shops and show what would be written to them, and why. On day one also what would open the ledger. "
        "Writes nothing to any shop.",
    ),
    "apply": Place("planning", "apply", "Show the plan, ask, then open the ledger and let the shops be written."),
    "explain": Place(
        "stock",
        "explain",
        "Why does a shop show this number? Every term of it, every hold with its order, the shelf's statement, last push and reading.",
    ),
    "audit": Place(
        "audit",
        "audit",
        "Prove the ledger: against its log, the log against its seals, and both against the shops' numbers and orders. "
        "Writes nothing to any shop.",
    ),
    "openapi": Place("openapi", "openapi", "Print the OpenAPI 3.1 document of the API."),
    "replay": Place("replay", "replay", "Try what is set aside again (as `aside retry`); with --levels rebuild the levels from the log."),
    "record": Place(
        "record",
        "record",
        "Record what befell a SKU, without names, as a file that replays in the simulator: a bug report that is a test.",
    ),
    "shadow": Place(
        "shadow",
        "shadow",
        'Who else writes to a shop in `mode = "shadow"`, and which of those writes put sold units back on sale. What '
        "we would write: `plan`.",
    ),
    "probe": Place(
        "probe",
        "probe",
        "Measure what differs per shop: does a write apply, how late do orders and webhooks show, what does a cancel restore.",
    ),
    "pause": Place(
        "shops",
        "pause",
        "Stop writing to a channel, or to all at once. Orders are still read and counted; it lasts until `resume`, also over restarts.",
    ),
    "resume": Place(
        "shops",
        "resume",
        "Go on writing to a channel, or to all. What the guard has stopped goes on only with --accept, or once it is harmless.",
    ),
    "freeze": Place("freezing", "freeze", "Write nothing to a SKU's listings until it is thawed. Orders are still read and counted."),
    "thaw": Place(
        "freezing",
        "thaw",
        "End a freeze; name the same channel or listing as when it was made. What is due is written at once.",
    ),
    "import": Place(
        "importing",
        "import_",
        "Read a table of stock, SKUs, listings, purchase orders, receipts, locations or rules, and show what it would "
        "change; --apply, or a yes to the question, does it.",
    ),
    "export": Place(
        "exporting",
        "export",
        "Write stock, SKUs, listings, purchase orders, receipts, locations or rules as a table. Read again with "
        "`import`, it changes nothing (docs/files.md).",
    ),
    "standin": Place(
        "standin",
        "standin",
        "Serve a stand-in shop until Ctrl-C. The first line on standard output is JSON: its url, its credentials, its "
        "table for a config file.",
    ),
    "stock": Place("stock_group", "group", "Physical stock and reservations."),
    "bundles": Place("bundles", "group", "Bundles: SKUs without stock of their own, made of other SKUs."),
    "listings": Place("listings", "group", "Listings of the shops and the SKUs they are linked to."),
    "orders": Place("orders", "group", "The orders of all shops as the ledger holds them, and where they are shipped from."),
    "po": Place("purchasing", "group", "Purchase orders."),
    "returns": Place("returning", "group", "What customers send back."),
    "suppliers": Place("suppliers", "group", "Who goods are bought from."),
    "counts": Place("counts", "group", "Count sheets: many SKUs counted, while the shops go on selling."),
    "transfers": Place("transfers", "group", "Transfers between locations."),
    "drift": Place("drift", "group", "Numbers somebody typed into a shop, or that nothing explains."),
    "alerts": Place("alerts", "group", "Alerts: what is open, who was told, and whether it got through."),
    "token": Place("token", "group", "Tokens of the API."),
    "aside": Place("aside", "group", "What could not be applied, with its reason; nothing is lost, and it can be tried again."),
    "locations": Place("places", "group", "Where units lie, and which places of the shops show them."),
    "db": Place("database", "group", "The ledger's database: bring its schema up to date, check that it proves itself, back it up."),
}


class Tree(TyperGroup):
    """Knows the names and summaries of its commands at once, and each command itself when it is asked for."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self.commands = {name: TyperCommand(name, help=place.summary) for name, place in COMMANDS.items()}
        self._summing_up = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return self.commands.get(cmd_name) if self._summing_up or cmd_name not in COMMANDS else written(cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        with self._overview():
            super().format_help(ctx, formatter)

    @contextmanager
    def _overview(self) -> Iterator[None]:
        self._summing_up = True
        try:
            yield
        finally:
            self._summing_up = False


@cache
def written(name: str) -> Any:
    """The command or group of that name, with its options."""
    place = COMMANDS[name]
    found = getattr(import_module(f"channelsync.cli.{place.module}"), place.name)
    above = typer.Typer(**STYLE)
    if isinstance(found, typer.Typer):
        above.add_typer(found, name=name)
    else:
        above.command(name)(found)
    return get_group(above).commands[name]
