"""The shop's own backorder switch, "Continue selling when out of stock": `inventoryPolicy` of the variants behind a listing.

Read first, so that only what says something else is written: one mutation per product, that names no quantity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from channelsync.contract import Switch, SwitchResult
from channelsync.errors import Refused
from channelsync_shopify import documents
from channelsync_shopify.admin import AccessDenied, Admin, Answer
from channelsync_shopify.answers import PolicyItem, PolicySet, PolicyVariant
from channelsync_shopify.reading import SELLS_ON
from channelsync_shopify.shapes import Malformed, shaped

WRITTEN = {sells_on: policy for policy, sells_on in SELLS_ON.items()}


class Switches:
    def __init__(self, admin: Admin) -> None:
        self._admin = admin

    async def turn(self, switches: Sequence[Switch]) -> list[SwitchResult]:
        results: list[SwitchResult] = []
        for start in range(0, len(switches), documents.POLICIES_MAX):
            results += await self._turn(switches[start : start + documents.POLICIES_MAX])
        return results

    async def _turn(self, switches: Sequence[Switch]) -> list[SwitchResult]:
        items = await self._admin.read(documents.POLICIES, {"ids": [each.listing for each in switches]}, _understand_items)
        by_product: dict[str, dict[str, str]] = {}
        says: dict[str, str] = {}
        for each in switches:
            for variant in items.get(each.listing, ()):
                says[variant.id] = variant.inventory_policy
                if variant.inventory_policy != WRITTEN[each.sells_on]:
                    by_product.setdefault(variant.product.id, {})[variant.id] = WRITTEN[each.sells_on]
        reasons: dict[str, str] = {}
        for product, policies in by_product.items():
            done = await self._write(product, policies)
            says |= {variant.id: variant.inventory_policy for variant in done.product_variants or () if variant.id in policies}
            reasons |= dict.fromkeys(policies, "; ".join(f"{error.code}: {error.message}" for error in done.user_errors))
        return [_result(each, items.get(each.listing, ()), says, reasons) for each in switches]

    async def _write(self, product: str, policies: dict[str, str]) -> PolicySet:
        variants = [{"id": variant, "inventoryPolicy": policy} for variant, policy in policies.items()]
        try:
            return await self._admin.write(documents.SET_POLICIES, {"product": product, "variants": variants}, _understand_set)
        except AccessDenied as denied:
            raise Refused(
                f"{denied}; the app lacks the access scope write_products: grant it and install the app again, or set "
                'backorder_switch = "read"'
            ) from denied


def _result(switch: Switch, variants: Sequence[PolicyVariant], says: dict[str, str], reasons: dict[str, str]) -> SwitchResult:
    """A listing says what all of its variants say."""
    if not variants:
        return SwitchResult(switch.listing, None, "the shop does not know it")
    told = {SELLS_ON.get(says[variant.id]) for variant in variants}
    reason = next((reasons[variant.id] for variant in variants if reasons.get(variant.id)), "")
    return SwitchResult(switch.listing, told.pop() if len(told) == 1 else None, reason)


def _understand_items(answer: Answer) -> dict[str, Sequence[PolicyVariant]]:
    """The variants of each item. An id that the shop does not know comes back as null, one that is no inventory item as an empty object."""
    nodes: Any = answer.field("nodes")
    if not isinstance(nodes, list):
        raise Malformed("nodes: not a list")
    items = [shaped(PolicyItem, node, "an inventory item") for node in nodes if node]
    return {item.id: item.variants.nodes if item.variants else () for item in items}


def _understand_set(answer: Answer) -> PolicySet:
    return shaped(PolicySet, answer.field("productVariantsBulkUpdate"), "the answer to the switch")
