"""Refunds: money back, and units back on sale where `api_restock` says so (wc_create_refund, wc_restock_refunded_items)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from channelsync.testing.standins.woocommerce import stock
from channelsync.testing.standins.woocommerce.state import Line, Order, Refund, State, meta_value, put_meta

REDUCED = "_reduced_stock"
RESTOCKED = "_restock_refunded_items"


class InvalidRefund(Exception):
    """More money than there is left, or none."""


def remaining(order: Order) -> Decimal:
    return order.total - sum((refund.amount for refund in order.refunds), Decimal(0))


def add_refund(state: State, order: Order, amount: Decimal, units: Mapping[int, int], *, restock: bool, reason: str = "") -> Refund:
    """The caller sets the status `refunded` when nothing remains, and saves the order."""
    if amount < 0 or amount > remaining(order):
        raise InvalidRefund("Invalid refund amount.")
    refund = Refund(state.next_id("post"), amount, state.now(), reason, dict(units))
    order.refunds.append(refund)
    for line in order.lines:
        if units.get(line.id, 0) > 0 and not line.removed:
            refund_line(state, order, line, units[line.id], restock=restock)
    return refund


def refund_line(state: State, order: Order, line: Line, units: int, *, restock: bool) -> None:
    if order.completed is None:
        line.refunded += units
    elif restock:
        line.returned += units
    reduced = int(meta_value(line.meta, REDUCED) or 0)
    product = stock.keeper(state, state.products.get(line.sells))
    if restock and reduced and product:
        stock.move_stock(state, product, units, "restore", str(order.id))
        put_meta(state, line.meta, REDUCED, str(reduced - units))
        put_meta(state, line.meta, RESTOCKED, str(int(meta_value(line.meta, RESTOCKED) or 0) + units))


def refund_rest(state: State, order: Order) -> None:
    """Setting the status to `refunded` by hand refunds what is left, as money only."""
    if remaining(order) > 0:
        order.refunds.append(Refund(state.next_id("post"), remaining(order), state.now(), "Order fully refunded."))
