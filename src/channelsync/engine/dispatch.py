"""Dispatch: from due shelves to confirmed writes, by the safe push. One dispatcher per channel; it owns all writes to it.

Lowers go at once. A raise looks first: the orders of every shop that sells the SKU are pulled, then it is computed, stored and re-checked in the
step that releases it. Nothing is computed past an open attempt. No database transaction is open while a request is on the wire.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from channelsync.contract import Carrier
from channelsync.engine.channel import Channel
from channelsync.engine.leasing import hold_lease
from channelsync.engine.poll import Pullers
from channelsync.engine.store import Store
from channelsync.engine.wire import Wire
from channelsync.ledger import channels, outbox, selling
from channelsync.ledger.differences import Look
from channelsync.ledger.outbox import DueRaise, OpenCall, Withdrawal

REPEAT_PAUSE_MAX = 60.0
ROUNDS_MAX = 100
"""Calls in a row before other work gets its turn."""
LOOKS_MAX = 3
"""At the sellers of one page of raises, one after the other."""
LOOK_STEP = 1.0
REPEATS_MAX = 12
"""Some four minutes: what the shop has not answered clearly by then, a reading will."""

T = TypeVar("T")


class Dispatcher:
    def __init__(self, store: Store, channel: Channel, pullers: Pullers) -> None:
        self._store, self._channel, self._pullers = store, channel, pullers
        self._wire = Wire(store, channel)

    async def stop(self) -> None:
        """Send nothing more. Returns when what is on the wire is answered and settled."""
        await self._wire.stop()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[bool]:
        """The wire, for a write that is no number: none of ours is under way meanwhile. False: nothing may be written now."""
        async with self._wire.taken():
            yield not self._wire.stopped and await self._may_write()

    async def run_once(self) -> bool:
        """Send what is due now: lowers, then raises. True if this channel may be written at all. Raises its errors once everything is settled."""
        if not self._is_written(self._channel):
            return False
        held, duty = self._channel.lease, await self._duty()
        if not duty.may_write or not await hold_lease(self._store, self._channel):
            return False
        if self._channel.lease is not held:  # a new holder starts with what the old one left open
            duty = await self._duty()
        if duty.unsettled:
            await self._finish_open_calls()
        if duty.due or (duty.unsettled and await self._any_due()):
            await self._lower_all()
            await self._raise_all()
        return True

    # -- may we? -----------------------------------------------------------------------------------------------------------------------------

    async def _may_write(self) -> bool:
        channel = self._channel
        if not self._is_written(channel):
            return False
        if not await self._store.ledger.read(channels.may_write, channel.id):
            return False
        return await hold_lease(self._store, self._channel)

    # -- what an earlier round, process or holder left open ----------------------------------------------------------------------------------

    async def _finish_open_calls(self) -> None:
        for open_call in await self._store.ledger.read(outbox.open_calls, self._channel.id):
            if open_call.state == "armed":
                await self._store.ledger.run(outbox.withdraw, Withdrawal(open_call.call.key))
            elif self._repeatable(open_call):
                await self._repeat(open_call)

    def _repeatable(self, open_call: OpenCall) -> bool:
        """Only a keyed call, whole, while the shop surely remembers the key. Everything else waits for its bracket.

        An absolute write never: had the first one not arrived, the repeat would undo every sale since its reading.
        """
        if open_call.carrier is Carrier.SET:
            return False
        memory = self._channel.traits.key_memory
        if memory is None or not open_call.complete or open_call.first_sent_at is None or open_call.last_sent_at is None:
            return False
        if open_call.sends > REPEATS_MAX or (open_call.raises and not self._store.time.steady()):
            return False
        now = self._store.clock.now()
        pause = min(REPEAT_PAUSE_MAX, 2.0 ** min(open_call.sends, 6) / 2)
        return now - open_call.first_sent_at < memory and (now - open_call.last_sent_at).total_seconds() >= pause

    async def _repeat(self, open_call: OpenCall) -> None:
        if open_call.raises:
            sellers = await self._sellers([write.id for write in open_call.call.writes])
            if not await self._lower_while(self._pullers.look_at(sellers)):
                return
        await self._wire.send(open_call.call, repeat=True)

    # -- sending -----------------------------------------------------------------------------------------------------------------------------------

    async def _raise_all(self) -> None:
        """Page by page, so that shelves whose sellers cannot be asked do not stand before all others for ever."""
        after: DueRaise | None = None
        for _ in range(ROUNDS_MAX):
            page = await self._due_raises(after)
            if page:
                await self._raise_page(page)
            if len(page) < selling.RAISES_AT_ONCE:
                return
            after = page[-1]

    async def _raise_page(self, page: tuple[DueRaise, ...]) -> None:
        """What rises once more while its sellers are looked at is looked for again at once, a few times."""
        for _ in range(LOOKS_MAX):
            if looked := await self._lower_while(self._look_at_sellers(page)):
                await self._send_all(raises=True, seen=looked)
            page = await self._store.ledger.read(selling.risen_since, page)
            if not page:
                return

    async def _due_raises(self, after: DueRaise | None) -> tuple[DueRaise, ...]:
        if not self._store.time.steady() or not await self._any_due():
            return ()
        absolute = self._channel.traits.carrier is Carrier.SET
        avoid, now = await self._unwritten(), self._store.clock.now()
        return await self._store.ledger.read(selling.due_raises, self._channel.id, avoid, now, absolute=absolute, after=after)

    async def _look_at_sellers(self, seen: tuple[DueRaise, ...]) -> tuple[DueRaise, ...]:
        """Those of the shelves whose every seller has just been looked at: a dead shop holds down only what it sells."""
        sellers = await self._store.ledger.read(selling.sellers_by_shelf, [each.shelf for each in seen])
        alike: dict[frozenset[int], list[DueRaise]] = {}
        for shelf in seen:
            alike.setdefault(sellers.get(shelf.shelf, frozenset()), []).append(shelf)
        looked = await asyncio.gather(*(self._pullers.look_at(shops) for shops in alike))
        return tuple(shelf for shelves, ok in zip(alike.values(), looked, strict=True) if ok for shelf in shelves)

    async def _lower_while(self, look: Coroutine[Any, Any, T]) -> T:
        """Looking takes a while, and lowers never wait. What else woke us meanwhile is handed on to the next round."""
        looking, due = asyncio.ensure_future(look), self._channel.due
        woken = False
        try:
            while not looking.done():
                alarm = asyncio.ensure_future(due.wait(self._store.clock, LOOK_STEP))
                await asyncio.wait((looking, alarm), return_when=asyncio.FIRST_COMPLETED)
                woken = woken or (alarm.done() and alarm.result())
                alarm.cancel()
                if not looking.done() and await self._any_due():
                    await self._lower_all()
            return looking.result()
        finally:
            looking.cancel()
            if woken:
                due.set()

    async def _duty(self) -> selling.Duty:
        return await self._store.ledger.read(selling.duty, self._channel.id)

    async def _any_due(self) -> bool:
        return await self._store.ledger.read(selling.any_due, self._channel.id)

    async def _unwritten(self) -> tuple[int, ...]:
        """Channels whose lowers do not go out now: unreachable, only looked at, or no longer in the config."""
        written = [other.id for other in self._store.channels.values() if self._is_written(other) and not other.unreachable]
        return await self._store.ledger.read(selling.unwritten, written)

    @staticmethod
    def _is_written(channel: Channel) -> bool:
        return channel.settings.live and channel.traits.carrier is not Carrier.NONE

    async def _sellers(self, attempt_ids: list[str]) -> frozenset[int]:
        return await self._store.ledger.read(selling.sellers_of_attempts, attempt_ids)

    async def _lower_all(self) -> None:
        if self._channel.traits.carrier is Carrier.SET:
            await self._send_all(raises=False)
            return
        left = ROUNDS_MAX
        while left and await self._may_go_on():
            left = await self._wire.lower(left)

    async def _send_all(self, *, raises: bool, seen: tuple[DueRaise, ...] = ()) -> None:
        """What waits between arming and release, or is read before it: raises, and every absolute write."""
        for _ in range(ROUNDS_MAX):
            if raises:
                await self._lower_all()  # lowers never wait
            if not await self._may_go_on():
                return
            looks = await self._look_at_shelves(raises=raises) if self._channel.traits.carrier is Carrier.SET else ()
            avoid = await self._unwritten() if raises else ()
            call = await self._store.ledger.run(outbox.arm, self._wire.arming(raises=raises, looks=looks, avoid=avoid, seen=seen))
            if call is None:
                return
            await self._wire.send(call, repeat=False)
            if not await self._any_due():
                return

    async def _may_go_on(self) -> bool:
        return not self._wire.stopped and await hold_lease(self._store, self._channel)

    # -- reading -------------------------------------------------------------------------------------------------------------------------------

    async def _look_at_shelves(self, *, raises: bool) -> tuple[tuple[int, Look], ...]:
        """For an absolute write: read, then pull, so that the window between reading and writing is known and short."""
        due = await self._store.ledger.read(
            selling.sendable_shelves,
            self._channel.id,
            raises=raises,
            avoid=await self._unwritten() if raises else (),
            now=self._store.clock.now(),
            limit=self._channel.traits.writes_per_call,
        )
        if not due:
            return ()
        seen = await self._wire.read(due)
        await self._pullers[self._channel].look()
        return tuple((s.before.id, Look(s.shows, s.before.book or 0, s.before.own_seq)) for s in seen if s.shows is not None)
