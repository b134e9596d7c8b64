"""The right to act for a channel: of several daemons on one database, one at a time has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

from channelsync.engine.channel import Channel, Lease
from channelsync.engine.store import Store
from channelsync.ledger import channels

LEASE_MARGIN = timedelta(seconds=2)

may_leave: ContextVar[Callable[[], bool]] = ContextVar("may_leave", default=lambda: True)
"""Asked when the first byte of a write is about to leave. Between the ledger's release and that lie a queue for the rate limit, a connection that
is made, and perhaps a process that was frozen: a right that was good then may be somebody else's by now.
"""


def outlives_a_request(store: Store, channel: Channel, margin: timedelta = timedelta(0)) -> bool:
    """Whether the channel's lease, if we have one, lasts until a request that leaves now must be answered, and so much longer."""
    lease, needed = channel.lease, (channel.settings.timeout + margin).total_seconds()
    return lease is not None and lease.deadline - store.clock.monotonic() > needed


async def hold_lease(store: Store, channel: Channel) -> bool:
    """Have a lease that outlives one request; renew it in time. A new holder starts with what the old one left open."""
    if outlives_a_request(store, channel, LEASE_MARGIN):
        return True
    asked = store.clock.monotonic()
    seconds = max(channel.settings.lease, 2 * (channel.settings.timeout + LEASE_MARGIN)).total_seconds()
    version = await store.ledger.run(channels.take_lease, channels.LeaseRequest(channel.id, store.owner, seconds))
    channel.lease = None if version is None else Lease(version, asked + seconds - LEASE_MARGIN.total_seconds())
    return channel.lease is not None


@contextmanager
def fenced(store: Store, channel: Channel) -> Iterator[None]:
    """Nothing that is written within the block leaves once the channel's lease does not outlive one request."""
    before = may_leave.set(lambda: outlives_a_request(store, channel))
    try:
        yield
    finally:
        may_leave.reset(before)
