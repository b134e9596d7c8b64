"""Writes that a shop refuses one by one, as its fault dial has it: k of the n in one request. The words of each refusal are the platform's."""

from __future__ import annotations

from collections.abc import Callable

from channelsync.testing.standins.base import StandIn

Refusing = Callable[[int], frozenset[int]]
"""How many writes a request has -> the places of those that are refused."""


def refused_items(shop: StandIn, count: int) -> frozenset[int]:
    """Draws nothing while the dial is at 0, so that a shop without it stays what it was."""
    share = shop.faults.item_refused
    if not share:
        return frozenset()
    refused = frozenset(place for place in range(count) if shop.random.random() < share)
    if refused:
        shop.mishaps["write refused in part" if len(refused) < count else "write refused"] += 1
    return refused


def none_refused(_count: int) -> frozenset[int]:
    return frozenset()
