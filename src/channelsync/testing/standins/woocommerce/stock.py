"""The one place where a number of the shop moves, whoever moves it: orders, REST clients, staff."""

from __future__ import annotations

from channelsync.testing.standins.base import Change
from channelsync.testing.standins.woocommerce.state import Product, State

HOLDING = ("pending", "checkout-draft")


def keeper(state: State, product: Product | None) -> Product | None:
    """The product whose number this one shows; None if the shop does not count it."""
    if product is None or not state.dials.manage_stock:
        return None
    if product.managed:
        return product
    parent = state.products.get(product.parent)
    return parent if product.type == "variation" and parent and parent.managed else None


def by_sku(state: State, sku: str) -> Product | None:
    return state.products.get(state.skus.get(sku.casefold(), 0))


def add_product(state: State, product: Product) -> None:
    state.products[product.id] = product
    rename(state, product, product.sku)


def rename(state: State, product: Product, sku: str) -> None:
    """SKUs are unique whatever their case; products without one are many."""
    if state.skus.get(product.sku.casefold()) == product.id:
        del state.skus[product.sku.casefold()]
    product.sku = sku
    if sku:
        state.skus[sku.casefold()] = product.id


def remove_product(state: State, product: Product) -> None:
    rename(state, product, "")
    del state.products[product.id]


def withheld(state: State, product: Product) -> int:
    """Units of unpaid checkouts: not in `stock_quantity`, yet not for sale."""
    now = state.clock.monotonic()
    open_holds = (order for order in state.held.values() if order.status in HOLDING and order.hold_until > now)
    return sum(order.hold.get(product.id, 0) for order in open_holds)


def set_stock(state: State, product: Product, number: int, cause: str, *, order: str | None = None, write: str | None = None) -> None:
    """Write the number of a product that keeps one (see `keeper`) and remember the change as the truth."""
    before, product.stock = product.stock, number
    follow_stock(product)
    if number != before:
        held = withheld(state, product)
        state.changes.append(Change(state.clock.now(), state.clock.monotonic(), product.sku, before, number, cause, order, write, held))


def move_stock(state: State, product: Product, units: int, cause: str, order: str) -> None:
    """Orders move stock relatively, in one statement; the product is saved with it."""
    set_stock(state, product, product.stock + units, cause, order=order)
    save_product(state, product)


def follow_stock(product: Product) -> None:
    if product.stock > 0:
        product.stock_status = "instock"
    else:
        product.stock_status = "outofstock" if product.backorders == "no" else "onbackorder"


def save_product(state: State, product: Product) -> None:
    """Every save bumps the date and queues product.updated, even one that changes nothing; a variation bumps its parent's date too."""
    product.modified = state.now()
    parent = state.products.get(product.parent)
    if parent:
        parent.modified = product.modified
    state.announce("product.updated", product.id)


def children(state: State, parent: Product) -> list[Product]:
    if parent.type != "variable":
        return []
    return [product for product in state.products.values() if product.parent == parent.id and product.type == "variation"]
