"""Shopify: the Admin API over GraphQL, with compare-and-set under an idempotency key."""

from channelsync_shopify.connector import ShopifyType

connector = ShopifyType()

__all__ = ["connector"]
