"""What `demo` runs and shows. A room of its own, because it brings every stand-in, and the other commands need none."""

from __future__ import annotations

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table

from channelsync.cli.loop import run_loop
from channelsync.cli.show import dump, out
from channelsync.clock import Clock
from channelsync.testing.demo import Options, Summary, View, play
from channelsync.testing.standins.base import Faults

ROWS_SHOWN = 18


def run(clock: Clock, *, rate: float, duration: float, seed: int, faults: bool, naive: bool, json: bool) -> None:
    options = Options(rate=rate, seconds=duration, seed=seed, faults=Faults.some() if faults else Faults(), naive=naive)
    if json:
        dump(run_loop(play(options, clock)).as_json())
        return
    with Live(
        "The shops open, the daemon starts, its first plan is applied ...", console=out, refresh_per_second=4, transient=True
    ) as live:
        summary = run_loop(play(options, clock, show=lambda view: live.update(_scene(view))))
    _report(summary, out)


def _scene(view: View) -> Group:
    shops = sorted(next(iter(view.rows.values()))[1]) if view.rows else []
    grid = Table(header_style="bold")
    for column in ("SKU", "ledger", *shops):
        grid.add_column(column, justify="left" if column == "SKU" else "right")
    for sku, (free, shown) in list(view.rows.items())[:ROWS_SHOWN]:
        grid.add_row(sku, str(free), *(str(shown[name]) for name in shops))
    rest = len(view.rows) - ROWS_SHOWN
    events = "\n".join(view.truth.events) or "..."
    left = f", {view.seconds_left:.0f} s left" if view.seconds_left else ""
    title = f"{view.phase}{left}; {view.truth.orders} orders, {view.truth.units_sold} units sold"
    return Group(title, grid, f"... and {rest} more SKUs" if rest > 0 else "", Panel(events, title="last events", title_align="left"))


def _report(summary: Summary, console: Console) -> None:
    verdict = Table(show_header=False, title="What came of it", title_justify="left")
    verdict.add_column(style="bold")
    verdict.add_column()
    raced = ", ".join(f"{units} {kind}" for kind, units in summary.raced_units.items()) or "0"
    for name, value in (
        (
            "orders",
            f"{summary.orders} ({summary.units_sold} units), {summary.deliveries} webhooks, {summary.polls} polls, {summary.pushes} pushes",
        ),
        ("sold beyond what there was", str(summary.oversold_units)),
        ("sold units we put back on sale", str(summary.resurrected_units)),
        ("races no protocol can close", raced),
        ("violations", f"{summary.violations} {' | '.join(summary.differences)}"),
        ("every shelf right at the end", f"{'yes' if summary.converged else 'NO'}, after {summary.settled_seconds} s"),
        ("intake to the other shop's shelf", f"p50 {summary.intake_to_shelf_ms.p50} ms, p99 {summary.intake_to_shelf_ms.p99} ms"),
        *((f"sale at {name} to intake", f"p50 {each.p50} ms, p99 {each.p99} ms") for name, each in summary.shop_delay_ms.items()),
        ("seed", str(summary.seed)),
    ):
        verdict.add_row(name, value)
    console.print(verdict)
