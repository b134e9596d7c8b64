"""A BigCommerce store that applies stock writes later, moves stock by its own two rules and sends light webhooks, as the vendor documents it."""

from channelsync.testing.standins.bigcommerce.shop import BigCommerceStandIn
from channelsync.testing.standins.bigcommerce.state import Dials

__all__ = ["BigCommerceStandIn", "Dials"]
