"""A lower goes at once: one transaction settles the call before it, computes the next one and releases it.

A raise is armed first and checked once more when it is released, because its sellers are looked at in between. A lower of a carrier that is not absolute
waits for nobody, so there is nothing in between: what is computed here is what the ledger knows at the moment of release, and no such call is ever left armed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from channelsync.contract import Call
from channelsync.ledger import outbox, settle
from channelsync.ledger.outbox import Arming
from channelsync.ledger.settle import Settled, Settlement


@dataclass(frozen=True, slots=True)
class Lowering:
    """arming: the call to be. answered: the answers to the one before it, which are booked first; None: there was none."""

    arming: Arming
    answered: Settlement | None = None


@dataclass(frozen=True, slots=True)
class Lowered:
    """settled: what became of the call before. call: what is to be sent now; None: nothing is due, or nothing may go."""

    settled: Settled | None
    call: Call | None


def lower(conn: Connection, items: Sequence[Lowering], now: datetime) -> list[Lowered]:
    return [_lower(conn, item, now) for item in items]


def _lower(conn: Connection, item: Lowering, now: datetime) -> Lowered:
    assert not item.arming.raises
    settled = settle.settle(conn, [item.answered], now)[0] if item.answered is not None else None
    if settled is not None and settled.fenced:
        return Lowered(settled, None)
    return Lowered(settled, outbox.arm_released(conn, item.arming, now))
