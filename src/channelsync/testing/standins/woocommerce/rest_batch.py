"""The batch endpoints: status 200 whatever happens inside, no validation of values, no transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from channelsync.testing.standins.woocommerce.query import Reply, Request, RestError
from channelsync.testing.standins.woocommerce.render import product_json
from channelsync.testing.standins.woocommerce.rest_products import create, delete, save, variation, whole, writable
from channelsync.testing.standins.woocommerce.state import State

BATCH_LIMIT = 100


async def batch_products(state: State, request: Request) -> Reply:
    return await _batch(state, request, parent=0)


async def batch_variations(state: State, request: Request) -> Reply:
    return await _batch(state, request, parent=request.ids[0])


async def _batch(state: State, request: Request, parent: int) -> Reply:
    """Order is kept, and a repeated id is applied twice. `_fields` empties the answer (measured)."""
    asked = {verb: list(request.body.get(verb) or []) for verb in ("create", "update", "delete")}
    if sum(len(items) for items in asked.values()) > BATCH_LIMIT:
        raise RestError(413, "woocommerce_rest_request_entity_too_large", "Unable to accept more than 100 items for this request.")
    answer: dict[str, list[dict[str, Any]]] = {verb: [] for verb, items in asked.items() if items}
    for body in asked["create"]:
        answer["create"].append(_answered(0, lambda body=body: product_json(state, create(state, body, parent))))
    for body in asked["update"]:
        number = whole(body.get("id"))
        try:
            product = variation(state, parent, number) if parent else writable(state, number)
            await save(state, product, body, request.write)
            answer["update"].append(product_json(state, product))
        except RestError as error:
            answer["update"].append({"id": number, "error": error.body(400 if error.code.endswith("product_invalid_id") else None)})
    for number in asked["delete"]:
        answer["delete"].append(_answered(whole(number), lambda number=number: delete(state, whole(number), force=True)))
    return Reply(answer if "_fields" not in request.params else [])


def _answered(number: int, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return act()
    except RestError as error:
        return {"id": number, "error": error.body()}
