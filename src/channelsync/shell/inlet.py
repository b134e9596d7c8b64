"""Between the public listener and the ledger: deliveries are stored before the shop hears 200, rejected ones are only counted.

Of each channel only so many may wait to be applied: a shop that floods us, or an intake that has stopped, must not fill the disk.
"""

from __future__ import annotations

import hashlib
from collections import Counter

import structlog

from channelsync.contract import Delivery, ReceivesWebhooks, SecretInAddress
from channelsync.engine.loops import Engine
from channelsync.ledger import inbox, rejected, webhooks
from channelsync.ledger.inbox import Arrived, Receipt
from channelsync.ledger.rejected import Rejected
from channelsync.ledger.webhooks import Delivered
from channelsync.shell.receiver import InboxFull, Inlet, Receiver

log = structlog.get_logger(__name__)

WAITING_MAX = 100_000
KEY_MAX = 128
REASONS_MAX = 100
"""Different reasons remembered between two tellings; whoever floods us with more is counted as one."""


class Inlets:
    """Makes the receiver. `tell` is the timer's work: it writes down how many deliveries came and how many were rejected, and counts those that
    wait.

    waiting_max: of one channel, give or take what comes within a tick.
    """

    def __init__(self, engine: Engine, *, waiting_max: int = WAITING_MAX) -> None:
        self._engine, self._store = engine, engine.store
        self._ids = {channel.name: channel.id for channel in self._store.channels.values()}
        self._rejected: Counter[tuple[str, str]] = Counter()
        self._delivered: Counter[str] = Counter()
        self._waiting_max = waiting_max
        self._waiting: Counter[str] = Counter()
        self._full: set[str] = set()

    def receiver(self) -> Receiver:
        running = {channel.name: channel.connector for channel in self._store.channels.values()}
        inlets = {name: _inlet(connector) for name, connector in running.items() if isinstance(connector, ReceivesWebhooks)}
        return Receiver(inlets, self._store.clock, self.keep, self.reject)

    async def keep(self, channel: str, key: str, delivery: Delivery) -> None:
        """Returns after the commit. Raises InboxFull."""
        if self._waiting[channel] >= self._waiting_max:
            self._tell_full(channel)
            raise InboxFull(f"{self._waiting_max} deliveries of {channel} wait")
        arrived = Arrived(self._ids[channel], _fitting(key), delivery.headers, delivery.body, delivery.received_at)
        if await self._store.ledger.run(inbox.store, arrived) is Receipt.NEW:
            self._waiting[channel] += 1
        self._delivered[channel] += 1
        self._engine.arrived.set()

    def reject(self, channel: str, why: str) -> None:
        known = (channel, why) in self._rejected or len(self._rejected) < REASONS_MAX
        self._rejected[channel, why if known else "other"] += 1

    def full(self) -> list[str]:
        """Channels whose deliveries are turned away now."""
        return sorted(channel for channel, waiting in self._waiting.items() if waiting >= self._waiting_max)

    def _tell_full(self, channel: str) -> None:
        if channel not in self._full:
            self._full.add(channel)
            log.error("inbox full; the shop is asked to come again", channel=channel, waiting=self._waiting[channel])

    async def tell(self) -> None:
        """What cannot be written down now is counted on."""
        names = {number: name for name, number in self._ids.items()}
        waiting = await self._store.ledger.read(inbox.waiting)
        self._waiting = Counter({names[number]: each.count for number, each in waiting.items() if number in names})
        self._full = {name for name in self._full if self._waiting[name] >= self._waiting_max}
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
        return Inlet(connector, tuple(connector.address_secrets))
    return Inlet(connector)


def _fitting(key: str) -> str:
    """Still equal for repeats and different for different deliveries."""
    return key if len(key) <= KEY_MAX else hashlib.sha256(key.encode()).hexdigest()
