"""Numbers that a warehouse sends: each is old when it comes, and may come late, twice or in the wrong order. What it says of then must hold now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, update

from channelsync.ledger import bundling, fulfilment, policies, reservations, since, skus, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.fulfilment import Fulfil
from channelsync.ledger.holds import Which
from channelsync.ledger.levels import MovementType
from channelsync.ledger.policies import SetPolicy
from channelsync.ledger.refusals import NotAllowed, Refusal, UnknownLocation, UnknownSku
from channelsync.ledger.reservations import Reserve
from channelsync.ledger.schema import locations, movements, stock_updates
from channelsync.ledger.skus import Backorder
from channelsync.ledger.stock import Change
from channelsync.ledger.stock_update import Outcome, Update, Updated, update_stock
from channelsync.ledger.together import LineRefused, Together, all_or_none
from support.stock import NOW, assert_adds_up, level, open_channel, open_locations, put, want

MINUTE = timedelta(minutes=1)


@pytest.fixture
def shelf(conn: Connection) -> Connection:
    """10 of A, seeded an hour ago."""
    open_locations(conn, "main", "annex")
    stock.seed(conn, [Change("A", "main", 10, occurred_at=NOW - 60 * MINUTE)], NOW - 60 * MINUTE)
    return conn


def tell(conn: Connection, quantity: int, as_of: datetime, sku: str = "A", now: datetime = NOW, **more: Any) -> Updated:
    (answer,) = update_stock(conn, [Update(sku, "main", quantity, as_of, **more)], now)
    assert isinstance(answer, Updated), answer
    return answer


def refused(conn: Connection, *items: Update) -> list[Updated | Refusal]:
    return list(update_stock(conn, items, NOW))


def test_what_came_and_went_since_is_added(shelf: Connection) -> None:
    stock.receive(shelf, [Change("A", "main", 5, occurred_at=NOW - 20 * MINUTE)], NOW)
    stock.adjust(shelf, [Change("A", "main", -2, reason="broken", occurred_at=NOW - 5 * MINUTE)], NOW)
    answer = tell(shelf, 30, NOW - 10 * MINUTE, reference="wms-1")
    assert (answer.outcome, answer.moved, answer.on_hand) == (Outcome.SET, -2, 28)
    newest = shelf.execute(select(movements).order_by(movements.c.id.desc())).mappings().first()
    assert newest is not None
    assert (newest["type"], newest["on_hand"], newest["reference"], newest["occurred_at"]) == ("import", 15, "wms-1", NOW - 10 * MINUTE)


def test_nothing_has_happened_that_is_yet_to_come(shelf: Connection) -> None:
    """A receipt of tomorrow was added to every update until then, and a count of tomorrow kept all of them out. Clocks may differ a little."""
    late = NOW + 6 * MINUTE
    reservations.reserve(shelf, [want("A", 1)], NOW)
    answers = [
        *stock.receive(shelf, [Change("A", "main", 5, occurred_at=late), Change("A", "main", 1, occurred_at=NOW + 4 * MINUTE)], NOW),
        *stock.count(shelf, [Change("A", "main", 3, occurred_at=late)], NOW),
        *stock.seed(shelf, [Change("B", "main", 3, occurred_at=late)], NOW),
        *fulfilment.fulfil(shelf, [Fulfil(Which(reference="cart"), occurred_at=late)], NOW),
    ]
    assert [isinstance(answer, NotAllowed) for answer in answers] == [True, False, True, True, True]
    assert skus.find(shelf, ["B"]) == {}
    assert tell(shelf, 20, NOW + 5 * MINUTE).on_hand == 20


def test_holds_stay_as_they_are(shelf: Connection) -> None:
    reservations.reserve(shelf, [want("A", 4)], NOW)
    answer = tell(shelf, 3, NOW)
    assert (answer.on_hand, answer.available, level(shelf, "A").soft) == (3, -1, 4)


def test_units_that_were_shipped_although_nobody_had_counted_them_are_not_added_twice(shelf: Connection) -> None:
    """The shortage that made on hand 0 says what the ledger had not known; the warehouse's number does know it."""
    policies.set_policy(shelf, [SetPolicy("A", Backorder.ALLOW)], NOW)
    reservations.reserve(shelf, [Reserve("c", want("A", 14).lines, kind="hard")], NOW)
    fulfilment.fulfil(shelf, [Fulfil(Which(reference="c"), occurred_at=NOW - MINUTE)], NOW)
    assert level(shelf, "A").on_hand == 0
    assert tell(shelf, 20, NOW - 2 * MINUTE).on_hand == 6


def test_an_older_number_is_ignored_and_says_so(shelf: Connection) -> None:
    assert tell(shelf, 7, NOW - 2 * MINUTE).on_hand == 7
    late = tell(shelf, 9, NOW - 3 * MINUTE)
    assert (late.outcome, late.on_hand, late.last_as_of) == (Outcome.OLDER, 7, NOW - 2 * MINUTE)
    assert tell(shelf, 8, NOW - 2 * MINUTE).on_hand == 8, "the same instant again is a correction"


def test_who_counted_later_knows_better(shelf: Connection) -> None:
    stock.count(shelf, [Change("A", "main", 6, occurred_at=NOW - MINUTE)], NOW)
    answer = tell(shelf, 9, NOW - 2 * MINUTE)
    assert (answer.outcome, answer.on_hand) == (Outcome.COUNTED, 6)
    assert tell(shelf, 9, NOW).on_hand == 9


def test_a_number_that_is_right_already_moves_nothing(shelf: Connection) -> None:
    before = len(shelf.execute(select(movements)).all())
    answer = tell(shelf, 10, NOW)
    assert (answer.outcome, len(shelf.execute(select(movements)).all())) == (Outcome.SAME, before)
    assert tell(shelf, 9, NOW - MINUTE).outcome is Outcome.OLDER, "it is remembered all the same"


def test_none_of_what_was_never_counted_is_a_count(shelf: Connection) -> None:
    skus.ensure(shelf, ["NEW"], NOW)
    assert tell(shelf, 0, NOW, sku="NEW").on_hand == 0
    assert skus.find(shelf, ["NEW"])["NEW"].counted


def test_what_cannot_be_told_is_refused(shelf: Connection) -> None:
    stock.adjust(shelf, [Change("A", "main", -8, reason="lost", occurred_at=NOW)], NOW)
    put(shelf, "B", 1)
    bundling.define(shelf, [Define("KIT", (Part("A", 1), Part("B", 1)))], NOW)
    early = NOW - MINUTE
    answers = refused(
        shelf,
        Update("A", "main", 7, early),
        Update("A", "main", 7, NOW + 10 * MINUTE),
        Update("A", "main", -1, early),
        Update("KIT", "main", 1, early),
        Update("NONE", "main", 1, early),
        Update("A", "moon", 1, early),
    )
    assert [type(each) for each in answers] == [NotAllowed, NotAllowed, NotAllowed, NotAllowed, UnknownSku, UnknownLocation]
    assert "7 were there, and 8 more went" in str(answers[0])
    assert shelf.execute(select(stock_updates)).all() == []
    assert tell(shelf, 4, early, sku="NEW", create=True).on_hand == 4


def test_an_authoritys_number_is_its_own(shelf: Connection) -> None:
    owner = open_channel(shelf, "warehouse")
    shelf.execute(update(locations).where(locations.c.code == "main").values(authority_id=owner))
    (answer,) = refused(shelf, Update("A", "main", 1, NOW))
    assert isinstance(answer, NotAllowed)
    assert "belongs to 'warehouse'" in str(answer)


def test_all_or_none_and_a_key_once(shelf: Connection) -> None:
    lines = (Update("A", "main", 3, NOW, key="k#0"), Update("NONE", "main", 3, NOW, key="k#1"))
    (answer,) = all_or_none(update_stock)(shelf, [Together(lines)], NOW)
    assert isinstance(answer, LineRefused)
    assert level(shelf, "A").on_hand == 10
    assert tell(shelf, 3, NOW, key="k").repeat is False
    assert tell(shelf, 3, NOW, key="k").repeat is True


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["receive", "ship", "lose", "hold", "theft", "count", "update", "update", "wait"]),
        st.integers(1, 6),
        st.integers(0, 8),
    ),
    max_size=25,
)


def search(conn: Connection, **more: Any) -> None:
    """The model is the warehouse itself: what truly lay there at each instant. Its messages are true, late and in any order. What was stolen
    nobody tells; the next number from after it, or the next count, does.
    """

    @settings(deadline=None, database=None, **more)
    @given(believed=st.integers(0, 9), really=st.integers(0, 9), steps=STEPS)
    def told(believed: int, really: int, steps: Any) -> None:
        savepoint = conn.begin_nested()
        try:
            _story(conn, believed, really, steps)
        finally:
            savepoint.rollback()

    told()


def test_from_the_first_number_on_the_ledger_knows_what_is_there(conn: Connection) -> None:
    search(conn, max_examples=60)


FLAWS: dict[str, tuple[str, Any]] = {
    "takes a shortage for units that came": ("NOBODY_CAME", since.SETTING),
    "forgets what has moved since": ("NOBODY_CAME", tuple(MovementType)),
    "knows better than whoever counted later": ("SETTING", ()),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("flaw", FLAWS)
def test_a_planted_mistake_is_found(conn: Connection, flaw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(since, *FLAWS[flaw])
    with pytest.raises(AssertionError):
        search(conn, max_examples=400, phases=[Phase.generate])


def _story(conn: Connection, believed: int, really: int, steps: Any) -> None:
    open_locations(conn, "main")
    put(conn, "A", believed)
    policies.set_policy(conn, [SetPolicy("A", Backorder.ALLOW)], NOW)
    start = NOW + MINUTE
    truth, known, stolen_at = [really], False, 0  # truth[n]: at the end of minute n
    for number, (what, units, back) in enumerate(steps):
        now = start + (number + 1) * MINUTE
        there, held = truth[-1], (level(conn, "A").soft, level(conn, "A").hard)
        if what == "receive":
            stock.receive(conn, [Change("A", "main", units, occurred_at=now)], now)
            there += units
        elif what == "ship" and there >= units:
            reference = f"order {number}"
            reservations.reserve(conn, [Reserve(reference, want("A", units).lines, kind="hard")], now)
            fulfilment.fulfil(conn, [Fulfil(Which(reference=reference), occurred_at=now)], now)
            there -= units
        elif what == "lose" and min(there, level(conn, "A").on_hand) >= units:
            stock.adjust(conn, [Change("A", "main", -units, reason="lost", occurred_at=now)], now)
            there -= units
        elif what == "theft" and there >= units:
            there, known, stolen_at = there - units, False, len(truth)
        elif what == "hold":
            reservations.reserve(conn, [want("A", units, f"cart {number}")], now)
        elif what == "count":
            stock.count(conn, [Change("A", "main", there, occurred_at=now)], now)
            known = True
        truth.append(there)
        if what == "update":
            minute = max(0, len(truth) - 1 - back)
            answer = tell(conn, truth[minute], start + minute * MINUTE, now=now)
            assert (level(conn, "A").soft, level(conn, "A").hard) == held
            assert answer.on_hand == level(conn, "A").on_hand
            known = known or minute >= stolen_at
        assert not known or level(conn, "A").on_hand == truth[-1], (number, what, truth)
    assert_adds_up(conn)
    assert audit(conn) == []
