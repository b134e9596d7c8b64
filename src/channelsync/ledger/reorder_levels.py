"""From how many units on a SKU is low, and how many to order then: what people say about single SKUs, over what the config says about all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from channelsync.ledger import bounds
from channelsync.ledger.dialects import insert_into
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownLocation, UnknownSku
from channelsync.ledger.schema import bundle_parts, locations, reorder_levels, skus, stock_looks
from channelsync.ledger.spelt import Spelt, one_of

EVERYWHERE = 0
CHUNK = 400


@dataclass(frozen=True, slots=True)
class SetReorder(Keyed):
    """location None: the SKU over all locations. low None: as the config says; reorder None: nothing is said. Both None end the policy."""

    sku: str
    location: str | None = None
    low: int | None = None
    reorder: int | None = None
    actor: str = ""


@dataclass(frozen=True, slots=True)
class ReorderSet(Answer):
    sku: str
    location: str | None
    low: int | None
    reorder: int | None


@idempotent(ReorderSet)
def set_reorder(conn: Connection, items: Sequence[SetReorder], now: datetime) -> Sequence[ReorderSet | Refusal]:
    """What is low by the new level is listed within a second or two, without an alert: nothing has fallen."""
    return [_set(conn, item, now) for item in items]


def _set(conn: Connection, item: SetReorder, now: datetime) -> ReorderSet | Refusal:
    numbers = [bounds.units(value, at_least=0) for value in (item.low, item.reorder) if value is not None]
    if problem := next(filter(None, numbers), None) or bounds.texts(sku=item.sku, location=item.location, actor=item.actor):
        return problem
    sku_id = conn.scalar(select(skus.c.id).where(skus.c.sku == item.sku))
    if sku_id is None:
        return UnknownSku(item.sku)
    place = EVERYWHERE
    if item.location is not None:
        try:
            place = place_of(conn, item.location)
        except UnknownLocation as refusal:
            return refusal
        if conn.scalar(select(bundle_parts.c.bundle_id).where(bundle_parts.c.bundle_id == sku_id).limit(1)) is not None:
            return NotAllowed(f"SKU {item.sku!r} is a bundle: it is put together wherever its parts lie; set its level without a location")
    _store(conn, int(sku_id), place, item, now)
    wanted = insert_into(conn, stock_looks).values(sku_id=sku_id)  # an update, so that a look which takes it away just now is waited for
    conn.execute(wanted.on_conflict_do_update(index_elements=["sku_id"], set_={"sku_id": sku_id}))
    return ReorderSet(item.sku, item.location, item.low, item.reorder)


def _store(conn: Connection, sku_id: int, place: int, item: SetReorder, now: datetime) -> None:
    table = reorder_levels
    if item.low is None and item.reorder is None:
        conn.execute(delete(table).where(table.c.sku_id == sku_id, table.c.location_id == place))
        return
    said = {"low": item.low, "reorder": item.reorder, "updated_at": now, "updated_by": item.actor}
    made = insert_into(conn, table).values(sku_id=sku_id, location_id=place, **said)
    conn.execute(made.on_conflict_do_update(index_elements=["sku_id", "location_id"], set_=said))


_LEVELS = Spelt(
    select(reorder_levels.c.sku_id, reorder_levels.c.location_id, reorder_levels.c.low).where(
        one_of(reorder_levels.c.sku_id, "those"), reorder_levels.c.low.is_not(None)
    )
)


def levels_of(conn: Connection, sku_ids: Iterable[int]) -> dict[tuple[int, int], int]:
    """(SKU id, location id or EVERYWHERE) -> the level that people have set."""
    ids, found = sorted(set(sku_ids)), dict[tuple[int, int], int]()
    for start in range(0, len(ids), CHUNK):
        found |= {(row[0], row[1]): row[2] for row in _LEVELS.rows(conn, those=ids[start : start + CHUNK])}
    return found


def place_of(conn: Connection, location: str) -> int:
    """Raises UnknownLocation."""
    found = conn.scalar(select(locations.c.id).where(locations.c.code == location))
    if found is None:
        raise UnknownLocation(location)
    return int(found)
