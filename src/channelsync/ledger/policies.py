"""How a SKU may be sold: beyond what is there or not, when the rest comes, and how much of it one cart may claim.

Claims are granted by it in `reserving`; what the public is told of it is in `availability`. No shop's number depends on it (docs/availability.md).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from channelsync.ledger import bounds, oversells, skus
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownSku
from channelsync.ledger.schema import bundle_parts
from channelsync.ledger.schema import skus as table
from channelsync.ledger.skus import Backorder

RELEASE_DELAY_MAX = 365 * 24 * 60


@dataclass(frozen=True, slots=True)
class SetPolicy(Keyed):
    """The whole policy: what is left out is taken back.

    limit: units that may be promised beyond what is available, over all locations together; None: without limit.
    text, date: for customers, when what is not there comes. per_reference: units that one reference may claim in all; None: no limit.
    release_delay: minutes that a claim outlives its end while more is promised than is there (`patience`).
    """

    sku: str
    backorder: Backorder
    limit: int | None = None
    text: str = ""
    date: dt.date | None = None
    per_reference: int | None = None
    release_delay: int = 0


@dataclass(frozen=True, slots=True)
class PolicySet(Answer):
    sku: str
    backorder: Backorder
    limit: int | None = None
    text: str = ""
    date: dt.date | None = None
    per_reference: int | None = None
    release_delay: int = 0


@idempotent(PolicySet)
def set_policy(conn: Connection, items: Sequence[SetPolicy], now: dt.datetime) -> Sequence[PolicySet | Refusal]:
    """From now on; reservations that were granted stay granted. An oversell that is allowed now is none any more."""
    names = skus.locked(conn, {item.sku for item in items})
    made_of_others = set(conn.scalars(select(bundle_parts.c.bundle_id).where(bundle_parts.c.bundle_id.in_(sorted(names.values())))))
    answers = [_set_one(conn, names, made_of_others, item) for item in items]
    oversells.end(conn, {names[answer.sku] for answer in answers if isinstance(answer, PolicySet)}, now)
    return answers


def _set_one(conn: Connection, names: dict[str, int], bundles: set[int], item: SetPolicy) -> PolicySet | Refusal:
    if why := problem(item):
        return why
    if item.sku not in names:
        return UnknownSku(item.sku)
    if names[item.sku] in bundles:
        return NotAllowed(f"SKU {item.sku!r} is a bundle and has no stock of its own; set the policy of its parts")
    values = {
        "backorder": item.backorder.value,
        "backorder_limit": item.limit,
        "expected_text": item.text,
        "expected_on": None if item.date is None else item.date.isoformat(),
        "reference_limit": item.per_reference,
        "release_delay": item.release_delay,
    }
    conn.execute(update(table).where(table.c.id == names[item.sku]).values(values))
    return PolicySet(item.sku, item.backorder, item.limit, item.text, item.date, item.per_reference, item.release_delay)


def problem(item: SetPolicy) -> NotAllowed | None:
    """Is it well formed? The SKU is not looked at."""
    if item.backorder is Backorder.DENY and (item.text or item.date or item.release_delay):
        return NotAllowed(
            "a SKU that is not sold beyond what is there has no text or date for customers and no delay of releases; use allow or preorder"
        )
    if not 0 <= item.release_delay <= RELEASE_DELAY_MAX:
        return NotAllowed(f"a release is delayed by 0 to {RELEASE_DELAY_MAX} minutes (a year), not {item.release_delay}")
    if not item.text.isprintable():
        return NotAllowed(f"the text {item.text!r} is for customers, on one line; remove what cannot be printed")
    limits = ((item.limit, 0), (item.per_reference, 1))
    wrong = (bounds.units(value, at_least=least) for value, least in limits if value is not None)
    return bounds.texts(text=item.text) or next(filter(None, wrong), None)
