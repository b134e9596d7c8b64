"""A WooCommerce shop that keeps its own stock, holds and webhooks, and answers as WooCommerce 10.0.2 answered when it was measured."""

from channelsync.testing.standins.woocommerce.load import captured_objects
from channelsync.testing.standins.woocommerce.shop import WooCommerceStandIn
from channelsync.testing.standins.woocommerce.state import Dials

__all__ = ["Dials", "WooCommerceStandIn", "captured_objects"]
