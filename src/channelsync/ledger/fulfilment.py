"""Shipping what was reserved: the claim and the units leave together. Shipments of channel orders are net effect, in `orders`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert

from channelsync.ledger import bounds, findings, order_mapping
from channelsync.ledger.holds import Counted, Hold, Holds, Which
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.levels import Entry, MovementType
from channelsync.ledger.refusals import InsufficientStock, Refusal
from channelsync.ledger.running import Running
from channelsync.ledger.schema import hand_shipments


@dataclass(frozen=True, slots=True)
class Fulfil(Keyed):
    """Ship claimed units: all that `which` names, or `quantity` of them (oldest claims first)."""

    which: Which
    quantity: int | None = None
    actor: str = ""
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shipped(Answer):
    """units: shipped. held: still claimed. shortage: units among the shipped that the ledger had never been told about."""

    units: int
    held: int
    shortage: int


@idempotent(Shipped)
def fulfil(conn: Connection, items: Sequence[Fulfil], now: datetime) -> Sequence[Shipped | Refusal]:
    """Ship. AlreadyResolved if the claim has ended; InsufficientStock if more is to be shipped than is claimed.

    Units that leave although the ledger counts fewer are a fact: the excess becomes a `shortage` movement and a finding (rule 2).
    """
    holds = Holds(conn, [item.which for item in items])
    running = Running(conn, holds.keys)
    owned = order_mapping.owned_locations(conn)
    answers = [_fulfil_one(conn, holds, running, owned, item, now) for item in items]
    holds.write()
    running.post(now)
    return answers


def _fulfil_one(conn: Connection, holds: Holds, running: Running, owned: frozenset[int], item: Fulfil, now: datetime) -> Shipped | Refusal:
    wrong = None if item.quantity is None else bounds.units(item.quantity, at_least=1)
    if problem := item.which.problem() or wrong or bounds.texts(actor=item.actor) or bounds.happened("occurred_at", item.occurred_at, now):
        return problem
    found = holds.open(item.which)
    if not found:
        return holds.why_none(item.which)
    counted = Counted(found, item.which)
    held = counted.held
    units = held if item.quantity is None else item.quantity
    if units > held:
        sku, remedy = item.which.sku or found[0].sku, "ship no more than that, or reserve the others first"
        return InsufficientStock(sku, found[0].location, units, held, state="held", remedy=remedy)
    shortage = 0
    for hold, part in counted.shares(item.quantity):
        if hold.key[1] in owned:
            _ship_from_authority(conn, running, hold, part, item, now)
        else:
            shortage += _ship(conn, running, hold, part, item, now)
    return Shipped(units, held - units, shortage)


def _ship(conn: Connection, running: Running, hold: Hold, units: int, item: Fulfil, now: datetime) -> int:
    """Post one claim's part; the units that had never been counted."""
    missing = max(0, units - running.level(hold.key).on_hand)
    soft, hard = hold.take(units, "fulfilled", now)
    if missing:
        excess = Entry(*hold.key, MovementType.SHORTAGE, on_hand=missing, reference=hold.reference, reason="shipped but never counted")
        running.add(excess)
        findings.record(conn, "shortage", None, hold.key[0], hold.reference, {"units": missing, "location": hold.location}, now)
    running.add(_leaves(hold, units, soft, hard, item))
    return missing


def _ship_from_authority(conn: Connection, running: Running, hold: Hold, units: int, item: Fulfil, now: datetime) -> None:
    """On hand is the authority's: what left waits as pending_debit until its own number is proved to know of it (`order_documents.debit_by_hand`)."""
    soft, hard = hold.take(units, "fulfilled", now)
    running.add(_leaves(hold, units, soft, hard, item))
    reason = "an authority counts here: its own number moves"
    running.add(
        Entry(*hold.key, MovementType.DEFER, on_hand=units, pending_debit=units, reference=hold.reference, reason=reason, actor=item.actor)
    )
    sku_id, location_id = hold.key
    row = {"sku_id": sku_id, "location_id": location_id, "reference": hold.reference, "units": units, "shipped_at": now}
    conn.execute(insert(hand_shipments).values(**row))


def _leaves(hold: Hold, units: int, soft: int, hard: int, item: Fulfil) -> Entry:
    return Entry(
        *hold.key,
        MovementType.FULFIL,
        on_hand=-units,
        soft=soft,
        hard=hard,
        reference=hold.reference,
        actor=item.actor,
        occurred_at=item.occurred_at,
    )
