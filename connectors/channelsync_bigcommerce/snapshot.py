"""Makes an OrderSnapshot of a v2 order. Pure. What the store did to its number follows from its rules and the order's status.

An order tells no time for anything but its creation and its last change, so effects are dated by the last change: later is the safe side.
Refunds never give units back; only the statuses Cancelled and Refunded do, and Refunded only where staff set it by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from channelsync.contract import Effect, OrderLine, OrderSnapshot, OrderState, ShipTo, ship_to
from channelsync.errors import Misunderstood
from channelsync_bigcommerce.rules import Rules
from channelsync_bigcommerce.shapes import inner, number_id, objects, product_ref, text, time_field, units, variant_ref

Raw = Mapping[str, Any]
REST_OF_SECOND = timedelta(seconds=1) - timedelta(microseconds=1)  # times are cut to whole seconds

INCOMPLETE, SHIPPED, REFUNDED, CANCELLED, DECLINED, COMPLETED = 0, 2, 4, 5, 6, 10
STATUSES = range(15)
STATES = {
    INCOMPLETE: OrderState.PENDING,
    REFUNDED: OrderState.CANCELLED,
    CANCELLED: OrderState.CANCELLED,
    DECLINED: OrderState.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Habits:
    """What the settings say about what the store's documents do not."""

    placed: frozenset[int]
    partial_shipment_lowers: bool
    default_location: str
    bundle_parents_counted: bool = False


@dataclass(frozen=True, slots=True)
class RawLine:
    """One row of the order's products. location: of a pickup consignment."""

    raw: Raw
    location: str | None


@dataclass(frozen=True, slots=True)
class _Order:
    """What the lines need to know of their order. left: the whole order was shipped or completed once."""

    status: int
    left: bool
    gave_back: bool
    rules: Rules
    habits: Habits
    changed: datetime
    bundles: frozenset[int]


def status_of(raw: Raw) -> int:
    status = raw.get("status_id")
    if isinstance(status, bool) or not isinstance(status, int) or status not in STATUSES:
        raise Misunderstood(f"status_id is not documented: {str(status)[:40]!r}")
    return status


def snapshot(raw: Raw, lines: Sequence[RawLine], rules: Rules, habits: Habits, *, refunded_by_action: bool = False) -> OrderSnapshot:
    """refunded_by_action: the status Refunded comes from the refund action, not from staff's hand. Raises Misunderstood."""
    status, number = status_of(raw), number_id(raw)
    created, modified = time_field(raw, "date_created"), time_field(raw, "date_modified")
    by_hand = status == CANCELLED or (status == REFUNDED and not refunded_by_action)
    order = _Order(
        status=status,
        left=status in (SHIPPED, COMPLETED) or bool(raw.get("date_shipped")),
        gave_back=by_hand and rules.gives_back,
        rules=rules,
        habits=habits,
        changed=modified + REST_OF_SECOND,
        bundles=frozenset(parent for line in lines if (parent := _bundle_of(line.raw))),
    )
    state = STATES.get(status, OrderState.OPEN)
    return OrderSnapshot(
        ref=str(number),
        state=state,
        modified_at=modified,
        created_at=created,
        lines=tuple(_line(line, order) for line in lines),
        number=str(number),
        hold_until=created if state is OrderState.PENDING else None,
        reservation_ref=text(raw.get("external_order_id")) or None,
        ship_to=_ship_to(raw),
    )


def _ship_to(raw: Raw) -> ShipTo | None:
    """What all shipping consignments have in common: an order may go to several addresses, and it is routed as one."""
    told = [(each.get("country_iso2"), each.get("state"), each.get("zip")) for each in objects(inner(raw, "consignments"), "shipping")]
    same = [values[0] if len({str(value) for value in values}) == 1 else None for values in zip(*told, strict=True)]
    return ship_to(*same)


def _line(line: RawLine, order: _Order) -> OrderLine:
    raw = line.raw
    quantity = units(raw, "quantity")
    refunded = min(quantity, units(raw, "quantity_refunded"))
    told = min(quantity, units(raw, "quantity_shipped"))
    shipped = max(told, quantity - refunded) if order.left else told
    took = _taken(order, quantity, shipped)
    kept = 0 if order.gave_back else took
    unshipped = quantity - shipped
    if order.status in STATES:
        quarantined = min(unshipped, kept)
        cancelled = unshipped - quarantined
    else:
        never_left = min(refunded, unshipped)
        quarantined = never_left if kept > shipped else 0
        cancelled = never_left - quarantined
    return OrderLine(
        ref=str(number_id(raw)),
        listing=_listing(raw),
        quantity=quantity,
        sku=text(raw.get("sku")) or None,
        title=text(raw.get("name")),
        shipped=shipped,
        cancelled=cancelled,
        quarantined=quarantined,
        restocked=min(shipped, took) if order.gave_back else 0,
        effects=(Effect(kept, order.changed),) if kept and _stocked(raw, order) else (),
        location=line.location or order.habits.default_location,
        assigned=line.location is not None,
        stocked=_stocked(raw, order),
    )


def _taken(order: _Order, quantity: int, shipped: int) -> int:
    """Units that the store took out of its number for a line, before anything was given back."""
    if order.status in (INCOMPLETE, DECLINED):
        return 0
    if order.rules.on_placed:
        return quantity if order.status in order.habits.placed or order.status in STATES else 0
    return shipped if order.left or order.habits.partial_shipment_lowers else 0


def _listing(raw: Raw) -> str | None:
    """The variant, or else the product; custom products of manual orders have neither."""
    variant, product = number_id(raw, "variant_id", missing=0), number_id(raw, "product_id", missing=0)
    return variant_ref(variant) if variant else product_ref(product) if product else None


def _stocked(raw: Raw, order: _Order) -> bool:
    """Downloads, gift certificates and custom products have no stock. The parts of a bundle are lines of their own."""
    if raw.get("type", "physical") != "physical" or _listing(raw) is None:
        return False
    return order.habits.bundle_parents_counted or number_id(raw) not in order.bundles


def _bundle_of(raw: Raw) -> int:
    """The line that this one is a part of; 0: of none."""
    return number_id(raw, "parent_order_product_id", missing=0) if raw.get("is_bundled_product") is True else 0
