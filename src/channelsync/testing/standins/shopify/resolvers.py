"""What the query fields answer. Arguments have GraphQL's own names; the shop of a request is its context."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from graphql import GraphQLResolveInfo

from channelsync.testing.standins.shopify.paging import PAGE_MAX, Connection, in_order, key_of, numbered, refusal
from channelsync.testing.standins.shopify.records import InventoryItem, InventoryLevel, Order, Refund
from channelsync.testing.standins.shopify.search import OrderIndex, Terms, instant

if TYPE_CHECKING:
    from channelsync.testing.standins.shopify.shop import ShopifyStandIn

Info = GraphQLResolveInfo
T = TypeVar("T")
VARIANT_FILTERS = frozenset({"updated_at", "sku", "id"})


def orders(_: Any, info: Info, *, query: str | None = None, after: str | None = None, first: int | None = None, **order: Any) -> Connection:
    shop: ShopifyStandIn = info.context
    if order["sortKey"] != "UPDATED_AT" or order["reverse"]:
        raise refusal("this stand-in lists orders by UPDATED_AT only")
    last = key_of(after)
    terms = Terms(query, OrderIndex.FIELDS)
    found = shop.index.find(terms, shop.desk.by_number, (instant(last[0]), last[1]) if last else None)
    return Connection((((key[0].isoformat(), key[1]), record) for key, record in found if shop.is_shown(record)), first)


def product_variants(
    _: Any, info: Info, *, query: str | None = None, after: str | None = None, first: int | None = None, **_order: Any
) -> Connection:
    shop: ShopifyStandIn = info.context
    return in_order(_matching(list(shop.variants_by_ref.values()), query), after, first)


def product_variants_count(_: Any, info: Info, *, query: str | None = None, limit: int | None = 10_000) -> dict[str, Any]:
    shop: ShopifyStandIn = info.context
    count = len(_matching(list(shop.variants_by_ref.values()), query))
    return {"count": count if limit is None else min(count, limit), "precision": "EXACT" if limit is None or count <= limit else "AT_LEAST"}


def inventory_items(_: Any, info: Info, *, query: str | None = None, after: str | None = None, first: int | None = None) -> Connection:
    shop: ShopifyStandIn = info.context
    return in_order(_matching(list(shop.items.values()), query), after, first)


def _matching(records: list[T], query: str | None) -> list[T]:
    """Variants or items that a search finds."""
    terms = Terms(query, VARIANT_FILTERS)

    def value(record: Any) -> Callable[[str], datetime | str | None]:
        return lambda name: {"updated_at": record.updated_at, "sku": record.sku, "id": str(record.number)}[name]

    return [each for each in records if terms.accept(value(each))] if terms.terms else records


def bulk_operation(_: Any, info: Info, *, id: str) -> Any:  # noqa: A002 - GraphQL's name
    shop: ShopifyStandIn = info.context
    return shop.bulk.find(id)


def current_bulk_operation(_: Any, info: Info, **_arguments: Any) -> Any:
    shop: ShopifyStandIn = info.context
    return shop.bulk.current()


def find(shop: ShopifyStandIn, ref: str) -> Any:
    """The record of a GID, or None. Raises for what is no GID at all."""
    if not ref.startswith("gid://shopify/"):
        raise refusal(f"Invalid global id '{ref}'", "argumentLiteralsIncompatible")
    kind = ref.split("/")[3]
    if kind == "InventoryLevel":
        found = (level for item in shop.items.values() for level in item.levels.values() if level.id == ref)
        return next(found, None)
    if kind == "Order":
        order = shop.desk.by_ref.get(ref)
        return order if order is not None and shop.is_shown(order) else None
    if kind == "Refund":
        return next((refund for order in shop.desk.by_ref.values() for refund in order.order_refunds if refund.id == ref), None)
    books: Mapping[str, Mapping[str, Any]] = {
        "BulkOperation": shop.bulk.operations,
        "InventoryItem": shop.items,
        "ProductVariant": shop.variants_by_ref,
        "Location": shop.locations,
        "WebhookSubscription": shop.hooks.subscriptions,
    }
    return books.get(kind, {}).get(ref)


def one(kind: str) -> Callable[..., Any]:
    def resolve(_: Any, info: Info, *, id: str) -> Any:  # noqa: A002 - GraphQL's name
        if not id.startswith(f"gid://shopify/{kind}/"):
            raise refusal(f"Invalid id: {id}", "RESOURCE_NOT_FOUND")
        return find(info.context, id)

    return resolve


def node(_: Any, info: Info, *, id: str) -> Any:  # noqa: A002 - GraphQL's name
    return find(info.context, id)


def nodes(_: Any, info: Info, *, ids: list[str]) -> list[Any]:
    if len(ids) > PAGE_MAX:
        text = f"The input array size of {len(ids)} is greater than the maximum allowed of {PAGE_MAX}."
        raise refusal(text, "MAX_INPUT_SIZE_EXCEEDED")
    return [find(info.context, ref) for ref in ids]


def webhook_subscriptions(
    _: Any, info: Info, *, after: str | None = None, first: int | None = None, topics: list[str] | None = None, uri: str | None = None
) -> Connection:
    rows = info.context.hooks.subscriptions.values()
    wanted = [each for each in rows if (not topics or each.topic in topics) and uri in (None, each.uri)]
    return numbered(wanted, after, first)


def locations(_: Any, info: Info, *, after: str | None = None, first: int | None = None, **filters: Any) -> Connection:
    return numbered((place for place in info.context.locations.values() if place.is_active or filters["includeInactive"]), after, first)


def line_items(order: Order, _: Info, *, after: str | None = None, first: int | None = None) -> Connection:
    return numbered(order.lines, after, first)


def refunds(order: Order, _: Info, *, first: int | None = None) -> list[Refund]:
    return order.order_refunds[:first]


def refund_line_items(refund: Refund, _: Info, *, after: str | None = None, first: int | None = None) -> Connection:
    return numbered(refund.lines, after, first)


def custom_attributes(order: Order, _: Info) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in order.attributes.items()]


def inventory_level(item: InventoryItem, _: Info, **arguments: Any) -> InventoryLevel | None:
    level = item.levels.get(arguments["locationId"])
    return level if level and (level.is_active or arguments["includeInactive"]) else None


def inventory_levels(item: InventoryItem, _: Info, *, after: str | None = None, first: int | None = None, **filters: Any) -> Connection:
    return numbered((level for level in item.levels.values() if level.is_active or filters["includeInactive"]), after, first)


def variants(item: InventoryItem, info: Info, *, after: str | None = None, first: int | None = None) -> Connection:
    shop: ShopifyStandIn = info.context
    return numbered((each for each in shop.variants_by_ref.values() if each.inventory_item is item), after, first)


def quantities(level: InventoryLevel, _: Info, *, names: list[str]) -> list[dict[str, Any]]:
    found = []
    for name in names:
        if (quantity := level.quantity(name)) is None:
            raise refusal(f"Invalid quantity name {name!r}")
        ref = f"gid://shopify/InventoryQuantity/{level.number}?inventory_item_id={level.item.number}&name={name}"
        found.append({"id": ref, "name": name, "quantity": quantity, "updatedAt": level.updated_at})
    return found


def about_shop(_: Any, info: Info) -> dict[str, Any]:
    shop: ShopifyStandIn = info.context
    plan = {"publicDisplayName": "Basic", "shopifyPlus": False, "partnerDevelopment": False}
    ref = f"gid://shopify/Shop/{shop.number}"
    return {"id": ref, "name": shop.name, "myshopifyDomain": shop.domain, "ianaTimezone": "Europe/Berlin", "plan": plan}


def app_installation(_: Any, info: Info) -> dict[str, Any]:
    scopes = [{"handle": scope, "description": scope} for scope in sorted(info.context.tokens.scopes)]
    return {"id": "gid://shopify/AppInstallation/1", "accessScopes": scopes}


def api_versions(_: Any, info: Info) -> list[dict[str, Any]]:
    return [{"handle": handle, "displayName": handle, "supported": True} for handle in info.context.versions]
