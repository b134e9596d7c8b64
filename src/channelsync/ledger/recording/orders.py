"""What became of each order, from its last snapshot and from what the ledger posted for it on the way."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from channelsync.contract import OrderSnapshot, OrderState
from channelsync.ledger import order_json
from channelsync.ledger.recording.goods import Goods, Listed, of_line
from channelsync.ledger.recording.hearing import Hearing
from channelsync.ledger.recording.model import Change, Line, OrderChange
from channelsync.ledger.schema import movements, order_lines, orders

CHUNK = 300
ORDERS_MAX = 20_000
LEAST = 0.000_001

Ref = tuple[int, str]
"""(channel, the order's own ref)"""


@dataclass(frozen=True, slots=True)
class Window:
    start: datetime
    end: datetime

    def seconds(self, at: datetime) -> float:
        return round((at - self.start).total_seconds(), 6)


@dataclass(slots=True)
class Order:
    """wanted: pieces of each of our items, ever. moved: what was posted for it within the window, in order."""

    row: RowMapping
    snapshot: OrderSnapshot | None
    items: list[Listed]
    wanted: Counter[str] = field(default_factory=Counter)
    final: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    moved: list[Any] = field(default_factory=list)
    held: Counter[int] = field(default_factory=Counter)

    def pieces(self, units: Mapping[int, int]) -> list[Line]:
        """How many of which item so many SKU units are."""
        rest, found = Counter(units), []
        for item in sorted(self.items, key=lambda each: -len(each.recipe)):
            pieces = min((rest[sku] // count for sku, count in item.recipe.items()), default=0)
            pieces = min(pieces, self.wanted[item.item])
            if pieces > 0:
                rest.subtract({sku: count * pieces for sku, count in item.recipe.items()})
                found.append(Line(item=item.item, pieces=pieces))
        return found


def changes(conn: Connection, goods: Goods, window: Window, moved: Sequence[Any], hearing: Hearing) -> Iterator[OrderChange]:
    """moved: the movements of the window that orders made."""
    by_ref: dict[Ref, list[Any]] = defaultdict(list)
    for row in moved:
        by_ref[row.channel_id, row.reference].append(row)
    held = _held(conn, goods, window)
    for ref, order in _orders(conn, goods, {*by_ref, *held, *_first_seen(conn, goods, window)}).items():
        order.moved, order.held = by_ref.get(ref, []), held.get(ref, Counter())
        if order.items:
            yield from _life(order, goods, window, hearing)


def _first_seen(conn: Connection, goods: Goods, window: Window) -> set[Ref]:
    """Those, too, that were placed and called off between two looks: nothing was ever posted for them."""
    mine = {each.channel_id for each in goods.listed.values()}
    query = (
        select(orders.c.channel_id, orders.c.ref)
        .join(order_lines, order_lines.c.order_id == orders.c.id)
        .where(orders.c.channel_id.in_(mine), orders.c.first_seen_at > window.start, orders.c.first_seen_at <= window.end)
        .where(order_lines.c.sku_id.in_(goods.units))
        .order_by(orders.c.id.desc())
        .limit(ORDERS_MAX)
    )
    return {(row.channel_id, row.ref) for row in conn.execute(query)}


def _held(conn: Connection, goods: Goods, window: Window) -> dict[Ref, Counter[int]]:
    """What orders held when the window began."""
    column = movements.c
    total = func.sum(column.soft + column.hard)
    query = (
        select(column.channel_id, column.reference, column.sku_id, total)
        .where(column.sku_id.in_(goods.units), column.recorded_at <= window.start, column.channel_id.is_not(None))
        .group_by(column.channel_id, column.reference, column.sku_id)
        .having(total > 0)
    )
    found: dict[Ref, Counter[int]] = defaultdict(Counter)
    for row in conn.execute(query):
        found[row[0], row[1]][row[2]] = int(row[3])
    return found


def _orders(conn: Connection, goods: Goods, refs: set[Ref]) -> dict[Ref, Order]:
    """In order of being seen first."""
    rows: list[RowMapping] = []
    by_channel: dict[int, list[str]] = defaultdict(list)
    for channel_id, ref in sorted(refs):
        by_channel[channel_id].append(ref)
    for channel_id, mine in by_channel.items():
        for begin in range(0, len(mine), CHUNK):
            query = select(orders).where(orders.c.channel_id == channel_id, orders.c.ref.in_(mine[begin : begin + CHUNK]))
            rows += conn.execute(query).mappings()
    rows.sort(key=lambda row: (row["first_seen_at"], row["id"]))
    lines = _lines(conn, goods, [row["id"] for row in rows])
    return {(row["channel_id"], row["ref"]): _order(goods, row, lines.get(row["id"], {})) for row in rows}


def _lines(conn: Connection, goods: Goods, ids: Sequence[int]) -> dict[int, dict[str, list[RowMapping]]]:
    found: dict[int, dict[str, list[RowMapping]]] = defaultdict(lambda: defaultdict(list))
    for begin in range(0, len(ids), CHUNK):
        query = select(order_lines).where(order_lines.c.order_id.in_(ids[begin : begin + CHUNK]), order_lines.c.sku_id.in_(goods.units))
        for row in conn.execute(query.order_by(order_lines.c.id)).mappings():
            found[row["order_id"]][row["line_ref"]].append(row)
    return found


def _order(goods: Goods, row: RowMapping, lines: Mapping[str, list[RowMapping]]) -> Order:
    order = Order(row, order_json.read(row["snapshot"]), [])
    said = {line.ref: line for line in order.snapshot.lines} if order.snapshot else {}
    for ref, rows in lines.items():
        item, line = of_line(goods, row["channel_id"], rows), said.get(ref)
        if item is None:
            continue
        if item not in order.items:
            order.items.append(item)
        order.wanted[item.item] += line.quantity if line else max(each["quantity"] for each in rows)
        if line is None or order.snapshot is None:
            continue
        dead = order.snapshot.state in (OrderState.CANCELLED, OrderState.DELETED)
        order.final["cancelled"][item.item] += line.cancelled + (line.outstanding if dead else 0)
        order.final["kept"][item.item] += line.quarantined
        order.final["shipped"][item.item] += line.shipped
        order.final["returned"][item.item] += line.restocked
    return order


_UNSEEN: tuple[Change, ...] = ("shipped", "cancelled", "kept", "returned")
_CHANGES: dict[str, Change] = {"commit": "paid", "expire": "freed", "fulfil": "shipped", "quarantine": "kept", "return": "returned"}


def _life(order: Order, goods: Goods, window: Window, hearing: Hearing) -> Iterator[OrderChange]:
    """Placed, then what the ledger posted, then what had already happened when it first saw the order."""
    row = order.row
    told: dict[str, Any] = {
        "channel": goods.aliases.channels.of(row["channel_id"]),
        "order": goods.aliases.orders.of((row["channel_id"], row["ref"])),
    }
    placed = _placed(order, window, hearing, told, goods)
    if placed is None:
        return
    yield placed
    last, said = placed.at, defaultdict[str, Counter[str]](Counter)
    for seen, occurred, change, units in _steps(order):
        lines = order.pieces(units)
        if not lines:
            continue
        last = max(last + LEAST, min(window.seconds(occurred), window.seconds(seen)))
        said[change].update({line.item: line.pieces for line in lines})
        heard = hearing.of(row["channel_id"], seen)
        yield OrderChange(at=last, seen=window.seconds(seen), change=change, lines=lines, heard=heard, **told)
    if order.held:
        return  # its past is before the window
    for change in _UNSEEN:
        missing = order.final[change] - said[change] - (said["freed"] if change == "cancelled" else Counter())
        if missing := +missing:
            last = max(last + LEAST, min(window.seconds(row["modified_at"]), placed.seen))
            lines = [Line(item=item, pieces=pieces) for item, pieces in missing.items()]
            yield OrderChange(at=last, seen=max(last, placed.seen), change=change, lines=lines, heard=placed.heard, **told)


def _placed(order: Order, window: Window, hearing: Hearing, told: dict[str, Any], goods: Goods) -> OrderChange | None:
    row, snapshot = order.row, order.snapshot
    seen, created = window.seconds(row["first_seen_at"]), snapshot.created_at if snapshot else row["placed_at"]
    carts = goods.aliases.reservations
    cart = carts.of(row["reservation_ref"]) if row["reservation_ref"] else None
    if order.held:
        at = min(window.seconds(created), seen, -LEAST)
        lines = order.pieces(order.held)
        return OrderChange(at=at, seen=min(seen, 0.0), change="placed", lines=lines, paid=True, **told) if lines else None
    if row["first_seen_at"] <= window.start:
        return None
    took = [effect.at for line in (snapshot.lines if snapshot else ()) for effect in line.effects if effect.units > 0]
    shop_at = min(window.seconds(min(took, default=created)), seen)
    if shop_at < 0 and not order.moved:
        return None
    lines = [Line(item=item, pieces=pieces) for item, pieces in order.wanted.items() if pieces]
    paid = not any(each.soft > 0 for each in order.moved[:1])
    heard = hearing.of(row["channel_id"], row["first_seen_at"])
    at = max(0.0, shop_at)
    return OrderChange(at=at, seen=seen, change="placed", lines=lines, paid=paid, heard=heard, reservation=cart, **told) if lines else None


def _steps(order: Order) -> Iterator[tuple[datetime, datetime, Any, Counter[int]]]:
    """(seen, at the shop, what, SKU units) of all that was posted together. Units that only went to another place are still held."""
    together: dict[datetime, list[Any]] = defaultdict(list)
    for each in order.moved:
        together[each.recorded_at].append(each)
    for seen, rows in together.items():
        held: Counter[int] = Counter()
        changed: dict[str, Counter[int]] = defaultdict(Counter)
        for each in rows:
            if each.type in ("reserve", "release"):
                held[each.sku_id] += each.soft + each.hard
            elif each.type in _CHANGES:
                changed[_CHANGES[each.type]][each.sku_id] += _units(each)
        if let_go := Counter({sku: -units for sku, units in held.items() if units < 0}):
            changed["cancelled"].update(let_go)
        for change, units in changed.items():
            yield seen, rows[0].occurred_at, change, +units


def _units(row: Any) -> int:
    """How many SKU units a movement is about."""
    match row.type:
        case "commit":
            return int(row.hard)
        case "expire":
            return int(-row.soft - row.hard)
        case "fulfil":
            return int(-row.on_hand)
        case "quarantine":
            return max(0, int(row.quarantined))
        case _:
            return int(row.on_hand)
