"""Where a line's units come from: today's mapping, unless what is posted already pins it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from channelsync.contract import OrderLine
from channelsync.ledger.order_mapping import Source, Target
from channelsync.ledger.order_rows import LineRow
from channelsync.ledger.order_work import OrderWork

PLACE: Final = "location "
"""How `what` begins where a line waits for its location."""

Group = list[LineRow]
"""The rows of a line that were sold as one thing from one place: one row, or one per part of a bundle."""


@dataclass(frozen=True, slots=True)
class Choice:
    """sources: none if the line has to wait. waits_for: what a person has to do, "" if nothing. what: the thing in question."""

    sources: tuple[Source, ...]
    waits_for: str = ""
    what: str = ""


def groups(rows: Sequence[LineRow]) -> list[Group]:
    found: dict[tuple[int, int], Group] = {}
    for row in rows:
        found.setdefault(row.at.item, []).append(row)
    return list(found.values())


def present(found: Sequence[Group]) -> Group:
    """Where the line is now, of all places where it has been; its last one if it is nowhere any more."""
    return next((group for group in found if any(row.quantity for row in group)), found[-1] if found else [])


def routable(line: OrderLine) -> bool:
    """The shop does not say itself where the line is shipped from."""
    return line.stocked and not (line.location and line.assigned)


def choose(work: OrderWork, line: OrderLine, found: Sequence[Group]) -> Choice:
    """A line whose mapping is gone, or whose place nobody has mapped, stays where it was first applied, or goes where it was routed; one that was
    never applied waits.
    """
    target = work.target(line.listing)
    route = work.routes.get(line.ref) if routable(line) else None
    stays = tuple(row.at if route is None else replace(row.at, location_id=route) for row in present(found))
    if target is None or target.sku_id is None:
        what = line.sku or line.title or line.listing or "?"
        return Choice(stays, "" if stays else f"no SKU is linked to {what!r}: link its listing, the sale is then applied", what)
    place = target.at(work.channel, line.location)
    if place is None:
        return Choice(stays, _unmapped(line.location), _place_of(work, line))
    if route is not None:
        place = replace(place, location_id=route)
    pinned = _pinned(target, found, target.sources(place))
    return Choice(_shown_at(pinned, target, line.location))


def _shown_at(sources: tuple[Source, ...], target: Target, location: str | None) -> tuple[Source, ...]:
    """Of several numbers that one location feeds, the shop moves that of the place it names now.

    From one named place to another only: a line that was seen before the shop named its places was never moved by it.
    """
    named = {name: shelf_id for name, (shelf_id, _) in target.shelves.items() if name}
    if not location or location not in named or sources[0].shelf_id not in named.values():
        return sources
    return (replace(sources[0], shelf_id=named[location]), *sources[1:])


def _pinned(target: Target, found: Sequence[Group], sources: tuple[Source, ...]) -> tuple[Source, ...]:
    """What was sold before is made of the same still: packs and recipes are those of the first application, also at another location.

    A mapping that shares a SKU with what is posted at the same location keeps to that; only other goods can take its place.
    """
    item = sources[0].item
    for group in found:
        if group[0].at.item == item:
            return tuple(row.at for row in group)
    levels = {(source.sku_id, source.location_id) for source in sources}
    for group in found:
        if levels & {(row.at.sku_id, row.at.location_id) for row in group}:
            return tuple(row.at for row in group)
    for group in found:
        if group[0].at.item[0] == target.sku_id:
            return tuple(
                Source(row.at.sku_id, item[1], row.at.pack, None if number else sources[0].shelf_id, row.at.bundle_id)
                for number, row in enumerate(group)
            )
    return sources


def _place_of(work: OrderWork, line: OrderLine) -> str:
    return PLACE + json.dumps([line.location or "", work.snapshot.ref])


def waits_at(what: str) -> tuple[str, str] | None:
    """The channel location that a line waits for, and its order. None: it waits for something else, whose name only begins alike."""
    try:
        location, order = json.loads(what.removeprefix(PLACE))
    except (ValueError, TypeError):
        return None
    return (location, order) if isinstance(location, str) and isinstance(order, str) else None


def _unmapped(location: str | None) -> str:
    if location is None:
        return "it names no location and the channel has none either: set `location` of the channel, the sale is then applied"
    return (
        f"it was sold at location {location!r}, which is not mapped: "
        f'add `locations = {{ "{location}" = "<ledger location>" }}` to the channel, the sale is then applied'
    )
