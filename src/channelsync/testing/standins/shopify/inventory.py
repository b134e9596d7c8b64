"""`inventorySetQuantities`: compare-and-set of many quantities under one idempotency key.

Whether one bad item rejects the whole call is not documented; all-or-nothing is the default reading, `partial_sets` the other one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from graphql import GraphQLError

from channelsync.testing.standins.refusing import Refusing, none_refused
from channelsync.testing.standins.shopify.idempotency import Memory
from channelsync.testing.standins.shopify.records import InventoryItem, InventoryLevel, Location

LIMIT = 250
QUANTITY_MAX = 1_000_000_000
REASONS = frozenset(
    {"correction", "cycle_count_available", "damaged", "movement_created", "movement_updated", "movement_received", "movement_canceled"}
    | {"other", "promotion", "quality_control", "received", "reservation_created", "reservation_deleted", "reservation_updated"}
    | {"restock", "safety_stock", "shrinkage"}
)
Payload = dict[str, Any]
Applied = Callable[[InventoryLevel, int, str], None]
"""Writes a level's new `available` under a key."""


class SetQuantities:
    """One shop's mutation. Checked in Shopify's order: the request's own form, then the key, then each quantity."""

    def __init__(
        self,
        items: Mapping[str, InventoryItem],
        locations: Mapping[str, Location],
        memory: Memory,
        write: Applied,
        group: Callable[[], Payload],
        *,
        partial: bool,
        untracked_refused: bool,
    ) -> None:
        self.refusing: Refusing = none_refused
        self.partial, self.untracked_refused = partial, untracked_refused
        self.items, self.locations, self.memory, self.write, self.group = items, locations, memory, write, group

    def form(self, given: Mapping[str, Any], key: str | None) -> str:
        """Refusals before anything is looked at: GraphQL errors, no userErrors. Returns the key."""
        if key is None:
            raise GraphQLError(
                "The @idempotent directive is required for this mutation but was not provided.", extensions={"code": "BAD_REQUEST"}
            )
        if not key.strip():
            raise GraphQLError("The idempotency key cannot be blank.", extensions={"code": "BAD_REQUEST"})
        quantities = given["quantities"]
        if len(quantities) > LIMIT:
            text = f"The input array size of {len(quantities)} is greater than the maximum allowed of {LIMIT}."
            raise GraphQLError(text, extensions={"code": "MAX_INPUT_SIZE_EXCEEDED"})
        if any("changeFromQuantity" not in quantity for quantity in quantities):
            text = "InventoryQuantityInput must include the following argument: changeFromQuantity."
            raise GraphQLError(text, extensions={"code": "INVALID_FIELD_ARGUMENTS"})
        return key

    def begin(self, given: Mapping[str, Any], key: str) -> Payload | None:
        """What the key alone already answers; None if this is the first attempt under it."""
        known = self.memory.begin(key, given)
        if isinstance(known, str):
            return {"inventoryAdjustmentGroup": None, "userErrors": [_error(known, None, "The idempotency key cannot be used.")]}
        return dict(known) if known is not None else None

    def run(self, given: Mapping[str, Any], key: str) -> Payload:
        """Judge every quantity, then write all, none, or (partial) the good ones."""
        errors = self._call_errors(given)
        faults = {} if errors else self._faults(given)
        errors += faults.values()
        writable = [] if errors and not self.partial else [q for index, q in enumerate(given["quantities"]) if index not in faults]
        if errors and not faults:
            writable = []
        changes = [change for quantity in writable for change in self._apply(given["name"], quantity, key)]
        group = {**self.group(), "reason": given["reason"], "referenceDocumentUri": given.get("referenceDocumentUri"), "changes": changes}
        payload: Payload = {"inventoryAdjustmentGroup": group if changes else None, "userErrors": errors}
        self.memory.finish(key, payload, failed=bool(errors) and not changes)
        return payload

    def _call_errors(self, given: Mapping[str, Any]) -> list[Payload]:
        errors = []
        if given["name"] not in ("available", "on_hand"):
            errors.append(_error("INVALID_NAME", ["input", "name"], "The quantity name is invalid."))
        if given["reason"] not in REASONS:
            errors.append(_error("INVALID_REASON", ["input", "reason"], "The specified reason is invalid."))
        uri = given.get("referenceDocumentUri")
        if uri is not None and not urlsplit(uri).scheme:
            errors.append(_error("INVALID_REFERENCE_DOCUMENT", ["input", "referenceDocumentUri"], "The reference document URI is invalid."))
        return errors

    def _faults(self, given: Mapping[str, Any]) -> dict[int, Payload]:
        faults: dict[int, Payload] = {}
        seen: set[tuple[str, str]] = set()
        refused = self.refusing(len(given["quantities"]))
        for index, quantity in enumerate(given["quantities"]):
            pair = (quantity["inventoryItemId"], quantity["locationId"])
            code = "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR" if pair in seen else self._fault(given["name"], quantity)
            seen.add(pair)
            if index in refused:
                code = code or "NON_MUTABLE_INVENTORY_ITEM"
            if code:
                faults[index] = _error(code, ["input", "quantities", str(index), FIELD.get(code, "inventoryItemId")], MESSAGE[code])
        return faults

    def _fault(self, name: str, quantity: Mapping[str, Any]) -> str | None:
        item = self.items.get(quantity["inventoryItemId"])
        if item is None:
            return "INVALID_INVENTORY_ITEM"
        if quantity["locationId"] not in self.locations:
            return "INVALID_LOCATION"
        if item.requires_components or (self.untracked_refused and not item.tracked):
            return "NON_MUTABLE_INVENTORY_ITEM"
        if quantity["quantity"] < 0:
            return "INVALID_QUANTITY_NEGATIVE"
        if quantity["quantity"] > QUANTITY_MAX:
            return "INVALID_QUANTITY_TOO_HIGH"
        level, compare = item.levels.get(quantity["locationId"]), quantity["changeFromQuantity"]
        shown = level.quantity(name) if level else 0
        return "CHANGE_FROM_QUANTITY_STALE" if compare is not None and compare != shown else None

    def _apply(self, name: str, quantity: Mapping[str, Any], key: str) -> list[Payload]:
        """The changes made: none if the number was already there. Setting at a place where the item is not stocked works silently."""
        item, location = self.items[quantity["inventoryItemId"]], self.locations[quantity["locationId"]]
        level = item.levels.get(location.id)
        if level is None:
            level = InventoryLevel(location.number, item, location, item.created_at, item.updated_at, is_active=False)
            item.levels[location.id] = level
        before = level.quantity(name) or 0
        delta = quantity["quantity"] - before
        if not delta:
            return []
        self.write(level, level.available + delta, key)
        names = dict.fromkeys((name, "available", "on_hand"))
        return [{"name": n, "delta": delta, "quantityAfterChange": level.quantity(n), "item": item, "location": location} for n in names]


def _error(code: str, field: list[str] | None, message: str) -> Payload:
    return {"code": code, "field": field, "message": message}


FIELD = {
    "CHANGE_FROM_QUANTITY_STALE": "changeFromQuantity",
    "INVALID_LOCATION": "locationId",
    "INVALID_QUANTITY_NEGATIVE": "quantity",
    "INVALID_QUANTITY_TOO_HIGH": "quantity",
}
MESSAGE = {
    "CHANGE_FROM_QUANTITY_STALE": "The changeFromQuantity value does not match the persisted quantity.",
    "INVALID_INVENTORY_ITEM": "The specified inventory item could not be found.",
    "INVALID_LOCATION": "The specified location could not be found.",
    "INVALID_QUANTITY_NEGATIVE": "The quantity can't be negative.",
    "INVALID_QUANTITY_TOO_HIGH": "The quantity can't be higher than 1,000,000,000.",
    "NON_MUTABLE_INVENTORY_ITEM": "The specified inventory item is not allowed to be adjusted via API.",
    "NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR": "The combination of inventoryItemId and locationId must be unique.",
}
