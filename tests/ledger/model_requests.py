"""What a request is in the ledger's words and in those of its model on paper."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from channelsync.ledger import policies, reservations, stock
from channelsync.ledger.fulfilment import Fulfil, Shipped, fulfil
from channelsync.ledger.holds import Which
from channelsync.ledger.policies import PolicySet, SetPolicy
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.reservations import Extend, Extended, Harden, Hardened, Line, Release, Released, Reserve, Reserved
from channelsync.ledger.skus import Backorder
from channelsync.ledger.stock import Change, Posted
from ledger.model import Named

NOBODY = 1_000_000_000
"""No reservation's number or id."""


def which(ids: list[int], told: Named) -> Which:
    reference, number, sku = told
    if number is None:
        return Which(reference=reference, sku=sku)
    return Which(reservation=NOBODY if number == NOBODY else ids[number])


def change(_: list[int], sku: str, place: str, units: int, **key: Any) -> Change:
    return Change(sku, place, units, reason="said so", **key)


REQUESTS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "receive": (stock.receive, change),
    "adjust": (stock.adjust, change),
    "count": (stock.count, change),
    "take_back": (stock.take_back, change),
    "restock": (stock.restock, change),
    "set_backorder": (policies.set_policy, lambda _, sku, policy, limit, **key: SetPolicy(sku, Backorder(policy), limit, **key)),
    "reserve": (
        reservations.reserve,
        lambda _, reference, lines, kind, minutes, **key: Reserve(
            reference, tuple(Line(*line) for line in lines), kind, timedelta(minutes=minutes), **key
        ),
    ),
    "release": (reservations.release, lambda ids, told, units, **key: Release(which(ids, told), units, **key)),
    "extend": (
        reservations.extend,
        lambda ids, told, minutes, **key: Extend(which(ids, told), timedelta(minutes=minutes), **key),
    ),
    "harden": (reservations.harden, lambda ids, told, **key: Harden(which(ids, told), **key)),
    "fulfil": (fulfil, lambda ids, told, units, **key: Fulfil(which(ids, told), units, **key)),
}
"""By its name in the model: the verb, and how its request is made of the model's arguments."""


def said(answer: Any) -> Any:
    """A verb's answer in the model's words."""
    match answer:
        case Refusal():
            return answer.code
        case Posted():
            return answer.on_hand, answer.available, answer.quarantined
        case Reserved():
            return answer.expires_at, tuple((claim.sku, claim.location, claim.quantity, claim.available) for claim in answer.claims)
        case Released():
            return answer.units, answer.held, answer.already
        case Extended():
            return answer.units, answer.expires_at
        case Hardened():
            return answer.units, answer.hard
        case Shipped():
            return answer.units, answer.held, answer.shortage
        case PolicySet():
            return answer.sku, answer.backorder.value, answer.limit
    raise AssertionError(answer)
