"""The command tree, and what an error looks like: one sentence on standard error, never a traceback for what can be expected."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from channelsync.cli import claims, goods, statistics
from channelsync.cli.alerts import group as alerts
from channelsync.cli.aside import group as aside
from channelsync.cli.audit import audit
from channelsync.cli.bundles import group as bundles
from channelsync.cli.carts import change
from channelsync.cli.checking import check
from channelsync.cli.costing import cost
from channelsync.cli.counts import group as counts
from channelsync.cli.daemon import run
from channelsync.cli.database import group as database
from channelsync.cli.demo import demo
from channelsync.cli.doctor import doctor
from channelsync.cli.drift import group as drift
from channelsync.cli.exporting import export
from channelsync.cli.freezing import freeze, thaw
from channelsync.cli.importing import import_
from channelsync.cli.initial import init
from channelsync.cli.listings import group as listings
from channelsync.cli.openapi import openapi
from channelsync.cli.orders import group as orders
from channelsync.cli.places import group as places
from channelsync.cli.planning import apply, plan, sync
from channelsync.cli.policy import backorder
from channelsync.cli.probe import probe
from channelsync.cli.purchasing import group as purchasing
from channelsync.cli.record import record
from channelsync.cli.reordering import low, reorder
from channelsync.cli.replay import replay
from channelsync.cli.returning import group as returning
from channelsync.cli.running import status
from channelsync.cli.shadow import shadow
from channelsync.cli.shops import pause, resume
from channelsync.cli.show import complain, dump_error
from channelsync.cli.standin import standin
from channelsync.cli.stock import explain
from channelsync.cli.stock import group as stock
from channelsync.cli.suppliers import group as suppliers
from channelsync.cli.token import group as token
from channelsync.cli.transfers import group as transfers
from channelsync.config import ConfigError
from channelsync.errors import ChannelsyncError, code_of

AS_JSON = "channelsync.json"
REFUSED, MISUSED, MISCONFIGURED, INTERRUPTED = 1, 2, 3, 130

EPILOG = (
    "Exit codes: 0 done; 1 refused or failed (the message says why); 2 wrong usage; 3 the config file has problems; 130 interrupted. "
    "Every command that works on a store takes --config FILE (default: ./channelsync.toml, else the only file in /etc/channelsync)."
)


class Group(TyperGroup):
    """Turns the errors this project raises on purpose into a message and an exit code; with --json into a document, too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta[AS_JSON] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ChannelsyncError as error:
            if ctx.meta[AS_JSON]:
                dump_error(code_of(error), str(error))
            complain(str(error))
            raise typer.Exit(MISCONFIGURED if isinstance(error, ConfigError) else REFUSED) from None
        except typer.Abort:
            if ctx.meta[AS_JSON]:
                dump_error("aborted", "nobody has confirmed it, and nothing was changed; --yes does not ask")
            raise
        except typer.TyperException as misused:
            if ctx.meta[AS_JSON]:
                dump_error("malformed", misused.format_message())
            raise
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

app.command("init")(init)
app.command("check")(check)
app.command("run")(run)
app.command("demo")(demo)
app.command("status")(status)
app.command("doctor")(doctor)
app.command("sync")(sync)
app.command("plan")(plan)
app.command("apply")(apply)
app.command("explain")(explain)
app.command("audit")(audit)
goods.add_to(stock)
claims.add_to(stock)
statistics.add_to(stock)
stock.command("backorder")(backorder)
stock.command("cost")(cost)
stock.command("reorder")(reorder)
stock.command("low")(low)
stock.command("change")(change)
app.add_typer(stock, name="stock")
app.add_typer(bundles, name="bundles")
app.add_typer(listings, name="listings")
app.add_typer(orders, name="orders")
app.add_typer(purchasing, name="po")
app.add_typer(returning, name="returns")
app.add_typer(suppliers, name="suppliers")
app.add_typer(counts, name="counts")
app.add_typer(transfers, name="transfers")
app.add_typer(drift, name="drift")
app.add_typer(alerts, name="alerts")
app.add_typer(token, name="token")
app.command("openapi")(openapi)
app.add_typer(aside, name="aside")
app.command("replay")(replay)
app.command("record")(record)
app.command("shadow")(shadow)
app.command("probe")(probe)
app.command("pause")(pause)
app.command("resume")(resume)
app.command("freeze")(freeze)
app.command("thaw")(thaw)
app.add_typer(places, name="locations")
app.command("import")(import_)
app.command("export")(export)
app.command("standin")(standin)
app.add_typer(database, name="db")


def main() -> None:
    app()
