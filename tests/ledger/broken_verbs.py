"""Mistakes in the ledger's verbs, for its model on paper to find. One line says what each breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from channelsync.ledger import expiry, holds, keys, net_effect, order_posting, reservations, stock
from channelsync.ledger.levels import MovementType
from channelsync.ledger.orders import Verdict, _Application
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.reserving import _Desk

Patch = pytest.MonkeyPatch


def believes_every_key(patch: Patch) -> None:
    """A key that was used before is a repeat, whatever is asked under it."""
    stored = keys._stored

    def trusting(item: Any, key: str, name: str, known: Any, result: Any) -> Any:
        return (
            stored(item, key, name, (name, keys.digest(item), known[2]), result)
            if known[0] == name
            else stored(item, key, name, known, result)
        )

    patch.setattr(keys, "_stored", trusting)


def keeps_the_keys_of_refusals(patch: Patch) -> None:
    """The key of a refused request stays taken."""
    store = keys._store
    patch.setattr(keys, "_store", lambda conn, result, outcomes: store(conn, result, [each for each in outcomes if not _refused(each[1])]))


def _refused(answer: Any) -> bool:
    return isinstance(answer, Refusal)


def grants_what_is_not_there(patch: Patch) -> None:
    """A claim is granted as long as there is anything on hand."""
    short = _Desk._short

    def generous(self: _Desk, wanted: Any) -> Any:
        refused = short(self, wanted)
        return refused if refused and any(self.running.level(key).on_hand < line.quantity for key, line in wanted.items()) else None

    patch.setattr(_Desk, "_short", generous)


def shortens_claims(patch: Patch) -> None:
    """To extend a claim is to set its end anew, also to an earlier moment."""
    extend = reservations._extend_one

    def anew(found: holds.Holds, item: Any, now: datetime) -> Any:
        for hold in found.open(item.which):
            hold.expires_at = None if hold.expires_at is None else now
        return extend(found, item, now)

    patch.setattr(reservations, "_extend_one", anew)


def hard_claims_expire(patch: Patch) -> None:
    """A claim that became hard keeps its end."""
    harden = reservations._harden_one

    def ending(found: holds.Holds, item: Any, entries: Any) -> Any:
        ends = {hold.id: hold.expires_at for hold in found.all_open()}
        answer = harden(found, item, entries)
        for hold in found.all_open():
            hold.expires_at = ends[hold.id]
        return answer

    patch.setattr(reservations, "_harden_one", ending)


def expires_a_moment_late(patch: Patch) -> None:
    """A claim that ends now is left until later."""
    expire = reservations.expire
    patch.setattr(reservations, "expire", lambda conn, now, limit=256: expire(conn, now - timedelta(seconds=1), limit))


def no_grace(patch: Patch) -> None:
    """An unpaid checkout ends in the very second that its shop named."""
    for module in (net_effect, expiry):
        patch.setattr(module, "HOLD_GRACE", timedelta(0))


def restocks_from_nowhere(patch: Patch) -> None:
    """Units are put on sale again, and stay in quarantine."""
    entry = stock._entry

    def half(item: Any, key: Any, type_: MovementType, deltas: Any) -> Any:
        whole = entry(item, key, type_, deltas)
        return replace(whole, quarantined=0) if type_ is MovementType.RETURN else whole

    patch.setattr(stock, "_entry", half)


def two_claims_for_one_sale(patch: Patch) -> None:
    """An order leaves the storefront's claim that it came from open."""
    patch.setattr(order_posting, "_consume_reservation", lambda _work: None)


def takes_the_cart_again(patch: Patch) -> None:
    """Each movement of an order looks for a claim of the storefront to consume, also those that move the order's own claim."""

    def each(work: Any) -> None:
        wanted: dict[Any, int] = {}
        for entry in work.entries:
            if (units := entry.soft + entry.hard - entry.on_hand) > 0 and entry.type is not MovementType.DEFER:
                wanted[entry.key] = wanted.get(entry.key, 0) + units
        if wanted and work.snapshot.reservation_ref:
            work.entries = [*reservations.consume(work.conn, work.snapshot.reservation_ref, wanted, work.now), *work.entries]

    patch.setattr(order_posting, "_consume_reservation", each)


def a_webhook_wins_a_tie(patch: Patch) -> None:
    """Of two versions with the same change time the one that comes last is applied, also if it is a webhook's body."""
    old_news = _Application._old_news

    def either(self: _Application, stored: Any, digest: str) -> Any:
        verdict = old_news(self, stored, digest)
        return None if verdict is Verdict.OLDER and self.snapshot.modified_at == stored.modified_at else verdict

    patch.setattr(_Application, "_old_news", either)


def a_dead_order_frees_everything(patch: Patch) -> None:
    """What a cancelled order still owed is free again, whether the shop has put it back or not."""
    desired = net_effect.desired

    def free(snapshot: Any, line: Any, **more: Any) -> Any:
        return replace(desired(snapshot, line, **more), quarantined=line.quarantined)

    patch.setattr(net_effect, "desired", free)


ALL: tuple[Callable[[Patch], None], ...] = (
    believes_every_key,
    keeps_the_keys_of_refusals,
    grants_what_is_not_there,
    shortens_claims,
    hard_claims_expire,
    expires_a_moment_late,
    no_grace,
    restocks_from_nowhere,
    two_claims_for_one_sale,
    takes_the_cart_again,
    a_webhook_wins_a_tie,
    a_dead_order_frees_everything,
)
