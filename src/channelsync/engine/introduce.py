"""Rule 16 at work: before anything else is said to a shop, it says who it is, and that must be who it always was."""

from __future__ import annotations

from channelsync.engine.channel import Channel
from channelsync.engine.store import Store
from channelsync.errors import Unauthorized
from channelsync.ledger import identity
from channelsync.ledger.identity import ShopClaim
from channelsync.ledger.refusals import NotAllowed


async def introduce(store: Store, channel: Channel) -> None:
    """Once per process and channel. Raises Unauthorized if another shop answers (a person must act), and the channel's own errors."""
    if channel.introduced:
        return
    told = await channel.connector.check()
    try:
        await store.ledger.run(identity.claim_shops, ShopClaim(channel.id, told.shop))
    except NotAllowed as error:
        raise Unauthorized(str(error)) from error
    channel.introduced = True
