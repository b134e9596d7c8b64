"""Suspended gaps for people: what a shop shows that neither orders nor our writes explain, and a person's answer to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, exists, select, true

from channelsync.ledger import adoption, brackets, targets
from channelsync.ledger.brackets import EditPolicy
from channelsync.ledger.due import OPEN_STATES
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


def listed(conn: Connection, *, channel: str | None = None, after: int = 0, limit: int = PAGE) -> list[Drift]:
    """Every shelf with a gap, of one channel or of all, in the order of shelf ids; pages by key."""
    mine = channels.c.name == channel if channel is not None else true()
    query = (
        select(shelves, channels.c.name, listings.c.ref, skus.c.sku)
        .join(channels, channels.c.id == shelves.c.channel_id)
        .join(listings, listings.c.id == shelves.c.listing_id)
        .outerjoin(skus, skus.c.id == listings.c.sku_id)
        .where(shelves.c.gap != 0, shelves.c.id > after, mine)
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
    if refusal := _not_now(conn, row, item.policy):
        return refusal
    return brackets.settle_drift(conn, item.shelf, row["gap"], item.policy, row["asked_shop_at"] or row["read_at"], now).value


def _not_now(conn: Connection, row: RowMapping, policy: EditPolicy, *, lock: bool = True) -> NotAllowed | None:
    """Why this answer cannot be given to this gap, if so. lock: somebody is about to give it."""
    shelf = row["id"]
    if row["asked_at"] is None:
        return NotAllowed(f"shelf {shelf} is still being looked at: an order may explain the difference. Try again in a few minutes")
    if policy is EditPolicy.ADOPT and not adoption.fits(conn, shelf, row["gap"], lock=lock):
        return NotAllowed(
            f"shelf {shelf} shows {abs(row['gap'])} {'fewer' if row['gap'] < 0 else 'more'} than expected, and there are no units on hand "
            "that this can be about; count the stock (of a bundle: of its parts), or overwrite the shop's number"
        )
    busy = exists().where(attempts.c.shelf_id == shelf, attempts.c.state.in_(OPEN_STATES))
    if row["verify"] or conn.execute(select(busy)).scalar_one():
        return NotAllowed(f"a write of ours to shelf {shelf} is not settled yet; try again in a few minutes")
    return None


# -- many at once ----------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What an answer would do to one drift. will: in words; refused: why it cannot be given now (then `will` is empty)."""

    drift: Drift
    will: str = ""
    refused: str = ""


def foresee(
    conn: Connection, policy: EditPolicy, *, channel: str | None = None, after: int = 0, limit: int = PAGE
) -> tuple[list[Foreseen], int | None]:
    """The same answer to every drift: what it would do. Changes and locks nothing; a page, and where the next begins (None: that was the last)."""
    found = listed(conn, channel=channel, after=after, limit=limit)
    ids = [each.shelf for each in found]
    rows = {row["id"]: row for row in conn.execute(select(shelves).where(shelves.c.id.in_(ids))).mappings()} if ids else {}
    return [_foresee(conn, each, rows[each.shelf], policy) for each in found], ids[-1] if len(ids) == limit else None


def _foresee(conn: Connection, drift: Drift, row: RowMapping, policy: EditPolicy) -> Foreseen:
    if refusal := _not_now(conn, row, policy, lock=False):
        return Foreseen(drift, refused=str(refusal))
    if policy is EditPolicy.ADOPT:
        if other := _other_drift(conn, drift):
            return Foreseen(
                drift,
                refused=f"shelf {other} of the same SKU differs too: the same units must not be taken twice. Answer one of them alone",
            )
        location, units = adoption.correction(conn, drift.shelf, row["gap"])
        return Foreseen(drift, f"on hand at {location} {units:+d}")
    if row["frozen"] or row["target"] is None or not targets.is_due(row["target"], drift.shows):
        return Foreseen(drift, "expected becomes what is shown, nothing is written")
    return Foreseen(drift, f"{row['target']} is written over {drift.shows}")


def _other_drift(conn: Connection, drift: Drift) -> int | None:
    """Another shelf of the same SKU that shows what nothing explains: perhaps the same loss, typed into two shops."""
    query = (
        select(shelves.c.id)
        .join(listings, listings.c.id == shelves.c.listing_id)
        .join(skus, skus.c.id == listings.c.sku_id)
        .where(skus.c.sku == drift.sku, shelves.c.gap != 0, shelves.c.id != drift.shelf)
    )
    return conn.scalar(query.order_by(shelves.c.id).limit(1))
