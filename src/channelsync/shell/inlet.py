"""Between the public listener and the ledger: deliveries are stored before the shop hears 200, rejected ones are only counted."""

from __future__ import annotations

import hashlib
from collections import Counter

from channelsync.contract import Delivery, ReceivesWebhooks, SecretInAddress
from channelsync.engine.loops import Engine
from channelsync.ledger import inbox, rejected, webhooks
from channelsync.ledger.inbox import Arrived
from channelsync.ledger.rejected import Rejected
from channelsync.ledger.webhooks import Delivered
from channelsync.shell.receiver import Inlet, Receiver

KEY_MAX = 128
REASONS_MAX = 100
"""Different reasons remembered between two tellings; whoever floods us with more is counted as one."""


class Inlets:
    """Makes the receiver. `tell` is the timer's work: it writes down how many deliveries came, and how many were rejected."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._store = engine, engine.store
        self._ids = {channel.name: channel.id for channel in self._store.channels.values()}
        self._rejected: Counter[tuple[str, str]] = Counter()
        self._delivered: Counter[str] = Counter()

    def receiver(self) -> Receiver:
        running = {channel.name: channel.connector for channel in self._store.channels.values()}
        inlets = {name: _inlet(connector) for name, connector in running.items() if isinstance(connector, ReceivesWebhooks)}
        return Receiver(inlets, self._store.clock, self.keep, self.reject)

    async def keep(self, channel: str, key: str, delivery: Delivery) -> None:
        """Returns after the commit."""
        arrived = Arrived(self._ids[channel], _fitting(key), delivery.headers, delivery.body, delivery.received_at)
        await self._store.ledger.run(inbox.store, arrived)
        self._delivered[channel] += 1
        self._engine.arrived.set()

    def reject(self, channel: str, why: str) -> None:
        known = (channel, why) in self._rejected or len(self._rejected) < REASONS_MAX
        self._rejected[channel, why if known else "other"] += 1

    async def tell(self) -> None:
        """What cannot be written down now is counted on."""
        now = self._store.clock.now()
        for channel, count in list(self._delivered.items()):
            if count:
                await self._store.ledger.run(webhooks.note_delivered, Delivered(self._ids[channel], count, now))
                self._delivered[channel] -= count
        for (channel, why), count in list(self._rejected.items()):
            await self._store.ledger.run(rejected.note, Rejected(channel, why, count))
            self._rejected[channel, why] -= count
        self._rejected = +self._rejected


def _inlet(connector: ReceivesWebhooks) -> Inlet:
    if isinstance(connector, SecretInAddress):
        return Inlet(connector, connector.address_secret)
    return Inlet(connector)


def _fitting(key: str) -> str:
    """Still equal for repeats and different for different deliveries."""
    return key if len(key) <= KEY_MAX else hashlib.sha256(key.encode()).hexdigest()
