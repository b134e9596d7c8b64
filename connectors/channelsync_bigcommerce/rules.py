"""What the store does to its own numbers by itself, as its inventory settings say. Read when first needed, and again once a day.

A storefront channel may have settings of its own; null means that it inherits the store's. Manual orders follow the store's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channelsync.errors import Misunderstood
from channelsync_bigcommerce.answers import StoreRefused
from channelsync_bigcommerce.api import Api

PATH = "/v3/settings/inventory"
PLACED, SHIPPED = "order_placed", "order_completed_or_shipped"
MAX_AGE_SECONDS = 86_400.0
CHANNELS_MAX = 200


@dataclass(frozen=True, slots=True)
class Rules:
    """on_placed: units are taken when an order is placed, else when it is shipped or completed. gives_back: cancelling restocks."""

    on_placed: bool
    edits: bool
    gives_back: bool


class RulesOf:
    """The rules of each storefront channel (None: the store's own), kept for a day."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[int | None, tuple[float, Rules]] = {}

    async def of(self, channel: int | None) -> Rules:
        now = self._api.clock.monotonic()
        known = self._known.get(channel)
        if known is None or now - known[0] >= MAX_AGE_SECONDS:
            if len(self._known) >= CHANNELS_MAX:
                self._known.clear()
            known = self._known[channel] = (now, await self._read(channel))
        return known[1]

    async def _read(self, channel: int | None) -> Rules:
        """Raises Misunderstood for a channel that the store does not know (any more): its orders are set aside, the others go on."""
        if channel is None:
            return _rules((await self._api.get(PATH)).data_object(), None)
        inherited = await self.of(None)
        try:
            answer = await self._api.get(PATH, {"channel_id": str(channel)})
        except StoreRefused as error:
            raise Misunderstood(f"the inventory settings of channel {channel} cannot be read: {error}") from None
        return _rules(answer.data_object(), inherited)


def _rules(raw: Mapping[str, Any], inherited: Rules | None) -> Rules:
    behavior = raw.get("update_stock_behavior")
    if behavior is None and inherited is not None:
        on_placed = inherited.on_placed
    elif behavior in (PLACED, SHIPPED):
        on_placed = behavior == PLACED
    else:
        raise Misunderstood(f"update_stock_behavior is not documented: {str(behavior)[:60]!r}")
    edits = _flag(raw, "edit_order_stock_adjustment", inherited.edits if inherited else None)
    gives_back = _flag(raw, "refund_order_stock_adjustment", inherited.gives_back if inherited else None)
    return Rules(on_placed, edits, gives_back)


def _flag(raw: Mapping[str, Any], name: str, inherited: bool | None) -> bool:
    value = raw.get(name)
    if value is None:
        value = inherited
    if not isinstance(value, bool):
        raise Misunderstood(f"{name} is not true or false: {str(value)[:60]!r}")
    return value
