"""`status`: how every channel is doing, at a glance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.markup import escape

from channelsync.cli.show import ago, counted, dump, say
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.ledger import channel_places
from channelsync.ledger.overview import ChannelView, overview
from channelsync.shell.desk import plain


def status(config: ConfigFile = None, json: AsJson = False) -> None:
    """Show each channel: live, paused or unopened, trouble, last look, what waits and since when, what was set aside, open findings, rates.

    [dim]Example: channelsync status[/dim]
    """
    store = StoreAt(config)
    seen = store.read(overview)
    live = store.ask_daemon("live")
    unmapped = _unmapped(store)
    if json:
        dump({"daemon": live and {"pid": live["pid"]}, **plain(seen), "live": live["channels"] if live else {}, "unmapped": unmapped})
        return
    say(f"daemon: {'running, process ' + str(live['pid']) if live else 'not running'}")
    now = live["channels"] if live else {}
    for each in seen.channels:
        _channel(each, now.get(each.name, {}), unmapped.get(each.name, []))
    say(f"open findings: {counted(seen.findings)}")


def _unmapped(store: StoreAt) -> dict[str, list[str]]:
    """Places of the shops that nobody has mapped, by channel."""
    found: dict[str, list[str]] = {}
    tables = {name: channel.locations for name, channel in store.config.channels.items()}
    for place in store.read(channel_places.listed, tables):
        if place.fed_by is None and place.active:
            found.setdefault(place.channel, []).append(place.name or place.ref)
    return found


def _channel(view: ChannelView, live: dict[str, Any], unmapped: list[str]) -> None:
    colour = {"live": "green", "paused": "yellow"}.get(view.state, "cyan")
    why = f" ({escape(view.reason)})" if view.reason else ""
    say(f"\n[bold]{view.name}[/bold]: [{colour}]{view.state}[/{colour}]{why}, {view.connector}, last look {ago(view.last_look)}")
    for line in _lines(view, live, unmapped):
        say(f"  {escape(line)}")


def _lines(view: ChannelView, live: dict[str, Any], unmapped: list[str]) -> Iterator[str]:
    unlinked = f", {view.unlinked} not linked" if view.unlinked else ""
    yield f"{view.listings} listings{unlinked}; {_due(view)}"
    if trouble := live.get("trouble"):
        yield f"trouble: {trouble}"
    if view.frozen:
        yield f"{view.frozen} shelves are frozen (channelsync explain SKU says why)"
    if unmapped:
        yield f"not mapped, and not written: {', '.join(unmapped)} (channelsync locations)"
    if view.open_attempts:
        yield f"{view.open_attempts} writes whose outcome is not known yet"
    if view.gaps:
        yield f"{view.gaps} shelves show what nothing explains, {view.asked} of them wait for you (channelsync drift list)"
    if view.inbox:
        yield f"inbox: {view.inbox} deliveries wait, the oldest came {ago(view.inbox_oldest)}"
    if view.set_aside:
        yield f"set aside: {counted(view.set_aside)}"
    if view.rejected:
        yield f"{view.rejected} deliveries had a wrong signature: compare the webhook secret"
    if rate := live.get("rate"):
        yield f"rate: {rate['left']:.0f} of {rate['of']:.0f} left, {rate['per_second']:g} a second"


def _due(view: ChannelView) -> str:
    if not view.due:
        return f"all {view.shelves} shelves show their number"
    since = f", the oldest change came {ago(view.oldest_unsent)}" if view.oldest_unsent else ""
    return f"{view.due} of {view.shelves} shelves wait for a new number{since}"
