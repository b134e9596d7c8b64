"""The batch endpoints: status 200 whatever happens inside, no validation of values, no transaction."""

from __future__ import annotations

from typing import Any

from channelsync.testing.standins.woocommerce.query import Reply, Request, RestError
from channelsync.testing.standins.woocommerce.render import product_json
from channelsync.testing.standins.woocommerce.rest_products import create, delete, save, variation, whole, writable
from channelsync.testing.standins.woocommerce.state import State

BATCH_LIMIT = 100
LOCKED = RestError(403, "woocommerce_rest_cannot_edit", "Sorry, you are not allowed to edit this resource.")


async def batch_products(state: State, request: Request) -> Reply:
    return await _batch(state, request, parent=0)


async def batch_variations(state: State, request: Request) -> Reply:
    return await _batch(state, request, parent=request.ids[0])


async def _batch(state: State, request: Request, parent: int) -> Reply:
    """Order is kept, and a repeated id is applied twice. `_fields` empties the answer (measured)."""
    asked = {verb: list(request.body.get(verb) or []) for verb in ("create", "update", "delete")}
    if sum(len(items) for items in asked.values()) > BATCH_LIMIT:
        raise RestError(413, "woocommerce_rest_request_entity_too_large", "Unable to accept more than 100 items for this request.")
    refused = state.refusing(len(asked["update"])) if asked["update"] else frozenset()
    answer = {
        verb: [
            {"id": whole(item.get("id")), "error": LOCKED.body()}
            if verb == "update" and place in refused
            else await _answered(state, verb, item, parent, request.write)
            for place, item in enumerate(items)
        ]
        for verb, items in asked.items()
        if items
    }
    return Reply(answer if "_fields" not in request.params else [])


async def _answered(state: State, verb: str, item: Any, parent: int, write: str | None) -> dict[str, Any]:
    number = whole(item) if verb == "delete" else whole(item.get("id"))
    try:
        return await _done(state, verb, item, number, parent, write)
    except RestError as error:
        return {"id": number, "error": error.body(400 if error.code.endswith("product_invalid_id") else None)}


async def _done(state: State, verb: str, item: Any, number: int, parent: int, write: str | None) -> dict[str, Any]:
    if verb == "create":
        return product_json(state, create(state, item, parent))
    if verb == "delete":
        return delete(state, number, force=True)
    product = variation(state, parent, number) if parent else writable(state, number)
    await save(state, product, item, write)
    return product_json(state, product)
