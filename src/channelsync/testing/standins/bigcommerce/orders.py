"""The life of an order: when the store takes units out of its own number, when it gives them back, and what its lists see of it."""

from __future__ import annotations

from channelsync.testing.standins.base import TrueLine, TrueOrder
from channelsync.testing.standins.bigcommerce import stock
from channelsync.testing.standins.bigcommerce.render import order_json
from channelsync.testing.standins.bigcommerce.state import DEFAULT_LOCATION, Line, Order, Refund, State, Variant, View

GIVES_BACK = (4, 5)
DEAD = (0, 4, 5, 6)
LEFT = (2, 10)
PARTLY_SHIPPED, PARTLY_REFUNDED, REFUNDED = 3, 14, 4


def new_order(state: State, basket: list[tuple[Variant, int]], status: int, *, external: str = "", pickup: int | None = None) -> Order:
    now = state.now()
    order = Order(state.next_id("order"), 0, now, now, external_order_id=external, pickup=pickup)
    for variant, units in basket:
        product = state.products[variant.product_id]
        order.lines.append(Line(state.next_id("line"), variant.id, product.id, variant.sku, product.name, units))
    state.orders[order.id] = order
    state.announce("store/order/created", {"type": "order", "id": order.id})
    set_status(state, order, status)
    return order


def set_status(state: State, order: Order, status: int) -> None:
    """Staff, checkout and API clients all come this way; a refund does not."""
    before, order.status = order.status, status
    if status in LEFT:
        _ship_rest(state, order)
    if status in GIVES_BACK and state.dials.refund_order_stock_adjustment:
        for line in order.lines:
            _settle(state, order, line, 0)
            line.returned = line.shipped
    elif status not in DEAD:
        settle(state, order)
    change = {"previous_status_id": before, "new_status_id": status}
    state.announce("store/order/statusUpdated", {"type": "order", "id": order.id, "status": change})
    save(state, order)


def _ship_rest(state: State, order: Order) -> None:
    for line in order.lines:
        line.shipped = line.quantity - line.refunded_unshipped
    order.shipped_at = order.shipped_at or state.now()


def ship_some(state: State, order: Order, units: dict[int, int]) -> None:
    """A shipment of some lines, by line id; the last unit makes the order Shipped."""
    for line in order.lines:
        line.shipped += units.get(line.id, 0)
    state.announce("store/shipment/created", {"type": "shipment", "id": order.id * 10, "orderId": order.id})
    whole = all(line.shipped >= line.quantity - line.refunded_unshipped for line in order.lines)
    set_status(state, order, 2 if whole else PARTLY_SHIPPED)


def settle(state: State, order: Order) -> None:
    """Bring every line's own effect to where the store's rule wants it. Only a cancel ever gives back (and an edit, if so set)."""
    for line in order.lines:
        _settle(state, order, line, max(line.took, _wanted(state, order, line)))


def _wanted(state: State, order: Order, line: Line) -> int:
    dials = state.dials
    if dials.update_stock_behavior == "order_placed":
        return line.quantity if order.status in dials.placed_statuses else 0
    left = order.shipped_at is not None or (order.status == PARTLY_SHIPPED and dials.partial_shipment_lowers)
    return line.shipped if left else 0


def _settle(state: State, order: Order, line: Line, wanted: int) -> None:
    item = stock.item_of(state, state.variants[line.variant_id])
    moved, line.took = wanted - line.took, wanted
    if item and moved:
        stock.move(state, item, order.pickup or DEFAULT_LOCATION, -moved, "sale" if moved > 0 else "restore", str(order.id))
    elif moved:
        line.took -= moved


def edit_line(state: State, order: Order, line: Line, quantity: int) -> None:
    line.quantity = quantity
    if state.dials.edit_order_stock_adjustment:
        _settle(state, order, line, _wanted(state, order, line))
    save(state, order)


def refund(state: State, order: Order, units: dict[int, int]) -> Refund:
    """Through the refund action or v3: money back, and never stock."""
    for line in order.lines:
        wanted = units.get(line.id, 0)
        unshipped = min(wanted, line.quantity - line.shipped - line.refunded_unshipped)
        line.refunded += wanted
        line.refunded_unshipped += unshipped
        line.returned += wanted - unshipped
    whole = all(line.refunded >= line.quantity for line in order.lines)
    order.status = REFUNDED if whole else PARTLY_REFUNDED
    items = [("PRODUCT", line, count) for line, count in units.items()]
    made = Refund(state.next_id("refund"), order.id, state.now(), items)
    state.refunds.append(made)
    state.announce("store/order/refund/created", {"type": "order", "id": order.id, "refund": {"refund_id": made.id}})
    save(state, order, bump=state.dials.refunds_bump)
    return made


def archive(state: State, order: Order) -> None:
    """What the API calls DELETE: the order stays readable by id, no stock moves."""
    order.archived = True
    state.announce("store/order/archived", {"type": "order", "id": order.id})
    save(state, order)


def save(state: State, order: Order, *, bump: bool = True) -> None:
    """A change bumps the date, is announced, and reaches lists a little later."""
    if bump:
        order.modified = state.now()
        state.announce("store/order/updated", {"type": "order", "id": order.id})
    mirror(state, order)
    lag, now = state.dials.visibility_lag, state.clock.monotonic()
    seen = [view for view in order.views if view.visible_at <= now]
    order.views = seen[-1:] + order.views[len(seen) :]
    at = max(order.views[-1].visible_at if order.views else 0.0, now + state.random.random() * lag)
    order.views.append(View(at, order.modified, order.status, order_json(state, order, lines=True)))


def mirror(state: State, order: Order) -> None:
    """What is really owed, shipped and back."""
    now, monotonic = state.clock.now(), state.clock.monotonic()
    true = state.truth.setdefault(str(order.id), TrueOrder(str(order.id), now, monotonic))
    true.lines = [_true_line(order, line) for line in order.lines]


def _true_line(order: Order, line: Line) -> TrueLine:
    cancelled = line.quantity - line.shipped if order.status in DEAD else line.refunded_unshipped
    return TrueLine(line.sku, line.quantity, line.shipped, cancelled, min(line.returned, line.shipped))
