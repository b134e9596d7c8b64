"""One line into the ledger: where its units are held, have left from and come back to; each row by its difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from channelsync.contract import OrderLine
from channelsync.ledger import line_sources, net_effect
from channelsync.ledger.line_sources import Group
from channelsync.ledger.net_effect import Posted
from channelsync.ledger.order_mapping import Source
from channelsync.ledger.order_rows import LineRow
from channelsync.ledger.order_work import OrderWork

BEFORE_ALL_HOLDS: Final = datetime.min.replace(tzinfo=UTC)
AFTER_ALL_HOLDS: Final = datetime.max.replace(tzinfo=UTC)


def apply(work: OrderWork, line: OrderLine, found: Sequence[Group], sources: Sequence[Source], *, early: bool) -> None:
    """Post what the line is now. early: the order is from before the opening."""
    wanted = net_effect.desired(work.snapshot, line, now=work.shop_now or _hold_clock(found), policy=work.channel.policy)
    here = next((group for group in found if group[0].at.item == sources[0].item), [])
    others = [group for group in found if group is not here]
    wanted, stays = net_effect.placed(wanted, 1, [(sold(work, group), 1) for group in others])
    for group, kept in zip(others, stays, strict=True):
        for row in group:
            _move(work, row, kept.times(row.at.pack), quantity=0)
    if not here:
        here = [LineRow(0, line.ref, source, Posted(), None) for source in sources]
    if early and not found:
        past = net_effect.before_opening(wanted, line, 1, work.channel.opened_at)
        here = [_remember(work, row, past.times(row.at.pack)) for row in here]
    for number, row in enumerate(_shown_at(work, here, sources[0].shelf_id)):
        mine = wanted.times(row.at.pack)
        _move(work, row, mine.without_own() if number else mine, quantity=line.quantity)


def _shown_at(work: OrderWork, here: Group, shelf_id: int | None) -> Group:
    """The line's rows, with the shelf whose number the shop moves for it now; the one before gets its target too."""
    first, *others = here
    if first.at.shelf_id is not None and first.at.shelf_id != shelf_id:
        work.shelves.add(first.at.shelf_id)
    return [replace(first, at=replace(first.at, shelf_id=shelf_id)), *others]


def _hold_clock(found: Sequence[Group]) -> datetime:
    """A clock that no hold ends by, unless this line's was ended already."""
    here = line_sources.present(found)
    swept = bool(here) and not any(row.posted.soft or row.posted.withheld or row.hold_until for row in here)
    return AFTER_ALL_HOLDS if swept else BEFORE_ALL_HOLDS


def withdraw(work: OrderWork, row: LineRow) -> None:
    """The line is not in the order any more: what has left is history, the rest is free."""
    _move(work, row, Posted(shipped=row.posted.shipped, restocked=row.posted.restocked), quantity=0)


def sold(work: OrderWork, group: Group) -> Posted:
    """What one group has shipped, got back and quarantined, in whole units of the listing. What only a document had shipped is not, once it is gone."""
    return net_effect.whole([(_gone(work, row), row.at.pack) for row in group])


def _gone(work: OrderWork, row: LineRow) -> Posted:
    gone = Posted(shipped=_left(work, row), restocked=row.posted.restocked, quarantined=row.posted.quarantined)
    return net_effect.documented(gone, _documented(work, row)) if row.at.location_id in work.known.owned else gone


def _left(work: OrderWork, row: LineRow) -> int:
    by_document = row.documented > 0 and row.posted.shipped == row.documented
    return min(row.posted.shipped, _documented(work, row)) if by_document else row.posted.shipped


def _documented(work: OrderWork, row: LineRow) -> int:
    return work.documents.get(row.id, row.documented)


def _remember(work: OrderWork, row: LineRow, past: Posted) -> LineRow:
    """The past of an order from before the opening, without a movement: it is in the opening balance."""
    work.remembered |= {row.at.sku_id} if past.restocked else set()
    return replace(row, posted=past.without_own(), debited=past.shipped)


def _move(work: OrderWork, row: LineRow, wanted: Posted, *, quantity: int) -> None:
    owned = row.at.location_id in work.known.owned
    documented = _documented(work, row)
    if owned:
        wanted = net_effect.documented(wanted, documented)
    template = work.template((row.at.sku_id, row.at.location_id))
    work.entries += net_effect.movements(template, row.posted, wanted)
    work.entries += net_effect.deferred(template, row.posted, wanted, owned=owned, restock=work.channel.policy.restock)
    debited = row.debited + wanted.shipped - row.posted.shipped
    if owned:
        debited = _debited(row, wanted.shipped, documented)
        work.entries += net_effect.debit(template, debited - row.debited)
    until = work.channel.policy.hold_until(work.snapshot) if wanted.soft or wanted.withheld else None
    after = replace(row, posted=wanted, hold_until=until, quantity=quantity, documented=documented, debited=debited)
    work.rows.append(after)
    if row.at.shelf_id is not None:
        work.shelves.add(row.at.shelf_id)


def _debited(row: LineRow, shipped: int, documented: int) -> int:
    """What is proved to be out of the authority's number. A document that is gone has put its units back there, whatever was proved before."""
    undone = max(0, min(row.debited, row.documented) - documented)
    return min(row.debited - undone, shipped)
