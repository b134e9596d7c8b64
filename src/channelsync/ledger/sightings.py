"""Noting what a shop shows while we only look on, and forgetting it. What it means is worked out in `shadow`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from channelsync.ledger.schema import sightings


@dataclass(frozen=True, slots=True)
class Shown:
    """A shelf showed this number at `at`, by the shop's clock."""

    shelf_id: int
    shows: int
    at: datetime


def note(conn: Connection, items: Sequence[tuple[Shown, ...]], now: datetime) -> list[int]:
    """Keep what was seen; equal numbers in a row are one row. A reading older than the last is not kept. Returns how many were new numbers."""
    return [sum(_note(conn, shown) for shown in item) for item in items]


def _note(conn: Connection, shown: Shown) -> bool:
    query = select(sightings).where(sightings.c.shelf_id == shown.shelf_id).order_by(sightings.c.id.desc()).limit(1)
    last = conn.execute(query).first()
    if last is not None and shown.at < last.last_at:
        return False
    if last is not None and last.shows == shown.shows:
        conn.execute(update(sightings).where(sightings.c.id == last.id).values(last_at=shown.at))
        return False
    conn.execute(insert(sightings).values(shelf_id=shown.shelf_id, shows=shown.shows, first_at=shown.at, last_at=shown.at))
    return True


def purge(conn: Connection, before: datetime, limit: int) -> int:
    """Forget runs that ended before then, at most `limit` rows. Returns how many."""
    old = conn.scalars(select(sightings.c.id).where(sightings.c.last_at < before).order_by(sightings.c.last_at).limit(limit)).all()
    if old:
        conn.execute(delete(sightings).where(sightings.c.id.in_(old)))
    return len(old)
