"""`probe`: measure one shop with a throw-away SKU, step by step with the person at the keyboard, and keep what was found as its traits."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from channelsync.cli.show import dump, out, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.clock import SystemClock
from channelsync.contract import ShelfRef
from channelsync.engine.probe import Findings, Probe, ProbeFailed
from channelsync.ledger import measuring
from channelsync.ledger.measuring import Candidate
from channelsync.shell.visiting import visiting

YES_NO = {True: "yes", False: "no", None: "not measured"}


def probe(
    channel: Annotated[str, typer.Argument(help="Which channel.")],
    sku: Annotated[str, typer.Option(help="A test product of that shop, sold nowhere else and linked to no SKU.")],
    wait: Annotated[float, typer.Option(min=5.0, max=3600.0, help="Seconds to wait for anything to show.")] = 300.0,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Measure what differs per shop: does a write apply, how late do orders and webhooks show, what does a cancel restore.

    [dim]Example: channelsync probe webshop --sku TEST-1[/dim]
    """
    store = StoreAt(config)
    if channel not in store.config.channels:
        raise ProbeFailed(f"the config has no channel {channel!r}; known: {', '.join(sorted(store.config.channels))}")
    chosen = _choose(store.read(measuring.candidates, channel, sku), channel, sku)
    found = asyncio.run(_measure(store, channel, chosen, wait))
    values = _values(found)
    store.ask("probe.keep", {"channel_id": chosen.channel_id, "values": values})
    if json:
        dump(asdict(found))
        return
    table("Measured", ("what", "result"), _rows(found))
    for note in found.notes:
        say(f"[yellow]note[/yellow]: {note}")


def _choose(found: list[Candidate], channel: str, sku: str) -> Candidate:
    """One listing that nobody sells. Raises ProbeFailed with what to do."""
    if not found:
        raise ProbeFailed(
            f"{channel} has no listing with the SKU {sku!r} that we know of; make it in the shop, then `channelsync sync {channel}`"
        )
    if len(found) > 1:
        raise ProbeFailed(f"{len(found)} listings of {channel} have the SKU {sku!r}; use one that is unique")
    if found[0].linked_to is not None:
        raise ProbeFailed(
            f"{found[0].ref} is linked to {found[0].linked_to} and may be sold; use a test product, or `listings unlink` it first"
        )
    return found[0]


async def _measure(store: StoreAt, channel: str, chosen: Candidate, wait: float) -> Findings:
    clock = SystemClock()
    async with visiting(store.config, store.config.channels[channel], store.registry, clock, rules=None) as visit:

        async def heard(since: datetime) -> bool:
            return await asyncio.to_thread(store.read, measuring.heard_since, chosen.channel_id, since)

        probing = Probe(visit.connector, clock, uuid.uuid4, _ask, names=chosen.names, heard=heard, patience=wait)
        with out.status(f"measuring {channel} ..."):
            return await probing.run(ShelfRef(chosen.ref, next(iter(chosen.locations), "")))


async def _ask(what: str) -> bool:
    say(f"\nNow {what}.")
    answer = await asyncio.to_thread(typer.prompt, "Press Enter when it is done, or type n to leave this step out", "", show_default=False)
    return not str(answer).strip().lower().startswith("n")


def _values(found: Findings) -> dict[str, float]:
    """What is kept: numbers, and yes or no as 1 and 0."""
    told = {name: value for name, value in asdict(found).items() if isinstance(value, bool | float)}
    return {name: float(value) for name, value in told.items()}


def _rows(found: Findings) -> list[tuple[str, str]]:
    def seconds(value: float | None) -> str:
        return "not measured" if value is None else f"{value:.1f} s"

    return [
        ("a write moves the number", YES_NO[found.write_applies]),
        ("a write shows after", seconds(found.write_visible_after)),
        ("an order is in the list after", seconds(found.visibility_lag)),
        ("its webhook came after", seconds(found.webhook_after)),
        ("the shop lowers its number on", found.lowers_on or "not measured"),
        ("a cancel puts the unit back", YES_NO[found.restores_on_cancel]),
    ]
