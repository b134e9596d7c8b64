"""The public availability of one daemon, put together from its parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from channelsync.clock import Clock
from channelsync.config import AvailabilityConfig
from channelsync.ledger.door import Door
from channelsync.shell.receiver import Receive, Scope, Send
from channelsync.shell.serve import App
from channelsync.shell.storefront.board import Board
from channelsync.shell.storefront.feed import Feed
from channelsync.shell.storefront.live import Streams
from channelsync.shell.storefront.routes import PREFIX, Storefront
from channelsync.shell.storefront.telling import Telling


class Shopfront:
    """An ASGI app: /availability in front of `behind`, which keeps all other paths."""

    def __init__(self, config: AvailabilityConfig, ledger: Door, clock: Clock, behind: App, hinted: asyncio.Event) -> None:
        board = Board(ledger, clock, Telling(config.detail, config.low), config.locations)
        self.streams = Streams(board, clock, config.clients)
        self._feed = Feed(ledger, clock, board, self.streams, hinted)
        self._routes, self._behind = Storefront(board, self.streams, config.origins), behind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        mine = scope["type"] == "http" and (path == PREFIX or path.startswith(f"{PREFIX}/"))
        await (self._routes if mine else self._behind)(scope, receive, send)

    @asynccontextmanager
    async def live(self) -> AsyncIterator[None]:
        """Streams hear of changes while the block runs; at its end they end, before the listener has to wait for them."""
        feeding = asyncio.create_task(self._feed.run(), name="availability feed")
        try:
            yield
        finally:
            self.streams.close()
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
