"""What customers announce: `expect` writes a return down, `cancel` ends one of which nothing has arrived. No stock moves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from channelsync.ledger import bounds, owning
from channelsync.ledger.documents import lines
from channelsync.ledger.documents.lines import Line
from channelsync.ledger.keys import Keyed, idempotent
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownLocation
from channelsync.ledger.returns import shipped
from channelsync.ledger.returns.documents import Book, Told, as_told
from channelsync.ledger.returns.shipped import MoreThanOrderShipped
from channelsync.ledger.returns.states import RETURN
from channelsync.ledger.schema import channels, locations, order_lines, orders, return_lines, returns
from channelsync.ledger.skus import Sku


@dataclass(frozen=True, slots=True)
class Expect(Keyed):
    """channel and order (the shop's own id of it, or its number): whose units they are; both None: not known. reference: an RMA number.

    over: more may come back than the order shipped, together with its other returns.
    """

    location: str
    lines: tuple[Line, ...]
    channel: str | None = None
    order: str | None = None
    reference: str = ""
    note: str = ""
    actor: str = ""
    over: bool = False


@dataclass(frozen=True, slots=True)
class Cancel(Keyed):
    """Nothing of it has arrived, and nothing will come."""

    number: int
    actor: str = ""


class UnknownOrder(Refusal):
    code = "unknown_order"

    def __init__(self, channel: str, order: str, found: int = 0) -> None:
        several = f"{found} orders of {channel!r} have the number {order!r}; name it by the shop's own id of it"
        super().__init__(
            several
            if found
            else f"the ledger knows no order {order!r} of {channel!r}; `channelsync orders list --channel {channel}` shows them"
        )
        self.channel, self.order = channel, order


@idempotent(Told)
def expect(conn: Connection, items: Sequence[Expect], now: datetime) -> Sequence[Told | Refusal]:
    heads = [_head(conn, item) for item in items]
    shipped.hold(conn, {head["order_id"] for head in heads if not isinstance(head, Refusal)} - {None})
    return [_expect(conn, item, head, now) for item, head in zip(items, heads, strict=True)]


def _expect(conn: Connection, item: Expect, head: dict[str, Any] | Refusal, now: datetime) -> Told | Refusal:
    if isinstance(head, Refusal):
        return head
    found = lines.problem(item.lines) or lines.resolve(conn, [line.sku for line in item.lines])
    if isinstance(found, Refusal):
        return found
    refs = _line_refs(conn, head["order_id"], found)
    if isinstance(refs, Refusal):
        return refs
    if too_many := _too_many(conn, item, head["order_id"], found):
        return too_many
    made = {"state": RETURN.start, "created_at": now, "created_by": item.actor}
    number = int(conn.execute(insert(returns).values(head | made).returning(returns.c.id)).scalar_one())
    rows = [
        {"return_id": number, "sku_id": found[line.sku].id, "expected": line.quantity, "line_ref": refs.get(line.sku)}
        for line in item.lines
    ]
    conn.execute(insert(return_lines), rows)
    written = Book(conn, [number]).find(number, "receive")
    assert not isinstance(written, Refusal), "it was written just now"
    return as_told(conn, written)


def _head(conn: Connection, item: Expect) -> dict[str, Any] | Refusal:
    problem = bounds.texts(location=item.location, reference=item.reference, note=item.note, actor=item.actor)
    problem = problem or bounds.texts(name=item.channel, code=item.order)
    if problem:
        return problem
    place = conn.scalar(select(locations.c.id).where(locations.c.code == item.location))
    if place is None:
        return UnknownLocation(item.location)
    if owner := owning.owners(conn, [place]).get(place):
        return owning.refusal(item.location, owner)
    order_id = _order_id(conn, item.channel, item.order)
    if isinstance(order_id, Refusal):
        return order_id
    return {"order_id": order_id, "location_id": place, "reference": item.reference, "note": item.note}


def _order_id(conn: Connection, channel: str | None, order: str | None) -> int | Refusal | None:
    if not channel and not order:
        return None
    if not channel or not order:
        return NotAllowed("an order belongs to a channel: name both of them, or neither")
    channel_id = conn.scalar(select(channels.c.id).where(channels.c.name == channel))
    if channel_id is None:
        return NotAllowed(f"there is no channel {channel!r}; `channelsync status` names them")
    found = conn.scalar(select(orders.c.id).where(orders.c.channel_id == channel_id, orders.c.ref == order))
    if found is not None:
        return int(found)
    named = conn.scalars(select(orders.c.id).where(orders.c.channel_id == channel_id, orders.c.number == order).limit(2)).all()
    return int(named[0]) if len(named) == 1 else UnknownOrder(channel, order, len(named))


def _line_refs(conn: Connection, order_id: int | None, found: Mapping[str, Sku]) -> dict[str, str] | NotAllowed:
    """SKU -> the line of the order that it is on, if it is only one."""
    if order_id is None:
        return {}
    query = select(order_lines.c.sku_id, order_lines.c.line_ref).where(order_lines.c.order_id == order_id).distinct()
    refs: dict[int, list[str]] = defaultdict(list)
    for sku_id, ref in conn.execute(query):
        refs[sku_id].append(ref)
    if strange := next((text for text, sku in found.items() if sku.id not in refs), None):
        return NotAllowed(f"SKU {strange!r} is not on that order; name another order, or none if it is not known")
    return {text: refs[sku.id][0] for text, sku in found.items() if len(refs[sku.id]) == 1}


def _too_many(conn: Connection, item: Expect, order_id: int | None, found: Mapping[str, Sku]) -> MoreThanOrderShipped | None:
    """The first line that more is expected of than the order shipped."""
    if order_id is None or item.over:
        return None
    rooms = shipped.rooms(conn, order_id, (sku.id for sku in found.values()))
    over = ((line, rooms[found[line.sku].id]) for line in item.lines if line.quantity > rooms[found[line.sku].id].left)
    return next((MoreThanOrderShipped(line.sku, line.quantity, room) for line, room in over), None)


@idempotent(Told)
def cancel(conn: Connection, items: Sequence[Cancel], now: datetime) -> Sequence[Told | Refusal]:
    """Only what is expected still: what has arrived is inspected."""
    book = Book(conn, (item.number for item in items))
    return [_cancel(conn, book, item, now) for item in items]


def _cancel(conn: Connection, book: Book, item: Cancel, now: datetime) -> Told | Refusal:
    found = bounds.texts(actor=item.actor) or book.find(item.number, "cancel")
    if isinstance(found, Refusal):
        return found
    found.step("cancel", "cancelled", now)
    book.save(found)
    return as_told(conn, found)
