"""A stock authority at work: its documents and its numbers come in, our orders go out. One node at a time; no transaction is open meanwhile.

A round of reading first hears the documents and then asks for the numbers, so that what is known to be shipped is proved by the same round.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from channelsync.contract import Cursor, Page, Physical, ShelfRef, StockAuthority
from channelsync.engine.channel import Channel
from channelsync.engine.leasing import fenced, hold_lease
from channelsync.engine.store import Store
from channelsync.errors import ChannelError, Misunderstood, Refused
from channelsync.ledger import authority_alerts, authority_guard, authority_import, authority_rows, channels, cursors, exports, exports_told
from channelsync.ledger.authority_alerts import Watch
from channelsync.ledger.authority_guard import Run
from channelsync.ledger.authority_import import PhysicalRead
from channelsync.ledger.authority_rows import Asked
from channelsync.ledger.channels import PauseKind
from channelsync.ledger.exports import Armed, Arming, Refresh
from channelsync.ledger.exports_told import ClaimsRead, Exported

log = structlog.get_logger(__name__)

PAGES_MAX = 100_000
ROWS_MAX = 5_000_000
ROWS_AT_ONCE = 200
ASK_AT_ONCE = 500
ASK_AGAIN_AFTER = timedelta(minutes=1)
CLAIMS_PER_ROUND = 200
OVERLAP = timedelta(minutes=5)
"""Orders are looked through again this far back: a commit may be later than the time it carries."""
EVER = datetime(1970, 1, 1, tzinfo=UTC)


class Authority:
    """settings.lag None: its documents tell what it has shipped; else nobody does, and nothing is exported."""

    def __init__(self, store: Store, channel: Channel) -> None:
        self._store, self._channel = store, channel
        self._documents = asyncio.Lock()  # what an export did and what is read of it must not overlap
        self._seen = EVER

    # -- numbers ---------------------------------------------------------------------------------------------------------------------------------

    async def read(self) -> int:
        """Hear documents and read what changed, everything once in a while. Returns how many numbers were applied. Raises its errors."""
        if not await hold_lease(self._store, self._channel):
            return 0
        if await self._stopped():
            await self._look_again()
            return 0
        await self._hear()
        done = await self._read_run()
        done += await self._ask_again()
        ledger, channel = self._store.ledger, self._channel
        await ledger.run(authority_import.repost, self._read_of((), 0, self._store.clock.now()))
        await ledger.run(authority_alerts.watch, Watch(channel.id))
        self._store.well(channel)
        self._store.wake()
        return done

    async def _stopped(self) -> bool:
        """A person's pause stops what we write; the guard's stops what we would believe."""
        return (await self._store.ledger.read(channels.state_of, self._channel.id)).paused_kind is PauseKind.GUARD

    async def _look_again(self) -> None:
        """Nothing of it is believed: if everything may be applied again, `resume` needs no --accept."""
        cursor = await self._store.ledger.read(authority_import.cursor_of, self._channel.id)
        told, _, _ = await self._collect(Cursor(cursor.high_water), full=True)
        await self._store.ledger.run(authority_guard.judge, Run(self._channel.id, told, full=True))

    async def _read_run(self) -> int:
        """One complete run: collected, judged as a whole, then applied page by page, the mark with the last."""
        store, channel = self._store, self._channel
        looked_at = store.clock.now()
        cursor = await store.ledger.read(authority_import.cursor_of, channel.id)
        last_full = await store.ledger.read(cursors.looked_at, channel.id, authority_import.FULL)
        full = last_full is None or looked_at - last_full >= channel.settings.full_every
        question = await store.ledger.run(channels.next_read_seqs, channel.id)
        told, refused, mark = await self._collect(Cursor(cursor.high_water), full=full)
        if not await self._judged(told, full=full):
            return 0
        chunks = [told[start : start + ROWS_AT_ONCE] for start in range(0, len(told), ROWS_AT_ONCE)] or [()]
        for chunk in chunks[:-1]:
            await store.ledger.run(authority_import.import_physical, self._read_of(chunk, question, looked_at))
        last = Page(chunks[-1], high_water=mark, refused=refused)
        read = PhysicalRead(channel.id, last, question, looked_at, self._places(), full=full, lag=channel.settings.authority_lag)
        await store.ledger.run(authority_import.import_physical, read)
        return len(told)

    async def _collect(self, cursor: Cursor, *, full: bool) -> tuple[tuple[Physical, ...], tuple[tuple[str, str, str], ...], str]:
        told: list[Physical] = []
        refused: list[tuple[str, str, str]] = []
        pages = 0
        async for page in self._connector.physical(cursor, full=full):
            told += page.items
            refused += page.refused
            pages += 1
            if page.high_water is not None:
                return tuple(told), tuple(refused), page.high_water
            if pages >= PAGES_MAX or len(told) >= ROWS_MAX:
                break
        raise Misunderstood(f"the stream of numbers ended after {pages} pages without a high-water mark")

    async def _judged(self, told: Sequence[Physical], *, full: bool) -> bool:
        reason = await self._store.ledger.run(authority_guard.judge, Run(self._channel.id, tuple(told), full))
        if reason is not None:
            self._channel.trouble = reason
            log.error("readings stopped", channel=self._channel.name, reason=reason)
        return reason is None

    async def _ask_again(self) -> int:
        """By name: what is being recalculated, and numbers that must be newer than what we have learned of our own claims there."""
        store, channel = self._store, self._channel
        now = store.clock.now()
        wanted = await store.ledger.read(authority_rows.to_ask, channel.id, now, again_after=ASK_AGAIN_AFTER, limit=ASK_AT_ONCE)
        if not wanted:
            return 0
        question = await store.ledger.run(channels.next_read_seqs, channel.id)
        await store.ledger.run(authority_rows.note_asked, Asked(channel.id, tuple(wanted)))
        told = await self._connector.physical_of([ShelfRef(shelf.listing, shelf.location) for shelf in wanted])
        if not await self._judged(told, full=False):
            return 0
        for start in range(0, len(told), ROWS_AT_ONCE):
            read = self._read_of(tuple(told[start : start + ROWS_AT_ONCE]), question, now)
            await store.ledger.run(authority_import.import_physical, read)
        return len(told)

    def _read_of(self, told: tuple[Physical, ...], question: int, looked_at: datetime) -> PhysicalRead:
        """A part of a run that moves no mark."""
        page = Page(told)
        lag = self._channel.settings.authority_lag
        return PhysicalRead(self._channel.id, page, question, looked_at, self._places(), cursor=False, lag=lag)

    # -- documents -------------------------------------------------------------------------------------------------------------------------------

    async def _hear(self) -> None:
        """Everything that changed in our documents since the last complete run."""
        store, channel = self._store, self._channel
        if channel.settings.authority_lag is not None:
            return
        async with self._documents:
            looked_at = store.clock.now()
            cursor = await store.ledger.read(exports_told.cursor_of, channel.id)
            question = await store.ledger.run(channels.next_read_seqs, channel.id)
            pages = 0
            async for page in self._connector.claims(cursor):
                await store.ledger.run(exports_told.hear, ClaimsRead(channel.id, page, question, looked_at))
                pages += 1
                if page.high_water is not None:
                    return
                if pages >= PAGES_MAX:
                    break
        raise Misunderstood(f"the stream of documents ended after {pages} pages without a high-water mark")

    async def export(self) -> int:
        """Tell every claim that differs. Returns how many were told. Raises its errors, after the one that failed was put back."""
        if not await hold_lease(self._store, self._channel):
            return 0
        await self._refresh()
        channel, ledger = self._channel, self._store.ledger
        if channel.settings.authority_lag is not None or not channel.settings.live or not await ledger.read(channels.may_write, channel.id):
            return 0
        async with self._documents:
            for count in range(CLAIMS_PER_ROUND):
                if not await hold_lease(self._store, self._channel):
                    return count
                armed = await ledger.run(exports.arm, Arming(channel.id, self._places()))
                if armed is None:
                    return count
                await self._tell(armed)
        channel.due.set()
        return CLAIMS_PER_ROUND

    async def _refresh(self) -> None:
        began = self._store.clock.now()
        after: int | None = 0
        while after is not None:
            found = await self._store.ledger.run(exports.refresh, Refresh(self._channel.id, self._seen, after))
            after = found.next
        self._seen = began - OVERLAP

    async def _tell(self, armed: Armed) -> None:
        try:
            with fenced(self._store, self._channel):
                claimed = await self._connector.export(armed.claim)
        except Refused as error:
            await self._store.ledger.run(exports_told.settle, Exported(armed.export_id, armed.question, refused=str(error)))
        except ChannelError:
            await self._store.ledger.run(exports_told.settle, Exported(armed.export_id, armed.question))
            raise
        else:
            await self._store.ledger.run(exports_told.settle, Exported(armed.export_id, armed.question, claimed))
            self._store.well(self._channel)

    # -- what it is ------------------------------------------------------------------------------------------------------------------------------

    @property
    def _connector(self) -> StockAuthority:
        connector = self._channel.connector
        assert isinstance(connector, StockAuthority), "the config check has seen to it"
        return connector

    def _places(self) -> Mapping[str, int]:
        return {place: fed[0] for place, fed in self._channel.settings.places.items() if fed}
