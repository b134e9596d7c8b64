"""What `doctor` finds in the ledger: channels that stand still, questions nobody has answered, work that does not flow. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from channelsync.contract import Diagnosis, Role, Severity
from channelsync.ledger import alert_pages, channel_places, channels, edits, holding, overview, workbench
from channelsync.ledger.channels import ChannelState, PauseKind
from channelsync.ledger.overview import ChannelView
from channelsync.ledger.schema import listings, skus
from channelsync.ledger.workbench import Kind

Places = Mapping[str, tuple[str, ...]]

OLD = timedelta(minutes=10)
VERY_OLD = timedelta(hours=1)
UNLINKED = frozenset({Kind.EMPTY, Kind.DUPLICATE, Kind.VARIANT, Kind.UNKNOWN, Kind.UNUSABLE})
DOUBTFUL = frozenset({Kind.RENAMED, Kind.MOVED, Kind.BARCODE, Kind.REUSED})
"""Linked perhaps to the wrong SKU. What is left is as the shop means it."""

FAILURES = 3
"""Of a target of alerts, one after the other: by then it has been away for more than half an hour."""

FORGOTTEN, FORGOTTEN_ORDER = timedelta(days=30), timedelta(days=90)
"""Hard claims and orders that hold units for so long are doubtful: a storefront's order never came, or nobody closes orders in the shop."""

WRITERS_SHOWN = 5

SILENT = timedelta(days=1)
"""Webhooks that stand for so long without one delivery are worth a word, if orders came meanwhile."""


def examine(conn: Connection, now: datetime, tables: Mapping[str, Places]) -> list[tuple[str, Diagnosis]]:
    """(channel, finding); "" for the store as a whole. tables: how the config maps each channel's own locations. Only its channels are looked at."""
    views = {view.name: view for view in overview.overview(conn, now).channels}
    found: list[tuple[str, Diagnosis]] = [("", each) for each in (*_store(conn), *_claims(conn, now), *_alerts(conn))]
    for state in channels.every(conn):
        if state.name in tables:
            found += [(state.name, each) for each in _channel(conn, state, views[state.name], now, tables[state.name])]
    return found


def _store(conn: Connection) -> Iterator[Diagnosis]:
    counted = conn.execute(select(func.count()).select_from(skus).where(skus.c.counted)).scalar_one()
    opened = any(state.opened_at for state in channels.every(conn))
    if opened and not counted:
        yield Diagnosis(
            "nothing-counted",
            Severity.WARNING,
            "no SKU has stock in the ledger, so no number is written anywhere",
            "name the channel whose numbers open the ledger (opening = ... under [store]) and `channelsync apply`, or `channelsync stock count`",
        )


def _claims(conn: Connection, now: datetime) -> Iterator[Diagnosis]:
    claims = holding.standing_claims(conn, now - FORGOTTEN)
    if claims is not None:
        what = f"{claims.count} hard claims hold {claims.units} units for more than {FORGOTTEN.days} days, the oldest for {claims.first}"
        remedy = f"`channelsync stock holds --older-than {FORGOTTEN.days}` lists them; `channelsync stock release REFERENCE` frees what nobody waits for"
        yield Diagnosis("claims-old", Severity.WARNING, what, remedy, claims.first)


def _alerts(conn: Connection) -> Iterator[Diagnosis]:
    for target in alert_pages.every_target(conn):
        again = f"repair it, then `channelsync alerts test {target.name}` and `channelsync alerts retry {target.name}`"
        if target.disabled_at is not None:
            what = f"alerts to {target.name} are switched off, {target.waiting} wait: {target.reason}"
            yield Diagnosis("alerts-off", Severity.ERROR, what, again, target.name)
        elif target.tries >= FAILURES:
            what = f"alerts do not reach {target.name}, {target.waiting} wait; it failed {target.tries} times: {target.reason}"
            yield Diagnosis("alerts-failing", Severity.WARNING, what, again, target.name)


def _channel(conn: Connection, state: ChannelState, view: ChannelView, now: datetime, table: Places) -> Iterator[Diagnosis]:
    yield from _standing(state, view)
    yield from _flow(view, now)
    yield from _other_writers(conn, state)
    yield from _listed(conn, state, view)
    yield from _webhooks(view, now)
    yield from _orders(conn, state, now)
    for place in channel_places.unmapped(conn, state.id, dict.fromkeys(table, ())):
        line = channel_places.line_for(conn, channel_places.mapped(conn, state.id, {}), place.ref, place.name)
        yield Diagnosis(
            "location-unmapped",
            Severity.WARNING,
            f"no ledger location stands behind the shop's location {place.name or place.ref}; its numbers are not written",
            f"add to [channels.{state.name}]: {line}",
            place.ref,
        )


def _orders(conn: Connection, state: ChannelState, now: datetime) -> Iterator[Diagnosis]:
    held = holding.standing_orders(conn, state.id, now - FORGOTTEN_ORDER)
    if held is not None:
        what = f"{held.count} orders of more than {FORGOTTEN_ORDER.days} days still hold {held.units} units, the oldest is {held.first}"
        remedy = (
            f"`channelsync stock holds --older-than {FORGOTTEN_ORDER.days}` lists them; ship or cancel in the shop what nobody waits for"
        )
        yield Diagnosis("orders-old", Severity.NOTE, what, remedy, held.first)


def _standing(state: ChannelState, view: ChannelView) -> Iterator[Diagnosis]:
    if state.paused_at is not None:
        kind = state.paused_kind or PauseKind.PERSON
        severity = Severity.WARNING if kind is PauseKind.PERSON else Severity.ERROR
        yield Diagnosis(f"paused-{kind.value}", severity, f"paused, nothing is written: {state.paused_reason}", view.ends or "")
    elif state.opened_at is None and state.role is Role.CHANNEL:
        yield Diagnosis(
            "never-opened",
            Severity.WARNING,
            "its first plan was never applied, so nothing is written",
            "`channelsync plan`, then `channelsync apply`",
        )


def _flow(view: ChannelView, now: datetime) -> Iterator[Diagnosis]:
    waits = now - view.oldest_unsent if view.oldest_unsent and view.state == "live" else timedelta(0)
    if waits > OLD:
        severity = Severity.ERROR if waits > VERY_OLD else Severity.WARNING
        what = f"{view.due} numbers wait to be written, the oldest for {_long(waits)}; {view.freshness.outlook or 'nothing is written'}"
        yield Diagnosis("backlog-old", severity, what, "is the daemon running, and does the shop answer? `channelsync status` tells both")
    if view.inbox_oldest and now - view.inbox_oldest > OLD:
        what = f"{view.inbox} deliveries are not handled, the oldest came {_long(now - view.inbox_oldest)} ago"
        yield Diagnosis("inbox-old", Severity.ERROR, what, "start the daemon: `channelsync run`; its log says why if it is running")
    if view.asked:
        what = f"{view.asked} numbers were changed in the shop, and nobody has said which is right"
        yield Diagnosis(
            "drift-asked", Severity.WARNING, what, "`channelsync drift list`, then `channelsync drift resolve SHELF --overwrite|--adopt`"
        )
    for group in view.aside:
        yield Diagnosis(
            "set-aside",
            Severity.WARNING,
            f"{group.count} {group.kind}: {group.reason}",
            f"repair the cause, then `channelsync aside retry {view.name} --kind {group.kind}`",
            group.first,
        )


def _other_writers(conn: Connection, state: ChannelState) -> Iterator[Diagnosis]:
    count, first = edits.writers(conn, state.id, WRITERS_SHOWN)
    for each in first:
        more = f" ({count} numbers of this channel are)" if count > len(first) else ""
        yield Diagnosis(
            "foreign-writer", Severity.ERROR, each.words + more, edits.REMEDY.format(shelf=each.shelf or "SHELF"), each.reference
        )


def _listed(conn: Connection, state: ChannelState, view: ChannelView) -> Iterator[Diagnosis]:
    groups = workbench.survey(conn, [state.id], few=1).groups
    if view.unlinked:
        kinds = ", ".join(f"{group.count} {group.kind.value}" for group in groups if group.kind in UNLINKED)
        yield Diagnosis(
            "listings-unlinked",
            Severity.WARNING,
            f"{view.unlinked} of {view.listings} listings stand for no SKU{f' ({kinds})' if kinds else ''}; their numbers are not written, and their orders wait",
            f"`channelsync listings match {view.name}` shows why, `channelsync listings link` maps one",
        )
    for group in groups:
        if group.kind in DOUBTFUL:
            what = f"{group.count} listings are doubtful ({group.kind.value}), such as {group.items[0].ref}: {group.items[0].reason}"
            yield Diagnosis(f"listings-{group.kind.value}", Severity.WARNING, what, group.remedy, group.items[0].ref)
    if state.opened_at is not None and not view.listings:
        yield Diagnosis(
            "no-listings", Severity.ERROR, "the shop has told of no listing", "does it have products, and may our credentials read them?"
        )
    troubled = select(listings.c.problem, func.count()).where(listings.c.channel_id == state.id, listings.c.removed_at.is_(None))
    for problem, count in conn.execute(troubled.where(listings.c.problem.is_not(None)).group_by(listings.c.problem).limit(10)):
        yield Diagnosis("listings-problem", Severity.NOTE, f"{count} listings are not written: {problem}", "nothing, if that is meant")


def _webhooks(view: ChannelView, now: datetime) -> Iterator[Diagnosis]:
    for tally in view.rejections:
        if now - tally.last_at < SILENT:
            yield Diagnosis(
                "webhooks-rejected",
                Severity.ERROR,
                f"{tally.count} deliveries were turned away, the last {_long(now - tally.last_at)} ago: {tally.reason}",
                "compare the webhook secret in the shop with the config; the deliveries are not lost to us, polling finds the orders later",
            )
    known = view.webhooks
    if known is None:
        return
    if known.problem:
        yield Diagnosis(
            "webhooks-failing",
            Severity.WARNING,
            f"webhooks could not be looked at: {known.problem}",
            "repair that; polling goes on meanwhile",
        )
    last_order, heard = view.freshness.last_order, known.delivered_at
    if known.ours and last_order and last_order > now - SILENT and (heard is None or heard < last_order - SILENT):
        yield Diagnosis(
            "webhooks-silent",
            Severity.WARNING,
            "orders came, but no delivery did: the shop cannot reach us",
            "is public_url right, and does the reverse proxy pass /webhooks/ on to the public listener?",
        )


def _long(time: timedelta) -> str:
    minutes = time / timedelta(minutes=1)
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h" if minutes < 2880 else f"{minutes / 1440:.0f} d"
