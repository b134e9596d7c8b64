"""The executable schema: the SDL beside this file with its resolvers, shared by all shops."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLResolveInfo, GraphQLScalarType, GraphQLSchema, build_schema

from channelsync.testing.standins.shopify import afterwards, mutations, resolvers
from channelsync.testing.standins.shopify.paging import refusal

Info = GraphQLResolveInfo
ROOT_SCOPES = {
    "orders": "read_orders",
    "order": "read_orders",
    "refund": "read_orders",
    "productVariants": "read_products",
    "productVariant": "read_products",
    "productVariantsCount": "read_products",
    "inventoryItem": "read_inventory",
    "inventoryItems": "read_inventory",
    "inventoryLevel": "read_inventory",
    "locations": "read_locations",
    "inventorySetQuantities": "write_inventory",
    "productVariantsBulkUpdate": "write_products",
}
RESOLVERS: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "QueryRoot": {
        "orders": resolvers.orders,
        "order": resolvers.one("Order"),
        "refund": resolvers.one("Refund"),
        "productVariants": resolvers.product_variants,
        "productVariant": resolvers.one("ProductVariant"),
        "productVariantsCount": resolvers.product_variants_count,
        "inventoryItem": resolvers.one("InventoryItem"),
        "inventoryItems": resolvers.inventory_items,
        "bulkOperation": resolvers.bulk_operation,
        "currentBulkOperation": resolvers.current_bulk_operation,
        "inventoryLevel": resolvers.one("InventoryLevel"),
        "node": resolvers.node,
        "nodes": resolvers.nodes,
        "locations": resolvers.locations,
        "webhookSubscriptions": resolvers.webhook_subscriptions,
        "shop": resolvers.about_shop,
        "currentAppInstallation": resolvers.app_installation,
        "publicApiVersions": resolvers.api_versions,
    },
    "Mutation": {
        "bulkOperationRunQuery": mutations.bulk_run_query,
        "inventorySetQuantities": mutations.inventory_set_quantities,
        "productVariantsBulkUpdate": mutations.variants_bulk_update,
        "webhookSubscriptionCreate": mutations.subscription_create,
        "webhookSubscriptionUpdate": mutations.subscription_update,
        "webhookSubscriptionDelete": mutations.subscription_delete,
    },
    "Order": {
        "lineItems": resolvers.line_items,
        "refunds": resolvers.refunds,
        "customAttributes": resolvers.custom_attributes,
        "fulfillmentOrders": afterwards.fulfillment_orders,
        "fulfillments": afterwards.fulfillments,
        "returns": afterwards.returns,
    },
    "FulfillmentOrder": {"lineItems": afterwards.rows},
    "Fulfillment": {"fulfillmentLineItems": afterwards.rows},
    "Return": {"refunds": afterwards.refunds_of_return, "reverseFulfillmentOrders": afterwards.reverse_orders},
    "ReverseFulfillmentOrder": {"lineItems": afterwards.reverse_lines},
    "Refund": {"refundLineItems": resolvers.refund_line_items},
    "InventoryItem": {
        "inventoryLevel": resolvers.inventory_level,
        "inventoryLevels": resolvers.inventory_levels,
        "variants": resolvers.variants,
    },
    "InventoryLevel": {"quantities": resolvers.quantities},
}


@lru_cache(maxsize=512)
def snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def by_name(source: Any, info: Info, **_: Any) -> Any:
    """The default resolver: a dict by the field's name, a record by its snake-case name."""
    return source.get(info.field_name) if isinstance(source, dict) else getattr(source, snake(info.field_name))


def guarded(scope: str, resolve: Callable[..., Any]) -> Callable[..., Any]:
    """A root field that needs a scope the app may lack."""

    def checked(source: Any, info: Info, **arguments: Any) -> Any:
        if scope not in info.context.tokens.scopes:
            text = f"Access denied for {info.field_name} field. Required access: `{scope}` access scope."
            raise refusal(text, "ACCESS_DENIED", requiredAccess=f"`{scope}` access scope.")
        if scope == "read_orders" and info.context.orders_protected:
            raise refusal("This app is not approved to access the Order object.", "ACCESS_DENIED")
        return resolve(source, info, **arguments)

    return checked


@lru_cache(maxsize=1)
def schema() -> GraphQLSchema:
    made = build_schema((Path(__file__).parent / "schema.graphql").read_text("utf-8"))
    for type_name, fields in RESOLVERS.items():
        record = made.type_map[type_name]
        assert isinstance(record, GraphQLObjectType)
        for field_name, resolve in fields.items():
            scope = ROOT_SCOPES.get(field_name) if type_name in ("QueryRoot", "Mutation") else None
            record.fields[field_name].resolve = guarded(scope, resolve) if scope else resolve
    node, moment, big = made.type_map["Node"], made.type_map["DateTime"], made.type_map["UnsignedInt64"]
    assert isinstance(node, GraphQLInterfaceType) and isinstance(moment, GraphQLScalarType) and isinstance(big, GraphQLScalarType)  # noqa: PT018
    node.resolve_type = lambda record, *_: type(record).__name__
    moment.coerce_output_value = lambda value: value.strftime("%Y-%m-%dT%H:%M:%SZ")
    big.coerce_output_value = str
    return made
