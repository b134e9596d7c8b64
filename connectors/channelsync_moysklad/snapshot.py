"""Makes an OrderSnapshot of what Moysklad's own people sold: a customer order with its shipments and returns, or a shipment without an order.

Only shipments move stock: an order holds what it has not shipped. A change of state moves nothing by itself, but an order whose state means
"unsuccessful" will not ship, and neither will one that is unposted. When units left is told by documents that carry no time per unit, so
effects are dated by the last change of them all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from channelsync.contract import Effect, OrderLine, OrderSnapshot, OrderState, ShipTo, ship_to
from channelsync_moysklad.shapes import (
    REST_OF_MILLISECOND,
    Raw,
    id_of,
    inner,
    linked,
    linked_id,
    linked_in,
    optional_time,
    text,
    time_of,
    whole,
)

RESERVATION = re.compile(r"reservation_ref:\s*(\S{1,200})")
RUSSIA = "9df7c2c3-7782-4c5c-a8ed-1102af611608"
"""The country of that name has this id in every account, and its regions end in their two digits (samples of `shipmentAddressFull`)."""
REGION = re.compile(r"0{8}-0{4}-0{4}-0{4}-0{10}(\d{2})")
UNSUCCESSFUL = "Unsuccessful"
OURS = "cs:"


@dataclass(frozen=True, slots=True)
class Positions:
    """A document and its positions, read to the end."""

    raw: Raw
    rows: Sequence[Raw]


def ours(raw: Raw) -> bool:
    """An order that we exported ourselves: it must not come back as a sale."""
    return text(raw.get("externalCode")).startswith(OURS)


def order_snapshot(
    order: Positions, demands: Sequence[Raw], returns: Sequence[Positions], cancelled: Collection[str], sku_field: str
) -> OrderSnapshot:
    """cancelled: names and ids of states that mean "will not ship". Raises Misunderstood."""
    raw = order.raw
    changed = _last_change(raw, *demands, *(found.raw for found in returns))
    state = _state(raw, cancelled)
    back = _units_by_good([found for found in returns if _counts(found.raw)])
    lines = [_line(row, linked_id(raw, "store"), state, changed, back, sku_field) for row in order.rows]
    return _snapshot(raw, id_of(raw), state, changed, lines)


def sale_snapshot(kind: str, sale: Positions, returns: Sequence[Positions], sku_field: str) -> OrderSnapshot:
    """Goods that left without an order: at a till, or by a shipment of its own. An unposted or deleted one has moved nothing."""
    raw = sale.raw
    changed = _last_change(raw, *(found.raw for found in returns))
    state = OrderState.DELETED if raw.get("deleted") else OrderState.OPEN if _counts(raw) else OrderState.CANCELLED
    back = _units_by_good([found for found in returns if _counts(found.raw)])
    gone = state is OrderState.OPEN
    rows = [{**row, "shipped": row.get("quantity") if gone else 0} for row in sale.rows]
    lines = [_line(row, linked_id(raw, "store"), state, changed, back, sku_field) for row in rows]
    return _snapshot(raw, f"{kind}/{id_of(raw)}", state, changed, lines)


def _snapshot(raw: Raw, ref: str, state: OrderState, changed: datetime, lines: list[OrderLine]) -> OrderSnapshot:
    reservation = RESERVATION.search(text(raw.get("description")))
    return OrderSnapshot(
        ref=ref,
        state=state,
        modified_at=changed,
        created_at=min(optional_time(raw, "created") or changed, changed),
        lines=tuple(lines),
        number=text(raw.get("name")) or ref,
        reservation_ref=reservation[1] if reservation else None,
        ship_to=_ship_to(inner(raw, "shipmentAddressFull")),
    )


def _ship_to(address: Raw) -> ShipTo | None:
    """Of countries and regions the document has no more than the ids; those that are not known by heart are not told."""
    country, region = linked_in(address.get("country")), linked_in(address.get("region"))
    digits = REGION.fullmatch(region[1]) if region else None
    russian = country[1] == RUSSIA if country else digits is not None
    return ship_to("RU", digits and digits[1], address.get("postalCode")) if russian else None


def _state(raw: Raw, cancelled: Collection[str]) -> OrderState:
    if raw.get("deleted"):
        return OrderState.DELETED
    state, target = inner(raw, "state"), linked(raw, "state")
    named = {text(state.get("name")), target[1] if target else ""} - {""}
    if state.get("stateType") == UNSUCCESSFUL or named & set(cancelled) or not _counts(raw):
        return OrderState.CANCELLED
    return OrderState.OPEN


def _counts(raw: Raw) -> bool:
    return raw.get("applicable") is not False and not raw.get("deleted")


def _last_change(*documents: Raw) -> datetime:
    return max(at for raw in documents for at in (time_of(raw, "updated"), optional_time(raw, "deleted")) if at)


def _units_by_good(documents: Sequence[Positions]) -> dict[str, int]:
    found: dict[str, int] = {}
    for document in documents:
        for row in document.rows:
            good = linked_id(row, "assortment")
            found[good] = found.get(good, 0) + whole(row.get("quantity"), "quantity")
    return found


def _line(row: Raw, store: str, state: OrderState, changed: datetime, back: dict[str, int], sku_field: str) -> OrderLine:
    """back: units that came back, per good; what this line takes of them is taken out."""
    kind, good = linked(row, "assortment") or ("", "")
    quantity, shipped = whole(row.get("quantity"), "quantity"), whole(row.get("shipped"), "shipped")
    shipped = min(shipped, quantity)
    restocked = min(shipped, back.get(good, 0))
    back[good] = back.get(good, 0) - restocked
    line = OrderLine(
        ref=id_of(row),
        listing=good or None,
        quantity=quantity,
        sku=text(inner(row, "assortment").get(sku_field)).strip() or None,
        title=text(inner(row, "assortment").get("name")),
        shipped=shipped,
        cancelled=0 if state is OrderState.OPEN else quantity - shipped,
        restocked=restocked,
        location=store or None,
        stocked=kind != "service",
    )
    if kind in {"service", "bundle"}:  # a bundle has no number of its own: its components' move
        return line
    at = changed + REST_OF_MILLISECOND
    return replace(line, effects=tuple(Effect(units, at) for units in (shipped, -restocked) if units))
