"""`status`: how every channel is doing, at a glance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.markup import escape

from channelsync.cli.show import age, ago, counted, dump, say, table
from channelsync.cli.store import AsJson, ConfigFile, StoreAt
from channelsync.clock import SystemClock
from channelsync.ledger.alert_counts import AlertCounts
from channelsync.ledger.authority_view import AuthorityView
from channelsync.ledger.overview import ChannelView
from channelsync.ledger.returns.pages import Waiting
from channelsync.shell.plain import plain
from channelsync.shell.standing import Standing, standing

COLUMNS = ("channel", "state", "waits#", "orders /min#", "hooks /min#", "writes /min#", "order", "read", "push")


def status(config: ConfigFile = None, json: AsJson = False) -> None:
    """Show each channel: live, paused or unopened and what ends it, what waits and since when, how fast it flows, what needs a person.

    [dim]Example: channelsync status[/dim]
    """
    store = StoreAt(config)
    whole = store.read(standing, store.config, SystemClock().now())
    live = store.ask_daemon("live")
    stands = whole.channels
    if json:
        views = [plain(each.view) for each in stands.values()]
        owners = [plain(each.authority) for each in stands.values() if each.authority]
        unmapped = {name: list(each.unmapped) for name, each in stands.items() if each.unmapped}
        told = {"channels": views, "findings": dict(whole.findings), "alerts": plain(whole.alerts), "authorities": owners}
        told["returns"] = plain(whole.returns)
        dump({"daemon": live and {"pid": live["pid"]}, **told, "live": live["channels"] if live else {}, "unmapped": unmapped})
        return
    say(f"daemon: {'running, process ' + str(live['pid']) if live else 'not running; these are the numbers it left'}")
    _rates(stands)
    now = live["channels"] if live else {}
    for name, each in stands.items():
        _channel(each, now.get(name, {}))
    say(f"open findings: {counted(dict(whole.findings))}")
    say(escape(f"alerts: {_alerts(whole.alerts)}"))
    if whole.returns.returns:
        say(f"returns: {_returns(whole.returns)} (channelsync returns list --waiting)")


def _alerts(counts: AlertCounts) -> str:
    """What is open, and what did not get through."""
    kinds: dict[str, int] = {}
    for each in counts.open:
        kinds[each.kind] = kinds.get(each.kind, 0) + each.count
    said = [f"{counted(kinds)} open" if kinds else "none open"]
    if waiting := [queue for queue in counts.queues if queue.waiting_since is not None]:
        oldest = min(queue.waiting_since for queue in waiting if queue.waiting_since is not None)
        said.append(f"{_messages(sum(queue.waiting for queue in waiting))} waiting, the oldest since {age(oldest)}")
    if given_up := sum(queue.given_up for queue in counts.queues):
        said.append(f"{_messages(given_up)} given up")
    return "; ".join(said) + (" (channelsync alerts list)" if len(said) > 1 or kinds else "")


def _returns(waits: Waiting) -> str:
    late = f"; {waits.late} wait too long" if waits.late else ""
    return f"{waits.units} units to be inspected on {waits.returns}, the oldest came {ago(waits.since)}{late}"


def _messages(count: int) -> str:
    return "1 message" if count == 1 else f"{count} messages"


def _rates(stands: Mapping[str, Standing]) -> None:
    rows = []
    for name, each in stands.items():
        fresh = each.view.freshness
        rates = (fresh.orders_per_minute, fresh.deliveries_per_minute, fresh.writes_per_minute)
        times = (fresh.last_order, fresh.last_reading, fresh.last_push)  # the last look is told below, with each channel
        rows.append((name, each.state, fresh.backlog, *(f"{rate:.1f}" for rate in rates), *(age(time) for time in times)))
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


def _channel(each: Standing, live: dict[str, Any]) -> None:
    view, state, owner = each.view, each.state, each.authority
    colour = {"live": "green", "paused": "yellow"}.get(state, "cyan")
    why = f" ({escape(view.reason)})" if view.reason else ""
    looked = owner.last_reading if owner else view.last_look
    say(f"\n[bold]{view.name}[/bold]: [{colour}]{state}[/{colour}]{why}, {view.connector}, last look {ago(looked)}")
    for line in (*(_authority(owner) if owner else ()), *_work(view, state, owner), *_trouble(view, live, each.unmapped), *_webhooks(view)):
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


def _trouble(view: ChannelView, live: dict[str, Any], unmapped: Sequence[str]) -> Iterator[str]:
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
