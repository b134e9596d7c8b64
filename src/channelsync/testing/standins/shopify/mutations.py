"""What the mutation fields do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import GraphQLResolveInfo
from graphql.execution import get_directive_values

from channelsync.testing.standins.shopify.hooks import TAKEN, WebhookSubscription
from channelsync.testing.standins.shopify.paging import refusal

if TYPE_CHECKING:
    from channelsync.testing.standins.shopify.shop import ShopifyStandIn

Info = GraphQLResolveInfo


def inventory_set_quantities(_: Any, info: Info, *, input: dict[str, Any]) -> Any:  # noqa: A002 - GraphQL's name
    shop: ShopifyStandIn = info.context
    directive = info.schema.get_directive("idempotent")
    assert directive is not None
    given = get_directive_values(directive, info.field_nodes[0], info.variable_values)
    mutation = shop.set_quantities
    key = mutation.form(input, given["key"] if given else None)
    if (known := mutation.begin(input, key)) is not None:
        return known
    if not shop.write_seconds:
        return mutation.run(input, key)

    async def later() -> dict[str, Any]:
        await shop.clock.sleep(shop.random.random() * shop.write_seconds)
        return mutation.run(input, key)

    return later()


def variants_bulk_update(
    _: Any,
    info: Info,
    *,
    productId: str,  # noqa: N803 - GraphQL's name
    variants: list[dict[str, Any]],
    **more: Any,
) -> dict[str, Any]:
    """Of a variant this stand-in takes `inventoryPolicy` alone. Without partial updates one bad variant keeps all of them as they are."""
    shop: ShopifyStandIn = info.context
    mine = {each.id: each for each in shop.variants_by_ref.values() if each.product.id == productId}
    if not mine:
        return _not_updated([_fault("PRODUCT_DOES_NOT_EXIST", ["productId"], "Product does not exist")])
    faults = []
    for place, wanted in enumerate(variants):
        if not wanted.get("id"):
            faults.append(_fault("PRODUCT_VARIANT_ID_MISSING", ["variants", str(place), "id"], "Product variant is missing ID attribute"))
        elif wanted["id"] not in mine:
            faults.append(_fault("PRODUCT_VARIANT_DOES_NOT_EXIST", ["variants", str(place), "id"], "Product variant does not exist"))
    if faults and not more["allowPartialUpdates"]:
        return _not_updated(faults)
    good = [(mine[wanted["id"]], wanted) for wanted in variants if wanted.get("id") in mine]
    for variant, wanted in good:
        shop.set_policy(variant, wanted.get("inventoryPolicy") or variant.inventory_policy)
    return {"product": next(iter(mine.values())).product, "productVariants": [variant for variant, _ in good], "userErrors": faults}


def _not_updated(faults: list[dict[str, Any]]) -> dict[str, Any]:
    return {"product": None, "productVariants": None, "userErrors": faults}


def _fault(code: str, field: list[str], message: str) -> dict[str, Any]:
    return {"code": code, "field": field, "message": message}


def bulk_run_query(_: Any, info: Info, *, query: str, **arguments: Any) -> dict[str, Any]:
    if arguments["groupObjects"]:
        raise refusal("this stand-in does not group the objects of a bulk query")
    shop: ShopifyStandIn = info.context
    return shop.bulk.run_query(query)


def subscription_payload(made: WebhookSubscription | str) -> dict[str, Any]:
    if isinstance(made, str):
        field = ["webhookSubscription", "uri"] if made == TAKEN else ["webhookSubscription"]
        return {"webhookSubscription": None, "userErrors": [{"field": field, "message": made}]}
    return {"webhookSubscription": made, "userErrors": []}


def subscription_create(_: Any, info: Info, *, topic: str, **arguments: Any) -> dict[str, Any]:
    wanted = arguments["webhookSubscription"]
    return subscription_payload(info.context.hooks.create(topic, wanted.get("uri"), wanted.get("includeFields")))


def subscription_update(_: Any, info: Info, *, id: str, **arguments: Any) -> dict[str, Any]:  # noqa: A002 - GraphQL's name
    wanted = arguments["webhookSubscription"]
    return subscription_payload(info.context.hooks.update(id, wanted.get("uri"), wanted.get("includeFields")))


def subscription_delete(_: Any, info: Info, *, id: str) -> dict[str, Any]:  # noqa: A002 - GraphQL's name
    if info.context.hooks.delete(id):
        return {"deletedWebhookSubscriptionId": id, "userErrors": []}
    return {"deletedWebhookSubscriptionId": None, "userErrors": [{"field": ["id"], "message": "Webhook subscription does not exist"}]}
