"""The one place where a number of the store moves, whoever moves it: orders, staff, or an adjustment that has come due."""

from __future__ import annotations

from channelsync.testing.standins.base import Change
from channelsync.testing.standins.bigcommerce.state import DEFAULT_LOCATION, Pending, Product, Row, State, Variant


def item_of(state: State, variant: Variant) -> str | None:
    """The item that keeps this variant's number; None where the product is not counted."""
    tracking = state.products[variant.product_id].tracking
    return {"product": f"p:{variant.product_id}", "variant": f"v:{variant.id}"}.get(tracking)


def by_sku(state: State, sku: str) -> Variant:
    found = next((variant for variant in state.variants.values() if variant.sku == sku), None)
    if found is None:
        raise KeyError(f"the store sells no {sku!r}")
    return found


def item_by_sku(state: State, sku: str) -> str:
    item = item_of(state, by_sku(state, sku))
    if item is None:
        raise KeyError(f"the store does not count {sku!r}")
    return item


def product_of(state: State, item: str) -> Product:
    kind, _, number = item.partition(":")
    return state.products[int(number) if kind == "p" else state.variants[int(number)].product_id]


def sku_of(state: State, item: str) -> str:
    kind, _, number = item.partition(":")
    product = product_of(state, item)
    if kind == "v":
        return state.variants[int(number)].sku
    return product.sku or product.variants[0].sku


def set_on_hand(
    state: State, item: str, location: int, on_hand: int, cause: str, *, order: str | None = None, write: str | None = None
) -> None:
    """Write on hand and remember the change of what customers see: available, the store's own safety stock off."""
    row = state.rows.setdefault((item, location), Row(0))
    before, row.on_hand = row.available, on_hand
    if row.available == before:
        return
    name = "" if location == DEFAULT_LOCATION else str(location)
    at, monotonic = state.clock.now(), state.clock.monotonic()
    state.changes.append(Change(at, monotonic, sku_of(state, item), before, row.available, cause, order, write, 0, name))
    _announce(state, item, location, row.available - before, by_order=order is not None)


def move(state: State, item: str, location: int, units: int, cause: str, order: str) -> None:
    row = state.rows.get((item, location))
    set_on_hand(state, item, location, (row.on_hand if row else 0) + units, cause, order=order)


def _announce(state: State, item: str, location: int, moved: int, *, by_order: bool) -> None:
    product = product_of(state, item)
    variant = product.variants[0] if item.startswith("p:") else state.variants[int(item[2:])]
    inventory = {"product_id": product.id, "method": "relative" if by_order else "absolute", "value": moved}
    middle = "inventory/order/updated" if by_order else "inventory/updated"
    if item.startswith("p:"):
        state.announce(f"store/product/{middle}", {"type": "product", "id": product.id, "inventory": inventory})
    else:
        data = {"type": "sku", "id": variant.sku_id, "inventory": {**inventory, "variant_id": variant.id}}
        state.announce(f"store/sku/{middle}", data)
    named = {"variant_id": variant.id, "product_id": product.id, "location_id": location}
    state.announce("store/channel/*/inventory/product/stock_changed", named)


def apply_due(state: State) -> None:
    """Adjustments take effect in the order in which they were accepted."""
    now = state.clock.monotonic()
    while state.queue and state.queue[0].due <= now:
        _apply(state, state.queue.pop(0))


def _apply(state: State, pending: Pending) -> None:
    """A relative one is computed now. One that would by now fall below the buffer is dropped: its 200 has long been answered."""
    for item, location, quantity in pending.items:
        row = state.rows.get((item, location))
        if not pending.relative:
            set_on_hand(state, item, location, quantity, "write", write=pending.write)
        elif row is not None and (quantity > 0 or row.available + quantity >= 0):
            set_on_hand(state, item, location, row.on_hand + quantity, "write", write=pending.write)
