"""How documents live: made, changed, trashed and deleted, by API clients and by the account's own people alike."""

from __future__ import annotations

from channelsync.testing.standins.moysklad import books
from channelsync.testing.standins.moysklad.state import Deletion, Document, Position, State

DELETIONS_KEPT = 10_000


def new(state: State, kind: str) -> Document:
    """A document under construction; `save` makes it part of the account."""
    now, number = state.now(), state.new_id()
    document = Document(number, kind, f"{len(state.documents) + 1:05d}", number[:8] + number[-8:], now, now)
    document.organization, document.agent = state.organization, state.agent
    return document


def add(state: State, document: Document, good: str, quantity: float, reserve: float = 0.0) -> Position:
    position = Position(state.new_id(), good, quantity, reserve)
    document.positions.append(position)
    return position


def save(state: State, document: Document, muted: tuple[str, ...] = ()) -> None:
    """Any change: the numbers follow, linked documents too, and the webhooks are told."""
    action = "UPDATE" if document.id in state.documents else "CREATE"
    state.documents[document.id] = document
    document.updated = state.now()
    _follow(state, document)
    state.announce(document.kind, action, document.id, muted)


def trash(state: State, document: Document, muted: tuple[str, ...] = ()) -> None:
    """Into the recycle bin: it keeps its row, and holds nothing."""
    document.deleted = state.now()
    if state.dials.trash_updates:
        document.updated = document.deleted
    _follow(state, document)
    state.announce(document.kind, "DELETE", document.id, muted)


def hard_delete(state: State, document: Document, muted: tuple[str, ...] = ()) -> None:
    """For good: no list shows it again; only the audit remembers."""
    document.deleted = document.deleted or state.now()
    _follow(state, document)
    del state.documents[document.id]
    state.deletions.append(Deletion(state.new_id(), state.now(), document))
    del state.deletions[:-DELETIONS_KEPT]
    state.announce(document.kind, "DELETE", document.id, muted)


def _follow(state: State, document: Document) -> None:
    books.post(state, document)
    if document.kind == "customerorder":
        books.ship(state, document)
        books.post(state, document)
        books.mirror(state, document)
    order = _order_behind(state, document)
    if order is None:
        return
    if document.kind == "demand":
        books.ship(state, order)
        books.post(state, order)
        if state.dials.shipment_updates:
            order.updated = state.now()
            state.announce("customerorder", "UPDATE", order.id)
    books.mirror(state, order)


def _order_behind(state: State, document: Document) -> Document | None:
    demand = state.documents.get(document.demand) if document.kind == "salesreturn" else document
    return state.documents.get(demand.order) if demand else None
