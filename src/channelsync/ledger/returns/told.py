"""The same units from two sides: what returns of an order have received, and what the order's shop told as restocked. They count once.

Of one SKU of one order, as many units as both sides have are the same ones, and they are where the return has them: what was put on hand or aside
because the shop told it is taken away again. `docs/back-room.md` has the table, `docs/decisions` the reasons.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, select, update

from channelsync.ledger.levels import Entry, LevelKey, MovementType
from channelsync.ledger.net_effect import COUNTED, LEFT_OUT, TAKEN_BACK
from channelsync.ledger.returns.lying import Lies, Lying
from channelsync.ledger.schema import locations, order_lines, return_lines, returns

Lines = Sequence["_Line"]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a return."""

    id: int
    reference: str
    received: int
    told: int


def level_keys(conn: Connection, order_ids: Iterable[int]) -> set[LevelKey]:
    """Of every level that a line of these orders has units of."""
    query = select(order_lines.c.sku_id, order_lines.c.location_id).where(order_lines.c.order_id.in_(set(order_ids)))
    return {(row.sku_id, row.location_id) for row in conn.execute(query)}


def join(conn: Connection, order_id: int, sku_ids: Iterable[int], template: Entry, unwritten: Sequence[Entry] = ()) -> list[Entry]:
    """The movements after which these SKUs of an order count once, and nothing lies here that its shop tells no more; `told` of the lines of its returns
    is written. The caller holds the order's row.

    template: a movement of the order, with its reference and channel. unwritten: movements that are not in the log yet, those of the order among them.
    """
    lines = _lines(conn, order_id, sku_ids)
    for sku_id in {entry.sku_id for entry in unwritten if entry.type is MovementType.RETURN and entry.on_hand < 0}:
        lines.setdefault(sku_id, [])
    if not lines:
        return []
    lying = Lying(conn, order_id, template, lines, unwritten)
    ours = _ours(conn, {location_id for _, location_id in lying.at})
    entries = list[Entry]()
    for sku_id, mine in sorted(lines.items()):
        told = sum(units for key, units in lying.restocked.items() if key[0] == sku_id)
        both = min(told, sum(line.received for line in mine))
        _say(conn, mine, both)
        why = COUNTED + ", ".join(dict.fromkeys(line.reference for line in mine)) if mine else TAKEN_BACK
        here = {key: found for key, found in lying.at.items() if key[0] == sku_id}
        for key, change in _changes(here, told - both, ours):
            moved = replace(template, sku_id=key[0], location_id=key[1], type=MovementType.DEFER, reason=why[:255])
            entries += _moved(moved, change, lying)
    return entries


def _moved(template: Entry, change: Lies, lying: Lying) -> Iterator[Entry]:
    """As of when the shop had put them there, so that who counts a time in between counts right. Units that a count has left out since are not on
    hand: nothing is taken off for them.
    """
    key = template.key
    if change.on_hand < 0:
        template = replace(template, occurred_at=lying.told_at(key) or template.occurred_at)
        if left_out := lying.left_out(key, -change.on_hand):
            yield replace(template, type=MovementType.ADJUST, on_hand=left_out, reason=LEFT_OUT)
    yield replace(template, on_hand=change.on_hand, quarantined=change.aside)


def _changes(lies: Mapping[LevelKey, Lies], most: int, ours: frozenset[int]) -> list[tuple[LevelKey, Lies]]:
    """What is to be moved so that no place lacks units, and no more than `most` lie there because the shop told them. Those in quarantine first.

    Where an authority counts on hand, it is not ours to move, and its own number tells what lies there.
    """
    change = {key: Lies() for key in lies}
    for key, found in lies.items():
        change[key].aside = max(0, -found.aside)
        if key[1] in ours:
            change[key].on_hand = max(0, -found.on_hand)
    there = {key: Lies(max(0, found.on_hand) if key[1] in ours else 0, max(0, found.aside)) for key, found in lies.items()}
    surplus = sum(each.on_hand + each.aside for each in there.values()) - most
    for bucket in ("aside", "on_hand"):
        for key in sorted(there):
            taken = max(0, min(surplus, getattr(there[key], bucket)))
            setattr(change[key], bucket, getattr(change[key], bucket) - taken)
            surplus -= taken
    return [(key, each) for key, each in sorted(change.items()) if each.on_hand or each.aside]


def _lines(conn: Connection, order_id: int, sku_ids: Iterable[int]) -> dict[int, list[_Line]]:
    """By SKU, the lines of the order's returns of which something has arrived, the oldest first. Locked."""
    found: dict[int, list[_Line]] = defaultdict(list)
    mine = returns.c.order_id == order_id, return_lines.c.sku_id.in_(set(sku_ids)), return_lines.c.received > 0
    query = select(return_lines).join(returns, returns.c.id == return_lines.c.return_id).where(*mine)
    for row in conn.execute(query.order_by(return_lines.c.id).with_for_update(of=return_lines)):
        found[row.sku_id].append(_Line(row.id, f"RET-{row.return_id}", row.received, row.told))
    return dict(found)


def _ours(conn: Connection, location_ids: Iterable[int]) -> frozenset[int]:
    """Those of the locations where the ledger counts."""
    return frozenset(conn.scalars(select(locations.c.id).where(locations.c.id.in_(set(location_ids)), locations.c.authority_id.is_(None))))


def _say(conn: Connection, lines: Lines, both: int) -> None:
    """The oldest returns are told first."""
    for line in lines:
        told = min(both, line.received)
        both -= told
        if told != line.told:
            conn.execute(_SAY, {"_id": line.id, "_told": told})


_SAY = update(return_lines).where(return_lines.c.id == bindparam("_id")).values(told=bindparam("_told"))
