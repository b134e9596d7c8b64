"""Every parser of every connector, by name: what the proof runs over."""

from __future__ import annotations

from channelsync.testing.fuzz import Target
from fuzz import bigcommerce, moysklad, shopify, woocommerce

PARSERS: dict[str, Target] = {
    target.name: target for platform in (shopify, woocommerce, bigcommerce, moysklad) for target in platform.targets()
}
