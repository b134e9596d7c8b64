"""A Moysklad account that keeps its own documents, reserves and webhooks, and answers as the published API 1.2 documentation says."""

from channelsync.testing.standins.moysklad.shop import MoyskladStandIn
from channelsync.testing.standins.moysklad.state import Dials

__all__ = ["Dials", "MoyskladStandIn"]
