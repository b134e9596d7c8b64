"""One Shopify order as an OrderSnapshot: pure arithmetic over what the shop answered.

Rests on one identity of line items, in Shopify's own words "total number of units that can't be fulfilled" and "not yet fulfilled":

    quantity = shipped + unfulfilledQuantity + nonFulfillableQuantity

where a unit that came back *after* it shipped still counts as shipped. An order for which the refunds contradict it is not understood.

A line item becomes one OrderLine per location that it is, or was, taken from. The ref is `<line item>@<location's number>`, for shops with
one location too, so that it stays the same when the shop gets a second one; a place that an order was moved away from is listed with zero
units, which releases what was held there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from channelsync.contract import Effect, OrderLine, OrderSnapshot, OrderState, ShipTo, ship_to
from channelsync_shopify.order_answers import Destination, Line, Order
from channelsync_shopify.shapes import Malformed
from channelsync_shopify.shares import Back, Share, Spots, shares

RESERVATION_KEY = "reservation_ref"
"""The note attribute under which a storefront passes on the reservation it holds."""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """Units that came back on sale without a refund."""

    line: str
    location: str | None
    units: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Where:
    """What is known about an order's places. home: what counts where nothing else is said.

    spots: by line; None where the shop has one location that is ours: then everything is taken from there, except what a till elsewhere sold,
    which is nobody's business here.
    """

    home: str
    spots: Mapping[str, Spots] | None = None
    taken_in: Sequence[TakenIn] = ()


def snapshot(order: Order, where: Where) -> OrderSnapshot:
    """Raises Malformed if the order's numbers contradict each other."""
    backs = _backs(order, where)
    return OrderSnapshot(
        ref=order.id,
        state=OrderState.CANCELLED if order.cancelled_at else OrderState.OPEN,
        modified_at=order.updated_at.astimezone(UTC),
        created_at=order.created_at.astimezone(UTC),
        lines=tuple(made for line in order.line_items.nodes for made in _lines(order, line, backs.get(line.id, {}), where)),
        number=order.name,
        reservation_ref=next((each.value for each in order.custom_attributes if each.key == RESERVATION_KEY and each.value), None),
        test=order.test,
        ship_to=_ship_to(order.shipping_address),
    )


def _ship_to(told: Destination | None) -> ShipTo | None:
    if told is None:
        return None
    return ship_to(told.country_code_v2, told.province_code, told.zip, told.latitude, told.longitude)


def _backs(order: Order, where: Where) -> Mapping[str, Mapping[str, Back]]:
    """What was put back on sale, by line and place. A refund without a time happened at the latest when the order was last changed."""
    found: defaultdict[str, defaultdict[str, Back]] = defaultdict(lambda: defaultdict(Back))
    only = _only(order, where)
    for refund in order.refunds:
        at = latest(refund.created_at or order.updated_at)
        for line in refund.refund_line_items.nodes:
            place = only or (line.location.id if line.location else where.home)
            if line.restock_type != "NO_RESTOCK":
                found[line.line_item.id][place].add(line.restock_type, line.quantity, at)
    for each in where.taken_in:
        found[each.line][only or each.location or where.home].add("RETURN", each.units, latest(each.at))
    return found


def _only(order: Order, where: Where) -> str | None:
    """The one place of everything in this order, where no other can be."""
    if where.spots is not None:
        return None
    return order.retail_location.id if order.retail_location else where.home


def _lines(order: Order, line: Line, backs: Mapping[str, Back], where: Where) -> Sequence[OrderLine]:
    if (only := _only(order, where)) is not None:
        shipped = line.quantity - line.unfulfilled_quantity - line.non_fulfillable_quantity
        alone = Share(only, line.quantity, shipped, line.non_fulfillable_quantity, backs.get(only) or Back())
        return (_line(order, line, alone, where),)
    assert where.spots is not None
    fallback = order.retail_location.id if order.retail_location else where.home
    return [_line(order, line, share, where) for share in shares(line, where.spots.get(line.id, {}), backs, fallback)]


def _line(order: Order, line: Line, share: Share, where: Where) -> OrderLine:
    """Lines whose item was deleted keep what they say of themselves; gift cards and custom lines hold no stock, a till elsewhere none of ours."""
    item = line.variant.inventory_item if line.variant else None
    back, ours = share.back, where.spots is not None or share.location == where.home
    gone = share.quantity - share.shipped if order.cancelled_at else share.gone
    restocked = back.returned + min(back.legacy, max(0, share.shipped - back.returned))
    cancelled = back.cancelled + back.returned + back.legacy - restocked
    if line.is_gift_card or not order.confirmed:
        cancelled = gone  # the shop never took these units, so none of them waits to be put back
    made = OrderLine(
        ref=f"{line.id}@{share.location.rpartition('/')[2]}",
        listing=item.id if item else None,
        quantity=share.quantity,
        sku=line.sku or None,
        title=line.title,
        shipped=share.shipped,
        cancelled=cancelled,
        quarantined=gone - cancelled,
        restocked=restocked,
        effects=_effects(order, line, share) if ours else (),
        location=None if where.spots is None and ours else share.location,
        stocked=ours and item is not None and not line.is_gift_card,
    )
    if not made.adds_up():
        raise Malformed(f"order {order.name}: line {line.id} does not add up: {made}")
    return made


def _effects(order: Order, line: Line, share: Share) -> tuple[Effect, ...]:
    """What the shop did to its own number: it takes every unit when the order is confirmed, and gives back what is restocked.

    A line without a variant is a custom one, or its variant was deleted after the sale: then the units were taken all the same.
    An edited order may have grown, and an order's part may have come from another location, at any time up to its last change; the later time
    is the safe one.
    """
    counted = not line.is_gift_card and (line.variant is None or line.variant.inventory_item.tracked)
    if not order.confirmed or not counted:
        return ()
    changed = order.updated_at if order.edited else order.created_at
    at = latest(max(changed, share.since or changed))
    taken = (Effect(share.quantity, at),) if share.quantity else ()
    return (*taken, *share.back.effects)


def latest(moment: datetime) -> datetime:
    """Shopify cuts its times to the second: the last instant that this one can mean."""
    return moment.astimezone(UTC).replace(microsecond=999_999)
