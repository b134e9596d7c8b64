"""The GraphQL documents beside this file, and what each costs: Shopify asks for a fixed arithmetic before it runs anything.

A scalar costs 0, an object 1, a connection its `first` times one node, a mutation 10; a single query may cost 1000. Page sizes follow from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Operation:
    """One document. Its requested cost is `fixed`, plus `each` for every object that the variable `of` (a number or a list) asks for."""

    name: str
    fixed: int
    each: int = 0
    of: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        if not self.text:
            object.__setattr__(self, "text", _load(self.name))

    def cost(self, variables: Mapping[str, Any]) -> int:
        if not self.of:
            return self.fixed
        asked = variables[self.of]
        return self.fixed + self.each * (asked if isinstance(asked, int) else len(asked))


@cache
def _load(name: str) -> str:
    return (Path(__file__).parent / "graphql" / f"{name}.graphql").read_text("utf-8")


HEALTH = Operation("health", 5)
LOCATIONS = Operation("locations", 101)
LISTINGS = Operation("listings", 1, each=4, of="first")
STOCK = Operation("stock", 0, each=3, of="ids")
ORDERS = Operation("orders", 1, each=85, of="first")
ORDER = Operation("order", 944)
ORDER_LINES = Operation("order_lines", 752)
ORDER_REFUNDS = Operation("order_refunds", 251)
REFUND_LINES = Operation("refund_lines", 752)
PLACES = Operation("places", 0, each=190, of="ids")
ORDER_PLACES = Operation("order_places", 898)
ORDER_SHIPMENTS = Operation("order_shipments", 928)
ORDER_RETURNS = Operation("order_returns", 870)
SET_AVAILABLE = Operation("set_available", 16)
POLICIES = Operation("policies", 0, each=12, of="ids")
SET_POLICIES = Operation("set_policies", 13)
SUBSCRIPTIONS = Operation("subscriptions", 101)
CHECKUP = Operation("checkup", 206)
VARIANTS_CHECKUP = Operation("variants_checkup", 601)
BULK_RUN = Operation("bulk_run", 13)
BULK_STATUS = Operation("bulk_status", 1)
VARIANTS_COUNT = Operation("variants_count", 1)
SUBSCRIBE = Operation("subscribe", 13)
DESTINATION = "shippingAddress { countryCodeV2 provinceCode zip latitude longitude }"


def with_destination(operation: Operation) -> Operation:
    """ORDERS or ORDER, asking as well where each order goes: its address without name, street and town. One object more for each order."""
    text = operation.text.replace("retailLocation { id }", f"retailLocation {{ id }}\n      {DESTINATION}")
    if operation.of:
        return replace(operation, text=text, each=operation.each + 1)
    return replace(operation, text=text, fixed=operation.fixed + 1)


def listings(locations: Sequence[str]) -> Operation:
    """A page of variants with their levels at these locations: `at0`, `at1`, ... in this order. Takes no `location`."""
    text = LISTINGS.text.replace(", $location: ID!", "").replace("inventoryLevel(locationId: $location) { isActive }", _levels(locations))
    return Operation("listings", 1, each=3 + len(locations), of="first", text=text)


def listings_page(locations: Sequence[str]) -> int:
    """How many variants one page may have within what a query may cost."""
    return max(1, min(LISTINGS_PAGE, COST_ROOM // (3 + len(locations))))


def _levels(locations: Sequence[str]) -> str:
    level = "at%d: inventoryLevel(locationId: %s) { isActive }"
    return " ".join(level % (index, json.dumps(location)) for index, location in enumerate(locations))


def bulk_listings(locations: Sequence[str]) -> str:
    """The query that a bulk operation runs over all variants: what `listings` asks of each, without variables, which such a query cannot have."""
    item = f"inventoryItem {{ id tracked {_levels(locations)} }}"
    node = f"id sku barcode displayName inventoryPolicy requiresComponents product {{ isGiftCard }} {item}"
    return f"{{ productVariants {{ edges {{ node {{ {node} }} }} }} }}"


def bulk_stock(locations: Sequence[str]) -> str:
    """All inventory items with what they show at these locations: `at0`, `at1`, ... in this order."""
    level = 'at%d: inventoryLevel(locationId: %s, includeInactive: true) { isActive quantities(names: ["available"]) { name quantity } }'
    levels = " ".join(level % (index, json.dumps(location)) for index, location in enumerate(locations))
    return f"{{ inventoryItems {{ edges {{ node {{ id tracked {levels} }} }} }} }}"


COST_ROOM = 960
"""What a query of ours may cost: some room below 1000 for what the arithmetic leaves open."""
ORDERS_PAGE = 11
PLACES_MAX = 5
LISTINGS_PAGE = 200
READINGS_MAX = 250
WRITES_MAX = 250
POLICIES_MAX = 50

# How many refunds the order documents ask for. `refunds` is a plain list: one that is full may have been cut.
REFUNDS_IN_PAGE = 3
REFUNDS_IN_ORDER = 20
REFUNDS_MAX = 250
PARCELS_IN_PAGE = 4
PARCELS_MAX = 9
