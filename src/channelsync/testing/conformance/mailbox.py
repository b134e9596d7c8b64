"""Where a stand-in's webhooks arrive: kept as the deliveries a receiver would store."""

from __future__ import annotations

from collections.abc import Mapping

from channelsync.clock import Clock
from channelsync.contract import Delivery


class Mailbox:
    """A `Deliver` that answers 200 and keeps what came."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.deliveries: list[Delivery] = []

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        lower = {name.lower(): value for name, value in headers.items()}
        self.deliveries.append(Delivery("shop", lower, body, self._clock.now()))
        return 200

    def empty(self) -> list[Delivery]:
        deliveries, self.deliveries = self.deliveries, []
        return deliveries
