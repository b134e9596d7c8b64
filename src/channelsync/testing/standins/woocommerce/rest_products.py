"""Products and variations over REST, one at a time, with the writes that WooCommerce ignores and the values it bends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from channelsync.testing.standins.woocommerce import stock
from channelsync.testing.standins.woocommerce.query import Reply, Request, RestError, invalid_param, limits, ordered, paged, pick
from channelsync.testing.standins.woocommerce.render import product_json
from channelsync.testing.standins.woocommerce.state import Product, State, put_meta

TYPES = ("simple", "variable", "grouped", "external")
UNCOUNTED = ("grouped", "external")


async def list_products(state: State, request: Request) -> Reply:
    """Parents only, unless a SKU filter widens the list to variations."""
    kind = request.params.get("type")
    if kind is not None and kind not in TYPES:
        raise invalid_param("type", f"type is not one of {', '.join(TYPES)}.")
    widened = "sku" in request.params or "search_sku" in request.params
    rows = [product for product in state.products.values() if widened or product.type != "variation"]
    return _listed(state, request, [product for product in rows if kind in (None, product.type)])


async def list_variations(state: State, request: Request) -> Reply:
    parent = _found(state, request.ids[0])
    return _listed(state, request, stock.children(state, parent))


def _listed(state: State, request: Request, rows: list[Product]) -> Reply:
    status = request.params.get("status", "any")
    include, exclude = request.numbers("include"), request.numbers("exclude") or []
    skus = [part.casefold() for part in request.params["sku"].split(",")] if "sku" in request.params else None
    part, dates = request.params.get("search_sku", "").casefold(), limits(state, request)
    rows = [
        product
        for product in rows
        if (product.status == status or (status == "any" and product.status != "trash"))
        and (include is None or product.id in include)
        and product.id not in exclude
        and (skus is None or product.sku.casefold() in skus)
        and part in product.sku.casefold()
        and dates.hold(product.modified, product.created)
    ]
    keys = {
        "date": _created,
        "id": _id,
        "modified": _modified,
        "title": _name,
        "slug": _name,
        "menu_order": _id,
        "price": _id,
        "popularity": _id,
        "rating": _id,
    }
    return paged(request, ordered(request, rows, keys), lambda product: product_json(state, product))


def _id(product: Product) -> Any:
    return product.id


def _created(product: Product) -> Any:
    return product.created


def _modified(product: Product) -> Any:
    return product.modified


def _name(product: Product) -> Any:
    return product.name


async def get_product(state: State, request: Request) -> Reply:
    """Variations can be read here too, but not written."""
    return Reply(pick(product_json(state, _found(state, request.ids[0])), request.params.get("_fields")))


async def get_variation(state: State, request: Request) -> Reply:
    return Reply(pick(product_json(state, variation(state, *request.ids)), request.params.get("_fields")))


async def create_product(state: State, request: Request) -> Reply:
    return Reply(product_json(state, create(state, request.body, parent=0)), 201)


async def create_variation(state: State, request: Request) -> Reply:
    return Reply(product_json(state, create(state, request.body, parent=_found(state, request.ids[0]).id)), 201)


def create(state: State, body: Mapping[str, Any], parent: int) -> Product:
    kind = "variation" if parent else str(body.get("type", "simple"))
    _check_sku(state, str(body.get("sku", "")), 0)
    now = state.now()
    product = Product(state.next_id("post"), kind, str(body.get("name", "")), str(body.get("sku", "")), now, now, parent)
    stock.add_product(state, product)
    apply_fields(state, product, body)
    if product.managed:
        product.stock = whole(body.get("stock_quantity"))
        stock.follow_stock(product)
    if parent:
        state.products[parent].modified = now
    state.announce("product.created", product.id)
    return product


async def put_product(state: State, request: Request) -> Reply:
    product = writable(state, request.ids[0])
    return Reply(await _put(state, request, product))


async def put_variation(state: State, request: Request) -> Reply:
    return Reply(await _put(state, request, variation(state, *request.ids)))


async def _put(state: State, request: Request, product: Product) -> dict[str, Any]:
    """A single write validates `stock_quantity`; null passes and becomes 0."""
    body = dict(request.body)
    if "stock_quantity" in body:
        if body["stock_quantity"] is not None and not _is_integer(body["stock_quantity"]):
            raise invalid_param("stock_quantity", "stock_quantity is not of type integer.")
        body["stock_quantity"] = whole(body["stock_quantity"])
    await save(state, product, body, request.write)
    return product_json(state, product)


async def save(state: State, product: Product, body: Mapping[str, Any], write: str | None) -> None:
    """Apply one write. `inventory_delta` reads its base, thinks, and writes the sum: a sale in between is lost, as in WooCommerce."""
    base = product.stock
    if body.get("inventory_delta") is not None:
        await state.clock.sleep(state.dials.delta_race_seconds)
    apply_fields(state, product, body)
    if stock.keeper(state, product) is product:
        if body.get("stock_quantity") is not None:
            stock.set_stock(state, product, whole(body["stock_quantity"]), "write", write=write)
        elif body.get("inventory_delta") is not None and state.dials.knows_delta:
            stock.set_stock(state, product, base + whole(body["inventory_delta"]), "write", write=write)
    stock.save_product(state, product)


def apply_fields(state: State, product: Product, body: Mapping[str, Any]) -> None:
    """Everything but the number itself. Grouped and external products are forced unmanaged."""
    if "sku" in body:
        _check_sku(state, str(body["sku"]), product.id)
        stock.rename(state, product, str(body["sku"]))
    product.name = str(body.get("name", product.name)) or "-".join(str(row.get("option", "")) for row in body.get("attributes", []))
    product.price = str(body.get("regular_price", product.price))
    product.status = str(body.get("status", product.status))
    product.attributes = list(body.get("attributes", product.attributes))
    if "backorders" in body:
        product.backorders = str(body["backorders"])
    if "manage_stock" in body:
        product.managed = body["manage_stock"] is True and product.type not in UNCOUNTED
    if product.managed:
        stock.follow_stock(product)
    for row in body.get("meta_data", []):
        put_meta(state, product.meta, str(row["key"]), row.get("value"))


async def delete_product(state: State, request: Request) -> Reply:
    return Reply(delete(state, request.ids[-1], force=request.flag("force") or len(request.ids) == 2))


def delete(state: State, number: int, *, force: bool) -> dict[str, Any]:
    """Trash is announced, deletion for good is not; a trashed product keeps its SKU."""
    product = _found(state, number)
    shown = product_json(state, product)
    if force:
        for gone in [product, *stock.children(state, product)]:
            stock.remove_product(state, gone)
    else:
        product.status = "trash"
        product.modified = state.now()
        state.announce("product.deleted", product.id)
    return shown


def _found(state: State, number: int) -> Product:
    product = state.products.get(number)
    if product is None:
        raise RestError(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
    return product


def writable(state: State, number: int) -> Product:
    product = _found(state, number)
    if product.type == "variation":
        message = "To manipulate product variations you should use the /products/&lt;product_id&gt;/variations/&lt;id&gt; endpoint."
        raise RestError(404, "woocommerce_rest_invalid_product_id", message)
    return product


def variation(state: State, parent: int, number: int) -> Product:
    product = state.products.get(number)
    if product is None or product.type != "variation" or product.parent != parent:
        raise RestError(404, "woocommerce_rest_product_variation_invalid_id", "Invalid ID.")
    return product


def _check_sku(state: State, sku: str, owner: int) -> None:
    taken = stock.by_sku(state, sku) if sku else None
    if taken is not None and taken.id != owner:
        raise RestError(400, "product_invalid_sku", "Invalid or duplicated SKU.", resource_id=taken.id, unique_sku=f"{sku}-1")


def _is_integer(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"[+-]?\d+(\.0*)?", value.strip()) is not None
    return isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()


def whole(value: Any) -> int:
    """PHP's intval: digits in front count, everything else is 0."""
    if isinstance(value, int | float):
        return int(value)
    found = re.match(r"\s*([+-]?\d+)", str(value or ""))
    return int(found[1]) if found else 0
