"""Sales of listings that nobody had linked: their orders are applied in the transaction that links them. Which SKU a listing sells is in `matching`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from channelsync.ledger import listings, order_ends
from channelsync.ledger.schema import listing_aliases, orders, set_aside
from channelsync.ledger.schema import listings as table

MAX_WAITING: Final = 1_000


def apply_waiting(conn: Connection, channel_id: int, listing_ids: Sequence[int], now: datetime) -> int:
    """In the link's own transaction: what waited for it would wait for ever if a crash fell between the two. Returns how many orders."""
    done: set[str] = set()
    while refs := _waiting(conn, channel_id, listing_ids, done):
        order_ends.stored_snapshots(conn, [(channel_id, ref) for ref in refs], now)
        done |= set(refs)
    return len(done)


def _waiting(conn: Connection, channel_id: int, listing_ids: Sequence[int], done: Collection[str]) -> tuple[str, ...]:
    """Orders of the channel with a set-aside line of one of these listings, without those done (at most MAX_WAITING are named)."""
    if not listing_ids:
        return ()
    names, found, after = set[str](), list[str](), 0
    aside = select(set_aside.c.id, set_aside.c.ref).where(
        set_aside.c.channel_id == channel_id, set_aside.c.kind == "line", set_aside.c.resolved_at.is_(None)
    )
    while len(found) < MAX_WAITING:
        rows = conn.execute(aside.where(set_aside.c.id > after).order_by(set_aside.c.id).limit(MAX_WAITING)).all()
        if not rows:
            break
        names = names or _names(conn, channel_id, listing_ids)  # only once a line waits at all: a first match links very many
        found += [ref for ref in _orders_of(conn, channel_id, {row.ref for row in rows}, names) if ref not in found and ref not in done]
        after = rows[-1].id
    return tuple(found[:MAX_WAITING])


def _orders_of(conn: Connection, channel_id: int, lines: set[str], names: set[str]) -> list[str]:
    """Orders with one of these lines ("order/line") that names one of the listings."""
    candidates = sorted({line[:cut] for line in lines for cut in range(len(line)) if line[cut] == "/"})
    found = []
    for start in range(0, len(candidates), listings.CHUNK):
        chunk = candidates[start : start + listings.CHUNK]
        query = select(orders.c.ref, orders.c.snapshot).where(orders.c.channel_id == channel_id, orders.c.ref.in_(chunk))
        for ref, snapshot in conn.execute(query.order_by(orders.c.id)):
            if any(line["listing"] in names and f"{ref}/{line['ref']}" in lines for line in snapshot["lines"]):
                found.append(ref)
    return found


def _names(conn: Connection, channel_id: int, listing_ids: Sequence[int]) -> set[str]:
    """Refs and aliases of the listings, and of those that show their number."""
    refs = set(conn.scalars(select(table.c.ref).where(table.c.id.in_(listing_ids))))
    children = select(table.c.id, table.c.ref).where(table.c.channel_id == channel_id, table.c.stock_ref.in_(refs))
    family = {row[0]: row[1] for row in conn.execute(children)}
    ids = [*listing_ids, *family]
    aliases = set(conn.scalars(select(listing_aliases.c.alias).where(listing_aliases.c.listing_id.in_(ids))))
    return refs | set(family.values()) | aliases
