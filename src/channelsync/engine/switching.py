"""Turning a shop's own backorder switches to what the SKUs' policies say, where the channel's settings ask for it.

It is no part of the safe push and never touches a number: a switch is absolute, so the same write again brings the same end, and what the catalogue
says next is what counts. It takes its turn on the dispatcher's wire, a few listings at a time, so that numbers never wait long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from channelsync.contract import Switch, SwitchResult, TurnsSwitches
from channelsync.engine.channel import Channel
from channelsync.engine.dispatch import Dispatcher
from channelsync.engine.leasing import fenced
from channelsync.engine.store import Store
from channelsync.errors import NotReached, RateLimited, Refused, Unauthorized
from channelsync.ledger import switches
from channelsync.ledger.switches import Told, ToTurn

log = structlog.get_logger(__name__)

AT_ONCE = 5
ROUNDS_MAX = 100
AGAIN_SECONDS = 30.0
AGAIN_MAX = 900.0
"""What a shop has not done, or given no clear answer to, is tried again after so long, doubled with each try up to the longest. A shop that lets us
turn none is left alone for the longest.
"""
WAITING_MAX = 500
"""So many failures at a time are enough: nothing more is tried until some of them may be tried again."""


@dataclass(frozen=True, slots=True)
class _Tried:
    """A switch that did not come to say what it should. until: monotonic; it is left alone before that."""

    times: int
    until: float


class Switching:
    def __init__(self, store: Store, channel: Channel, dispatcher: Dispatcher) -> None:
        self._store, self._channel, self._dispatcher = store, channel, dispatcher
        self._tried: dict[int, _Tried] = {}
        self._again_at = 0.0

    async def run_once(self) -> int:
        """Turn what does not say what it should. Returns how many switches say it now. Raises the channel's errors."""
        done = 0
        for _ in range(ROUNDS_MAX):
            async with self._dispatcher.alone() as free:
                turned = await self._some() if free else None
            if turned is None:
                break
            done += turned
        return done

    async def _some(self) -> int | None:
        """The next few. None: there are no more that may be tried now."""
        now = self._store.clock.monotonic()
        self._tried = {listing: tried for listing, tried in self._tried.items() if tried.until > now - AGAIN_MAX}
        waiting = [listing for listing, tried in self._tried.items() if tried.until > now]
        if now < self._again_at or len(waiting) >= WAITING_MAX:
            return None
        wanted = await self._store.ledger.read(switches.to_turn, self._channel.id, avoid=waiting, limit=AT_ONCE)
        if not wanted:
            return None
        before = self._tried
        self._tried = {**before, **{each.id: _once_more(before.get(each.id), now) for each in wanted}}
        try:
            results = await self._ask(wanted)
        except (RateLimited, NotReached, Unauthorized):  # it was not for these listings, and nothing stands against asking again
            self._tried = before
            raise
        except Refused as refused:
            self._again_at, self._tried = now + AGAIN_MAX, before
            log.error("the shop lets us turn no backorder switch", channel=self._channel.name, reason=str(refused))
            return None
        return await self._settle(wanted, results)

    async def _ask(self, wanted: Sequence[ToTurn]) -> Sequence[SwitchResult]:
        connector = self._channel.connector
        assert isinstance(connector, TurnsSwitches), "the config check has seen to it"
        with fenced(self._store, self._channel):
            return await connector.turn([Switch(each.listing, each.sells_on) for each in wanted])

    async def _settle(self, wanted: Sequence[ToTurn], results: Sequence[SwitchResult]) -> int:
        """Only what the shop itself says is kept; the rest is left to the next try, or the next reading."""
        told = {result.listing: result for result in results}
        done: list[ToTurn] = []
        for each in wanted:
            result = told.get(each.listing) or SwitchResult(each.listing, None, "the answer does not mention it")
            if result.sells_on is not each.sells_on:
                reason = result.reason or "the shop's switch still says the opposite"
                log.warning(
                    "a backorder switch was not turned", channel=self._channel.name, listing=each.listing, sku=each.sku, reason=reason
                )
                continue
            await self._store.ledger.run(switches.tell, Told(each.id, each.sells_on))
            del self._tried[each.id]
            done.append(each)
        for sells_on in (False, True):
            if skus := [each.sku for each in done if each.sells_on is sells_on]:
                log.info("backorder switches turned", channel=self._channel.name, sells_on=sells_on, skus=skus)
        return len(done)


def _once_more(tried: _Tried | None, now: float) -> _Tried:
    times = 0 if tried is None else tried.times
    return _Tried(times + 1, now + min(AGAIN_MAX, AGAIN_SECONDS * 2.0 ** min(times, 10)))
