"""How every channel stands, for `status`, the API and the metrics: the ledger's numbers and what the config says beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from channelsync.config import Config
from channelsync.ledger import channel_places
from channelsync.ledger.alert_counts import AlertCounts, alert_counts
from channelsync.ledger.authority_view import AuthorityView
from channelsync.ledger.overview import ChannelView, overview
from channelsync.ledger.returns.pages import Waiting, waiting_now

GONE = "gone"


@dataclass(frozen=True, slots=True)
class Standing:
    """One channel. state: live, shadow (it lives and is only looked at), paused or unopened. mode, role: as configured; "gone": it is not
    in the config any more. unmapped: places of the shop that hold stock and that nobody has mapped. authority: of a channel that owns on hand.
    """

    state: str
    mode: str
    role: str
    unmapped: tuple[str, ...]
    view: ChannelView
    authority: AuthorityView | None


@dataclass(frozen=True, slots=True)
class Whole:
    """findings: open ones, by kind. returns: what has come back and is not inspected."""

    channels: Mapping[str, Standing]
    findings: Mapping[str, int]
    alerts: AlertCounts
    returns: Waiting


def standing(conn: Connection, config: Config, now: datetime) -> Whole:
    seen, unmapped = overview(conn, now), _unmapped(conn, config)
    owners = {owner.channel: owner for owner in seen.authorities}
    found = {}
    for view in seen.channels:
        configured = config.channels.get(view.name)
        mode, role = (configured.mode, configured.role.value) if configured else (GONE, GONE)
        state = "shadow" if mode == "shadow" and view.state == "live" else view.state
        found[view.name] = Standing(state, mode, role, tuple(unmapped.get(view.name, ())), view, owners.get(view.name))
    waits = waiting_now(conn, timedelta(hours=config.alerts.inspect_hours), now)
    return Whole(found, seen.findings, alert_counts(conn), waits)


def _unmapped(conn: Connection, config: Config) -> dict[str, list[str]]:
    """Places of the shops that nobody has mapped, by channel."""
    found: dict[str, list[str]] = {}
    tables = {name: channel.locations for name, channel in config.channels.items()}
    for place in channel_places.listed(conn, tables):
        if place.fed_by is None and place.active:
            found.setdefault(place.channel, []).append(place.name or place.ref)
    return found
