"""A stateful Shopify for tests, the demo and the simulator: real GraphQL over a subset of the Admin API 2026-07."""

from channelsync.testing.standins.shopify.shop import ShopifyStandIn

__all__ = ["ShopifyStandIn"]
