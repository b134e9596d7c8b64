"""The one place where a number moves: stock is the sum of posted documents, reserve that of order positions. Keeps the truth in step."""

from __future__ import annotations

from channelsync.testing.standins.base import Change, TrueLine, TrueOrder
from channelsync.testing.standins.moysklad.state import Document, Place, State

SIGNS = {"demand": -1, "loss": -1, "retaildemand": -1, "enter": 1, "salesreturn": 1, "supply": 1}
CAUSES = {"demand": "sale", "retaildemand": "sale", "salesreturn": "restore"}
OURS = "cs:"


def post(state: State, document: Document) -> None:
    """Bring the numbers to what the document says now; repeat after every change of it."""
    wanted = _effects(state, document)
    for place in {**document.posted, **wanted}:
        difference = wanted.get(place, 0.0) - document.posted.get(place, 0.0)
        if difference:
            _move(state, place, difference, document)
    document.posted = wanted
    for position in document.positions:
        state.goods[position.good].moved = True


def _effects(state: State, document: Document) -> dict[Place, float]:
    live = document.deleted is None and (document.applicable or (document.kind == "customerorder" and state.dials.unposted_reserves))
    effects: dict[Place, float] = {}
    for position in document.positions if live else ():
        place: Place
        if document.kind == "customerorder":
            place, units = ("reserve", position.good, document.store or None), position.reserve
        else:
            place, units = ("stock", position.good, document.store), SIGNS[document.kind] * position.quantity
        effects[place] = effects.get(place, 0.0) + units
    return effects


def _move(state: State, place: Place, difference: float, document: Document) -> None:
    before = state.numbers.get(place, 0.0)
    after = state.numbers[place] = before + difference
    bucket, good, store = place
    if bucket == "stock" or state.dials.reserve_in_changed:
        state.changed[place] = state.now()
    if bucket == "stock":
        state.stock_moved = state.stock_moved or state.now()
        recalculate(state, good, state.dials.recalculated_seconds)
        _remember(state, state.goods[good].code, store or "", before, after, document)


def recalculate(state: State, good: str, seconds: float) -> None:
    """For so long the short reports cannot tell the good's numbers."""
    state.recalculating[good] = max(state.recalculating.get(good, 0.0), state.clock.monotonic() + seconds)


def _remember(state: State, sku: str, store: str, before: float, after: float, document: Document) -> None:
    cause = CAUSES.get(document.kind, "edit")
    write = document.external.removeprefix(OURS) if document.external.startswith(OURS) else None
    order = _order_of(state, document)
    if document.kind in {"enter", "loss"}:
        cause = "write" if write else "edit"
    now = state.clock
    state.changes.append(Change(now.now(), now.monotonic(), sku, int(before), int(after), cause, order, write, location=store))


def _order_of(state: State, document: Document) -> str | None:
    """The ref of the sale behind a movement; a shipment without an order is its own."""
    if document.kind == "salesreturn":
        demand = state.documents.get(document.demand)
        return _order_of(state, demand) if demand else None
    if document.kind == "demand" and document.order:
        return document.order
    return f"{document.kind}/{document.id}" if document.kind in {"demand", "retaildemand"} else None


def number(state: State, bucket: str, good: str, store: str | None) -> float:
    return state.numbers.get((bucket, good, store), 0.0)


def ship(state: State, order: Document) -> None:
    """Set `shipped` of an order's positions to what its posted shipments say; what is newly shipped is reserved no more."""
    left: dict[str, float] = {}
    for demand in demands_of(state, order):
        for position in demand.positions if demand.applicable else ():
            left[position.good] = left.get(position.good, 0.0) + position.quantity
    for position in order.positions:
        shipped = min(position.quantity, left.get(position.good, 0.0))
        left[position.good] = left.get(position.good, 0.0) - shipped
        position.reserve = max(0.0, position.reserve - max(0.0, shipped - position.shipped))
        position.shipped = shipped


def demands_of(state: State, order: Document) -> list[Document]:
    return [found for found in state.documents.values() if found.kind == "demand" and found.order == order.id and found.deleted is None]


def returns_of(state: State, demand: Document) -> list[Document]:
    return [found for found in state.documents.values() if found.kind == "salesreturn" and found.demand == demand.id and not found.deleted]


def mirror(state: State, order: Document) -> None:
    """The truth of an order of the account's own people."""
    if not order.own:
        return
    true = state.truth.setdefault(order.id, TrueOrder(order.id, state.clock.now(), state.clock.monotonic()))
    dead = order.deleted is not None or not order.applicable or state.states.get(order.state, ("", ""))[1] == "Unsuccessful"
    back: dict[str, float] = {}
    for demand in demands_of(state, order):
        for given_back in returns_of(state, demand):
            for position in given_back.positions if given_back.applicable else ():
                back[position.good] = back.get(position.good, 0.0) + position.quantity
    true.lines = []
    for position in order.positions:
        quantity, shipped = int(position.quantity), int(position.shipped)
        line = TrueLine(state.goods[position.good].code, quantity, shipped, quantity - shipped if dead else 0)
        line.returned = int(min(shipped, back.get(position.good, 0.0)))
        true.lines.append(line)
