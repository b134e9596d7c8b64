"""One Shopify order as an OrderSnapshot: pure arithmetic over what the shop answered.

Rests on one identity of line items, in Shopify's own words "total number of units that can't be fulfilled" and "not yet fulfilled":

    quantity = shipped + unfulfilledQuantity + nonFulfillableQuantity

where a unit that came back *after* it shipped still counts as shipped. An order for which the refunds contradict it is not understood.
Units that a return puts back on sale without any refund are not part of an order's refunds: they show up as drift of the number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from channelsync.contract import Effect, OrderLine, OrderSnapshot, OrderState
from channelsync_shopify.answers import Line, Order
from channelsync_shopify.shapes import Malformed

RESERVATION_KEY = "reservation_ref"
"""The note attribute under which a storefront passes on the reservation it holds."""


@dataclass(slots=True)
class Returns:
    """The refunded units of one line by restock type, and when each batch went back on sale."""

    cancelled: int = 0  # CANCEL: not shipped, back on sale
    returned: int = 0  # RETURN: shipped, back on sale
    legacy: int = 0  # LEGACY_RESTOCK: back on sale; the shop does not say whether it had shipped
    effects: list[Effect] = field(default_factory=list)

    def add(self, restock_type: str, units: int, at: datetime) -> None:
        """Types that are not known put nothing back on sale, like NO_RESTOCK: too low a number is the safe mistake."""
        if restock_type == "CANCEL":
            self.cancelled += units
        elif restock_type == "RETURN":
            self.returned += units
        elif restock_type == "LEGACY_RESTOCK":
            self.legacy += units
        else:
            return
        if units:
            self.effects.append(Effect(-units, at))


def snapshot(order: Order, location: str) -> OrderSnapshot:
    """location: the one whose number this channel keeps. Raises Malformed if the order's numbers contradict each other."""
    returns = _returns(order)
    return OrderSnapshot(
        ref=order.id,
        state=OrderState.CANCELLED if order.cancelled_at else OrderState.OPEN,
        modified_at=order.updated_at.astimezone(UTC),
        created_at=order.created_at.astimezone(UTC),
        lines=tuple(_line(order, line, returns.get(line.id) or Returns(), location) for line in order.line_items.nodes),
        number=order.name,
        reservation_ref=next((each.value for each in order.custom_attributes if each.key == RESERVATION_KEY and each.value), None),
        test=order.test,
    )


def _returns(order: Order) -> Mapping[str, Returns]:
    """By line. A refund without a time happened at the latest when the order was last changed."""
    found: defaultdict[str, Returns] = defaultdict(Returns)
    for refund in order.refunds:
        at = latest(refund.created_at or order.updated_at)
        for line in refund.refund_line_items.nodes:
            found[line.line_item.id].add(line.restock_type, line.quantity, at)
    return found


def _line(order: Order, line: Line, returns: Returns, location: str) -> OrderLine:
    elsewhere = order.retail_location is not None and order.retail_location.id != location
    item = line.variant.inventory_item if line.variant else None
    shipped = line.quantity - line.unfulfilled_quantity - line.non_fulfillable_quantity
    gone = line.quantity - shipped if order.cancelled_at else line.non_fulfillable_quantity
    restocked = returns.returned + min(returns.legacy, max(0, shipped - returns.returned))
    cancelled = returns.cancelled + returns.returned + returns.legacy - restocked
    if line.is_gift_card or not order.confirmed:
        cancelled = gone  # the shop never took these units, so none of them waits to be put back
    made = OrderLine(
        ref=line.id,
        listing=item.id if item else None,
        quantity=line.quantity,
        sku=line.sku,
        title=line.title,
        shipped=shipped,
        cancelled=cancelled,
        quarantined=gone - cancelled,
        restocked=restocked,
        effects=() if elsewhere else _effects(order, line, returns),  # a till in another place does not touch our number
        location=order.retail_location.id if order.retail_location else None,
        stocked=item is not None and not line.is_gift_card,
    )
    if not made.adds_up():
        raise Malformed(f"order {order.name}: line {line.id} does not add up: {made}")
    return made


def _effects(order: Order, line: Line, returns: Returns) -> tuple[Effect, ...]:
    """What the shop did to its own number: it takes every unit when the order is confirmed, and gives back what is restocked.

    A line without a variant is a custom one, or its variant was deleted after the sale: then the units were taken all the same.
    An edited order may have grown at any time up to its last change; the later time is the safe one.
    """
    counted = not line.is_gift_card and (line.variant is None or line.variant.inventory_item.tracked)
    if not order.confirmed or not counted:
        return ()
    at = latest(order.updated_at if order.edited else order.created_at)
    taken = (Effect(line.quantity, at),) if line.quantity else ()
    return (*taken, *returns.effects)


def latest(moment: datetime) -> datetime:
    """Shopify cuts its times to the second: the last instant that this one can mean."""
    return moment.astimezone(UTC).replace(microsecond=999_999)
