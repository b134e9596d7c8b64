"""Readings of a stock authority into the ledger: on hand and what is held elsewhere, through the log, and never a claim of ours (rule 7).

Every number is applied by the question it answers, whose number was taken before the run's first request: an older question's answer changes
nothing, an absent row changes nothing, and `units` None is asked again. Together with a number `pending_debit` loses the shipments that were known
before the question was asked. Why the sum is never too high is in `authority_claims`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, select

from channelsync.contract import Cursor, Page, Physical
from channelsync.ledger import (
    aside,
    authority_lag,
    authority_rows,
    bundles,
    cursors,
    exports_lines,
    findings,
    levels,
    listings,
    order_documents,
    oversells,
    targets,
)
from channelsync.ledger import skus as sku_rows
from channelsync.ledger.authority_claims import LineFacts
from channelsync.ledger.authority_rows import Row, RowKey
from channelsync.ledger.levels import Entry, Level, LevelKey, MovementType
from channelsync.ledger.listings import Found
from channelsync.ledger.order_documents import Debited
from channelsync.ledger.schema import locations

STREAM = "physical"
FULL = "physical_full"
CHUNK = 500
ODD_MAX = 1_000
"""Numbers that could not be read, whose coming is looked for with each page; the oldest of them."""


@dataclass(frozen=True, slots=True)
class PhysicalRead:
    """A page of numbers. question, looked_at: taken before the run's first request. places: the authority's location -> the ledger's.

    cursor False: asked for by name, no stream moves. lag: the authority shows no documents, so a shipment is out of its number this much later.
    """

    channel_id: int
    page: Page[Physical]
    question: int
    looked_at: datetime
    places: Mapping[str, int] = field(default_factory=dict)
    cursor: bool = True
    full: bool = False
    lag: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """numbers: applied. older: answers to older questions. asked_again: being recalculated. unknown: listings or locations that are not ours."""

    numbers: int = 0
    older: int = 0
    asked_again: int = 0
    unknown: int = 0


def import_physical(conn: Connection, items: Sequence[PhysicalRead], now: datetime) -> list[Imported]:
    """Apply pages of one authority's readings, each with its mark."""
    return [_import(conn, item, now) for item in items]


def cursor_of(conn: Connection, channel_id: int) -> Cursor:
    return cursors.get(conn, channel_id, STREAM)


def _import(conn: Connection, item: PhysicalRead, now: datetime) -> Imported:
    found = listings.resolve(conn, item.channel_id, {physical.listing for physical in item.page.items})
    owned = _owned(conn, item)
    known = [p for p in item.page.items if p.listing in found and p.location in owned]
    told = {(found[p.listing].id, p.location): p for p in known}  # of two in one page the last counts
    before = authority_rows.read(conn, told)
    fresh = {key: physical for key, physical in told.items() if item.question >= before[key].read_seq}
    after = {key: _heard(before[key], physical, item) for key, physical in fresh.items()}
    names = {found[p.listing].id: found[p.listing] for p in known}
    applied = _Posting(conn, item, owned, fresh, now).run(before, after, names)
    _no_longer_odd(conn, item.channel_id, {physical.listing for physical in known if physical.units is not None}, now)
    for ref, reason, raw in item.page.refused:
        aside.put(conn, item.channel_id, "physical", ref, reason, raw, now)
    _note_odd(conn, item, fresh, names, now)
    if item.cursor:
        _advance(conn, item, now)
    asked_again = sum(physical.units is None for physical in fresh.values())
    return Imported(applied, len(told) - len(fresh), asked_again, len(item.page.items) - len(known))


def _no_longer_odd(conn: Connection, channel_id: int, told: Collection[str], now: datetime) -> None:
    """What could not be read before has come. Nearly always nothing is aside, which is seen at a glance."""
    for each in aside.listed(conn, channel_id=channel_id, kind="physical", limit=ODD_MAX):
        if each.ref in told:
            aside.resolve(conn, channel_id, "physical", each.ref, now)


def _owned(conn: Connection, item: PhysicalRead) -> dict[str, int]:
    """The authority's locations whose ledger location is really its own."""
    query = select(locations.c.id).where(locations.c.id.in_(set(item.places.values())), locations.c.authority_id == item.channel_id)
    mine = set(conn.scalars(query))
    return {place: location_id for place, location_id in item.places.items() if location_id in mine}


def _heard(row: Row, told: Physical, item: PhysicalRead) -> Row:
    if told.units is None:
        return replace(row, stale_since=row.stale_since or item.looked_at)
    reserved = row.reserved if told.reserved is None else max(0, told.reserved)
    return replace(
        row,
        units=max(0, told.units),
        reserved=reserved,
        read_as=told.read_as[:64],
        read_seq=item.question,
        read_at=item.looked_at,
        asked_at=None,
        stale_since=None,
    )


def _advance(conn: Connection, item: PhysicalRead, now: datetime) -> None:
    page = item.page
    for stream in (STREAM, FULL) if item.full and page.high_water is not None else (STREAM,):
        cursors.advance(conn, item.channel_id, stream, resume=page.resume, high_water=page.high_water, looked_at=item.looked_at, now=now)
    if item.full and page.high_water is not None:
        authority_rows.missed(conn, item.channel_id, item.question, item.looked_at)


def _note_odd(conn: Connection, item: PhysicalRead, fresh: Mapping[RowKey, Physical], names: Mapping[int, Found], now: datetime) -> None:
    """A number that is no whole number of at least 0 is used as its floor, and people should know."""
    for (listing_id, location), physical in fresh.items():
        if physical.units is None:
            continue
        where = f"{physical.listing}@{location}"
        sku_id = names[listing_id].sku_id
        if physical.read_as:
            findings.record(conn, "odd_number", item.channel_id, sku_id, where, {"read_as": physical.read_as, "used": physical.units}, now)
        else:
            findings.resolve(conn, "odd_number", item.channel_id, sku_id, where, now)


def repost(conn: Connection, items: Sequence[PhysicalRead], now: datetime) -> list[int]:
    """Put numbers where they belong now, as they were told last: their listing was linked, unlinked, or deleted. Returns how many."""
    answers = []
    for item in items:
        keys = authority_rows.moved(conn, item.channel_id, CHUNK)
        refs = authority_rows.refs(conn, keys)
        names = {found.id: found for found in listings.resolve(conn, item.channel_id, refs.values()).values()}
        before = authority_rows.read(conn, keys)
        _Posting(conn, item, _owned(conn, item), {}, now).run(before, before, names)
        answers.append(len(keys))
    return answers


class _Posting:
    """Rows as told become what lies there: a level at an authority's location is the sum of its rows, whatever it was before."""

    def __init__(
        self, conn: Connection, item: PhysicalRead, owned: Mapping[str, int], told: Mapping[RowKey, Physical], now: datetime
    ) -> None:
        """told: the numbers that came; rows beside them are only put where they belong."""
        self.conn, self.item, self.owned, self.now = conn, item, owned, now
        self.numbers = {key for key, physical in told.items() if physical.units is not None}
        self.reserves = {key for key, physical in told.items() if physical.reserved is not None}
        self.debits: list[Debited] = []
        self.proofs: list[dict[str, int]] = []
        self.bundles: frozenset[int] = frozenset()

    def run(self, before: Mapping[RowKey, Row], after: Mapping[RowKey, Row], names: Mapping[int, Found]) -> int:
        """Returns how many numbers were applied."""
        lines = exports_lines.open_at(self.conn, self.item.channel_id, [(names[key[0]].ref, key[1]) for key in after])
        self.bundles = frozenset(bundles.recipes(self.conn, {found.sku_id for found in names.values() if found.sku_id is not None}))
        done: dict[RowKey, Row] = {}
        for key, row in after.items():
            found = names[key[0]]
            mine = lines.get((found.ref, key[1]), ())
            done[key] = self._placed(key, row, found, self._ours(key, before[key], row, mine))
        authority_rows.save(self.conn, self.item.channel_id, done)
        counted = _keys(done[place] for place in self.numbers)
        self._post(counted | _keys(before.values()) | _keys(done.values()), counted)
        return len(self.numbers)

    def _ours(self, key: RowKey, before: Row, after: Row, lines: Sequence[tuple[RowMapping, LineFacts]]) -> int | None:
        """Our part of the reserve, with the shipments noted that this number proves. None: what is held for others stays as it was.

        A number without its reserve, from an authority that tells reserves, is half an answer: nothing is taken off by it.
        """
        fresh = key in self.numbers
        if fresh and before.reserved is not None and key not in self.reserves:
            return None
        ours = 0
        for line, facts in lines:
            proven = facts.proven_by(after.read_seq) if fresh else facts.proven
            if proven > facts.proven:
                self.proofs.append({"id": line["id"], "proven_shipped": proven})
                self.debits.append(Debited(line["order_line_id"], proven * line["pack"]))
            ours += max(0, facts.least(after.read_seq) - proven)
        return ours

    def _placed(self, key: RowKey, row: Row, found: Found, ours: int | None) -> Row:
        """The row with what it puts into the ledger: nothing for a bundle, whose parts are counted. Units of a listing that was deleted there are
        held: nobody will ship them.
        """
        if row.units is None or found.sku_id is None or found.sku_id in self.bundles:
            return replace(row, sku_id=None, location_id=None, pack=found.pack, on_hand=0, held=0)
        on_hand = row.units * found.pack
        held = row.held if ours is None else max(0, (row.reserved or 0) - ours) * found.pack
        held = max(held, on_hand) if found.removed_at is not None else held
        return replace(row, sku_id=found.sku_id, location_id=self.owned[key[1]], pack=found.pack, on_hand=on_hand, held=held)

    def _post(self, keys: set[LevelKey], counted: set[LevelKey]) -> None:
        before = levels.read(self.conn, keys, lock=True)
        sums = authority_rows.sums(self.conn, keys)
        sku_rows.mark_counted(self.conn, {key[0] for key in counted})
        entries = [entry for key in sorted(keys) if (entry := self._entry(key, before[key], *sums[key]))]
        exports_lines.save(self.conn, self.proofs)
        entries += order_documents.debit(self.conn, self.debits, self.now)
        if self.item.lag is not None:
            entries += authority_lag.debit(self.conn, self.item.channel_id, counted, self.item.looked_at - self.item.lag, self.now)
        by_hand = self.item.looked_at - (self.item.lag if self.item.lag is not None else authority_lag.BY_HAND_AFTER)
        entries += order_documents.debit_by_hand(self.conn, counted, by_hand, self.now)
        levels.write(self.conn, entries, self.now)
        targets.retarget(self.conn, {key[0] for key in keys})
        oversells.watch(self.conn, before, levels.read(self.conn, keys), self.now)

    def _entry(self, key: LevelKey, level: Level, on_hand: int, held: int) -> Entry | None:
        if (on_hand, held) == (level.on_hand, level.held_elsewhere):
            return None
        return Entry(
            *key,
            MovementType.IMPORT,
            on_hand=on_hand - level.on_hand,
            held_elsewhere=held - level.held_elsewhere,
            reason=f"{on_hand} there, {held} held for others (question {self.item.question})",
            actor="authority",
            channel_id=self.item.channel_id,
        )


def _keys(rows: Iterable[Row]) -> set[LevelKey]:
    return {(row.sku_id, row.location_id) for row in rows if row.sku_id is not None and row.location_id is not None}
