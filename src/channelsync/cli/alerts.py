"""`alerts`: what people are told of, whether it reached them, and a test of each way."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from sqlalchemy import Connection

from channelsync.cli.show import ago, complain, dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.ledger import alert_pages
from channelsync.ledger.alert_pages import Alert, Filter, TargetView
from channelsync.ledger.alert_rules import Kind

group = typer.Typer(
    no_args_is_help=True,
    help="Alerts: what is open, who was told, and whether it got through.\n\n[dim]Example: channelsync alerts list[/dim]",
)

Target = Annotated[str | None, typer.Argument(help="A name under \\[alerts.targets] or \\[alerts.webhooks]; all of them, if left out.")]


@group.command("list")
def list_(
    every: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    kind: Annotated[Kind | None, typer.Option(help="Only of this kind.")] = None,
    before: Annotated[int | None, typer.Option(help="Go on before this id.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """List alerts, the newest first, and the targets with what waits for them.

    [dim]Example: channelsync alerts list --all --kind low-stock[/dim]
    """
    found, targets = StoreAt(config).read(_all, Filter(kind, resolved=every), before, limit)
    if json:
        dump({"alerts": found, "targets": targets})
        return
    rows = [
        (each.id, each.severity, each.title, ago(each.created_at), ago(each.resolved_at) if each.resolved_at else "", _told(each))
        for each in found
    ]
    table("Alerts", ("id#", "severity", "what", "since", "over", "told"), rows, empty="none are open" if not every else "none")
    if len(found) == limit:
        say(f"more: --before {found[-1].id}")
    lines = [(each.name, each.waiting, each.failed, _state(each), each.reason) for each in targets]
    table("Targets", ("target", "waiting#", "given up#", "state", "because"), lines, empty="nothing was ever sent")


@group.command("test")
def send_test(target: Target = None, config: ConfigFile = None, json: AsJson = False) -> None:
    """Send a test message now.

    [dim]Example: channelsync alerts test phone[/dim]
    """
    done = StoreAt(config).ask("alerts.test", {"target": target})
    bad = {name: said for name, said in done.items() if said["said"] != "sent"}
    if json:
        dump(done)
    else:
        for name, said in done.items():
            complain(f"{name}: {said['reason']}") if name in bad else say(escape(f"{name}: sent"))
    if bad:
        raise typer.Exit(1)


@group.command()
def retry(target: Target = None, config: ConfigFile = None, json: AsJson = False) -> None:
    """Send what waits now, and what was given up again; also to a target that was switched off.

    [dim]Example: channelsync alerts retry erp[/dim]
    """
    waiting = StoreAt(config).ask("alerts.retry", {"target": target})
    dump({"waiting": waiting}) if json else say(
        f"{waiting} messages are on their way; `channelsync alerts list` tells what becomes of them"
    )


def _all(conn: Connection, wanted: Filter, before: int | None, limit: int) -> tuple[list[Alert], list[TargetView]]:
    return alert_pages.page(conn, wanted, before, limit), alert_pages.every_target(conn)


def _told(alert: Alert) -> str:
    return ", ".join(f"{each.target}: {each.state}" for each in alert.messages if each.event == "opened") or "nobody"


def _state(target: TargetView) -> str:
    if target.disabled_at is not None:
        return f"switched off {ago(target.disabled_at)}"
    return f"failed {target.tries} times" if target.tries else "well"
