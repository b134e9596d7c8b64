"""What the memory shop's JSON means in the contract's words. Pure functions: no request is made here.

The shop's JSON is checked by strict models first; whatever does not fit raises Misunderstood with the place and the reason.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime

from channelsync.contract import (
    Call,
    Carrier,
    Effect,
    Identity,
    Listing,
    OrderLine,
    OrderSnapshot,
    OrderState,
    Outcome,
    Reading,
    ShelfRef,
    ShipTo,
    Subscription,
    SwitchResult,
    Write,
    WriteResult,
    ship_to,
)
from channelsync.errors import Misunderstood
from channelsync_memory.answers import Shape, fits


class ShopShape(Shape):
    id: str
    name: str


class ItemShape(Shape):
    ref: str
    variant: str
    sku: str
    title: str
    tracked: bool
    locations: list[str]
    sells_on: bool | None = None


class EffectShape(Shape):
    units: int
    at: AwareDatetime


class LineShape(Shape):
    ref: str
    item: str
    sku: str
    title: str
    location: str
    quantity: int
    shipped: int
    cancelled: int
    quarantined: int
    restocked: int
    withheld: int
    effects: list[EffectShape]


class AddressShape(Shape):
    """Of the whole address only this."""

    country: str = ""
    region: str = ""
    postcode: str = ""
    latitude: float | None = None
    longitude: float | None = None


class OrderShape(Shape):
    ref: str
    state: Literal["pending", "open", "cancelled"]
    created_at: AwareDatetime
    modified_at: AwareDatetime
    hold_until: AwareDatetime | None
    reservation_ref: str | None
    lines: list[LineShape]
    ship_to: AddressShape | None = None


class LevelShape(Shape):
    listing: str
    location: str
    shows: int | None


class ResultShape(Shape):
    id: str
    outcome: str
    shows: int | None
    reason: str


class HookShape(Shape):
    ref: str
    topic: str
    url: str
    active: bool


class ItemsPage(Shape):
    items: list[ItemShape]
    next: str | None
    now: AwareDatetime


class OrdersPage(Shape):
    orders: list[dict[str, Any]]  # each is understood alone: one odd order must not hide the others
    next: str | None
    now: AwareDatetime


class LevelsPage(Shape):
    levels: list[LevelShape]
    now: AwareDatetime


class ResultsPage(Shape):
    results: list[ResultShape]


class SwitchShape(Shape):
    listing: str
    sells_on: bool


class SwitchesPage(Shape):
    switches: list[SwitchShape]


class HooksPage(Shape):
    hooks: list[HookShape]


class StockNews(Shape):
    item: str
    location: str
    shows: int


def identity(content: bytes) -> Identity:
    shop = fits(ShopShape, content)
    return Identity(shop.id, shop.name)


def listing(item: ItemShape) -> Listing:
    problem = None if item.tracked else "the shop does not count this item"
    return Listing(
        item.ref,
        item.sku,
        item.title,
        (item.variant,),
        tracked=item.tracked,
        problem=problem,
        locations=tuple(item.locations),
        sells_below_zero=item.sells_on,
    )


def order(content: str | bytes) -> OrderSnapshot:
    """Raises Misunderstood also for numbers that do not add up."""
    shape = fits(OrderShape, content)
    snapshot = OrderSnapshot(
        ref=shape.ref,
        state=OrderState(shape.state),
        modified_at=shape.modified_at,
        created_at=shape.created_at,
        lines=tuple(_line(line) for line in shape.lines),
        number=shape.ref.removeprefix("order-"),
        hold_until=shape.hold_until,
        reservation_ref=shape.reservation_ref,
        ship_to=_ship_to(shape.ship_to),
    )
    for line in snapshot.lines:
        if not line.adds_up():
            raise Misunderstood(f"{snapshot.ref}: line {line.ref} does not add up: {line}")
    return snapshot


def _ship_to(to: AddressShape | None) -> ShipTo | None:
    return None if to is None else ship_to(to.country, to.region, to.postcode, to.latitude, to.longitude)


def _line(line: LineShape) -> OrderLine:
    return OrderLine(
        ref=line.ref,
        listing=line.item,
        quantity=line.quantity,
        sku=line.sku,
        title=line.title,
        shipped=line.shipped,
        cancelled=line.cancelled,
        quarantined=line.quarantined,
        restocked=line.restocked,
        effects=tuple(Effect(effect.units, effect.at) for effect in line.effects),
        withheld=line.withheld,
        location=line.location,
    )


def readings(content: bytes) -> list[Reading]:
    page = fits(LevelsPage, content)
    return [Reading(ShelfRef(level.listing, level.location), level.shows, page.now) for level in page.levels]


def switches(content: bytes) -> list[SwitchResult]:
    return [SwitchResult(row.listing, row.sells_on) for row in fits(SwitchesPage, content).switches]


def subscription(hook: HookShape) -> Subscription:
    return Subscription(hook.ref, hook.topic, hook.url, active=hook.active)


def write_row(carrier: Carrier, write: Write) -> dict[str, Any]:
    row: dict[str, Any] = {"id": write.id, "listing": write.shelf.listing, "location": write.shelf.location}
    if carrier is Carrier.ADJUST:
        return row | {"delta": write.delta}
    return row | {"value": write.value} | ({"compare": write.compare} if carrier is Carrier.COMPARE_AND_SET else {})


OUTCOMES = {
    "ok": Outcome.OK,
    "stale": Outcome.STALE,
    "refused": Outcome.REFUSED,
    "skipped": Outcome.NOT_SENT,
    "accepted": Outcome.OK,  # taken in; `traits.write_visible_after` says that it is not there yet
}


def results(call: Call, content: bytes) -> list[WriteResult]:
    """By id, never by position. An id that we did not send proves that this answer is not ours."""
    rows = {row.id: row for row in fits(ResultsPage, content).results}
    if strange := rows.keys() - {write.id for write in call.writes}:
        raise Misunderstood(f"results for writes we did not send: {sorted(strange)}")
    return [WriteResult(row.id, OUTCOMES.get(row.outcome, Outcome.UNKNOWN), row.reason, row.shows) for row in rows.values()]
