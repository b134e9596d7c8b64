"""An order whose lines are to be moved: locked, with what each of them holds, and why one may not move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from channelsync.contract import OrderLine, OrderSnapshot, ShipTo
from channelsync.ledger import line_sources, order_json, order_rows
from channelsync.ledger.levels import LevelKey
from channelsync.ledger.order_rows import LineRow
from channelsync.ledger.orders import Sighting
from channelsync.ledger.routing import destinations, routes
from channelsync.ledger.routing.asking import Wanted, labels
from channelsync.ledger.routing.routes import Route
from channelsync.ledger.schema import channels, orders


@dataclass(frozen=True, slots=True)
class Held:
    """One line and the location where it is held now; stuck: why it may not move, "" if it may."""

    line: OrderLine
    at: int
    wanted: Wanted
    stuck: str

    @property
    def units(self) -> int:
        return sum(self.wanted.parts.values())


@dataclass(frozen=True, slots=True)
class Order:
    """lines: those that hold units, by ref. decided: every route they had, by line."""

    id: int
    channel_id: int
    ref: str
    read_seq: int
    snapshot: OrderSnapshot
    to: ShipTo
    lines: Mapping[str, Held]
    decided: Sequence[Route]

    def own(self, lines: Sequence[Held]) -> dict[LevelKey, int]:
        """What these lines hold where they are: theirs to take along."""
        units = Counter[LevelKey]()
        for held in lines:
            units.update({(sku_id, held.at): count for sku_id, count in held.wanted.parts.items()})
        return dict(units)

    def again(self, actor: str, reason: str) -> Sighting:
        return Sighting(self.channel_id, self.snapshot, self.read_seq, again=True, stored=True, actor=actor, reason=reason)


def read(conn: Connection, order_id: int) -> Order | None:
    """Locked until the transaction ends; None: there is none, or nobody can read what the channel said of it."""
    row = conn.execute(select(orders).where(orders.c.id == order_id).with_for_update()).mappings().first()
    snapshot = None if row is None else order_json.read(row["snapshot"])
    if row is None or snapshot is None:
        return None
    rows = order_rows.lines_of(conn, [order_id])[order_id]
    named = labels([(line.ref, line.sku) for line in snapshot.lines])
    home = conn.scalar(select(channels.c.location_id).where(channels.c.id == row["channel_id"]))
    held = {
        line.ref: found
        for line in snapshot.lines
        if (found := _held(line, named[line.ref], [row for row in rows if row.line_ref == line.ref], home)) is not None
    }
    return Order(
        row["id"], row["channel_id"], row["ref"], row["read_seq"], snapshot, destinations.of(conn, order_id), held, routes.of_order(conn, order_id)
    )  # fmt: skip


def _held(line: OrderLine, label: str, rows: Sequence[LineRow], home: int | None) -> Held | None:
    """home: where the channel sells from; None: it names no location, and a line that nobody has stays where it is."""
    group = line_sources.present(line_sources.groups(rows))
    parts = Counter[int]()
    for row in group:
        parts[row.at.sku_id] += row.posted.soft + row.posted.hard
    if not sum(parts.values()):
        return None
    at = group[0].at.location_id
    return Held(line, at, Wanted(line.ref, label, parts, at if home is None else home), _stuck(line, rows))


def _stuck(line: OrderLine, rows: Sequence[LineRow]) -> str:
    """Never after shipping: what is left of a line follows what has left of it."""
    if line.location and line.assigned:
        return "the shop itself has it shipped from there: change it in the shop"
    if any(row.posted.shipped or row.documented for row in rows):
        return "units of it have been shipped already: the rest is shipped from the same place"
    return ""


def named(conn: Connection, ref: str, channel_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Orders of these channels with this ref, or else with this number: id, ref and channel_id, at most two."""
    columns = select(orders.c.id, orders.c.ref, orders.c.channel_id).order_by(orders.c.id).limit(2)
    for column in (orders.c.ref, orders.c.number):
        found = conn.execute(columns.where(orders.c.channel_id.in_(list(channel_ids)), column == ref)).mappings().all()
        if found:
            return [dict(row) for row in found]
    return []
