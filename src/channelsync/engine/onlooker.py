"""Looking on: what a shadow channel's shop shows is kept, so that the other tool's writes can be told afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from channelsync.contract import Reading, ShelfRef
from channelsync.engine.channel import Channel
from channelsync.engine.store import Store
from channelsync.ledger import sightings
from channelsync.ledger.sightings import Shown
from channelsync.ledger.to_read import ShelfState


async def keep(store: Store, channel: Channel, wanted: Sequence[ShelfState], readings: Mapping[ShelfRef, Reading]) -> None:
    """Nothing for a channel that is written: there the attempts and the book's entries tell."""
    if channel.settings.live:
        return
    told = [(state.id, readings[state.shelf]) for state in wanted if state.shelf in readings]
    shown = tuple(Shown(shelf_id, reading.shows, reading.at) for shelf_id, reading in told if reading.shows is not None)
    if shown:
        await store.ledger.run(sightings.note, shown)
