"""What Shopify answers about its catalogue and itself, validated; orders are in `order_answers`. Unknown fields and unknown enum values are tolerated."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from channelsync_shopify.shapes import Connection, Gid, Moment, Ref, Shape, Units, UserError

ALIAS = re.compile(r"at[0-9]{1,4}", re.ASCII)
"""How documents name the level of one of several locations."""
LIFE_MAX_SECONDS = 10 * 366 * 86_400

# Catalogue


class ActiveLevel(Shape):
    is_active: bool


class ListedItem(Shape):
    """levels: one for each location asked for, in that order."""

    id: Gid
    tracked: bool
    levels: tuple[ActiveLevel | None, ...]

    @model_validator(mode="before")
    @classmethod
    def _of_aliases(cls, raw: Any) -> Any:
        """Documents ask for a level under `inventoryLevel`, or for several under `at0`, `at1`, ..."""
        if not isinstance(raw, dict) or "levels" in raw:
            return raw
        if "inventoryLevel" in raw:
            return {**raw, "levels": (raw["inventoryLevel"],)}
        named = sorted((name for name in raw if ALIAS.fullmatch(str(name))), key=lambda name: int(name[2:]))
        return {**raw, "levels": tuple(raw[name] for name in named)} if named else raw


class GiftCardMark(Shape):
    is_gift_card: bool


class Variant(Shape):
    id: Gid
    requires_components: bool
    product: GiftCardMark
    inventory_item: ListedItem
    sku: str | None = None
    barcode: str | None = None
    display_name: str = ""
    inventory_policy: str | None = None


class Quantity(Shape):
    name: str
    quantity: Units


class Level(Shape):
    is_active: bool
    quantities: tuple[Quantity, ...]


class StockedItem(Shape):
    id: Gid
    tracked: bool
    inventory_level: Level | None


# Bulk operations


class BulkOperation(Shape):
    id: Gid
    status: str
    root_object_count: Units
    error_code: str | None = None
    url: str | None = None
    completed_at: Moment | None = None


class BulkMade(Shape):
    bulk_operation: Ref | None
    user_errors: tuple[UserError, ...]


class VariantsCount(Shape):
    count: Units


# The shop


class Place(Shape):
    id: Gid
    name: str
    is_active: bool


class Version(Shape):
    handle: str
    supported: bool


class Scope(Shape):
    handle: str


class Installation(Shape):
    access_scopes: tuple[Scope, ...]


class PlanName(Shape):
    public_display_name: str


class ShopFacts(Shape):
    id: Gid
    name: str
    myshopify_domain: str
    iana_timezone: str
    plan: PlanName


class Health(Shape):
    public_api_versions: tuple[Version, ...]
    current_app_installation: Installation
    shop: ShopFacts


class Hook(Shape):
    id: Gid
    topic: str
    uri: str


class VersionName(Shape):
    handle: str


class CheckedHook(Hook):
    api_version: VersionName


class CheckedItem(Shape):
    id: Gid
    tracked: bool
    duplicate_sku_count: Units


class CheckedVariant(Shape):
    id: Gid
    inventory_policy: str
    requires_components: bool
    product: GiftCardMark
    inventory_item: CheckedItem
    sku: str | None = None
    display_name: str = ""


class HookCreated(Shape):
    webhook_subscription: Hook | None
    user_errors: tuple[UserError, ...]


# Writing


class ChangeMade(Shape):
    name: str
    quantity_after_change: Units | None = None
    item: Ref | None = None
    location: Ref | None = None


class ChangeGroup(Shape):
    changes: tuple[ChangeMade, ...] = ()


class SetResult(Shape):
    inventory_adjustment_group: ChangeGroup | None
    user_errors: tuple[UserError, ...]


class PolicyMade(Shape):
    id: Gid
    inventory_policy: str


class PolicyVariant(PolicyMade):
    product: Ref


class PolicyItem(Shape):
    id: Gid
    variants: Connection[PolicyVariant] | None


class PolicySet(Shape):
    product_variants: tuple[PolicyMade, ...] | None
    user_errors: tuple[UserError, ...]


class Granted(BaseModel):
    """The token endpoint's answer; its names are snake case on the wire."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    access_token: str
    expires_in: Annotated[int, Field(ge=0, le=LIFE_MAX_SECONDS)]
    scope: str = ""
