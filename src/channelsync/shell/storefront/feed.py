"""Notices that stock has moved and tells the streams: at once after a commit of this daemon, within half a second after one of another node.

It asks the log for its newest entries, and reads the state of those SKUs that somebody watches and that moved. What leaves no movement (a policy, a
recipe) is found by looking at everything that is watched every few seconds. While nobody watches it does nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import structlog

from channelsync.clock import Clock
from channelsync.errors import ChannelsyncError
from channelsync.ledger import availability
from channelsync.ledger.availability import Standing
from channelsync.ledger.door import Door
from channelsync.shell.storefront.board import Board
from channelsync.shell.storefront.live import Streams
from channelsync.shell.within import within

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5
REST_SECONDS = 0.1
"""Between two looks, however often stock moves."""
WHOLE_SECONDS = 5.0
WINDOW = 512
"""Newest movements that are looked at: PostgreSQL numbers before the commit, so an entry of another node may turn up behind a newer one."""


class Hinted:
    """A ledger's door that says so when something was committed through it."""

    def __init__(self, door: Door, hint: Callable[[], None]) -> None:
        self._door, self._hint = door, hint

    async def start(self) -> None:
        await self._door.start()

    async def close(self) -> None:
        await self._door.close()

    async def run(self, verb: Any, item: Any) -> Any:
        result = await self._door.run(verb, item)
        self._hint()
        return result

    async def read(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        return await self._door.read(query, *args, **kwargs)


class Feed:
    def __init__(self, ledger: Door, clock: Clock, board: Board, streams: Streams, hinted: asyncio.Event) -> None:
        self._ledger, self._clock, self._board, self._streams, self._hinted = ledger, clock, board, streams, hinted
        self._seen: frozenset[int] = frozenset()
        self._known: dict[str, Standing | None] = {}
        self._whole_at = 0.0

    async def run(self) -> None:
        """For ever. An outage of the database ends nothing: the next look sees what has changed."""
        away = False
        while True:
            await self._streams.somebody.wait()
            try:
                await self._look()
                away = False
            except ChannelsyncError as error:
                if not away:
                    log.warning("live availability waits for the database", error=str(error))
                away = True
            except Exception:
                log.exception("live availability failed; it goes on")
            await self._clock.sleep(REST_SECONDS)
            try:
                await within(self._clock, POLL_SECONDS, self._wait())
            except TimeoutError:
                continue

    async def _wait(self) -> None:
        await self._hinted.wait()

    async def _look(self) -> None:
        self._hinted.clear()  # before reading: what is committed from here on wakes us again
        newest = await self._ledger.read(availability.newest_movements, WINDOW)
        watched = self._streams.watched  # after reading: whoever comes from here on reads a state that has all of `newest` in it
        numbers = frozenset(number for number, _ in newest)
        fresh = {sku_id for number, sku_id in newest if number not in self._seen}
        missed = len(newest) == WINDOW and not numbers & self._seen
        whole = missed or self._clock.monotonic() - self._whole_at >= WHOLE_SECONDS
        await self._tell(watched if whole else self._touched(watched, fresh), watched)
        self._seen = numbers
        if whole:
            self._whole_at = self._clock.monotonic()

    def _touched(self, watched: Iterable[str], moved: set[int]) -> set[str]:
        """Those that moved, and those that were never looked at. What the ledger does not know is looked for when everything is."""
        known = {sku: self._known[sku] for sku in watched if sku in self._known}
        return {sku for sku in watched if sku not in known or ((at := known[sku]) is not None and at.moves_with & moved)}

    async def _tell(self, skus: Iterable[str], watched: set[str]) -> None:
        asked = set(skus)
        found = await self._board.fresh(asked)
        self._known = {sku: standing for sku, standing in self._known.items() if sku in watched}
        self._known |= {sku: found[sku][0] if sku in found else None for sku in asked}
        self._streams.tell({sku: text for sku, (_, text) in found.items()})
        self._streams.tell_gone({sku: self._board.gone(sku) for sku in asked - found.keys()})
