"""Net effect of an order line: what should be posted, what is posted, and the movements between the two. Pure: no database here.

This is what makes duplicates, reorderings, edits and a cancel that arrives before its order all come to the same end (rule 5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from channelsync.contract import OrderLine, OrderSnapshot, OrderState
from channelsync.ledger.levels import Entry, Level, MovementType
from channelsync.ledger.order_policy import AS_THE_SHOP_SAYS, OrderPolicy, Restock, Unpaid
from channelsync.ledger.schema import POSTED

HOLD_GRACE = timedelta(seconds=60)
"""An unpaid checkout keeps its claim this much longer than its shop said: clocks differ, shops tidy up late, and until then it may still be paid."""

OWNED: Final = "an authority counts here: its own number moves"
NOT_BACK: Final = "restock policy: "
"""How the reason begins where what a shop told as restocked is not put on hand."""
TAKEN_BACK: Final = f"{NOT_BACK}the shop took back its word"
COUNTED: Final = "counted with "
"""How it begins where that is not, or no longer, because a return document has received the same units."""
NEVER_CAME: Final = "sold before it came, and cancelled: there is nothing to set aside"
LEFT_OUT: Final = "counted without them since"
"""Beside it: of these units, those that are not on hand any more, because somebody has counted before they arrived."""


@dataclass(frozen=True, slots=True)
class Posted:
    """Per (order, line, SKU, location), in SKU units: what the ledger holds and has moved for it. `took` and `withheld` in listing units."""

    soft: int = 0
    hard: int = 0
    shipped: int = 0
    restocked: int = 0
    quarantined: int = 0
    took: int = 0
    withheld: int = 0

    def times(self, pack: int) -> Posted:
        """The SKU units of what is counted in the listing's units; what the shop did itself stays in the listing's."""
        return replace(self, **{name: getattr(self, name) * pack for name in POSTED})

    def units(self, pack: int) -> Posted:
        """The whole units of the listing in it."""
        return replace(self, **{name: getattr(self, name) // pack for name in POSTED})

    def without_own(self) -> Posted:
        return replace(self, took=0, withheld=0)


def desired(snapshot: OrderSnapshot, line: OrderLine, *, pack: int = 1, now: datetime, policy: OrderPolicy = AS_THE_SHOP_SAYS) -> Posted:
    """What should be posted for a line that is wholly on one (SKU, location).

    An unpaid checkout is held until its hold ends, as the policy says. What a dead order still owes is free again if the shop gave it back,
    else quarantined. Of a line without stock, or of a test order, nothing is held and nothing leaves: it promises no goods to anybody. What the
    shop did to its own number is kept all the same, so that the book stays right and the number is put back by the next write.
    """
    if snapshot.test or not line.stocked:
        return Posted(took=line.channel_took)
    outstanding = line.outstanding
    quarantined = line.quarantined
    soft = hard = withheld = 0
    match snapshot.state:
        case OrderState.OPEN:
            hard = outstanding
        case OrderState.PENDING:
            soft, hard, withheld = _unpaid(snapshot, line, policy, now)
        case OrderState.CANCELLED | OrderState.DELETED:
            kept_by_shop = line.channel_took - (line.shipped - line.restocked) - line.quarantined
            quarantined += min(outstanding, max(0, kept_by_shop))
    return Posted(soft, hard, line.shipped, line.restocked, quarantined, line.channel_took, withheld).times(pack)


def _unpaid(snapshot: OrderSnapshot, line: OrderLine, policy: OrderPolicy, now: datetime) -> tuple[int, int, int]:
    """Soft, hard and withheld of a checkout that is not paid. What the shop withholds ends by its own clock, also where we hold on."""
    until = policy.hold_until(snapshot)
    held = line.outstanding, line.withheld
    over = until is not None and until + HOLD_GRACE <= now
    match policy.unpaid:
        case Unpaid.IGNORE:
            return 0, 0, 0
        case Unpaid.HARD:
            return 0, held[0], 0 if over else held[1]
        case Unpaid.SOFT:
            return (0, 0, 0) if over else (held[0], 0, held[1])


def placed(wanted: Posted, pack: int, others: Sequence[tuple[Posted, int]]) -> tuple[Posted, list[Posted]]:
    """Of a line that was mapped to other places before: what belongs to its present place, and what stays posted in each of the others.

    What has left stays booked where it left from, and comes back there; what waits in quarantine lies where it lies; the rest moves. others: what
    is posted there, each with the pack it was sold by; a unit of the listing is one unit, whatever it was packed as.
    """
    shipped = max(0, wanted.shipped // pack - sum(posted.shipped // their_pack for posted, their_pack in others))
    back = max(0, wanted.restocked // pack - sum(posted.restocked // their_pack for posted, their_pack in others))
    restocked = min(back, shipped)
    back -= restocked
    waits = wanted.quarantined // pack
    stays = []
    for posted, their_pack in others:
        more = min(back, (posted.shipped - posted.restocked) // their_pack)
        lies = min(waits, posted.quarantined // their_pack)
        back, waits = back - more, waits - lies
        stays.append(Posted(shipped=posted.shipped, restocked=posted.restocked + more * their_pack, quarantined=lies * their_pack))
    return replace(wanted, shipped=shipped * pack, restocked=restocked * pack, quarantined=waits * pack), stays


def whole(parts: Sequence[tuple[Posted, int]]) -> Posted:
    """What has left, come back and waits of a listing that was sold in parts (posted, SKU units per unit of the listing): whole units of it."""
    units = [posted.units(pack) for posted, pack in parts]
    return Posted(**{name: min(getattr(part, name) for part in units) for name in ("shipped", "restocked", "quarantined")})


def movements(template: Entry, before: Posted, after: Posted) -> Iterator[Entry]:
    """The typed movements that turn `before` into `after`; `template` carries the key, the reference and the times."""
    soft, hard = after.soft - before.soft, after.hard - before.hard
    shipped = after.shipped - before.shipped
    if shipped:
        freed = _toward(hard, -shipped)
        hard -= freed
        yield replace(template, type=MovementType.FULFIL, on_hand=-shipped, hard=freed)
    quarantined = after.quarantined - before.quarantined
    if quarantined:
        freed = _toward(hard, -quarantined)
        hard -= freed
        yield replace(template, type=MovementType.QUARANTINE, on_hand=-quarantined, quarantined=quarantined, hard=freed)
    if restocked := after.restocked - before.restocked:
        yield replace(template, type=MovementType.RETURN, on_hand=restocked)
    if committed := min(max(0, -soft), max(0, hard)):
        soft, hard = soft + committed, hard - committed
        yield replace(template, type=MovementType.COMMIT, soft=-committed, hard=committed)
    if soft:
        yield replace(template, type=_hold(soft), soft=soft)
    if hard:
        yield replace(template, type=_hold(hard), hard=hard)


def deferred(template: Entry, before: Posted, after: Posted, *, owned: bool, restock: Restock) -> Iterator[Entry]:
    """Beside the movements between the two: what of them the ledger does not post to its own physical units.

    owned: an authority counts here. Its own number shows by itself what leaves and comes back: what was shipped waits as pending_debit until that
    is proved, and nothing else moves. Otherwise goods that came back are on sale again only if the restock policy is as the shop says; what becomes
    of those of which the shop takes back its word hangs on how they were treated (`returns.told`).
    """
    shipped, back = after.shipped - before.shipped, after.restocked - before.restocked
    quarantined = after.quarantined - before.quarantined
    defer = replace(template, type=MovementType.DEFER)
    if owned and (shipped or quarantined):
        yield replace(defer, on_hand=shipped + quarantined, quarantined=-quarantined, pending_debit=shipped, reason=OWNED)
    if owned and back:
        yield replace(defer, on_hand=-back, reason=f"{NOT_BACK}{OWNED}")
    elif back > 0 and restock is not Restock.CHANNEL:
        aside = back if restock is Restock.QUARANTINE else 0
        yield replace(defer, on_hand=-back, quarantined=aside, reason=f"{NOT_BACK}{restock.value}")


def debit(template: Entry, units: int) -> Iterator[Entry]:
    """Units that were shipped are proved to be out of the authority's number (< 0: they are in it again)."""
    if units:
        yield replace(template, type=MovementType.DEBIT, pending_debit=-units)


def documented(wanted: Posted, units: int) -> Posted:
    """What an authority's own documents have shipped has left, whatever the shop says: whoever speaks first ends the hold."""
    early = max(0, units - wanted.shipped)
    hard = min(early, wanted.hard)
    soft = min(early - hard, wanted.soft)
    quarantined = min(early - hard - soft, wanted.quarantined)
    return replace(
        wanted,
        shipped=wanted.shipped + early,
        hard=wanted.hard - hard,
        soft=wanted.soft - soft,
        quarantined=wanted.quarantined - quarantined,
    )


def _hold(delta: int) -> MovementType:
    return MovementType.RESERVE if delta > 0 else MovementType.RELEASE


def _toward(delta: int, wanted: int) -> int:
    """As much of `wanted` as `delta` has in the same direction."""
    if wanted < 0:
        return max(wanted, min(delta, 0))
    return min(wanted, max(delta, 0))


def cover(template: Entry, level: Level, entries: Sequence[Entry], *, kept: int = 0) -> list[Entry]:
    """What must be added so that no physical bucket falls below zero: units that were shipped but never counted are a `shortage`.

    Units that leave the quarantine although somebody already took them out of it were restocked by hand: they are not put on hand again. Units
    that were sold before they came, and are not wanted any more, are nowhere: they are not set aside, and nothing is short.
    kept: what lies in quarantine and is not theirs to take, because returns are waiting with it.
    """
    extra: list[Entry] = []
    on_hand = level.on_hand + sum(entry.on_hand for entry in entries)
    leaves = sum(entry.quarantined for entry in entries)
    quarantined = level.quarantined + leaves - kept
    if leaves < 0 and quarantined < 0:
        extra.append(
            replace(template, type=MovementType.ADJUST, quarantined=-quarantined, on_hand=quarantined, reason="already out of quarantine")
        )
        on_hand += quarantined
        quarantined = 0
    aside = sum(entry.quarantined for entry in entries if entry.type is MovementType.QUARANTINE and entry.quarantined > 0)
    if (nowhere := min(-on_hand, aside, quarantined)) > 0:
        extra.append(replace(template, type=MovementType.DEFER, on_hand=nowhere, quarantined=-nowhere, reason=NEVER_CAME))
        on_hand += nowhere
    if on_hand < 0:
        extra.append(replace(template, type=MovementType.SHORTAGE, on_hand=-on_hand, reason="shipped but never counted"))
    return extra


def before_opening(wanted: Posted, line: OrderLine, pack: int, opened_at: datetime | None) -> Posted:
    """The baseline of an order from before the opening: its past is in the opening balance already, only what came after is news.

    That is its open holds, and the goods the shop has put back on sale since; units that were cancelled are not among those.
    """
    given_back = sum(-effect.units for effect in line.effects if effect.units < 0 and opened_at is not None and effect.at >= opened_at)
    came_back_since = min(line.restocked, max(0, given_back - line.cancelled))
    return Posted(shipped=wanted.shipped, restocked=wanted.restocked - came_back_since * pack, quarantined=wanted.quarantined)


@dataclass(frozen=True, slots=True)
class OwnEffect:
    """What the shop itself did to its number and the book has not: `booked` moves the book, `swallowed` was inside its last replacement."""

    booked: int = 0
    swallowed: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """How a line was seen. first: it never was before. known_at: change time of the snapshot applied before this one.

    changed_at: the latest instant at which the order can have changed to what it is now.
    opened_at: the channel's cut-off; what the shop did before it explains no edit that was adopted later.
    """

    first: bool
    known_at: datetime | None
    changed_at: datetime
    opened_at: datetime | None


def own_effect(line: OrderLine, posted_took: int, rebased_at: datetime | None, seen: Seen) -> OwnEffect:
    """Split the shop's unposted effects by the reading that last replaced the book (listing units, > 0: given back to the shelf).

    An effect older than that reading is inside it already. At first sight every effect has its own time; later, what is unposted is dated by
    the newest effect of its sign, unless the snapshot before would have shown that one: then it happened again since.
    """
    unposted = line.channel_took - posted_took
    if not unposted:
        return OwnEffect()
    if rebased_at is None:
        return OwnEffect(booked=-unposted)
    if seen.first and not posted_took:
        inside = [effect for effect in line.effects if effect.at < rebased_at]
        adoptable = sum(effect.units for effect in inside if seen.opened_at is None or effect.at >= seen.opened_at)
        return OwnEffect(booked=sum(effect.units for effect in inside) - unposted, swallowed=-adoptable)
    newest = max((effect.at for effect in line.effects if effect.units * unposted > 0), default=seen.changed_at)
    if seen.known_at is not None and newest < seen.known_at:
        newest = seen.changed_at
    return OwnEffect(swallowed=-unposted) if newest < rebased_at else OwnEffect(booked=-unposted)


def undone(took: int, at: datetime, rebased_at: datetime | None) -> OwnEffect:
    """The shop does not sell the line from this shelf any more, so what it took there is back since `at`, at the latest."""
    if rebased_at is not None and at < rebased_at:
        return OwnEffect(swallowed=took)
    return OwnEffect(booked=took)
