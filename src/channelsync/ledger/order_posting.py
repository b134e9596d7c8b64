"""What an order's lines have gathered is written: the storefront's claim it came from, movements, books, targets, and what people must know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from sqlalchemy import select

from channelsync.ledger import book, findings, levels, net_effect, order_rows, oversells, own_effects, reservations
from channelsync.ledger.levels import Entry, Level, LevelKey, MovementType
from channelsync.ledger.order_work import OrderWork
from channelsync.ledger.own_effects import Effects
from channelsync.ledger.returns import told, waiting
from channelsync.ledger.schema import skus
from channelsync.ledger.spelt import Spelt, one_of
from channelsync.ledger.stale import frees

CLAIMING: Final = frozenset({MovementType.RESERVE, MovementType.RELEASE, MovementType.COMMIT, MovementType.FULFIL, MovementType.QUARANTINE})
"""How an order takes units for itself and lets them go again, on the shelf or off it; what it says beside that is no claim."""


def post(work: OrderWork, effects: Effects) -> None:
    """In the order in which everybody locks: levels, then shelves."""
    rises = any(row.posted.withheld for row in (*effects.rows, *work.rows))  # what a shop holds back by itself is part of its target
    if rises:
        work.stale.refresh()
    order_rows.save_lines(work.conn, work.order_id, work.rows)
    _consume_reservation(work)
    _join_returns(work)
    before = levels.read(work.conn, _by_key(work), lock=True)
    own_effects.post(work, effects)
    by_key = _by_key(work)
    if more := by_key.keys() - before.keys():
        before |= levels.read(work.conn, more, lock=True)
    kept = waiting.at(work.conn, {entry.key for entry in work.entries if entry.quarantined < 0})
    for key, entries in by_key.items():
        _cover(work, key, before[key], entries, kept.get(key, 0))
    if not rises and frees(work.entries):
        rises = True
        work.stale.refresh()
    levels.write(work.conn, work.entries, work.now, there=before)
    book.move(work.conn, work.books, work.now)
    book.disturb(work.conn, work.disturbed)
    work.stale.add((entry.sku_id for entry in work.entries), work.shelves)
    if rises:
        work.stale.refresh()
    _look_for_oversell(work, before)


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


_COUNTED = Spelt(select(skus.c.id).where(one_of(skus.c.id, "those"), skus.c.counted))


def _look_for_oversell(work: OrderWork, before: Mapping[LevelKey, Level]) -> None:
    """Channels sold more than there is: a fact to record, never to clamp. It ends when units arrive or promises do."""
    after = dict(before)
    for entry in work.entries:
        after[entry.key] = after[entry.key].after(entry)
    oversells.end(work.conn, {key[0] for key in before if after[key].available > before[key].available}, work.now)
    short = {key[0] for key in before if after[key].available < 0}
    if not short:
        return
    counted = set(_COUNTED.scalars(work.conn, those=short))
    wrong = oversells.beyond_policy(work.conn, counted)
    for key, level in after.items():
        if level.available < 0 and key[0] in wrong:
            detail = {"location_id": key[1], "available": level.available, "order": work.snapshot.number or work.snapshot.ref}
            findings.record(work.conn, "oversell", work.channel.id, key[0], "", detail, work.now)
