"""What orders' lines have gathered is written: the storefront's claim they came from, movements, books, targets, and what people must know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

from sqlalchemy import Connection, select

from channelsync.ledger import book, findings, holds, levels, net_effect, order_rows, oversells, own_effects, reservations
from channelsync.ledger.book import BookEntry
from channelsync.ledger.levels import Entry, Level, LevelKey, MovementType
from channelsync.ledger.order_work import OrderWork
from channelsync.ledger.returns import told, waiting
from channelsync.ledger.schema import skus
from channelsync.ledger.spelt import Spelt, one_of
from channelsync.ledger.stale import Stale, frees

CHUNK = 400
CLAIMING: Final = frozenset({MovementType.RESERVE, MovementType.RELEASE, MovementType.COMMIT, MovementType.FULFIL, MovementType.QUARANTINE})
"""How an order takes units for itself and lets them go again, on the shelf or off it; what it says beside that is no claim."""


def post(conn: Connection, works: Sequence[OrderWork], stale: Stale, now: datetime) -> None:
    """Orders that do not depend on each other's rows, as if one after the other. In the order in which everybody locks: levels, then shelves."""
    if not works:
        return
    unwritten = _Unwritten(conn, works, stale, now)
    for part in _parts(works):
        unwritten.post(part)


def _parts(works: Sequence[OrderWork]) -> Iterator[Sequence[OrderWork]]:
    """What a shop holds back by itself is part of its target as soon as the line is stored, so such an order goes alone."""
    alone = [(place if _is_withheld(work) else -1, work) for place, work in enumerate(works)]
    for _, part in groupby(alone, key=lambda each: each[0]):
        yield [work for _, work in part]


def _is_withheld(work: OrderWork) -> bool:
    return any(row.posted.withheld for row in (*work.effects.rows, *work.rows))


_COUNTED = Spelt(select(skus.c.id).where(one_of(skus.c.id, "those"), skus.c.counted))


class _Unwritten:
    """What orders post, gathered, so that one statement writes it for all of them; and the levels as they stand with it, which are locked.

    counted: those of the SKUs of which somebody has said how many there are; no other can be oversold.
    """

    def __init__(self, conn: Connection, works: Sequence[OrderWork], stale: Stale, now: datetime) -> None:
        self._conn, self._stale, self._now = conn, stale, now
        keys = {entry.key for work in works for entry in work.entries}
        keys |= holds.open_keys(conn, {work.snapshot.reservation_ref for work in works if work.snapshot.reservation_ref is not None})
        self._levels = levels.read(conn, keys, lock=True)
        self._shelves = own_effects.lock(conn, works)
        self._counted = self._read_counted(keys)
        self._entries, self._books = list[Entry](), list[BookEntry]()
        self._disturbed = set[int]()
        self._moved = Counter[int]()

    def post(self, works: Sequence[OrderWork]) -> None:
        if withheld := _is_withheld(works[0]):
            self._stale.refresh()
        order_rows.save_lines(self._conn, [(work.order_id, row) for work in works for row in work.rows])
        for work in works:
            _consume_reservation(work)
            _join_returns(work)
        kept = waiting.at(self._conn, {entry.key for work in works for entry in work.entries if entry.quarantined < 0})
        for work in works:
            self._add(work, kept, rises=withheld)
        self._write()

    def _add(self, work: OrderWork, kept: Mapping[LevelKey, int], *, rises: bool) -> None:
        """rises: numbers may rise by it. Each rise counts for itself, so what waits is written before it, and it itself at once."""
        own_effects.gather(work, self._shelves)
        if work.swallowed:
            self._write()
            own_effects.give_back(work)
        before = self._make_good(work, kept)
        if not rises and frees(work.entries):
            rises = True
            self._write_targets()
        if self._opposes(work):
            self._write()
        self._gather(work)
        if rises:
            self._write_targets()
        if any(self._levels[key].available < 0 for key in before if key[0] in self._counted):
            self._write()
        _look_for_oversell(work, before, self._counted)

    def _make_good(self, work: OrderWork, kept: Mapping[LevelKey, int]) -> dict[LevelKey, Level]:
        """Cover what would let a physical bucket fall below zero. Returns the order's levels as they stand before it."""
        by_key = _by_key(work)
        if more := by_key.keys() - self._levels.keys():
            self._levels |= levels.read(self._conn, more, lock=True)
            self._counted |= self._read_counted(more)
        for key, entries in by_key.items():
            _cover(work, key, self._levels[key], entries, kept.get(key, 0))
        return {key: self._levels[key] for key in by_key}

    def _read_counted(self, keys: Collection[LevelKey]) -> set[int]:
        ids, found = sorted({sku_id for sku_id, _ in keys}), set[int]()
        for start in range(0, len(ids), CHUNK):
            found.update(_COUNTED.scalars(self._conn, those=ids[start : start + CHUNK]))
        return found

    def _opposes(self, work: OrderWork) -> bool:
        """The shop moves a number the other way than what waits does: what each explains of a suspended gap, their sum would not."""
        return any(entry.kind in book.OWN and self._moved[entry.shelf_id] * entry.delta < 0 for entry in work.books)

    def _gather(self, work: OrderWork) -> None:
        for entry in work.entries:
            self._levels[entry.key] = self._levels[entry.key].after(entry)
        self._counted |= {entry.sku_id for entry in work.entries if levels.counts(entry)}
        for moved in work.books:
            self._moved[moved.shelf_id] += moved.delta if moved.kind in book.OWN else 0
        self._entries += work.entries
        self._books += work.books
        self._disturbed |= work.disturbed
        self._stale.add((entry.sku_id for entry in work.entries), work.shelves)

    def _write_targets(self) -> None:
        self._write()
        self._stale.refresh()

    def _write(self) -> None:
        levels.write(self._conn, self._entries, self._now, there=self._levels)
        book.move(self._conn, self._books, self._now)
        book.disturb(self._conn, self._disturbed)
        self._entries, self._books, self._disturbed, self._moved = [], [], set(), Counter()


def _by_key(work: OrderWork) -> dict[LevelKey, list[Entry]]:
    found: dict[LevelKey, list[Entry]] = {}
    for entry in work.entries:
        found.setdefault(entry.key, []).append(entry)
    return found


def _consume_reservation(work: OrderWork) -> None:
    reference = work.snapshot.reservation_ref
    if reference is None:
        return
    net, of_sku = Counter[LevelKey](), Counter[int]()
    for entry in work.entries:
        if entry.type in CLAIMING:  # what leaves out of the order's own claim needs no other
            units = entry.soft + entry.hard - entry.on_hand
            net[entry.key] += units
            of_sku[entry.sku_id] += units
    wanted = {}
    for key in sorted(net):  # what only moves from one location to another is claimed already
        if (units := min(net[key], of_sku[key[0]])) > 0:
            wanted[key] = units
            of_sku[key[0]] -= units
    if wanted:
        work.entries = [*reservations.consume(work.conn, reference, wanted, work.now), *work.entries]


def _join_returns(work: OrderWork) -> None:
    """What the shop tells of units that returns have received, too, is where the returns have it."""
    if back := work.remembered | {entry.sku_id for entry in work.entries if entry.type is MovementType.RETURN}:
        work.entries += told.join(work.conn, work.order_id, back, work.template((0, 0)), work.entries)


def _cover(work: OrderWork, key: LevelKey, level: Level, entries: list[Entry], kept: int) -> None:
    extra = net_effect.cover(work.template(key), level, entries, kept=kept)
    work.entries += extra
    for entry in extra:
        if entry.type is MovementType.SHORTAGE:
            findings.record(work.conn, "shortage", work.channel.id, key[0], work.snapshot.ref, {"units": entry.on_hand}, work.now)


def _look_for_oversell(work: OrderWork, before: Mapping[LevelKey, Level], counted: Container[int]) -> None:
    """Channels sold more than there is: a fact to record, never to clamp. It ends when units arrive or promises do."""
    after = dict(before)
    for entry in work.entries:
        after[entry.key] = after[entry.key].after(entry)
    oversells.end(work.conn, {key[0] for key in before if after[key].available > before[key].available}, work.now)
    short = {key[0] for key in before if after[key].available < 0 and key[0] in counted}
    wrong = oversells.beyond_policy(work.conn, short)
    for key, level in after.items():
        if level.available < 0 and key[0] in wrong:
            detail = {"location_id": key[1], "available": level.available, "order": work.snapshot.number or work.snapshot.ref}
            findings.record(work.conn, "oversell", work.channel.id, key[0], "", detail, work.now)
