"""Locations whose on hand is not the ledger's to change, and what to tell a person who tries. How they change hands is in `authorities`."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from channelsync.ledger.refusals import NotAllowed
from channelsync.ledger.schema import channels, locations


def owners(conn: Connection, location_ids: Iterable[int]) -> dict[int, str]:
    """Location id -> the name of the authority that owns on hand there; the ledger's own are absent."""
    query = select(locations.c.id, channels.c.name).join(channels, channels.c.id == locations.c.authority_id)
    return {row.id: row.name for row in conn.execute(query.where(locations.c.id.in_(set(location_ids))))}


def refusal(location: str, authority: str) -> NotAllowed:
    """Why a person may not change on hand there."""
    return NotAllowed(
        f"on hand at {location!r} belongs to {authority!r}: change it there, and it is read from there; "
        "what the ledger keeps here are reservations, which can be made, released and fulfilled"
    )
