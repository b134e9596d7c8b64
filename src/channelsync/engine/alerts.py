"""Alerts as tasks: look at the ledger for what people should hear, and bring it to them. How a target is spoken to is the shell's affair."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import structlog

from channelsync.engine.store import Store
from channelsync.ledger import alert_pages, alert_queue, alert_watch
from channelsync.ledger.alert_queue import Claim, Message, Outcome, Said
from channelsync.ledger.alert_rules import Rules
from channelsync.ledger.alert_watch import Look, Looked

log = structlog.get_logger(__name__)

SLOW_EVERY = 30.0
FORGET_EVERY = 600.0
FORGET_ROWS = 500
STEPS_MAX = 20
LEASE_MARGIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a target said to one message. wait: it asks for so long."""

    said: Said
    reason: str = ""
    wait: timedelta | None = None


class Sender(Protocol):
    """One target. timeout: how long `send` may take; it never raises for what a target does."""

    timeout: timedelta

    async def send(self, message: Message) -> Sent: ...


@dataclass(slots=True)
class Alerts:
    """senders: by the targets' names. sent: messages since the start, by the same names."""

    store: Store
    rules: Rules
    senders: Mapping[str, Sender] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    _slow_at: float = 0.0
    _forget_at: float = 0.0
    _look: Look = field(init=False)

    def __post_init__(self) -> None:
        self._look = Look(self.rules, began=self.store.clock.now())

    async def watch(self) -> int:
        """Everything that is new since the last time; a long backlog over several rounds. Returns how many alerts were opened."""
        opened = 0
        for _ in range(STEPS_MAX):
            step = await self._step()
            opened += step.opened
            if not step.more:
                break
        if self.store.clock.monotonic() >= self._forget_at:
            self._forget_at = self.store.clock.monotonic() + FORGET_EVERY
            await self.store.ledger.run(alert_pages.forget, FORGET_ROWS)
        return opened

    async def _step(self) -> Looked:
        now = self.store.clock.monotonic()
        slow = now >= self._slow_at
        if slow:
            self._slow_at = now + SLOW_EVERY
        return await self.store.ledger.run(alert_watch.look, Look(self.rules, slow, self._look.began))

    async def deliver(self) -> int:
        """To all targets together, once. Returns how many messages were sent."""
        return sum(await asyncio.gather(*(self.deliver_to(name) for name in sorted(self.senders))))

    async def deliver_to(self, name: str) -> int:
        """What waits for this target, in its order. Returns how many messages were sent."""
        if name not in await self.store.ledger.read(alert_queue.due, self.store.clock.now()):
            return 0
        sender = self.senders[name]
        lease = sender.timeout + LEASE_MARGIN
        waiting: Sequence[Message] = await self.store.ledger.run(alert_queue.claim, Claim(name, lease))
        for number, message in enumerate(waiting):
            sent = await self._send(name, sender, message)
            spread = 0.8 + 0.4 * self.store.random.random()
            last = number + 1 == len(waiting)
            outcome = Outcome(name, message.id, sent.said, sent.reason, sent.wait, spread, lease, last)
            await self.store.ledger.run(alert_queue.settle, outcome)
            if sent.said is not Said.SENT:
                log.warning("an alert did not get through; it is sent again later", target=name, why=sent.reason, said=sent.said.value)
                return number
            self.sent[name] = self.sent.get(name, 0) + 1
        return len(waiting)

    async def _send(self, name: str, sender: Sender, message: Message) -> Sent:
        try:
            return await sender.send(message)
        except Exception as error:
            log.error("a message could not be sent because of a bug; it is sent again later", target=name, exc_info=error)
            return Sent(Said.LATER, f"a bug of ours: {type(error).__name__}")
