"""A line of a cart gets another quantity: `amend`. More is reserved, less is released, in one step; what cannot be had leaves the claim as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection

from channelsync.ledger import bounds, places, reservations, reserving
from channelsync.ledger.holds import Counted, Hold, Holds, Which
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.refusals import AlreadyResolved, NotAllowed, Refusal
from channelsync.ledger.reservations import DEFAULT_TTL, Extend, Line, Release, Reserve

TAKEN_OVER = ("committed", "fulfilled")


@dataclass(frozen=True, slots=True)
class Amend(Keyed):
    """`reference` claims `quantity` units of the SKU at the location from now on; 0: none. kind: of a claim that is new; an old one keeps its own.

    ttl: how long its soft claims live at least, from now: whoever changes a cart is still there.
    """

    reference: str
    sku: str
    location: str
    quantity: int
    kind: Literal["soft", "hard"] = "soft"
    ttl: timedelta = DEFAULT_TTL
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Amended(Answer):
    """quantity: claimed now. change: units more (or fewer) than before. expires_at: the earliest end of its soft claims; None: there are none."""

    reference: str
    sku: str
    location: str
    quantity: int
    change: int
    expires_at: datetime | None


@idempotent(Amended)
def amend(conn: Connection, items: Sequence[Amend], now: datetime) -> Sequence[Amended | Refusal]:
    """AlreadyResolved if an order took the claim over: what is changed then is the order."""
    named = places.resolve(conn, ((item.sku, item.location) for item in items))
    reserving.locked(conn, named, named.keys((item.sku, item.location) for item in items))
    answers = list[Amended | Refusal]()
    for item in items:
        unknown = named.key(item.sku, item.location)
        answers.append(_problem(item) or (unknown if isinstance(unknown, Refusal) else _amend_one(conn, item, now)))
    return answers


def _amend_one(conn: Connection, item: Amend, now: datetime) -> Amended | Refusal:
    which = Which(reference=item.reference, sku=item.sku, location=item.location)
    holds = Holds(conn, [which])
    found = _asked_so(holds.open(which), item)
    if not found and (ended := holds.ended_as(which)) in TAKEN_OVER:
        return AlreadyResolved(str(which), str(ended))
    counted = Counted(found, which)
    change = item.quantity - counted.held
    if change > 0 and isinstance(refused := _more(conn, item, found, change, now), Refusal):
        return refused
    if change < 0:
        given = [Release(Which(hold.id), units, reason="changed", actor=item.actor) for hold, units in counted.shares(-change)]
        reservations.release(conn, given, now)
    return Amended(item.reference, item.sku, item.location, item.quantity, change, _live_on(conn, item, which, now))


def _asked_so(found: Sequence[Hold], item: Amend) -> list[Hold]:
    """Only what was asked for under this name: the same SKU's units in a bundle of the same cart are the bundle's."""
    return [hold for hold in found if (hold.bundle or hold.sku) == item.sku]


def _more(conn: Connection, item: Amend, found: Sequence[Hold], units: int, now: datetime) -> object:
    kind: Literal["soft", "hard"] = item.kind if not found else "soft" if found[0].is_soft else "hard"
    wanted = Reserve(item.reference, (Line(item.sku, item.location, units),), kind, item.ttl, item.actor)
    [answer] = reservations.reserve(conn, [wanted], now)
    return answer


def _live_on(conn: Connection, item: Amend, which: Which, now: datetime) -> datetime | None:
    soft = [Extend(Which(hold.id), item.ttl) for hold in _asked_so(Holds(conn, [which]).open(which), item) if hold.is_soft]
    extended = reservations.extend(conn, soft, now)
    return min((answer.expires_at for answer in extended if not isinstance(answer, Refusal)), default=None)


def _problem(item: Amend) -> NotAllowed | None:
    if not item.reference:
        return NotAllowed("a claim is changed by its reference, and this one is empty")
    if not timedelta(0) < item.ttl <= reserving.MAX_TTL:
        return NotAllowed(f"a soft reservation lives between a moment and {reserving.MAX_TTL.days} days, not {item.ttl}")
    return bounds.texts(reference=item.reference, actor=item.actor) or bounds.units(item.quantity, at_least=0)
