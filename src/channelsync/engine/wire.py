"""The wire to one shop: one write of ours at a time, from the last check to the settled answer. No transaction is open while it is on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog

from channelsync.contract import Call, Outcome, WriteResult
from channelsync.engine.channel import Channel
from channelsync.engine.leasing import LEASE_MARGIN, fenced, outlives_a_request
from channelsync.engine.store import Store
from channelsync.errors import ChannelError, Misunderstood, NotReached, RateLimited, Refused, Unauthorized
from channelsync.ledger import brackets, lowering, outbox, settle, to_read
from channelsync.ledger.brackets import Seen
from channelsync.ledger.differences import Look
from channelsync.ledger.lowering import Lowered, Lowering
from channelsync.ledger.outbox import Arming, DueRaise, Release, Withdrawal
from channelsync.ledger.settle import Settled, Settlement
from channelsync.ledger.to_read import ShelfState

log = structlog.get_logger(__name__)

RETRY_SECONDS = 5.0


class Wire:
    """stopped: nothing more is sent."""

    def __init__(self, store: Store, channel: Channel) -> None:
        self._store, self._channel = store, channel
        self._lock = asyncio.Lock()
        self._wanted_by = 0
        self.stopped = False

    async def stop(self) -> None:
        """Send nothing more. Returns when what is on the wire is answered and settled."""
        self.stopped = True
        async with self.taken():
            return

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Nothing of ours is under way meanwhile."""
        self._wanted_by += 1
        try:
            await self._lock.acquire()
        finally:
            self._wanted_by -= 1
        try:
            yield
        finally:
            self._lock.release()

    async def send(self, call: Call, *, repeat: bool) -> None:
        """A stored call, if it may still go. What has begun here is not torn apart by a stop. Raises the shop's error once all is settled."""
        async with self.taken():
            released = await self._release(call, repeat=repeat)
            if released is not None:
                await self._transmit(released)

    async def lower(self, at_most: int) -> int:
        """Send the lowers that are due, call after call. As long as all is well, the commit that settles one lets the next one go.

        Returns how many calls of `at_most` may still be tried; 0: nothing more is due, or may go now. Raises the shop's error once all is settled.
        """
        async with self.taken():
            if not self._may_go():
                return at_most - 1
            step: Lowered | None = await self._next()
            while step is not None and step.call is not None:
                at_most -= 1
                step = await self._transmit(step.call, onward=at_most > 0)
            return at_most if step is None else 0

    def arming(
        self,
        *,
        raises: bool,
        looks: tuple[tuple[int, Look], ...] = (),
        avoid: tuple[int, ...] = (),
        seen: tuple[DueRaise, ...] = (),
    ) -> Arming:
        """A call of what is due in that direction, as this shop takes it."""
        assert self._channel.lease is not None
        traits, key, version = self._channel.traits, self._store.new_key(), self._channel.lease.version
        return Arming(self._channel.id, key, raises, traits.carrier, traits.writes_per_call, version, looks, avoid, seen)

    # -- the last check ----------------------------------------------------------------------------------------------------------------------

    def _may_go(self, margin: timedelta = timedelta(0)) -> bool:
        """Past the deadline nothing leaves."""
        return not self.stopped and outlives_a_request(self._store, self._channel, margin)

    async def _release(self, call: Call, *, repeat: bool) -> Call | None:
        """The step before the bytes: the ledger re-checks the rest."""
        if not self._may_go():
            if not repeat:
                await self._store.ledger.run(outbox.withdraw, Withdrawal(call.key))
            return None
        assert self._channel.lease is not None
        return await self._store.ledger.run(outbox.release, Release(call.key, self._channel.lease.version, repeat))

    # -- there and back ----------------------------------------------------------------------------------------------------------------------

    async def _transmit(self, call: Call, *, onward: bool = False) -> Lowered | None:
        """onward: the next call of lowers may go in the commit that settles this one. None: it did not, because of the answer, because somebody waits for
        the wire, or because the lease is about to end.
        """
        results, error = await self._push(call)
        answered, step = self._settlement(call, results, error), None
        if onward and not self._wanted_by and _all_good(call, results) and self._may_go(LEASE_MARGIN):
            step = await self._onward(answered)
        settled = step.settled if step is not None else await self._store.ledger.run(settle.settle, answered)
        if settled is not None:
            await self._heed(settled)
        if error is not None:
            raise error
        self._store.well(self._channel)
        return step

    async def _onward(self, answered: Settlement) -> Lowered:
        """What was answered is booked also where the next call cannot be computed or stored."""
        try:
            return await self._next(answered)
        except Exception:
            await self._store.ledger.run(settle.settle, answered)
            raise

    async def _next(self, answered: Settlement | None = None) -> Lowered:
        return await self._store.ledger.run(lowering.lower, Lowering(self.arming(raises=False), answered))

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

    def _settlement(self, call: Call, results: Sequence[WriteResult], error: ChannelError | None) -> Settlement:
        assert self._channel.lease is not None
        traits = self._channel.traits
        wait = RETRY_SECONDS if error is None else getattr(error, "retry_after", None) or 1.0
        return Settlement(
            call.key,
            self._channel.lease.version,
            tuple(results),
            atomic=traits.atomic,
            visible=not traits.write_visible_after,
            retry_after=timedelta(seconds=wait),
        )

    async def _heed(self, settled: Settled) -> None:
        """What the answers ask for. After none but good ones, nothing here takes time: the next call may be on its way already."""
        channel, traits = self._channel, self._channel.traits
        if settled.ok and not traits.atomic:
            channel.look.set()
        if settled.fenced:
            channel.lease = None
        if settled.stale:
            await self.read(await self._store.ledger.read(to_read.states, settled.stale))
        if settled.unknown:
            channel.look.set_at(self._store.clock.monotonic() + traits.write_visible_after.total_seconds())
            channel.look.set()

    # -- reading -----------------------------------------------------------------------------------------------------------------------------

    async def read(self, states: list[ShelfState]) -> list[Seen]:
        """Read these shelves now and note what they show."""
        told = await self._channel.connector.stock([state.shelf for state in states])
        self._channel.hear(told, self._store.clock.monotonic())
        readings = {reading.shelf: reading for reading in told}
        seen = [Seen(state, readings[state.shelf].shows) for state in states if state.shelf in readings]
        await asyncio.gather(*(self._store.ledger.run(brackets.note_readings, one) for one in seen))
        if seen:
            self._channel.look.set()
        return seen


def _all_good(call: Call, results: Sequence[WriteResult]) -> bool:
    """Each write has its answer, and that is OK, be it that the shop has only accepted it."""
    return {result.id for result in results if result.outcome is Outcome.OK} >= {write.id for write in call.writes}
