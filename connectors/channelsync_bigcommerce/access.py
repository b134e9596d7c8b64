"""What the API account must be allowed to do, and how to find out by asking. A scope to write cannot be proved without writing."""

from __future__ import annotations

from channelsync.errors import Unauthorized
from channelsync_bigcommerce.api import Api

PROBES: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("store_v2_information_read_only", "Information & settings: read-only", "/v2/time", {}),
    ("store_v2_orders_read_only", "Orders: read-only", "/v2/orders", {"limit": "1"}),
    ("store_v2_products_read_only", "Products: read-only", "/v3/catalog/products", {"limit": "1", "include_fields": "sku"}),
    ("store_inventory", "Store inventory: modify", "/v3/inventory/items", {"limit": "1"}),
    ("store_locations_read_only", "Store locations: read-only", "/v3/inventory/locations", {"limit": "1"}),
)
"""Scope, its name in the control panel, and a cheap request that needs it."""
NAMES = tuple(scope for scope, *_ in PROBES)


async def missing_scopes(api: Api) -> list[tuple[str, str]]:
    """(scope, name in the control panel) of each that is missing. Raises Unauthorized if the token itself is not known."""
    missing: list[tuple[str, str]] = []
    for scope, name, path, params in PROBES:
        try:
            await api.get(path, params)
        except Unauthorized as error:
            if "403" not in str(error):
                raise
            missing.append((scope, name))
    return missing


async def check_scopes(api: Api) -> None:
    missing = await missing_scopes(api)
    if missing:
        raise Unauthorized(f"the API account lacks {', '.join(scope for scope, _ in missing)}: make a new account with these scopes")
