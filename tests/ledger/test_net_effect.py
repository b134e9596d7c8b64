"""Net effect, pure: what a line should have posted, and movements that are exactly the difference and of a sensible type."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channelsync.contract import Effect, OrderLine, OrderSnapshot, OrderState
from channelsync.ledger import net_effect
from channelsync.ledger.levels import Entry, Level, MovementType
from channelsync.ledger.net_effect import HOLD_GRACE, Posted
from support.stock import NOW

HERE = Entry(1, 1, MovementType.RESERVE, reference="100")
LIVING = [OrderState.PENDING, OrderState.OPEN]
DEAD = [OrderState.CANCELLED, OrderState.DELETED]

few = st.integers(0, 4)
posted = st.builds(Posted, few, few, few, few, few, few, few)


@st.composite
def lines(draw: st.DrawFn) -> OrderLine:
    """Any line that adds up; the shop may have taken any part of it."""
    shipped, cancelled, quarantined, left = draw(few), draw(few), draw(few), draw(few)
    quantity = shipped + cancelled + quarantined + left
    restocked = draw(st.integers(0, shipped))
    took = draw(st.integers(0, quantity))
    return OrderLine("a", "1", quantity, None, "", shipped, cancelled, quarantined, restocked, (Effect(took, NOW),))


def order(state: OrderState, line: OrderLine) -> OrderSnapshot:
    return OrderSnapshot("100", state, NOW, NOW, (line,))


def moved(before: Posted, after: Posted) -> list[Entry]:
    return list(net_effect.movements(HERE, before, after))


def shapes(entries: list[Entry]) -> list[tuple[str, dict[str, int]]]:
    return [(entry.type.value, {bucket: delta for bucket, delta in entry.deltas().items() if delta}) for entry in entries]


# -- desired -------------------------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.sampled_from(list(OrderState)), lines(), st.integers(1, 6))
def test_every_unit_of_a_line_has_one_place(state: OrderState, line: OrderLine, pack: int) -> None:
    wanted = net_effect.desired(order(state, line), line, pack=pack, now=NOW)
    placed = wanted.soft + wanted.hard + wanted.shipped + wanted.quarantined
    assert all(getattr(wanted, part.name) >= 0 for part in fields(wanted))
    if state in LIVING:
        assert placed == (line.quantity - line.cancelled) * pack
    else:
        assert wanted.soft == wanted.hard == 0
        assert (line.shipped + line.quarantined) * pack <= placed <= (line.quantity - line.cancelled) * pack
    assert (wanted.took, wanted.restocked) == (line.channel_took, line.restocked * pack)


@pytest.mark.parametrize("state", DEAD)
@pytest.mark.parametrize(
    ("line", "quarantined"),
    [
        (OrderLine("a", "1", 3, effects=(Effect(3, NOW), Effect(-3, NOW))), 0),  # given back
        (OrderLine("a", "1", 3, effects=(Effect(3, NOW),)), 3),  # kept by the shop
        (OrderLine("a", "1", 3), 0),  # never taken out: free as before
        (OrderLine("a", "1", 3, shipped=1, effects=(Effect(3, NOW), Effect(-2, NOW))), 0),
        (OrderLine("a", "1", 3, shipped=1, effects=(Effect(3, NOW),)), 2),
        (OrderLine("a", "1", 3, shipped=1, restocked=1, effects=(Effect(3, NOW), Effect(-1, NOW))), 2),
        (OrderLine("a", "1", 3, quarantined=1, effects=(Effect(3, NOW), Effect(-2, NOW))), 1),
    ],
)
def test_what_a_dead_order_still_owed_is_free_only_if_the_shop_gave_it_back(state: OrderState, line: OrderLine, quarantined: int) -> None:
    wanted = net_effect.desired(order(state, line), line, pack=1, now=NOW)
    assert (wanted.soft, wanted.hard, wanted.quarantined) == (0, 0, quarantined)


def test_an_unpaid_checkout_is_held_until_its_hold_is_surely_over() -> None:
    line = OrderLine("a", "1", 2, withheld=2)
    pending = replace(order(OrderState.PENDING, line), hold_until=NOW)
    last, over = NOW + HOLD_GRACE - timedelta(microseconds=1), NOW + HOLD_GRACE
    assert net_effect.desired(pending, line, pack=3, now=last) == Posted(soft=6, withheld=2)
    assert net_effect.desired(pending, line, pack=3, now=over) == Posted()
    for_ever = replace(pending, hold_until=None)
    assert net_effect.desired(for_ever, line, pack=3, now=over) == Posted(soft=6, withheld=2)


# -- movements -----------------------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(posted, posted)
def test_movements_are_exactly_the_difference(before: Posted, after: Posted) -> None:
    entries = moved(before, after)
    for bucket in ("soft", "hard", "quarantined"):
        assert sum(getattr(entry, bucket) for entry in entries) == getattr(after, bucket) - getattr(before, bucket)
    gone = (after.shipped - before.shipped) + (after.quarantined - before.quarantined) - (after.restocked - before.restocked)
    assert sum(entry.on_hand for entry in entries) == -gone
    assert all(any(entry.deltas().values()) for entry in entries)
    assert {(entry.key, entry.reference) for entry in entries} <= {(HERE.key, "100")}


@settings(deadline=None)
@given(posted)
def test_nothing_moves_when_nothing_changed(same: Posted) -> None:
    assert moved(same, same) == []


@settings(deadline=None)
@given(posted, posted)
def test_a_claim_alone_touches_nothing_physical(before: Posted, after: Posted) -> None:
    same_goods = replace(after, shipped=before.shipped, restocked=before.restocked, quarantined=before.quarantined)
    assert all(entry.on_hand == entry.quarantined == 0 for entry in moved(before, same_goods))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (Posted(), Posted(hard=2), [("reserve", {"hard": 2})]),
        (Posted(), Posted(soft=2), [("reserve", {"soft": 2})]),
        (Posted(soft=2), Posted(hard=2), [("commit", {"soft": -2, "hard": 2})]),
        (Posted(soft=2), Posted(hard=3), [("commit", {"soft": -2, "hard": 2}), ("reserve", {"hard": 1})]),
        (Posted(soft=3), Posted(hard=1), [("commit", {"soft": -1, "hard": 1}), ("release", {"soft": -2})]),
        (Posted(soft=2), Posted(), [("release", {"soft": -2})]),
        (Posted(hard=3), Posted(hard=1), [("release", {"hard": -2})]),
        (Posted(hard=3), Posted(hard=1, shipped=2), [("fulfil", {"on_hand": -2, "hard": -2})]),
        (Posted(hard=3), Posted(shipped=2), [("fulfil", {"on_hand": -2, "hard": -2}), ("release", {"hard": -1})]),
        (Posted(), Posted(shipped=2), [("fulfil", {"on_hand": -2})]),
        (Posted(shipped=2), Posted(hard=2), [("fulfil", {"on_hand": 2, "hard": 2})]),  # a shipment was undone
        (Posted(hard=2), Posted(quarantined=2), [("quarantine", {"on_hand": -2, "hard": -2, "quarantined": 2})]),
        (Posted(quarantined=2), Posted(), [("quarantine", {"on_hand": 2, "quarantined": -2})]),
        (Posted(shipped=2), Posted(shipped=2, restocked=1), [("return", {"on_hand": 1})]),
        (
            Posted(hard=3),
            Posted(shipped=1, quarantined=2),
            [("fulfil", {"on_hand": -1, "hard": -1}), ("quarantine", {"on_hand": -2, "hard": -2, "quarantined": 2})],
        ),
    ],
)
def test_each_movement_is_called_what_it_is(before: Posted, after: Posted, expected: list[tuple[str, dict[str, int]]]) -> None:
    assert shapes(moved(before, after)) == expected


# -- cover ---------------------------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.builds(Level, on_hand=few, soft=few, hard=few, quarantined=few), st.lists(st.tuples(posted, posted), max_size=3))
def test_no_physical_bucket_falls_below_zero(level: Level, changes: list[tuple[Posted, Posted]]) -> None:
    entries = [entry for before, after in changes for entry in moved(before, after)]
    extra = net_effect.cover(HERE, level, entries)
    for bucket in ("on_hand", "quarantined"):
        assert getattr(level, bucket) + sum(getattr(entry, bucket) for entry in [*entries, *extra]) >= 0
    assert all(entry.soft == entry.hard == 0 for entry in extra)


def test_shipped_but_never_counted_is_a_shortage() -> None:
    shipped = moved(Posted(hard=3), Posted(shipped=3))
    assert shapes(net_effect.cover(HERE, Level(on_hand=1, hard=3), shipped)) == [("shortage", {"on_hand": 2})]
    assert net_effect.cover(HERE, Level(on_hand=3, hard=3), shipped) == []


@pytest.mark.parametrize(("on_hand", "set_aside"), [(0, 0), (1, 1), (3, 3), (9, 3)])
def test_a_cancelled_backorder_sets_aside_what_there_is_and_nothing_is_short(on_hand: int, set_aside: int) -> None:
    level = Level(on_hand=on_hand, hard=3)
    dead = moved(Posted(hard=3), Posted(quarantined=3))
    for entry in [*dead, *net_effect.cover(HERE, level, dead)]:
        assert entry.type is not MovementType.SHORTAGE
        level = level.after(entry)
    assert level == Level(on_hand=on_hand - set_aside, quarantined=set_aside)


def test_what_was_taken_out_of_quarantine_by_hand_is_not_put_on_hand_again() -> None:
    freed = moved(Posted(quarantined=2), Posted())
    assert shapes(net_effect.cover(HERE, Level(on_hand=5, quarantined=1), freed)) == [("adjust", {"on_hand": -1, "quarantined": 1})]
