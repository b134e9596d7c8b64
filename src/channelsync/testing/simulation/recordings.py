"""A recording (`ledger.recording`) as the plan of a world: stand-ins of the recorded kinds, and a script of what happened. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from channelsync.ledger.brackets import EditPolicy, OnEdit
from channelsync.ledger.recording.model import Channel, Drift, OrderChange, Push, Recording, Reservation, Stock
from channelsync.testing.simulation.network import Weather
from channelsync.testing.simulation.plan import DENSE, DRAIN, MAIN, Pace, Plan, Rates, ShopPlan
from channelsync.testing.simulation.script import Buy, Cancel, Deed, Edit, Hold, LetGo, Lose, Move, Pay, Refund, Script, Ship
from channelsync.testing.standins.base import Faults

NOBODY = Rates(buy=0.0, unpaid=0.0, cancel=0.0, refund=0.0, ship=0.0, receive=0.0, adjust=0.0, reserve=0.0)
SHORT = 600.0
"""Up to so many seconds every shop works fifty times a second, as in a world of seconds."""
LOOKS = 2_000
"""How often a task that nothing wakes looks in a longer one."""
OUTAGE_CALLS = 3
"""So many writes in a row that were not let in are no chance."""
OVERLAP = 10.0
SILENCE = 600.0
HOLD_SECONDS = 3600.0


@dataclass(slots=True)
class Converted:
    """places: what the recording's ledger locations are called here. notes: what of it the world does without, in words."""

    plan: Plan
    places: Mapping[str, str]
    notes: list[str] = field(default_factory=list)


def convert(recording: Recording, seed: int = 1) -> Converted:
    notes: dict[str, None] = {}
    ours = _places(recording)
    bundles = {sku.sku: dict(sku.parts) for sku in recording.skus if sku.parts}
    channels = [each for each in recording.channels if _sells(each, notes)]
    shops = tuple(_shop(each, recording, ours, notes) for each in channels)
    selling = {shop.name for shop in shops}
    deeds, outages = _deeds(recording, selling, ours, notes)
    levels = {(each.sku, ours[each.place]): max(0, each.on_hand) for each in recording.opening}
    units = tuple(sku.sku for sku in recording.skus if not sku.parts)
    plan = Plan(
        seed=seed,
        shops=shops,
        skus=units,
        stock=0,
        seconds=_seconds(recording),
        rates=NOBODY,
        places=tuple(ours.values()),
        bundles=bundles,
        pace=_pace(recording),
        outages=outages,
        script=Script(tuple(deeds), {(sku, place): levels.get((sku, place), 0) for sku in units for place in ours.values()}),
    )
    if recording.left_out:
        notes[f"{recording.left_out} older stock movements are not in the recording: it begins in the middle"] = None
    return Converted(plan, ours, list(notes))


def _seconds(recording: Recording) -> float:
    """To its last event, and a little more: the silence after it is the same as that in which every world ends."""
    last = max((max(event.seen, getattr(event, "at", 0.0)) for event in recording.events), default=0.0)
    return min(recording.seconds, last + SILENCE) + 1.0


def _places(recording: Recording) -> dict[str, str]:
    """The recording's ledger locations, and the world's name of each. The first is where orders are taken from."""
    levels = [each.place for each in (*recording.opening, *recording.closing)]
    moved = [each.place for each in recording.events if isinstance(each, Stock | Reservation)]
    feeds = [place for channel in recording.channels for shelf in channel.shelves for place in shelf.fed_by]
    known = sorted({*levels, *moved, *feeds}, key=_by_number) or ["place-1"]
    return {place: MAIN if not number else place for number, place in enumerate(known)}


def _by_number(place: str) -> tuple[int, str]:
    return len(place), place


def _sells(channel: Channel, notes: dict[str, None]) -> bool:
    if channel.authority:
        notes[f"{channel.channel} owns the stock: what it counted is replayed as units that came and went"] = None
        return False
    if channel.traits.carrier == "none":
        notes[f"{channel.channel} has no numbers to write and is left out"] = None
        return False
    return bool(channel.items)


def _pace(recording: Recording) -> Pace:
    patience = max(DENSE.patience, *(3 * each.sweep + 2 * each.traits.drains_within for each in recording.channels), 0.0)
    seconds = _seconds(recording)
    if seconds <= SHORT:
        return Pace(patience=patience)
    tick = max(1.0, seconds / LOOKS)
    return Pace(tick=tick, audit=max(15.0, seconds / 50), patience=max(patience, 20 * tick), step=max(5.0, tick), kicked=True)


# -- shops ------------------------------------------------------------------------------------------------------------------------------------


def _shop(channel: Channel, recording: Recording, ours: Mapping[str, str], notes: dict[str, None]) -> ShopPlan:
    bundles = {sku.sku for sku in recording.skus if sku.parts}
    plain: list[str] = []
    sets: list[str] = []
    packs: dict[str, tuple[str, int]] = {}
    for item in channel.items:
        if item.item == item.sku:
            (sets if item.sku in bundles else plain).append(item.item)
        elif item.sku in bundles:
            notes[f"{channel.channel} sells {item.item}, a pack of a set: left out"] = None
        else:
            packs[item.item] = (item.sku, item.pack)
    kind, places = _kind(channel), _shop_places(channel, ours, notes)
    lag = channel.traits.lag
    if not channel.rules.plain or channel.rules.share % 100:
        notes[f"{channel.channel} has rules that a replay does not know: only safety stock, a share in percent and a maximum are kept"] = (
            None
        )
    return ShopPlan(
        name=channel.channel,
        kind=kind,
        dials=_dials(channel, kind, places),
        table=_table(channel, kind),
        lag=lag,
        exclusive=channel.traits.exclusive,
        faults=Faults(),
        weather=Weather(),
        skew=0.0,
        safety_stock=channel.rules.safety_stock,
        on_edit=OnEdit(EditPolicy(channel.on_lower), EditPolicy(channel.on_higher)),
        packs=packs,
        places=places,
        bundles=tuple(sets),
        share=channel.rules.share // 100,
        show_max=channel.rules.show_max,
        sells=tuple(plain),
        shows=_shows(channel, recording, split=len(places) > 1),
        poll=channel.poll,
        sweep=channel.sweep,
        timeout=channel.timeout,
    )


def _kind(channel: Channel) -> str:
    """A shop that keeps several numbers, or of a kind nobody else has, is played by the memory shop with the recorded traits."""
    several = len({shelf.location for shelf in channel.shelves}) > 1
    return "memory" if channel.kind == "other" or several else channel.kind


def _shop_places(channel: Channel, ours: Mapping[str, str], notes: dict[str, None]) -> dict[str, tuple[str, ...]]:
    """The recording tells what feeds a number in no order of its own; orders are taken from the first."""
    feeds: dict[str, tuple[str, ...]] = {}
    for shelf in channel.shelves:
        feeds.setdefault(shelf.location, tuple(ours[place] for place in sorted(shelf.fed_by, key=_by_number)) or (MAIN,))
    if len(feeds) > 1:
        if channel.kind not in ("memory", "other"):
            notes[f"{channel.channel} keeps numbers at several places: a memory shop with its traits plays it"] = None
        return feeds
    return {"": next(iter(feeds.values()), (MAIN,))}


def _dials(channel: Channel, kind: str, places: Mapping[str, Any]) -> dict[str, Any]:
    traits = channel.traits
    if kind == "bigcommerce":
        return {"visibility_lag": traits.lag, "apply_seconds": traits.visible_after / 2 or 0.05}
    if kind == "moysklad":
        return {}
    if kind != "memory":
        return {"visibility_lag": traits.lag}
    dials: dict[str, Any] = {
        "carrier": traits.carrier,
        "key_memory": traits.key_memory,
        "visibility_lag": traits.lag,
        "withholds": traits.withholds,
        "hold_seconds": HOLD_SECONDS,
        "lowers_stock_on": traits.lowers_stock_on if traits.lowers_stock_on != "other" else "placed",
        "restores_on_cancel": traits.restores_on_cancel if traits.restores_on_cancel != "other" else "per order",
    }
    if traits.carrier == "adjust" and not traits.exclusive:
        dials |= {"race_seconds": 0.2, "key_memory": None}
    elif traits.visible_after and traits.carrier != "compare_and_set":
        dials["write_visible_after"] = traits.visible_after
    return dials | ({"locations": tuple(places)} if len(places) > 1 else {})


def _table(channel: Channel, kind: str) -> dict[str, Any]:
    lag, drains = channel.traits.lag, max(channel.traits.drains_within, channel.timeout + 1.0, DRAIN)
    match kind:
        case "shopify":
            return {"visibility_lag_seconds": int(lag) + 1, "overlap_seconds": int(lag + OVERLAP), "write_drains_seconds": int(drains) + 1}
        case "moysklad":
            return {"visibility_lag_seconds": min(lag, 300.0), "overlap_minutes": (lag + 60.0) / 60, "corrections": "enter_loss"}
        case "bigcommerce":
            visible = max(0.5, channel.traits.visible_after)
            own = {"write_visible_seconds": visible, "write_drains_seconds": max(drains, 2 * visible)}
        case _:
            own = {"write_drains_seconds": drains}
    return {"visibility_lag_seconds": lag, "overlap_seconds": lag + OVERLAP, **own}


def _shows(channel: Channel, recording: Recording, *, split: bool) -> dict[tuple[str, str], int]:
    """What its customers saw, and what it had already taken for orders that were open then: those are placed before the first day."""
    shows: Counter[tuple[str, str]] = Counter()
    for shelf in channel.shelves:
        shows[shelf.item, shelf.location if split else ""] += max(0, shelf.book or 0)
    first = next((shelf.location for shelf in channel.shelves), "") if split else ""
    for event in recording.events:
        if isinstance(event, OrderChange) and event.at < 0 and event.change == "placed" and event.channel == channel.channel:
            for line in event.lines:
                shows[line.item, first] += line.pieces
    return dict(shows)


# -- deeds ------------------------------------------------------------------------------------------------------------------------------------


def _deeds(
    recording: Recording, shops: set[str], ours: Mapping[str, str], notes: dict[str, None]
) -> tuple[list[Deed], tuple[tuple[float, str, float], ...]]:
    deeds: list[Deed] = list(_of_orders(recording, shops))
    pushed: dict[str, list[Push]] = {}
    for event in recording.events:
        match event:
            case Stock():
                if event.kind != "shortage":
                    deeds.append(Move(event.seen, event.sku, ours[event.place], event.units))
            case Reservation():
                deeds += _of_reservation(event, ours)
            case Drift():
                if event.channel in shops and event.settled != "returned":
                    deeds.append(Edit(event.seen, event.channel, event.item, event.units, event.location))
                    notes["hand edits are replayed when they were settled: when they were made is not known"] = None
            case Push():
                if event.channel in shops:
                    pushed.setdefault(event.channel, []).append(event)
    outages: list[tuple[float, str, float]] = []
    for shop, pushes in pushed.items():
        lost, away = _wire(shop, pushes)
        deeds += lost
        outages += away
    return deeds, tuple(outages)


def _of_orders(recording: Recording, shops: set[str]) -> Iterator[Deed]:
    """An order whose every open piece is called off is cancelled; otherwise it is so many pieces of a line."""
    owed: dict[tuple[str, str], Counter[str]] = {}
    changes = [event for event in recording.events if isinstance(event, OrderChange) and event.channel in shops]
    for event in sorted(changes, key=lambda event: event.at):
        lines, heard = {line.item: line.pieces for line in event.lines}, event.heard == "webhook"
        rest = owed.setdefault((event.channel, event.order), Counter())
        who = (event.at, event.channel, event.order)
        match event.change:
            case "placed":
                rest.update(lines)
                yield Buy(*who, lines, event.paid, event.reservation, heard)
            case "paid":
                yield Pay(*who, heard)
            case "shipped":
                rest.clear()
                yield Ship(*who, heard)
            case "returned":
                for item, pieces in lines.items():
                    yield Refund(*who, item, pieces, restock=True, heard=heard)
            case _:
                rest.subtract(lines)
                if not +rest:
                    yield Cancel(*who, restock=event.change != "kept", heard=heard)
                    continue
                for item, pieces in lines.items():
                    yield Refund(*who, item, pieces, restock=event.change != "kept", heard=heard)


def _of_reservation(event: Reservation, ours: Mapping[str, str]) -> Iterator[Deed]:
    at = max(0.0, event.seen)
    if event.change == "reserved" and event.units > 0:
        seconds = None if event.ends is None else max(1.0, event.ends - at)
        yield Hold(at, event.reservation, event.sku, ours[event.place], event.units, seconds)
    elif event.change in ("released", "fulfilled"):
        yield LetGo(at, event.reservation)


def _wire(shop: str, pushes: list[Push]) -> tuple[list[Deed], list[tuple[float, str, float]]]:
    """What befell our writes: each by itself, or, where none got through for a while, the shop was away."""
    deeds: list[Deed] = []
    outages: list[tuple[float, str, float]] = []
    refused: list[float] = []

    def close() -> None:
        if len(refused) >= OUTAGE_CALLS and refused[-1] > refused[0]:
            outages.append((refused[0], shop, refused[-1] - refused[0]))
        else:
            deeds.extend(Lose(at, shop, "throttled") for at in refused)
        refused.clear()

    calls = {push.seen if push.sent is None else push.sent: push for push in pushes if push.state not in ("armed", "withdrawn")}
    for at, push in sorted(calls.items()):
        if push.state == "not_sent":
            refused.append(at)
            continue
        close()
        if push.was_unknown:
            deeds.append(Lose(max(0.0, at - 0.1), shop, "answer" if push.landed else "request"))
    close()
    return deeds, outages
