"""The judge alone: small stories whose verdict is known. Shop A is looked at, shop B sells the same SKU; 5 units, 5 shown, nothing sold."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from channelsync.testing.simulation.events import Armed, Changed, Claimed, Counted, Event, Known, Looked, Released, Supplied
from channelsync.testing.simulation.goods import Goods
from channelsync.testing.simulation.judge import HarmClass, Judge, ShopFacts
from channelsync.testing.standins.base import Change

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LAG = 2.0


class Story:
    """Tells a judge what happens, one second apart."""

    def __init__(self, *, exclusive: bool = True, safety_stock: int = 0, show_max: int = 99) -> None:
        goods = Goods(offers=lambda _shop, item, left: min(left(item) - safety_stock, show_max))
        self.judge = Judge({"A": ShopFacts(LAG, exclusive), "B": ShopFacts(LAG, True)}, goods)
        self.at = 100.0
        self.shows = {"A": 5, "B": 5}
        self.tell(Supplied(self.at, "X", 5))
        self.know("A", target=5, book=5)
        self.know("B", target=5, book=5)
        self.look("A", "B")

    def tell(self, event: Event) -> None:
        self.judge.feed([event])
        self.at += 1.0

    def change(self, shop: str, delta: int, cause: str, *, order: str | None = None, write: str | None = None, withheld: int = 0) -> None:
        before = self.shows[shop]
        self.shows[shop] = before + delta
        change = Change(NOON, self.at, "X", before, before + delta, cause, order, write, withheld)
        self.tell(Changed(self.at, shop, change))

    def sell(self, shop: str, units: int = 1, order: str = "1") -> None:
        self.change(shop, -units, "sale", order=order)

    def know(self, shop: str, *, target: int, book: int, took: int = 0, promised: int = 0) -> None:
        self.judge.feed([Counted(self.at, shop, "X", promised)])
        self.tell(Known(self.at, shop, "X", target, book, took))

    def look(self, *shops: str) -> None:
        for shop in shops:
            self.tell(Looked(self.at, shop, self.at))

    def arm(self, target: int, delta: int, *, seen_at: float | None = None) -> None:
        self.tell(Armed(self.at, "A", "key", "X", target, delta, self.at if seen_at is None else seen_at))

    def release(self) -> None:
        self.tell(Released(self.at, "key"))

    def write(self, delta: int, *, withheld: int = 0) -> None:
        self.change("A", delta, "write", write="key", withheld=withheld)

    def receive(self, units: int, *, target: int, book: int = 5) -> None:
        self.tell(Supplied(self.at, "X", units))
        self.know("A", target=target, book=book)

    def harms(self) -> list[tuple[HarmClass, int]]:
        return [(harm.kind, harm.units) for harm in self.judge.harms]


def test_a_difference_that_meets_an_unseen_sale_does_no_harm() -> None:
    story = Story()
    story.sell("A")
    story.receive(1, target=6)
    story.arm(6, 1)
    story.release()
    story.write(1)  # 4 -> 5, and 5 are left
    assert story.harms() == []
    assert story.judge.raises == 1


def test_a_blind_absolute_push_is_found_out() -> None:
    story = Story()
    story.sell("A", 2)
    story.change("A", 2, "write", write="naive")
    assert story.harms() == [(HarmClass.UNACCOUNTED, 2)]
    assert story.judge.resurrected_units == 2
    assert story.judge.raced_units == {}
    assert "naive" in str(story.judge.violations[0])


def test_units_are_counted_up_to_what_is_left() -> None:
    story = Story()
    story.sell("A", 2)
    story.receive(1, target=6)
    story.change("A", 2, "write", write="naive")  # 3 -> 5, 4 are left
    assert story.judge.resurrected_units == 1


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_write_that_swallows_a_sale_just_before_it(exclusive: bool) -> None:
    """Nobody could know; but only a shop whose writes are not exclusive has such a window."""
    story = Story(exclusive=exclusive)
    story.receive(1, target=6)
    story.look("A", "B")
    story.arm(6, 1)
    story.release()
    story.sell("A")
    story.write(2)  # 4 -> 6: the write was SET 6
    assert story.harms() == [(HarmClass.OWN_WINDOW if not exclusive else HarmClass.OWN_LAG, 1)]


def test_a_write_that_swallows_a_sale_which_its_reading_had_shown() -> None:
    story = Story(exclusive=False)
    story.sell("A")
    story.look("A", "B")  # too early: the list still lags
    story.receive(1, target=6)
    story.arm(6, 1)
    story.release()
    story.write(2)
    assert story.harms() == [(HarmClass.OWN_LAG, 1)]


def test_a_write_that_swallows_a_sale_which_was_in_the_list() -> None:
    story = Story(exclusive=False)
    story.sell("A")
    story.at += LAG + 1
    story.receive(1, target=6)
    story.look("A", "B")  # and yet the ledger does not know it
    story.arm(6, 1)
    story.release()
    story.write(2)
    assert story.harms() == [(HarmClass.OWN_KNOWABLE, 1)]


def test_another_shop_sells_after_our_last_look() -> None:
    story = Story()
    story.receive(1, target=6)
    story.look("A", "B")
    story.sell("B")
    story.arm(6, 1)
    story.release()
    story.write(1)
    assert story.harms() == [(HarmClass.CROSS_WINDOW, 1)]
    assert story.judge.raced_units == {"cross-window": 1}
    assert story.judge.resurrected_units == 0


def test_another_shop_had_sold_long_before_a_raise_that_did_not_look() -> None:
    story = Story()
    story.sell("B")
    story.at += LAG + 1
    story.receive(1, target=6)
    story.arm(6, 1)
    story.release()
    story.write(1)
    assert story.harms() == [(HarmClass.CROSS_KNOWABLE, 1)]


@pytest.mark.parametrize(("early", "kind"), [(True, HarmClass.SUPERSEDED_KNOWABLE), (False, HarmClass.SUPERSEDED_WINDOW)])
def test_the_ledger_lowers_its_target_meanwhile(early: bool, kind: HarmClass) -> None:
    story = Story()
    story.receive(1, target=6)
    story.look("A", "B")
    story.arm(6, 1)
    if not early:
        story.release()
    story.tell(Supplied(story.at, "X", -1))
    story.know("A", target=5, book=5)
    if early:
        story.release()
    story.write(1)
    assert story.harms() == [(kind, 1)]


def test_a_hand_edit_hides_a_sale() -> None:
    story = Story()
    story.sell("A")
    story.change("A", 1, "edit")
    story.receive(1, target=6)
    story.look("A", "B")
    story.arm(6, 1)
    story.release()
    story.write(1)
    assert story.harms() == [(HarmClass.EDIT, 1)]


def test_an_edit_that_was_settled_excuses_nothing() -> None:
    story = Story()
    story.change("A", 1, "edit")
    story.know("A", target=5, book=6)
    story.arm(5, -1)
    story.release()
    story.write(-1)
    story.know("A", target=5, book=5)
    story.arm(5, 1)
    story.release()
    story.write(1)
    assert story.harms() == [(HarmClass.BOOKKEEPING, 1)]


def test_the_same_raise_twice_is_bookkeeping() -> None:
    story = Story()
    story.receive(1, target=6)
    story.look("A", "B")
    story.arm(6, 1)
    story.release()
    story.write(1)
    story.write(1)
    assert story.harms() == [(HarmClass.BOOKKEEPING, 1)]


def test_units_a_shop_withholds_are_not_on_sale() -> None:
    story = Story()
    story.tell(Claimed(story.at, "A", "1", "X", 1))
    story.know("A", target=5, book=5, promised=1)  # 4 available + 1 withheld
    story.shows["A"] = 4
    story.arm(5, 1)
    story.release()
    story.write(1, withheld=1)
    assert story.harms() == []


def test_safety_stock_is_not_for_sale() -> None:
    story = Story(safety_stock=2)
    story.shows["A"] = 3
    story.write(1)
    assert [harm.limit for harm in story.judge.harms] == [3]


def test_cancelled_orders_are_left_again() -> None:
    story = Story()
    story.sell("B")
    story.change("B", 1, "restore", order="1")
    story.shows["A"] = 4
    story.write(1)
    assert story.harms() == []


def test_a_raise_above_what_is_left_because_of_an_order_its_own_shop_has_not_taken() -> None:
    """A shop that lowers its number on shipping: its open orders are unseen in the number too."""
    story = Story()
    story.receive(1, target=6)
    story.look("A", "B")
    story.tell(Claimed(story.at, "A", "1", "X", 1))
    story.arm(6, 1)
    story.release()
    story.write(1)
    assert story.harms() == [(HarmClass.CROSS_WINDOW, 1)]


@pytest.mark.parametrize(("units", "expected"), [(1, HarmClass.RESTORED), (2, HarmClass.BOOKKEEPING)])
def test_a_shop_shows_more_than_its_rules_allow_when_it_gives_a_unit_back_meanwhile(units: int, expected: HarmClass) -> None:
    story = Story(show_max=5)
    story.sell("A")
    story.know("A", target=4, book=4, took=1, promised=1)
    story.receive(3, target=5, book=4)
    story.know("A", target=5, book=4, took=1, promised=1)
    story.look("A", "B")
    story.arm(5, 1)
    story.release()
    story.change("A", 1, "restore", order="1")
    story.write(units)
    assert [kind for kind, _ in story.harms()] == [expected]


def test_what_the_ledger_learned_while_it_let_a_write_go_accuses_nobody() -> None:
    """Beside a real daemon an order may be told between a release and the word of it, though it was stored after."""
    story = Story()
    story.receive(1, target=6)
    story.arm(6, 1)
    knew = {"X": Known(story.at, "A", "X", 6, 5, 0)}
    story.sell("B")
    story.know("A", target=5, book=5, promised=1)
    story.tell(Known(story.at, "A", "X", 5, 5, 0, frozen=True))
    story.tell(Released(story.at, "key", knew=knew))
    story.write(1)
    assert [kind for kind, _ in story.harms()] == [HarmClass.SUPERSEDED_WINDOW]


def _frozen_after_arming(withdrawn: frozenset[str]) -> list[tuple[HarmClass, int]]:
    story = Story()
    story.receive(1, target=6)
    story.arm(6, 1)
    story.tell(Known(story.at, "A", "X", 6, 5, 0, frozen=True))
    story.tell(Released(story.at, "key", withdrawn))
    return story.harms()


def test_a_write_that_is_let_go_although_its_item_is_frozen_is_a_violation() -> None:
    assert _frozen_after_arming(frozenset()) == [(HarmClass.FROZEN, 0)]
    assert not HarmClass.FROZEN.is_race


def test_a_write_that_was_withdrawn_in_time_broke_no_freeze() -> None:
    assert _frozen_after_arming(frozenset({"X"})) == []
