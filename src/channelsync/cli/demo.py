"""`demo`: everything on this machine, without any account, with a table that lives. What it shows is in `demo_screen`."""

from __future__ import annotations

from typing import Annotated

import typer

from channelsync.cli.seconds import seconds
from channelsync.clock import SystemClock
from channelsync.shell.log import configure
from channelsync.shell.redact import Redactor

NAIVE = "Also run the pusher everybody else has, to see what it does."


def demo(
    rate: Annotated[float, typer.Option(min=0.1, max=50, help="Orders per second, over all shops.")] = 5.0,
    duration: Annotated[str, typer.Option("--for", metavar="TIME", help="How long shoppers buy: 30s, 2m.")] = "30s",
    seed: Annotated[int, typer.Option(help="The same seed draws the same shoppers.")] = 1,
    faults: Annotated[bool, typer.Option("--faults", help="A bad day: lost and doubled webhooks, time-outs, errors, hand edits.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end and nothing else.")] = False,
    naive: Annotated[bool, typer.Option("--naive", hidden=True, help=NAIVE)] = False,
) -> None:
    """Three stand-in shops and a Moysklad that owns the stock, the real daemon, shoppers who buy, and a count of the harm. Needs no account and leaves nothing behind.

    [dim]Example: channelsync demo --for 20s --faults[/dim]
    """
    from channelsync.cli.demo_screen import run  # stand-ins and all: no other command shall wait for that

    clock = SystemClock()
    configure(clock=clock, redactor=Redactor(), style="console", level="error")
    run(clock, rate=rate, duration=seconds(duration), seed=seed, faults=faults, naive=naive, json=json)
