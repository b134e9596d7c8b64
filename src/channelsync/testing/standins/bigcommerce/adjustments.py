"""Accepts or refuses adjustments: the whole list is checked, then queued. Texts are the vendor's where it shows them.

What the store says of an unknown item, of an uncounted one and of too few units is not on record; these texts are invented in its style.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channelsync.testing.standins.bigcommerce.query import ApiError, Reply, Request
from channelsync.testing.standins.bigcommerce.state import Pending, State
from channelsync.testing.standins.bigcommerce.stock import item_of

ITEMS_MAX = 2000
IDENTIFIERS = ("variant_id", "sku", "product_id")
UUID_BITS = 128


class _Bad(Exception):
    """Why one item is not accepted."""


def adjust(state: State, request: Request, *, relative: bool) -> Reply:
    rows = request.body.get("items")
    if not isinstance(rows, list) or not rows:
        raise ApiError(422, "JSON data is missing or invalid", items="error.path.missing")
    if len(rows) > ITEMS_MAX:
        raise ApiError(422, f"Request contains more than {ITEMS_MAX} items")
    reason = request.body.get("reason")
    accepted: list[tuple[str, int, int]] = []
    refused = state.refusing(len(rows))
    for place, row in enumerate(rows):
        try:
            accepted += _checked(state, row, relative=relative, locked=place in refused)
        except _Bad as error:
            if state.dials.partial_on_422:
                _enqueue(state, accepted, reason, relative=relative)
            raise ApiError(422, str(error)) from None
    _enqueue(state, accepted, reason, relative=relative)
    digits = f"{state.random.getrandbits(UUID_BITS):032x}"
    return Reply({"transaction_id": "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))})


def _enqueue(state: State, items: list[tuple[str, int, int]], write: Any, *, relative: bool) -> None:
    if items:
        due = state.clock.monotonic() + state.dials.apply_seconds
        last = state.queue[-1].due if state.queue else due
        state.queue.append(Pending(max(due, last), relative, items, str(write) if write else None))


def _checked(state: State, row: Mapping[str, Any], *, relative: bool, locked: bool) -> list[tuple[str, int, int]]:
    given = [name for name in IDENTIFIERS if name in row]
    quantity, location = row.get("quantity"), row.get("location_id")
    if len(given) != 1 or type(quantity) is not int or type(location) is not int:
        raise ApiError(422, "JSON data is missing or invalid", items="error.path.missing")
    if location not in state.locations:
        raise _Bad(f"Location not found, identities: [{location}]")
    name = f"{given[0]} {row[given[0]]}"
    if not state.locations[location].enabled:
        raise _Bad(f"Location is disabled, identities: [{location}]")
    item = _item(state, given[0], row[given[0]], name)
    if item is None:
        return []
    if locked:
        raise _Bad(f"Items with identity: [{name}] is locked by another update")
    if relative:
        _relative(state, item, location, quantity, name)
    elif quantity < 0:
        raise _Bad(f"Items with identity: [{name}] has a negative quantity")
    return [(item, location, quantity)]


def _item(state: State, kind: str, value: Any, name: str) -> str | None:
    """The item under its own identifier; None: accepted and ignored."""
    if kind == "product_id":
        product = state.products.get(value)
        variant = product.variants[0] if product else None
    else:
        variant = next((v for v in state.variants.values() if value == (v.id if kind == "variant_id" else v.sku)), None)
        product = state.products[variant.product_id] if variant else None
    if product is None or variant is None:
        raise _Bad(f"Items with identity: [{name}] not found")
    if product.tracking == "none":
        if state.dials.untracked == "accepted":
            return None
        raise _Bad(f"[Item with {name} is not tracked]")
    if product.tracking == "product" and kind != "product_id":
        raise _Bad(f"[Item with {name} is tracked by product, please update stock by product id]")
    if product.tracking == "variant" and kind == "product_id":
        raise _Bad(f"[Item with {name} is tracked by variant, please update stock by variant id]")
    return item_of(state, variant)


def _relative(state: State, item: str, location: int, quantity: int, name: str) -> None:
    row = state.rows.get((item, location))
    if row is None:
        raise _Bad(f"Items with identity: [{name}] requires absolute adjustment before relative")
    waiting = sum(units for p in state.queue if p.relative for it, at, units in p.items if (it, at) == (item, location))
    if quantity < 0 and row.available + waiting + quantity < 0:
        raise _Bad(f"Items with identity: [{name}] would fall below its safety stock")
