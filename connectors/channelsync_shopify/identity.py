"""Who the shop is, which API version really answers, and what we may do there."""

from __future__ import annotations

from channelsync.contract import Identity
from channelsync.errors import Misunderstood, Unauthorized
from channelsync_shopify import documents
from channelsync_shopify.admin import Admin, Answer, WrongVersion
from channelsync_shopify.answers import Health
from channelsync_shopify.settings import ShopifySettings
from channelsync_shopify.shapes import shaped

PLACES_SCOPES = frozenset(
    {"read_merchant_managed_fulfillment_orders", "read_assigned_fulfillment_orders", "read_third_party_fulfillment_orders"}
    | {"write_merchant_managed_fulfillment_orders", "write_assigned_fulfillment_orders", "write_third_party_fulfillment_orders"}
)
SCOPES = ("read_products", "read_inventory", "write_inventory", "read_locations", "read_orders")


async def look(admin: Admin, settings: ShopifySettings) -> Identity:
    """Raises Unauthorized naming missing scopes or another API version than the settings name, Misunderstood for another shop."""
    health, served = await admin.read(documents.HEALTH, {}, _understand_health, any_version=True)
    _same_version(settings.api_version, served, health)
    if health.shop.myshopify_domain.lower() != settings.shop:
        raise Misunderstood(f"the settings name the shop {settings.shop}, but {health.shop.myshopify_domain} answers; correct `shop`")
    granted = {scope.handle for scope in health.current_app_installation.access_scopes}
    # Shopify lists a write scope alone where it includes the read scope.
    missing = [scope for scope in SCOPES if scope not in granted and scope.replace("read_", "write_") not in granted]
    if missing:
        raise Unauthorized(f"the app lacks the access scope {', '.join(missing)}: grant it in the app's configuration and install it again")
    facts = {
        "domain": health.shop.myshopify_domain,
        "api_version": settings.api_version,
        "time_zone": health.shop.iana_timezone,
        "plan": health.shop.plan.public_display_name,
        "scopes": " ".join(sorted(granted)),
    }
    return Identity(health.shop.id, health.shop.name, facts)


def require_places(shop: Identity) -> None:
    """Several locations: an order is told by place only to who may read fulfillment orders. Raises Unauthorized."""
    if not PLACES_SCOPES & set(shop.facts["scopes"].split()):
        raise Unauthorized(
            "the shop has several locations and the app lacks the access scope read_merchant_managed_fulfillment_orders, which tells from "
            "which of them an order is shipped: grant it, or name the one location that counts as shop_location"
        )


def _same_version(asked: str, served: str | None, health: Health) -> None:
    """A retired version is not refused: Shopify answers with the oldest one it still has, under other rules."""
    supported = [version.handle for version in health.public_api_versions if version.supported]
    if served not in (None, asked) or asked not in supported:
        raise WrongVersion(asked, served, supported)


def _understand_health(answer: Answer) -> tuple[Health, str | None]:
    return shaped(Health, answer.data, "the shop's description"), answer.version
