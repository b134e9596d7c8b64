"""Suspended gaps for people: what a shop shows that neither orders nor our writes explain, and a person's answer to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, select

from channelsync.ledger import adoption, brackets, outbox
from channelsync.ledger.brackets import EditPolicy
from channelsync.ledger.refusals import AlreadyResolved, NotAllowed, Refusal
from channelsync.ledger.schema import attempts, channels, listings, shelves, skus

PAGE = 200


@dataclass(frozen=True, slots=True)
class Drift:
    """shows: what the shop showed when it was last read; book: what we expect. asked: a closed look found it, and a person is to decide."""

    shelf: int
    channel: str
    listing: str
    location: str
    sku: str | None
    book: int
    shows: int
    since: datetime | None
    asked: bool


def listed(conn: Connection, *, after: int = 0, limit: int = PAGE) -> list[Drift]:
    """Every shelf with a gap, in the order of shelf ids; pages by key."""
    query = (
        select(shelves, channels.c.name, listings.c.ref, skus.c.sku)
        .join(channels, channels.c.id == shelves.c.channel_id)
        .join(listings, listings.c.id == shelves.c.listing_id)
        .outerjoin(skus, skus.c.id == listings.c.sku_id)
        .where(shelves.c.gap != 0, shelves.c.id > after)
        .order_by(shelves.c.id)
        .limit(limit)
    )
    return [
        Drift(
            row["id"],
            row["name"],
            row["ref"],
            row["location"],
            row["sku"],
            row["book"],
            row["book"] + row["gap"],
            row["gap_since"],
            row["asked_at"] is not None,
        )
        for row in conn.execute(query).mappings()
    ]


@dataclass(frozen=True, slots=True)
class Resolve:
    """shows: the number the person saw when deciding; another one by now is another question."""

    shelf: int
    policy: EditPolicy
    shows: int


def resolve(conn: Connection, items: Sequence[Resolve], now: datetime) -> list[str | Refusal]:
    """Overwrite the shop's number, or adopt it as the truth. Answers what was done."""
    return [_resolve(conn, item, now) for item in items]


def _resolve(conn: Connection, item: Resolve, now: datetime) -> str | Refusal:
    row = conn.execute(select(shelves).where(shelves.c.id == item.shelf).with_for_update(key_share=True)).mappings().one_or_none()
    if row is None:
        return NotAllowed(f"there is no shelf {item.shelf}; `channelsync drift list` names those with a drift")
    if item.policy is EditPolicy.ASK:
        return NotAllowed("asking again resolves nothing; choose overwrite or adopt")
    if not row["gap"]:
        return AlreadyResolved(f"the drift of shelf {item.shelf}", "settled")
    if row["book"] + row["gap"] != item.shows:
        return NotAllowed(f"shelf {item.shelf} now shows {row['book'] + row['gap']}, not {item.shows}; look again before you decide")
    if row["asked_at"] is None:
        return NotAllowed(f"shelf {item.shelf} is still being looked at: an order may explain the difference. Try again in a few minutes")
    if item.policy is EditPolicy.ADOPT and not adoption.fits(conn, item.shelf, row["gap"]):
        return NotAllowed(
            f"shelf {item.shelf} shows {abs(row['gap'])} {'fewer' if row['gap'] < 0 else 'more'} than expected, and there are no units on hand "
            "that this can be about; count the stock (of a bundle: of its parts), or overwrite the shop's number"
        )
    busy = exists().where(attempts.c.shelf_id == item.shelf, attempts.c.state.in_(outbox.OPEN_STATES))
    if row["verify"] or conn.execute(select(busy)).scalar_one():
        return NotAllowed(f"a write of ours to shelf {item.shelf} is not settled yet; try again in a few minutes")
    return brackets.settle_drift(conn, item.shelf, row["gap"], item.policy, row["asked_shop_at"] or row["read_at"], now).value
