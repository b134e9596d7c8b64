"""`status`: how every channel is doing, at a glance."""

from __future__ import annotations

from typing import Any

from channelsync.cli.show import ago, counted, dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.ledger.overview import ChannelView, overview
from channelsync.shell.desk import plain


def status(config: ConfigFile = None, json: AsJson = False) -> None:
    """Show each channel: live, paused or unopened, trouble, last look, what waits and since when, what was set aside, open findings, rates.

    [dim]Example: channelsync status[/dim]
    """
    store = StoreAt(config)
    seen = store.read(overview)
    live = store.ask_daemon("live")
    if json:
        dump({"daemon": live and {"pid": live["pid"]}, **plain(seen), "live": live["channels"] if live else {}})
        return
    say(f"daemon: {'running, process ' + str(live['pid']) if live else 'not running'}")
    now = live["channels"] if live else {}
    rows = [_row(each, now.get(each.name, {})) for each in seen.channels]
    columns = ("channel", "state", "last look", "due#", "oldest", "open#", "inbox#", "drift#", "set aside", "rejected#", "rate", "trouble")
    table("Channels", columns, rows, empty="none configured yet")
    say(f"open findings: {counted(seen.findings)}")


def _row(view: ChannelView, live: dict[str, Any]) -> tuple[object, ...]:
    rate = live.get("rate")
    return (
        view.name,
        view.state,
        ago(view.last_look),
        view.due,
        ago(view.oldest_unsent) if view.oldest_unsent else "-",
        view.open_attempts,
        view.inbox,
        f"{view.asked} of {view.gaps}" if view.gaps else 0,
        counted(view.set_aside),
        view.rejected,
        f"{rate['left']:.0f} of {rate['of']:.0f}, {rate['per_second']:g}/s" if rate else "-",
        live.get("trouble") or view.reason or "-",
    )
