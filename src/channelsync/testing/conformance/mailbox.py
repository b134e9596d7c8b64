"""Where a stand-in's webhooks arrive: kept as the deliveries a receiver would store."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from channelsync.clock import Clock
from channelsync.contract import Delivery
from channelsync.shell.receiver import PATH_SECRET, QUERY


class Mailbox:
    """A `Deliver` that answers 200 and keeps what came."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.deliveries: list[Delivery] = []

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        lower = {name.lower(): value for name, value in headers.items()}
        address = urlsplit(url)
        secret = address.path.split("/")[3:]
        lower |= ({QUERY: address.query} if address.query else {}) | ({PATH_SECRET: secret[0]} if secret else {})
        self.deliveries.append(Delivery("shop", lower, body, self._clock.now()))
        return 200

    def empty(self) -> list[Delivery]:
        deliveries, self.deliveries = self.deliveries, []
        return deliveries
