"""`run`: the daemon in the foreground, as systemd starts it."""

from __future__ import annotations

import os
import random
from typing import Annotated

import typer

from channelsync.cli.loop import run_loop
from channelsync.cli.store import ConfigFile, StoreAt
from channelsync.clock import SystemClock
from channelsync.shell import daemon as shell
from channelsync.shell.log import Level, Style, configure
from channelsync.shell.notify import Notifier
from channelsync.shell.redact import Redactor


def run(
    config: ConfigFile = None,
    log_style: Annotated[Style, typer.Option(help="How log lines look on standard error.")] = "json",
    log_level: Annotated[Level, typer.Option(help="The least important lines to write.")] = "info",
) -> None:
    """Run the store's daemon until SIGTERM or Ctrl-C.

    [dim]Example: channelsync run -c /etc/channelsync/acme.toml[/dim]
    """
    store, clock = StoreAt(config), SystemClock()
    notifier, redactor = Notifier(os.environ), Redactor(store.config.secrets)
    configure(clock=clock, redactor=redactor, style=log_style, level=log_level)

    async def main() -> None:
        source = random.SystemRandom()
        async with shell.daemon(store.config, store.registry, clock=clock, source=source, notifier=notifier, redactor=redactor):
            await shell.until_told()

    run_loop(main())
