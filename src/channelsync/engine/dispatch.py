"""Dispatch: from due shelves to confirmed writes, by the safe push. One dispatcher per channel; it owns all writes to it.

Lowers go at once. A raise looks first: the orders of every shop that sells the SKU are pulled, then it is computed, stored and re-checked in the
step that releases it. Nothing is computed past an open attempt. No database transaction is open while a request is on the wire.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

import structlog

from channelsync.contract import Call, Carrier, Outcome, WriteResult
from channelsync.engine.channel import Channel
from channelsync.engine.leasing import fenced, hold_lease
from channelsync.engine.poll import Pullers
from channelsync.engine.store import Store
from channelsync.errors import ChannelError, Misunderstood, NotReached, RateLimited, Refused, Unauthorized
from channelsync.ledger import brackets, channels, outbox, selling, settle, to_read
from channelsync.ledger.brackets import Seen
from channelsync.ledger.differences import Look
from channelsync.ledger.outbox import Arming, DueRaise, OpenCall, Release, Withdrawal
from channelsync.ledger.settle import Settled, Settlement
from channelsync.ledger.to_read import ShelfState

log = structlog.get_logger(__name__)

REPEAT_PAUSE_MAX = 60.0
ROUNDS_MAX = 100
"""Calls in a row before other work gets its turn."""
LOOKS_MAX = 3
"""At the sellers of one page of raises, one after the other."""
LOOK_STEP = 1.0
RETRY_SECONDS = 5.0
REPEATS_MAX = 12
"""Some four minutes: what the shop has not answered clearly by then, a reading will."""

T = TypeVar("T")


class Dispatcher:
    def __init__(self, store: Store, channel: Channel, pullers: Pullers) -> None:
        self._store, self._channel, self._pullers = store, channel, pullers
        self._wire = asyncio.Lock()
        self._stopped = False

    async def stop(self) -> None:
        """Send nothing more. Returns when what is on the wire is answered and settled."""
        self._stopped = True
        async with self._wire:
            return

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[bool]:
        """The wire, for a write that is no number: none of ours is under way meanwhile. False: nothing may be written now."""
        async with self._wire:
            yield not self._stopped and await self._may_write()

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
            await self._send_all(raises=False)
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
        await self._send(open_call.call, repeat=True)

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
                    await self._send_all(raises=False)
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

    async def _send_all(self, *, raises: bool, seen: tuple[DueRaise, ...] = ()) -> None:
        for _ in range(ROUNDS_MAX):
            if raises:
                await self._send_all(raises=False)  # lowers never wait
            if self._stopped or not await hold_lease(self._store, self._channel):
                return
            looks = await self._look_at_shelves(raises=raises) if self._channel.traits.carrier is Carrier.SET else ()
            call = await self._arm(raises=raises, looks=looks, seen=seen)
            if call is None:
                return
            await self._send(call, repeat=False)
            if not await self._any_due():
                return

    async def _send(self, call: Call, *, repeat: bool) -> None:
        """From the last check to the settled answer: what has begun here is not torn apart by a stop."""
        async with self._wire:
            released = await self._release(call, repeat=repeat)
            if released is not None:
                await self._transmit(released)

    async def _arm(self, *, raises: bool, looks: tuple[tuple[int, Look], ...], seen: tuple[DueRaise, ...]) -> Call | None:
        assert self._channel.lease is not None
        traits = self._channel.traits
        arming = Arming(
            self._channel.id,
            self._store.new_key(),
            raises,
            traits.carrier,
            traits.writes_per_call,
            self._channel.lease.version,
            looks,
            await self._unwritten() if raises else (),
            seen,
        )
        return await self._store.ledger.run(outbox.arm, arming)

    async def _release(self, call: Call, *, repeat: bool) -> Call | None:
        """The step before the bytes: past the deadline nothing leaves; and the ledger re-checks the rest."""
        lease, clock = self._channel.lease, self._store.clock
        needed = self._channel.settings.timeout.total_seconds()
        if self._stopped or lease is None or lease.deadline - clock.monotonic() <= needed:
            if not repeat:
                await self._store.ledger.run(outbox.withdraw, Withdrawal(call.key))
            return None
        return await self._store.ledger.run(outbox.release, Release(call.key, lease.version, repeat))

    async def _transmit(self, call: Call) -> None:
        results, error = await self._push(call)
        settled = await self._settle(call, results, error)
        if settled.fenced:
            self._channel.lease = None
        if settled.stale:
            await self._read(await self._store.ledger.read(to_read.states, settled.stale))
        if settled.unknown:
            self._channel.look.set_at(self._store.clock.monotonic() + self._channel.traits.write_visible_after.total_seconds())
            self._channel.look.set()
        if error is not None:
            raise error
        self._store.well(self._channel)

    async def _push(self, call: Call) -> tuple[list[WriteResult], ChannelError | None]:
        """The network. What an error says about the writes: certainly nothing, refused for good, or unknown."""
        try:
            with fenced(self._store, self._channel):
                return list(await self._channel.connector.push(call)), None
        except (RateLimited, NotReached, Unauthorized) as error:
            return [WriteResult(write.id, Outcome.NOT_SENT, str(error)) for write in call.writes], error
        except Refused as error:
            return [WriteResult(write.id, Outcome.REFUSED, str(error)) for write in call.writes], None
        except ChannelError as error:
            return [WriteResult(write.id, Outcome.UNKNOWN, str(error)) for write in call.writes], error
        except Exception as bug:
            log.exception("the connector failed in a push", channel=self._channel.name, call=call.key)
            wrapped = Misunderstood(f"the connector failed ({type(bug).__name__}); the log says more")
            return [WriteResult(write.id, Outcome.UNKNOWN, str(wrapped)) for write in call.writes], wrapped

    async def _settle(self, call: Call, results: list[WriteResult], error: ChannelError | None) -> Settled:
        assert self._channel.lease is not None
        traits = self._channel.traits
        wait = RETRY_SECONDS if error is None else getattr(error, "retry_after", None) or 1.0
        settlement = Settlement(
            call.key,
            self._channel.lease.version,
            tuple(results),
            atomic=traits.atomic,
            visible=not traits.write_visible_after,
            retry_after=timedelta(seconds=wait),
        )
        settled = await self._store.ledger.run(settle.settle, settlement)
        if settled.ok and not traits.atomic:
            self._channel.look.set()
        return settled

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
        seen = await self._read(due)
        await self._pullers[self._channel].look()
        return tuple((s.before.id, Look(s.shows, s.before.book or 0, s.before.own_seq)) for s in seen if s.shows is not None)

    async def _read(self, states: list[ShelfState]) -> list[Seen]:
        """Read these shelves now and note what they show."""
        told = await self._channel.connector.stock([state.shelf for state in states])
        self._channel.hear(told, self._store.clock.monotonic())
        readings = {reading.shelf: reading for reading in told}
        seen = [Seen(state, readings[state.shelf].shows) for state in states if state.shelf in readings]
        await asyncio.gather(*(self._store.ledger.run(brackets.note_readings, one) for one in seen))
        if seen:
            self._channel.look.set()
        return seen
