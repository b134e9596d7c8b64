"""The store's own locations. Every store has number 1; storefronts sell from the default one unless support has switched sums on."""

from __future__ import annotations

from channelsync.contract import ChannelLocation
from channelsync_bigcommerce.api import Api
from channelsync_bigcommerce.shapes import number_id, text


async def read_locations(api: Api) -> list[ChannelLocation]:
    """A disabled location exists, and its numbers cannot be changed."""
    return [
        ChannelLocation(str(number_id(row)), text(row.get("label")) or text(row.get("code")), row.get("enabled") is True)
        async for page, _ in api.pages("/v3/inventory/locations", {})
        for row in page
    ]
