"""Keeps `TrueOrder`s in step with the shop's orders: what is really owed, shipped and back, whatever the dialect makes of it."""

from __future__ import annotations

from channelsync.testing.standins.base import TrueLine, TrueOrder
from channelsync.testing.standins.woocommerce.state import Order, State

DEAD = ("cancelled", "failed", "refunded", "trash")
UNPAID = ("pending", "checkout-draft", "auto-draft")


def mirror(state: State, order: Order) -> None:
    true = state.truth.get(str(order.id))
    unpaid = order.status in UNPAID
    if true is None or (true.pending and not unpaid and order.stock_reduced):
        true = TrueOrder(str(order.id), state.clock.now(), state.clock.monotonic())
        state.truth[true.ref] = true
    true.pending = unpaid
    true.lines = [_line(order, index) for index in range(len(order.lines))]


def _line(order: Order, index: int) -> TrueLine:
    line = order.lines[index]
    cancelled = line.quantity if line.removed else min(line.refunded, line.quantity)
    shipped = line.quantity - cancelled if order.completed else 0
    returned = shipped if order.status == "cancelled" else min(line.returned, shipped)
    if order.status in DEAD:
        cancelled = line.quantity - shipped
    return TrueLine(line.sku, line.quantity, shipped, cancelled, returned)


def ship(order: Order) -> None:
    """Completing an order that was given back before makes a new parcel: what returned has left again."""
    for line in order.lines:
        line.returned = 0


def bury(state: State, order: Order) -> None:
    """An order deleted for good is owed no more; what it shipped stays shipped."""
    true = state.truth.get(str(order.id))
    for line in true.lines if true else ():
        line.cancelled = line.quantity - line.shipped
