"""A ledger that lets a scenario slip something in: just before or just after the next run of one of its verbs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import Engine

from channelsync.clock import Clock
from channelsync.ledger.door import In, InlineLedger, Out
from channelsync.ledger.group import Verb

Action = Callable[[], Awaitable[object]]


class SlippingLedger(InlineLedger):
    """Like the inline ledger. Each order is for one run of one verb; an action may raise, and then stands for a daemon that dies there."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        super().__init__(engine, clock)
        self._orders: dict[tuple[Verb[Any, Any], str], Action] = {}

    def slip_before(self, verb: Verb[Any, Any], action: Action) -> None:
        self._orders[verb, "before"] = action

    def slip_after(self, verb: Verb[Any, Any], action: Action) -> None:
        """After the next run that had something to answer."""
        self._orders[verb, "after"] = action

    async def run(self, verb: Verb[In, Out], item: In) -> Out:
        if before := self._orders.pop((verb, "before"), None):
            await before()
        result: Out = await super().run(verb, item)
        if result is not None and (after := self._orders.pop((verb, "after"), None)):
            await after()
        return result
