"""The harm a wrong push does, judged from what the shops remember and what truly came in and went out; our own ledger is not asked."""

from __future__ import annotations

from collections.abc import Sequence

from channelsync.testing.standins.base import Change
from support.push import Bench, Shop

OWN_CAUSES = frozenset({"sale", "restore"})


def sold_unit_is_back_on_sale(bench: Bench) -> bool:
    """One of our writes raised a shop's number above what was left in truth."""
    return any(
        change.after > change.before and change.after > max(0, _left(bench, shop, place))
        for shop in (bench.a, bench.b)
        for place, change in enumerate(shop.standin.changes)
        if change.cause == "write"
    )


def sold_unit_stays_on_sale(bench: Bench) -> bool:
    """A shop offers more than is left, and the ledger sees nothing to do about it."""
    return any(offers_more_than_is_left(shop) and not _busy(shop) for shop in (bench.a, bench.b))


def restored_unit_is_sold_twice(bench: Bench) -> bool:
    """A shop offers more than is left right now."""
    return any(offers_more_than_is_left(shop) for shop in (bench.a, bench.b))


def offers_more_than_is_left(shop: Shop) -> bool:
    return shop.shows > max(0, _left(shop.bench, shop, len(shop.standin.changes)))


def _left(bench: Bench, shop: Shop, place: int) -> int:
    """Units that nobody has bought when `shop` comes to its change number `place`."""
    mine = shop.standin.changes[:place]
    now = shop.standin.changes[place].monotonic if place < len(shop.standin.changes) else bench.clock.monotonic()
    other = bench.b if shop is bench.a else bench.a
    theirs = [change for change in other.standin.changes if change.monotonic <= now]
    return sum(units for at, units in bench.goods if at <= now) - _sold(mine) - _sold(theirs)


def _sold(changes: Sequence[Change]) -> int:
    return sum(change.before - change.after for change in changes if change.cause in OWN_CAUSES)


def _busy(shop: Shop) -> bool:
    state = shop.state()
    return bool(state["due"] or state["verify"] or state["gap"])
