"""A warehouse or an ERP tells how many units lie at a location, as of an instant of its own. What a person counts is in `stock`; what an authority's
connector reads is in `authority_import`.

The number is old when it comes: what has moved here since is added to it. Nothing in here can name a soft or hard bucket (rule 7).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, select

from channelsync.ledger import bounds, oversells, owning, places, skus
from channelsync.ledger.dialects import among, insert_into
from channelsync.ledger.keys import Answer, Keyed, idempotent
from channelsync.ledger.levels import Entry, LevelKey, MovementType
from channelsync.ledger.refusals import NotAllowed, Refusal
from channelsync.ledger.running import Running
from channelsync.ledger.schema import stock_updates
from channelsync.ledger.since import NOTHING, Since, since
from channelsync.ledger.stock import no_own_stock

CHUNK = 400


class Outcome(StrEnum):
    SET = "set"  # the number, and what has moved since, is on hand now
    SAME = "same"  # it was so already
    OLDER = "older"  # a newer update of this level came before; this one was ignored
    COUNTED = "counted"  # somebody counted there after the instant of this one; it was ignored


@dataclass(frozen=True, slots=True)
class Update(Keyed):
    """quantity: physical units at `as_of`, held ones included. create: make the SKU if there is none."""

    sku: str
    location: str
    quantity: int
    as_of: datetime
    reference: str = ""
    actor: str = ""
    create: bool = False


@dataclass(frozen=True, slots=True)
class Updated(Answer):
    """on_hand, available: the level now. moved: what has come (> 0) or gone (< 0) since as_of, and was added. last_as_of: of the newest update."""

    sku: str
    location: str
    outcome: Outcome
    on_hand: int
    available: int
    moved: int
    last_as_of: datetime | None


@idempotent(Updated)
def update_stock(conn: Connection, items: Sequence[Update], now: datetime) -> Sequence[Updated | Refusal]:
    """Refused where an authority owns on hand, for bundles, for unknown SKUs without `create`, and if more went since than was there."""
    skus.ensure(conn, {item.sku for item in items if item.create and _wrong(item, now) is None}, now)
    return _Batch(conn, items, now).post()


class _Batch:
    """Levels are locked first, so that nothing moves between the look at the log and the new number."""

    def __init__(self, conn: Connection, items: Sequence[Update], now: datetime) -> None:
        self._conn, self._items, self._now = conn, items, now
        self._places = places.resolve(conn, ((item.sku, item.location) for item in items))
        self._owners = owning.owners(conn, self._places.locations.values())
        self._running = Running(conn, self._places.keys((item.sku, item.location) for item in items))
        self._told = _told(conn, self._running.before)
        self._new: dict[LevelKey, Update] = {}
        self._since = self._log()

    def post(self) -> list[Updated | Refusal]:
        answers = [self._one(item) for item in self._items]
        skus.mark_counted(self._conn, {sku_id for sku_id, _ in self._new})
        _remember(self._conn, self._new, self._now)
        self._running.post(self._now)
        oversells.watch(self._conn, self._running.before, self._running.after, self._now)
        return answers

    def _one(self, item: Update) -> Updated | Refusal:
        key = self._key(item)
        if isinstance(key, Refusal):
            return key
        last, happened = self._told.get(key), self._since[item.as_of].get(key, NOTHING)
        if last is not None and item.as_of < last:
            return self._answer(item, key, Outcome.OLDER, 0)
        if happened.set:
            return self._answer(item, key, Outcome.COUNTED, 0)
        there = item.quantity + happened.moved
        if there < 0:
            return NotAllowed(
                f"SKU {item.sku!r} at {item.location!r}: {item.quantity} were there, and {-happened.moved} more went than came since; "
                "read the number again and send it with its instant"
            )
        delta = there - self._running.level(key).on_hand
        if delta or not self._places.skus[item.sku].counted:
            self._running.add(_entry(item, key, delta))
        self._told[key], self._new[key] = item.as_of, item
        return self._answer(item, key, Outcome.SET if delta else Outcome.SAME, happened.moved)

    def _key(self, item: Update) -> LevelKey | Refusal:
        key = _wrong(item, self._now) or self._places.key(item.sku, item.location)
        if isinstance(key, Refusal):
            return key
        if key[0] in self._places.recipes:
            return no_own_stock(item.sku, [self._places.parts[sku_id].sku for sku_id, _ in self._places.recipes[key[0]]])
        if key[1] in self._owners:
            return owning.refusal(item.location, self._owners[key[1]])
        return key

    def _answer(self, item: Update, key: LevelKey, outcome: Outcome, moved: int) -> Updated:
        level = self._running.level(key)
        return Updated(item.sku, item.location, outcome, level.on_hand, level.available, moved, self._told.get(key))

    def _log(self) -> Mapping[datetime, Mapping[LevelKey, Since]]:
        """One look for each instant; a warehouse sends one instant for all its lines."""
        wanted: dict[datetime, set[LevelKey]] = defaultdict(set)
        for item in self._items:
            key = self._key(item)
            if not isinstance(key, Refusal):
                wanted[item.as_of].add(key)
        return {as_of: since(self._conn, keys, as_of) for as_of, keys in wanted.items()}


def _wrong(item: Update, now: datetime) -> NotAllowed | None:
    return (
        bounds.sku_text(item.sku)
        or bounds.texts(reference=item.reference, actor=item.actor)
        or bounds.units(item.quantity, at_least=0)
        or bounds.happened("as_of", item.as_of, now)
    )


def _entry(item: Update, key: LevelKey, delta: int) -> Entry:
    return Entry(*key, MovementType.IMPORT, on_hand=delta, reference=item.reference, actor=item.actor, occurred_at=item.as_of)


def _told(conn: Connection, keys: Iterable[LevelKey]) -> dict[LevelKey, datetime]:
    wanted, found = sorted(keys), dict[LevelKey, datetime]()
    for start in range(0, len(wanted), CHUNK):
        here = among(conn, (stock_updates.c.sku_id, stock_updates.c.location_id), wanted[start : start + CHUNK])
        query = select(stock_updates.c.sku_id, stock_updates.c.location_id, stock_updates.c.as_of).where(here)
        found |= {(row[0], row[1]): row[2] for row in conn.execute(query)}
    return found


def _remember(conn: Connection, new: Mapping[LevelKey, Update], now: datetime) -> None:
    if not new:
        return
    statement = insert_into(conn, stock_updates)
    values = {name: statement.excluded[name] for name in ("as_of", "units", "recorded_at")}
    rows = [
        {"sku_id": key[0], "location_id": key[1], "as_of": item.as_of, "units": item.quantity, "recorded_at": now}
        for key, item in sorted(new.items(), key=lambda pair: pair[0])
    ]
    conn.execute(statement.on_conflict_do_update(index_elements=["sku_id", "location_id"], set_=values), rows)
