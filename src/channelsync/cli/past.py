"""`stock show --at` and `explain --at`: a SKU as the ledger knew it then, and what cannot be told of the past."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from channelsync.cli.moves import show_moves
from channelsync.cli.show import dump, say, table
from channelsync.cli.store import StoreAt
from channelsync.cli.times import instant, shown
from channelsync.clock import SystemClock
from channelsync.ledger import looking
from channelsync.ledger.explaining import LevelView
from channelsync.ledger.past import Past, PastShelf
from channelsync.ledger.past import past as of_past

At = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="As it was then: a date (its end) or a time, in the store's time zone.", show_default=False),
]


def show_past(store: StoreAt, sku: str, text: str, *, json: bool) -> None:
    found, zone = _read(store, sku, text, None)
    moved = store.read(looking.last_movements, sku, until=found.at)
    if json:
        about = {"sku": found.sku, "title": found.title, "at": found.at, "levels": list(found.levels), "holds": list(found.holds)}
        dump({**about, "movements": moved, "parts": _parts(found), "unknown": list(found.unknown)})
        return
    _levels(found, zone)
    show_moves("Last movements by then", moved, lambda at: shown(at, zone))
    _unknown(found.unknown)


def explain_past(store: StoreAt, sku: str, text: str, channel: str | None, *, json: bool) -> None:
    found, zone = _read(store, sku, text, channel)
    if json:
        dump(found)
        return
    _levels(found, zone)
    for shelf in found.shelves:
        _shelf(shelf, zone)
    _unknown(found.unknown)


def _read(store: StoreAt, sku: str, text: str, channel: str | None) -> tuple[Past, str]:
    now, zone = SystemClock().now(), store.config.store.time_zone
    return store.read(of_past, sku, instant(text, zone, now), now, channel), zone


def _parts(found: Past) -> list[dict[str, object]]:
    return [{"sku": sku, "quantity": quantity, "levels": list(levels)} for sku, quantity, levels in found.parts]


def _levels(found: Past, zone: str) -> None:
    name = f"{found.sku} {found.title}".strip()
    columns = ("location", "on hand#", "soft#", "hard#", "pending#?", "elsewhere#?", "quarantined#?", "damaged#?", "available#")
    title = f"{name}, as the ledger knew it at {shown(found.at, zone)}"
    if found.parts:
        rows = [(quantity, sku, *row) for sku, quantity, levels in found.parts for row in _rows(levels)]
        table(f"{title}, a bundle", ("units#", "of", *columns), rows, empty="none of its parts had moved by then")
    else:
        table(title, columns, _rows(found.levels), empty="it had not moved by then")
    holds = [(h.kind, h.units, h.location, f"{h.by} {h.reference}", h.channel) for h in found.holds]
    table("Held then", ("kind", "units#", "location", "for", "channel"), holds, empty="nothing")


def _rows(levels: Iterable[LevelView]) -> list[Sequence[object]]:
    return [
        (v.location, v.on_hand, v.soft, v.hard, v.pending_debit, v.held_elsewhere, v.quarantined, v.damaged, v.available) for v in levels
    ]


def _shelf(shelf: PastShelf, zone: str) -> None:
    where = f"{shelf.channel}, listing {shelf.listing}" + (f", location {shelf.location}" if shelf.location else "")
    if shelf.book is None:
        say(f"{where}: its number had not been read by then")
        return
    terms = [("opening", shelf.opening), ("our writes", shelf.writes), ("the shop took", -shelf.took), ("it gave back", shelf.gave_back)]
    terms += [("corrected", shelf.corrected)] if shelf.corrected else []
    table(f"{where}: the statement by then", ("", "units#"), [*terms, ("= expected", shelf.book)])
    push = shelf.last_push
    if push:
        say(f"last push by then, {shown(push.at, zone)}: {push.value} ({push.delta:+d}), {push.state} {push.reason}".rstrip())


def _unknown(unknown: Iterable[str]) -> None:
    for each in unknown:
        say(f"[dim]not known: {each}[/dim]")
