"""The catalogue and stock part of v3: products, variants, locations, items and their settings."""

from __future__ import annotations

from collections.abc import Iterator

from channelsync.testing.standins.bigcommerce import adjustments, stock
from channelsync.testing.standins.bigcommerce.query import ApiError, Reply, Request, moment, paged
from channelsync.testing.standins.bigcommerce.render import location_json, product_json, stock_identity, stock_row, variant_json
from channelsync.testing.standins.bigcommerce.state import Product, Raw, Row, State, Variant

INVENTORY_MAX = 1000


def list_products(state: State, request: Request) -> Reply:
    since, wanted, after = moment(request, "date_modified:min"), request.numbers("id:in"), request.params.get("id:greater", "0")
    skus = request.params["sku:in"].split(",") if "sku:in" in request.params else None

    def shown(product: Product) -> bool:
        return (
            (since is None or product.modified >= since)
            and (wanted is None or product.id in wanted)
            and product.id > int(after)
            and (skus is None or product.sku in skus)
        )

    rows = sorted((product for product in state.products.values() if shown(product)), key=lambda product: product.id)
    include, fields = request.params.get("include", ""), request.params.get("include_fields")
    return paged(request, rows, lambda product: product_json(product, include, fields))


def list_variants(state: State, request: Request) -> Reply:
    wanted, numbers = request.numbers("product_id:in"), request.numbers("id:in")
    rows = [
        variant
        for variant in sorted(state.variants.values(), key=lambda variant: variant.id)
        if (wanted is None or variant.product_id in wanted) and (numbers is None or variant.id in numbers)
    ]
    return paged(request, rows, variant_json)


def _variants(state: State, request: Request) -> Iterator[Variant]:
    products, numbers = request.numbers("product_id:in"), request.numbers("variant_id:in")
    skus = request.params["sku:in"].split(",") if "sku:in" in request.params else None
    for variant in sorted(state.variants.values(), key=lambda variant: variant.id):
        named = (products is None or variant.product_id in products) and (numbers is None or variant.id in numbers)
        if named and (skus is None or variant.sku in skus):
            yield variant


def _row(state: State, variant: Variant, location: int) -> Row | None:
    """The numbers of an uncounted product stay where they were when counting stopped."""
    item = stock.item_of(state, variant)
    names = (item,) if item else (f"p:{variant.product_id}", f"v:{variant.id}")
    found = next((state.rows[name, location] for name in names if (name, location) in state.rows), None)
    return found or (Row(0) if state.dials.rows_for_all else None)


def list_items(state: State, request: Request) -> Reply:
    """Every variant with the locations at which it has a number; all variants of a product-tracked product show the product's."""
    wanted = request.numbers("location_id:in")

    def shown(variant: Variant) -> Raw:
        rows = []
        for place in state.locations.values():
            row = _row(state, variant, place.id)
            if row is not None and (wanted is None or place.id in wanted):
                named = {
                    "location_id": place.id,
                    "location_code": place.code,
                    "location_name": place.label,
                    "location_enabled": place.enabled,
                }
                rows.append(named | stock_row(row))
        return {"identity": stock_identity(variant), "locations": rows}

    return paged(request, list(_variants(state, request)), shown, maximum=INVENTORY_MAX)


def list_location_items(state: State, request: Request) -> Reply:
    if request.ids[0] not in state.locations:
        raise ApiError(404, "Location not found")
    rows = [(variant, row) for variant in _variants(state, request) if (row := _row(state, variant, request.ids[0])) is not None]
    return paged(request, rows, lambda pair: {"identity": stock_identity(pair[0]), **stock_row(pair[1])}, maximum=INVENTORY_MAX)


def put_settings(state: State, request: Request) -> Reply:
    """Only the safety stock is kept; it needs a row."""
    if request.ids[0] not in state.locations:
        raise ApiError(404, "Location not found")
    for index, setting in enumerate(request.body.get("settings") or []):
        if "safety_stock" not in setting:
            why = {f"setting.{index}.settings": "At least one setting must be specified: warning_level, is_in_stock or safety_stock"}
            raise ApiError(422, "Payload contains invalid fields", **why)
        variant = state.variants.get(setting["identity"].get("variant_id"))
        row = _row(state, variant, request.ids[0]) if variant else None
        if row is not None:
            row.safety = int(setting["safety_stock"])
    return Reply({"transaction_id": f"{state.random.getrandbits(128):032x}"})


def list_locations(state: State, request: Request) -> Reply:
    return paged(request, list(state.locations.values()), location_json, maximum=INVENTORY_MAX)


def put_absolute(state: State, request: Request) -> Reply:
    return adjustments.adjust(state, request, relative=False)


def post_relative(state: State, request: Request) -> Reply:
    return adjustments.adjust(state, request, relative=True)
