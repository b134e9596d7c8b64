"""The file: one JSON document, read strictly. Times are seconds from the start of the recording; names are `names`' aliases.

`seen` is when the ledger learned of something, `at` when it happened at the shop, as far as the shop tells. Quantities of items are in the
listing's own units, those of SKUs in SKU units.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from channelsync.errors import ChannelsyncError

VERSION = 1
BYTES_MAX = 64 * 1024 * 1024
PROBLEMS_SHOWN = 5

Alias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]+(-[0-9]+)?(-x[0-9]+){0,2}$", max_length=40)]
"""No other text fits, whatever wrote the file."""
Place = Annotated[str, StringConstraints(pattern=r"^(place-[0-9]+)?$", max_length=40)]
"""A location; "" where a shop keeps one number."""
Seconds = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
Units = Annotated[int, Field(ge=-(10**12), le=10**12)]


class BadRecording(ChannelsyncError):
    """A file that is no recording: which, where in it, and what to do."""


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Level(Part):
    """Of one SKU at one place. on_hand: what is physically free of an authority's own affairs. soft, hard: held."""

    sku: Alias
    place: Place
    on_hand: Units
    soft: Units
    hard: Units


class Sku(Part):
    """parts: of a bundle, SKU -> units in one."""

    sku: Alias
    parts: dict[Alias, Annotated[int, Field(gt=0, le=10**6)]] = {}


class Shelf(Part):
    """One number of a shop. book: what we believed it showed, at the start and at the end; None: it was not read yet. reading: the last one."""

    item: Alias
    location: Place = ""
    fed_by: list[Place] = []
    book: Units | None
    book_at_end: Units | None
    target_at_end: Units | None = None
    reading: Units | None = None
    read: Seconds | None = None


class Item(Part):
    """What a shop sells: so many (`pack`) of a SKU in one piece."""

    item: Alias
    sku: Alias
    pack: Annotated[int, Field(gt=0, le=10**6)] = 1


class Rules(Part):
    """share in hundredths of a percent. plain False: more is said somewhere (a window, a minimum), which a replay does not know."""

    safety_stock: Units = 0
    share: Annotated[int, Field(ge=0, le=10_000)] = 10_000
    show_max: Units | None = None
    plain: bool = True


class Traits(Part):
    carrier: Literal["compare_and_set", "adjust", "set", "none"]
    exclusive: bool = True
    key_memory: Seconds | None = None
    visible_after: Seconds = 0.0
    drains_within: Seconds = 60.0
    lag: Seconds = 60.0
    lowers_stock_on: Literal["placed", "paid", "shipped", "other"] = "placed"
    restores_on_cancel: Literal["yes", "no", "per order", "other"] = "per order"
    withholds: bool = False


Edit = Literal["ask", "overwrite", "adopt"]


class Channel(Part):
    """kind: whose dialect it speaks, or "other". poll, sweep, timeout: seconds."""

    channel: Alias
    kind: Literal["bigcommerce", "memory", "moysklad", "shopify", "woocommerce", "other"]
    authority: bool = False
    traits: Traits
    poll: Annotated[float, Field(gt=0, le=1e7)]
    sweep: Annotated[float, Field(gt=0, le=1e7)]
    timeout: Annotated[float, Field(gt=0, le=1e5)]
    on_lower: Edit = "ask"
    on_higher: Edit = "overwrite"
    rules: Rules = Rules()
    items: list[Item] = []
    shelves: list[Shelf] = []


class Line(Part):
    item: Alias
    pieces: Annotated[int, Field(ge=0, le=10**9)]


Change = Literal["placed", "paid", "cancelled", "kept", "freed", "shipped", "returned"]
Heard = Literal["webhook", "poll"]


class OrderChange(Part):
    """What became of an order. freed: an unpaid checkout's hold ended. kept: called off, and the shop did not put it back on sale.

    At `at` below 0, placed: the order was open at the start; its lines are what was still owed then.
    """

    what: Literal["order"] = "order"
    at: Seconds
    seen: Seconds
    channel: Alias
    order: Alias
    change: Change
    lines: list[Line]
    paid: bool = True
    heard: Heard = "poll"
    reservation: Alias | None = None


class Stock(Part):
    """Units came or went otherwise than by orders; shortage: they were shipped, and nobody had counted them."""

    what: Literal["stock"] = "stock"
    seen: Seconds
    sku: Alias
    place: Place
    kind: Literal["received", "adjusted", "counted", "imported", "returned", "written off", "moved", "shortage"]
    units: Units


class Reservation(Part):
    """units > 0: claimed; < 0: let go of. ends: when it expires, seconds from the start; None: never."""

    what: Literal["reservation"] = "reservation"
    seen: Seconds
    reservation: Alias
    sku: Alias
    place: Place
    kind: Literal["soft", "hard"]
    units: Units
    change: Literal["reserved", "released", "expired", "committed", "fulfilled"]
    ends: Seconds | None = None


class Drift(Part):
    """The shop's number was not what it should have been. settled: what was done about it; open: nothing yet."""

    what: Literal["drift"] = "drift"
    seen: Seconds
    channel: Alias
    item: Alias
    location: Place = ""
    units: Units
    settled: Literal["rebase", "adopted", "returned", "open"]


class Push(Part):
    """One write of ours. landed: it took effect at the shop, as far as we found out; None: not known yet."""

    what: Literal["push"] = "push"
    seen: Seconds
    sent: Seconds | None
    settled: Seconds | None
    channel: Alias
    item: Alias
    location: Place = ""
    carrier: Literal["compare_and_set", "adjust", "set", "none"]
    value: Units
    delta: Units
    sends: Annotated[int, Field(ge=0, le=10**6)]
    state: Literal["armed", "sent", "unknown", "ok", "stale", "refused", "not_sent", "withdrawn", "bracketed"]
    landed: bool | None
    was_unknown: bool = False


class Webhook(Part):
    """A delivery that told of one of the orders. settled: when it was applied."""

    what: Literal["webhook"] = "webhook"
    seen: Seconds
    settled: Seconds
    channel: Alias


class Found(Part):
    """What people were told. resolved: when it was over."""

    what: Literal["finding"] = "finding"
    seen: Seconds
    kind: Literal["oversell", "shortage", "drift", "other"]
    channel: Alias | None
    sku: Alias
    units: Units | None = None
    resolved: Seconds | None = None


Event = Annotated[OrderChange | Stock | Reservation | Drift | Push | Webhook | Found, Field(discriminator="what")]


class Recording(Part):
    """left_out: events older than the oldest that was kept; with any, a replay begins in the middle."""

    format: Literal["channelsync recording"] = "channelsync recording"
    version: Literal[1] = 1
    seconds: Annotated[float, Field(ge=0, le=1e8)]
    sku: Alias
    skus: list[Sku]
    places: list[Place]
    channels: list[Channel]
    opening: list[Level]
    closing: list[Level]
    events: list[Event]
    left_out: Annotated[int, Field(ge=0)] = 0

    def text(self) -> str:
        return json.dumps(self.model_dump(mode="json", exclude_defaults=False), indent=1) + "\n"


def read(file: Path) -> Recording:
    """Raises BadRecording."""
    remedy = "make it anew with `channelsync record SKU --out FILE`"
    try:
        with file.open("rb") as stream:
            text = stream.read(BYTES_MAX + 1)
    except OSError as error:
        raise BadRecording(
            f"{file}: it cannot be read: {error.strerror or error}; name a file that `channelsync record` has written"
        ) from error
    if len(text) > BYTES_MAX:
        raise BadRecording(f"{file}: it is larger than any recording ({BYTES_MAX // 1024 // 1024} MB); {remedy}")
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRecording(f"{file}: it is no JSON: {str(error)[:200]}; {remedy}") from error
    if isinstance(raw, dict) and isinstance(raw.get("version"), int) and raw["version"] > VERSION:
        raise BadRecording(f"{file}: version: {raw['version']} is of a newer channelsync, this one reads {VERSION}; update it")
    try:
        found = Recording.model_validate_json(text)
    except ValidationError as error:
        told = [f"{'.'.join(str(part) for part in each['loc']) or 'document'}: {each['msg']}" for each in error.errors()[:PROBLEMS_SHOWN]]
        raise BadRecording(f"{file}: {'; '.join(told)}; {remedy}") from error
    if problem := _loose_end(found):
        raise BadRecording(f"{file}: {problem}; {remedy}")
    return found


def _loose_end(recording: Recording) -> str | None:
    """A name that nothing stands behind."""
    skus = {sku.sku for sku in recording.skus}
    if recording.sku not in skus:
        return f"sku: there is no {recording.sku}"
    shops = {channel.channel: {item.item for item in channel.items} for channel in recording.channels}
    for sku in recording.skus:
        if lost := set(sku.parts) - skus:
            return f"skus: {sku.sku} has the part {min(lost)}, which is no SKU of it"
    for channel in recording.channels:
        if lost := {item.sku for item in channel.items} - skus:
            return f"channels.{channel.channel}: it sells {min(lost)}, which is no SKU of it"
    for number, event in enumerate(recording.events):
        shop = getattr(event, "channel", None)
        if shop is not None and shop not in shops:
            return f"events.{number}: there is no channel {shop}"
        named = (
            {line.item for line in event.lines}
            if isinstance(event, OrderChange)
            else {item for item in [getattr(event, "item", None)] if item}
        )
        if shop is not None and (lost := named - shops[shop]):
            return f"events.{number}: {shop} sells no {min(lost)}"
        if getattr(event, "sku", recording.sku) not in skus:
            return f"events.{number}: there is no SKU {getattr(event, 'sku', None)}"
    return None
