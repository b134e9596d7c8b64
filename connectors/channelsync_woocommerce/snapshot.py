"""Makes an OrderSnapshot of a wc/v3 order. Stock is read per line from `_reduced_stock` (what the line takes now), never from the status.

Sources: wc-stock-functions.php and wc_restock_refunded_items; transitions measured on 10.0.2. An order does not show how many units of a line
were refunded without restock: that takes its refunds (`unshipped_refunds`). Not visible at all: whether a pending order lost its hold by having
been on hold before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from channelsync.contract import Effect, OrderLine, OrderSnapshot, OrderState, ShipTo, ship_to
from channelsync_woocommerce.shapes import inner, listing_ref, meta_value, number_id, objects, optional_time, required_time, text, units

Raw = Mapping[str, Any]
REST_OF_SECOND = timedelta(seconds=1) - timedelta(microseconds=1)  # WooCommerce cuts its times to whole seconds
NOTHING: Mapping[int, int] = MappingProxyType({})

STATES = {
    "pending": OrderState.PENDING,
    "checkout-draft": OrderState.PENDING,
    "auto-draft": OrderState.PENDING,
    "cancelled": OrderState.CANCELLED,
    "failed": OrderState.CANCELLED,
    "refunded": OrderState.CANCELLED,
    "trash": OrderState.DELETED,
}
DEAD = tuple(status for status, state in STATES.items() if state is not OrderState.PENDING)
DRAFTS = ("checkout-draft", "auto-draft")
WITHHOLDING = ("checkout", "store-api")  # created_via of the checkouts that write a row into wp_wc_reserved_stock
RESERVATION_KEYS = ("_reservation_ref", "reservation_ref")


@dataclass(frozen=True, slots=True)
class Meanings:
    """What this shop's settings say about statuses that WooCommerce does not know, or uses otherwise, and about lines made of other lines."""

    held: tuple[str, ...] = ()
    shipped: tuple[str, ...] = ()
    released: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()

    def state(self, status: str) -> OrderState:
        """Any status that is named nowhere (processing, on-hold, completed, those of plug-ins) is an open order."""
        if status in self.held or status in self.shipped:
            return OrderState.OPEN
        return OrderState.CANCELLED if status in self.released else STATES.get(status, OrderState.OPEN)


PLAIN = Meanings()


@dataclass(frozen=True, slots=True)
class _Order:
    """What the lines need to know of their order."""

    state: OrderState
    undone: bool  # back to a status in which WooCommerce has given everything back
    shipped: bool
    withholds: bool
    paid_at: datetime | None
    modified_at: datetime


def snapshot(raw: Raw, hold_stock_minutes: int, refunded: Mapping[int, int] = NOTHING, meanings: Meanings = PLAIN) -> OrderSnapshot:
    """Raises Misunderstood.

    refunded: units per line id that were refunded before they could be shipped.
    """
    status = str(raw.get("status", ""))
    state = meanings.state(status)
    created, modified = required_time(raw, "date_created"), required_time(raw, "date_modified")
    order = _Order(
        state=state,
        undone=status in ("cancelled", "pending"),
        shipped=optional_time(raw, "date_completed") is not None or status in meanings.shipped,
        withholds=state is OrderState.PENDING and status == "pending" and raw.get("created_via") in WITHHOLDING and hold_stock_minutes > 0,
        paid_at=optional_time(raw, "date_paid"),
        modified_at=modified,
    )
    reservation = meta_value(raw, *RESERVATION_KEYS)
    hold = timedelta(minutes=0 if status in DRAFTS else hold_stock_minutes)
    return OrderSnapshot(
        ref=str(number_id(raw)),
        state=state,
        modified_at=modified,
        created_at=created,
        lines=() if status in DRAFTS else tuple(_line(line, order, refunded, meanings) for line in objects(raw, "line_items")),
        number=text(raw.get("number")) or str(raw["id"]),
        hold_until=created + hold if state is OrderState.PENDING else None,
        reservation_ref=text(reservation) or None,
        ship_to=_ship_to(raw),
    )


def _ship_to(raw: Raw) -> ShipTo | None:
    """The checkout copies the billing address where no other was given; an order that is shipped nowhere has none."""
    address = inner(raw, "shipping")
    return ship_to(address.get("country"), address.get("state"), address.get("postcode"))


def _line(raw: Raw, order: _Order, refunded: Mapping[int, int], meanings: Meanings) -> OrderLine:
    """product_id 0: the product was deleted for good, or never existed; the line keeps what it says of itself.

    A bundle's line whose parts are lines of their own holds no stock, unless the shop took some for it: then the bundle is counted too.
    """
    product, variation = number_id(raw, "product_id", missing=0), number_id(raw, "variation_id", missing=0)
    quantity = max(0, units(raw.get("quantity"), "quantity"))
    took = units(meta_value(raw, "_reduced_stock"), "_reduced_stock")
    back = min(quantity, max(0, units(meta_value(raw, "_restock_refunded_items"), "_restock_refunded_items")))
    line = OrderLine(
        ref=str(number_id(raw)),
        listing=listing_ref(product, variation) if product else None,
        quantity=quantity,
        sku=text(raw.get("sku")) or None,
        title=text(raw.get("name")),
        effects=_effects(order, quantity, took, back),
        stocked=bool(took or back) or not _is_container(raw, meanings),
    )
    never_left = min(quantity, refunded.get(number_id(raw), 0))
    if order.shipped:
        return _shipped(line, order, took, back, never_left)
    return _not_shipped(line, order, took, back, never_left)


def _is_container(raw: Raw, meanings: Meanings) -> bool:
    """Bundle plug-ins mark such a line by meta data, and some by a field of the same name without the underscore."""
    return any(meta_value(raw, key) or raw.get(key.lstrip("_")) for key in meanings.containers)


def _shipped(line: OrderLine, order: _Order, took: int, back: int, never_left: int) -> OrderLine:
    """The order is or was completed. Units came back where the shop says so: refunded with restock, or the order cancelled or reopened.

    Of units refunded before, those put back on sale are cancelled and the others quarantined.
    """
    shipped, cancelled = line.quantity - never_left, min(never_left, back)
    restocked = shipped - min(shipped, max(0, took)) if order.undone else min(shipped, back - cancelled)
    return replace(line, shipped=shipped, cancelled=cancelled, quarantined=never_left - cancelled, restocked=restocked)


def _not_shipped(line: OrderLine, order: _Order, took: int, back: int, never_left: int) -> OrderLine:
    """A dead order's units are free again if the shop gave them back; what it still takes stays off sale until a person looks."""
    if order.state in (OrderState.CANCELLED, OrderState.DELETED):
        quarantined = min(line.quantity, max(0, took))
        return replace(line, cancelled=line.quantity - quarantined, quarantined=quarantined)
    withheld = line.quantity if order.withholds and line.stocked else 0
    return replace(line, cancelled=back, quarantined=max(0, never_left - back), withheld=withheld)


def unshipped_refunds(raw: Raw, refunds: Iterable[Raw]) -> dict[int, int]:
    """Units per line id that `refunds` of this order took back before it was completed. Refund lines carry negative quantities."""
    completed = optional_time(raw, "date_completed")
    found: dict[int, int] = {}
    for refund in refunds:
        if completed is None or required_time(refund, "date_created") < completed:
            for line in objects(refund, "line_items"):
                number = units(meta_value(line, "_refunded_item_id"), "_refunded_item_id")
                found[number] = found.get(number, 0) + abs(units(line.get("quantity"), "quantity"))
    return found


def _effects(order: _Order, quantity: int, took: int, back: int) -> tuple[Effect, ...]:
    """What the shop took and gave back, with the latest time each can have happened; the sum is `_reduced_stock`.

    A paid order whose units add up was lowered when it was paid, at the latest (a second lowering after a cancel looks the same). Everything
    else may have happened at the last change.
    """
    changed = order.modified_at + REST_OF_SECOND
    paid = min(order.paid_at, order.modified_at) + REST_OF_SECOND if order.paid_at else None
    if paid and order.undone and took == 0 and quantity:
        return Effect(quantity, paid), Effect(-quantity, changed)
    if paid and took + back == quantity and back:
        return Effect(quantity, paid), Effect(-back, changed)
    if not took:
        return ()
    first_lowering = paid is not None and took == quantity
    return (Effect(took, paid if paid and first_lowering else changed),)
