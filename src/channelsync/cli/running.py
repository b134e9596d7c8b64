"""`status`: how every channel is doing, at a glance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.markup import escape

from channelsync.cli.show import age, ago, counted, dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.clock import SystemClock
from channelsync.ledger import channel_places
from channelsync.ledger.authority_view import AuthorityView
from channelsync.ledger.overview import ChannelView, Overview, overview
from channelsync.shell.desk import plain

COLUMNS = ("channel", "state", "waiting#", "orders /min#", "hooks /min#", "writes /min#", "last order", "look", "reading", "push")


def status(config: ConfigFile = None, json: AsJson = False) -> None:
    """Show each channel: live, paused or unopened and what ends it, what waits and since when, how fast it flows, what needs a person.

    [dim]Example: channelsync status[/dim]
    """
    store = StoreAt(config)
    seen = store.read(overview, SystemClock().now())
    live = store.ask_daemon("live")
    unmapped = _unmapped(store)
    if json:
        dump({"daemon": live and {"pid": live["pid"]}, **plain(seen), "live": live["channels"] if live else {}, "unmapped": unmapped})
        return
    say(f"daemon: {'running, process ' + str(live['pid']) if live else 'not running; these are the numbers it left'}")
    states = {view.name: _state(store, view) for view in seen.channels}
    _rates(seen, states)
    now = live["channels"] if live else {}
    owners = {owner.channel: owner for owner in seen.authorities}
    for each in seen.channels:
        _channel(each, states[each.name], owners.get(each.name), now.get(each.name, {}), unmapped.get(each.name, []))
    say(f"open findings: {counted(seen.findings)}")


def _state(store: StoreAt, view: ChannelView) -> str:
    """As the ledger says, but for a channel that lives and only looks on."""
    configured = store.config.channels.get(view.name)
    return "shadow" if configured and configured.mode == "shadow" and view.state == "live" else view.state


def _rates(seen: Overview, states: dict[str, str]) -> None:
    rows = []
    for view in seen.channels:
        fresh = view.freshness
        rates = (fresh.orders_per_minute, fresh.deliveries_per_minute, fresh.writes_per_minute)
        times = (fresh.last_order, view.last_look, fresh.last_reading, fresh.last_push)
        rows.append((view.name, states[view.name], fresh.backlog, *(f"{rate:.1f}" for rate in rates), *(age(time) for time in times)))
    table("Channels", COLUMNS, rows, empty="none yet")


def _authority(view: AuthorityView) -> Iterator[str]:
    yield f"owns on hand: {view.numbers} numbers, read {ago(view.last_reading)}, all of them {ago(view.last_full)}"
    waits = {
        "numbers do not come": view.stale,
        "orders are to be told": view.waiting,
        "orders set aside": view.aside,
        "shipped without a document": view.undocumented,
    }
    for what, count in waits.items():
        if count:
            yield f"{count} {what}"


def _unmapped(store: StoreAt) -> dict[str, list[str]]:
    """Places of the shops that nobody has mapped, by channel."""
    found: dict[str, list[str]] = {}
    tables = {name: channel.locations for name, channel in store.config.channels.items()}
    for place in store.read(channel_places.listed, tables):
        if place.fed_by is None and place.active:
            found.setdefault(place.channel, []).append(place.name or place.ref)
    return found


def _channel(view: ChannelView, state: str, owner: AuthorityView | None, live: dict[str, Any], unmapped: list[str]) -> None:
    colour = {"live": "green", "paused": "yellow"}.get(state, "cyan")
    why = f" ({escape(view.reason)})" if view.reason else ""
    looked = owner.last_reading if owner else view.last_look
    say(f"\n[bold]{view.name}[/bold]: [{colour}]{state}[/{colour}]{why}, {view.connector}, last look {ago(looked)}")
    for line in (*(_authority(owner) if owner else ()), *_work(view, state, owner), *_trouble(view, live, unmapped), *_webhooks(view)):
        say(f"  {escape(line)}")
    if rate := live.get("rate"):
        say(f"  rate: {rate['left']:.0f} of {rate['of']:.0f} left, {rate['per_second']:g} a second")


def _work(view: ChannelView, state: str, owner: AuthorityView | None) -> Iterator[str]:
    if view.ends:
        yield view.ends
    unlinked = f", {view.unlinked} not linked" if view.unlinked else ""
    yield f"{view.listings} listings{unlinked}" + ("" if owner else f"; {_due(view, state)}")
    if view.open_attempts:
        yield f"{view.open_attempts} writes whose outcome is not known yet"
    if view.inbox:
        yield f"inbox: {view.inbox} deliveries wait, the oldest came {ago(view.inbox_oldest)}"


def _trouble(view: ChannelView, live: dict[str, Any], unmapped: list[str]) -> Iterator[str]:
    if trouble := live.get("trouble"):
        yield f"trouble: {trouble}"
    if view.frozen:
        yield f"{view.frozen} shelves are frozen (channelsync explain SKU says why)"
    if unmapped:
        yield f"not mapped, and not written: {', '.join(unmapped)} (channelsync locations)"
    if view.gaps:
        yield f"{view.gaps} shelves show what nothing explains, {view.asked} of them wait for you (channelsync drift list)"
    if view.set_aside:
        yield f"set aside: {counted(view.set_aside)} (channelsync aside list)"
    for group in view.aside:
        yield f"  {group.count} {group.kind}: {group.reason}"


def _webhooks(view: ChannelView) -> Iterator[str]:
    known = view.webhooks
    if known and known.problem:
        yield f"webhooks: {known.problem}; polling goes on"
    elif known and known.ours:
        others = f", {known.others} of others" if known.others else ""
        yield f"webhooks: {known.ours} topics{others}, looked at {ago(known.checked_at)}, last delivery {ago(known.delivered_at)}"
    elif view.state == "live":
        yield "webhooks: none registered; polling does all the work"
    if known and known.filled_from:
        yield f"webhooks were missing since {ago(known.filled_from)}; that time {_filled(known.filled_at is not None)}"
    if view.rejected:
        yield f"{view.rejected} deliveries had a wrong signature: compare the webhook secret"
    for tally in view.rejections:
        yield f"  {tally.count} times, last {ago(tally.last_at)}: {tally.reason}"


def _filled(done: bool) -> str:
    return "was looked through again" if done else "is being looked through again"


def _due(view: ChannelView, state: str) -> str:
    if not view.due:
        return f"all {view.shelves} shelves show their number"
    if state == "shadow":
        return f"{view.due} of {view.shelves} shelves would get another number, and none does while mode is shadow (channelsync plan)"
    if state == "unopened":
        return f"{view.due} of {view.shelves} shelves would get another number; `channelsync apply` opens the channel"
    since = f", the oldest change came {ago(view.oldest_unsent)}" if view.oldest_unsent else ""
    outlook = f", {view.freshness.outlook}" if view.freshness.outlook else ""
    return f"{view.due} of {view.shelves} shelves wait for a new number{since}{outlook}"
