"""The command tree, and what an error looks like: one sentence on standard error, never a traceback for what can be expected."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from channelsync.cli import checking, daemon, database, demo, drift, initial, listings, orders, planning, running, shops, standin, stock
from channelsync.cli.show import complain
from channelsync.config import ConfigError
from channelsync.errors import ChannelsyncError

REFUSED, MISUSED, MISCONFIGURED, INTERRUPTED = 1, 2, 3, 130

EPILOG = (
    "Exit codes: 0 done; 1 refused or failed (the message says why); 2 wrong usage; 3 the config file has problems; 130 interrupted. "
    "Every command takes --config FILE (default: ./channelsync.toml, else the only file in /etc/channelsync)."
)


class Group(TyperGroup):
    """Turns the errors this project raises on purpose into a message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            complain(str(error))
            raise typer.Exit(MISCONFIGURED) from None
        except ChannelsyncError as error:
            complain(str(error))
            raise typer.Exit(REFUSED) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="One stock ledger for all your shops: never puts a sold unit back on sale.",
    epilog=EPILOG,
)

app.command("init")(initial.init)
app.command("check")(checking.check)
app.command("run")(daemon.run)
app.command("demo")(demo.demo)
app.command("status")(running.status)
app.command("sync")(planning.sync)
app.command("plan")(planning.plan)
app.command("apply")(planning.apply)
app.command("explain")(stock.explain)
app.add_typer(stock.group, name="stock")
app.add_typer(listings.group, name="listings")
app.command("orders")(orders.orders)
app.add_typer(drift.group, name="drift")
app.command("pause")(shops.pause)
app.command("resume")(shops.resume)
app.command("standin")(standin.standin)
app.add_typer(database.group, name="db")


def main() -> None:
    app()
