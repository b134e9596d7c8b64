"""What a variant and its number mean, however they came: page by page, by name or in a file. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from channelsync.contract import Listing
from channelsync_shopify.answers import StockedItem, Variant
from channelsync_shopify.shapes import Malformed, shaped

SELLS_ON = {"CONTINUE": True, "DENY": False}
RAW_MAX = 5_000
"""Characters kept of a variant that was not understood."""


def listings_of(raws: Iterable[dict[str, Any]], locations: Sequence[str]) -> tuple[tuple[Listing, ...], tuple[tuple[str, str, str], ...]]:
    """Variants as the shop tells them with their levels at these locations, and those that were not understood as (ref, reason, raw text)."""
    items: list[Listing] = []
    refused: list[tuple[str, str, str]] = []
    for raw in raws:
        try:
            items.append(_listing(shaped(Variant, raw, "a variant"), locations))
        except Malformed as error:
            refused.append((str(raw.get("id", "")), str(error), str(raw)[:RAW_MAX]))
    return tuple(items), tuple(refused)


def _listing(variant: Variant, locations: Sequence[str]) -> Listing:
    """Raises Malformed if the shop did not answer for each location."""
    item = variant.inventory_item
    if len(item.levels) != len(locations):
        raise Malformed(f"{item.id}: {len(item.levels)} levels for {len(locations)} locations")
    stocked = tuple(ref for ref, level in zip(locations, item.levels, strict=True) if level is not None and level.is_active)
    return Listing(
        ref=item.id,
        sku=variant.sku or None,
        title=variant.display_name,
        aliases=(variant.id,),
        tracked=item.tracked,
        problem=_problem(variant, stocked, locations),
        locations=stocked,
        barcode=variant.barcode or None,
        sells_below_zero=SELLS_ON.get(variant.inventory_policy or ""),
    )


def _problem(variant: Variant, stocked: Sequence[str], locations: Sequence[str]) -> str | None:
    """Why it cannot be written, in words for people. A set where the item is not stocked would succeed and sell nothing."""
    if variant.product.is_gift_card:
        return "a gift card has no stock"
    if variant.requires_components:
        return "a bundle: Shopify derives its number from its components and refuses writes; link the components instead"
    if not stocked:
        where = locations[0] if len(locations) == 1 else "any location"
        return f"not stocked at {where}: activate the location for this item in Shopify's admin"
    return None


def shown(item: StockedItem) -> int | None:
    """The available quantity; None where Shopify does not count it or does not sell from here. Negative numbers are real."""
    level = item.inventory_level
    if not item.tracked or level is None or not level.is_active:
        return None
    for quantity in level.quantities:
        if quantity.name == "available":
            return quantity.quantity
    raise Malformed(f"{item.id}: the answer has no available quantity")
