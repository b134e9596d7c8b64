"""The right to act for a channel: of several daemons on one database, one at a time has it."""

from __future__ import annotations

from datetime import timedelta

from channelsync.engine.channel import Channel, Lease
from channelsync.engine.store import Store
from channelsync.ledger import channels

LEASE_MARGIN = timedelta(seconds=2)


async def hold_lease(store: Store, channel: Channel) -> bool:
    """Have a lease that outlives one request; renew it in time. A new holder starts with what the old one left open."""
    needed = (channel.settings.timeout + LEASE_MARGIN).total_seconds()
    if channel.lease is not None and channel.lease.deadline - store.clock.monotonic() > needed:
        return True
    asked = store.clock.monotonic()
    seconds = max(channel.settings.lease.total_seconds(), 2 * needed)
    version = await store.ledger.run(channels.take_lease, channels.LeaseRequest(channel.id, store.owner, seconds))
    channel.lease = None if version is None else Lease(version, asked + seconds - LEASE_MARGIN.total_seconds())
    return channel.lease is not None
