"""How orders live and when they move stock: creation, statuses, lines, trash. The transition table was measured on WooCommerce 10.0.2.

Refunds are in `refunds`; how an order is shown is in `render`.
"""

from __future__ import annotations

from decimal import Decimal

from channelsync.testing.standins.woocommerce import stock, truth
from channelsync.testing.standins.woocommerce.refunds import refund_rest
from channelsync.testing.standins.woocommerce.render import order_view
from channelsync.testing.standins.woocommerce.state import Line, Order, Product, State, drop_meta, meta_value, put_meta

LOWERING = ("on-hold", "processing", "completed")
REDUCED = "_reduced_stock"
RESTOCKED = "_restock_refunded_items"


def new_order(state: State, created_via: str) -> Order:
    """An order under construction; `place` makes it part of the shop."""
    now = state.now()
    return Order(state.next_id("post"), "pending", created_via, now, now)


def add_line(state: State, order: Order, product: Product | None, quantity: int) -> Line:
    """A product the shop does not know leaves a line with product_id 0, as in WooCommerce."""
    parent = state.products.get(product.parent) if product else None
    name = product.name if product else ""
    line = Line(
        id=state.next_id("line"),
        product_id=parent.id if parent else product.id if product else 0,
        variation_id=product.id if product and parent else 0,
        quantity=quantity,
        name=f"{parent.name} - {name}" if parent else name,
        sku=product.sku if product else "",
        price=Decimal((product and product.price) or "0"),
    )
    order.lines.append(line)
    return line


def place(state: State, order: Order, status: str) -> None:
    """Store a new order; its first status acts like a transition. Store API orders announce `updated` before `created` (measured)."""
    state.orders[order.id] = order
    set_status(state, order, status)
    topics = ["order.created", "order.updated"]
    for topic in reversed(topics) if order.created_via == "store-api" else topics:
        state.announce(topic, order.id)
    save_order(state, order)


def save_order(state: State, order: Order) -> None:
    """Any change bumps the date, queues order.updated and reaches lists a little later."""
    order.modified = state.now()
    state.announce("order.updated", order.id)
    publish(state, order)


def publish(state: State, order: Order) -> None:
    """Bring the truth up to date and let lists see the order after the shop's lag."""
    truth.mirror(state, order)
    lag = state.dials.visibility_lag
    now = state.clock.monotonic()
    if not lag and not order.views:
        return
    visible = [view for view in order.views if view.visible_at <= now]
    order.views = visible[-1:] + order.views[len(visible) :]
    after = order.views[-1].visible_at if order.views else 0.0
    order.views.append(order_view(state, order, max(after, now + state.random.random() * lag)))


def set_status(state: State, order: Order, status: str) -> None:
    if status == order.status:
        return
    order.status = status
    if status in LOWERING:
        lower(state, order)
    elif status in ("cancelled", "pending") or (status == "failed" and state.dials.restores_on_failed):
        restore(state, order)
    if status in (*LOWERING, "cancelled"):
        release(state, order)
    if status in ("processing", "completed") and order.paid is None:
        order.paid = state.now()
    if status == "completed":
        order.completed = state.now()
        truth.ship(order)
    if status == "refunded":
        refund_rest(state, order)


def lower(state: State, order: Order) -> None:
    if order.stock_reduced:
        return
    for line in order.lines:
        product = stock.keeper(state, state.products.get(line.sells))
        if product and not line.removed and not taken(line):
            stock.move_stock(state, product, -line.quantity, "sale", str(order.id))
            put_meta(state, line.meta, REDUCED, str(line.quantity))
    order.stock_reduced = True


def restore(state: State, order: Order) -> None:
    if not order.stock_reduced:
        return
    for line in order.lines:
        product = stock.keeper(state, state.products.get(line.sells))
        if product and taken(line):
            stock.move_stock(state, product, taken(line), "restore", str(order.id))
            drop_meta(line.meta, REDUCED)
    order.stock_reduced = False


def taken(line: Line) -> int:
    """What this line takes out of stock now."""
    return int(meta_value(line.meta, REDUCED) or 0)


def change_quantity(state: State, order: Order, line: Line, quantity: int) -> None:
    line.quantity = quantity
    settle_line(state, order, line)


def settle_line(state: State, order: Order, line: Line) -> None:
    """An edited line of a lowered order moves stock by the difference at once (wc_maybe_adjust_line_item_product_stock)."""
    product = stock.keeper(state, state.products.get(line.sells))
    if order.status not in LOWERING or product is None:
        return
    wanted = line.quantity - int(meta_value(line.meta, RESTOCKED) or 0)
    difference = wanted - taken(line)
    if difference:
        stock.move_stock(state, product, -difference, "sale" if difference > 0 else "restore", str(order.id))
        put_meta(state, line.meta, REDUCED, str(wanted))
        order.stock_reduced = True


def remove_line(state: State, order: Order, line: Line) -> None:
    product = stock.keeper(state, state.products.get(line.sells))
    if product and taken(line):
        stock.move_stock(state, product, taken(line), "restore", str(order.id))
        drop_meta(line.meta, REDUCED)
    line.removed = True


def trash(state: State, order: Order) -> None:
    """Stock stays where it is: WooCommerce does not restore on trash (woocommerce#26716: by design)."""
    order.trashed_from, order.status = order.status, "trash"
    order.modified = state.now()
    state.announce("order.deleted", order.id)
    publish(state, order)


def untrash(state: State, order: Order, status: str) -> None:
    """Restoring by PUT announces nothing (measured); only the date tells."""
    order.status = order.trashed_from
    set_status(state, order, status)
    order.modified = state.now()
    publish(state, order)


def delete(state: State, order: Order) -> None:
    """For good: no announcement, no stock, just gone."""
    release(state, order)
    truth.bury(state, order)
    del state.orders[order.id]


def hold(state: State, order: Order) -> None:
    """An unpaid checkout withholds its units for the shop's hold time."""
    state.held[order.id] = order
    order.hold_until = state.clock.monotonic() + state.dials.hold_stock_minutes * 60
    for line in order.lines:
        product = stock.keeper(state, state.products.get(line.sells))
        if product:
            order.hold[product.id] = order.hold.get(product.id, 0) + line.quantity


def release(state: State, order: Order) -> None:
    order.hold = {}
    state.held.pop(order.id, None)


def expire_holds(state: State) -> None:
    """Classic checkouts are cancelled when their hold ends; Store API orders merely lose it (10.0.2)."""
    now = state.clock.monotonic()
    for order in [order for order in state.held.values() if order.hold_until <= now]:
        release(state, order)
        if order.status == "pending" and order.created_via == "checkout":
            set_status(state, order, "cancelled")
            save_order(state, order)
