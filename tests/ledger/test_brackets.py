"""Readings: single ones suspend what does not fit; two equal ones around a pull may end it. What they are not enough for stays open."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, update

from channelsync.contract import Carrier, Effect, Listing, OrderLine, OrderSnapshot, OrderState, Outcome
from channelsync.ledger import brackets, listings, matching, orders, to_read
from channelsync.ledger.audit import audit
from channelsync.ledger.brackets import Closing, Found, Seen
from channelsync.ledger.orders import Sighting
from channelsync.ledger.schema import book_entries, shelves
from support.pushing import ADOPT, DRAIN, OVERWRITE, Outgoing, open_outgoing
from support.selling import findings
from support.stock import assert_adds_up, level, put

SECOND = timedelta(seconds=1)


@pytest.fixture
def out(conn: Connection) -> Outgoing:
    return open_outgoing(conn)


def note(out: Outgoing, shows: int | None, ref: str = "a") -> Found:
    [found] = brackets.note_readings(out.conn, [Seen(out.before(ref), shows)], out.now)
    return found


def wanted(out: Outgoing) -> list[str]:
    """Listings whose shelf wants a bracket now."""
    return [state.shelf.listing for state in to_read.wanting_bracket(out.conn, out.channel, out.now - DRAIN, 100)]


def entries(out: Outgoing, ref: str = "a") -> list[tuple[str, int]]:
    query = select(book_entries.c.kind, book_entries.c.delta).where(book_entries.c.shelf_id == out.shelf(ref)).order_by(book_entries.c.id)
    return [(row.kind, row.delta) for row in out.conn.execute(query)]


# -- single readings -----------------------------------------------------------------------------------------------------------------------


def test_a_single_reading_suspends_and_never_moves_a_book(out: Outgoing) -> None:
    assert (note(out, 3), out.state("a")["gap"], out.state("a")["book"]) == (Found.GAP, -2, 5)
    assert wanted(out) == ["a"]
    assert (note(out, 5), out.state("a")["gap"], out.state("a")["gap_since"]) == (Found.EVEN, 0, None)
    assert wanted(out) == []


def test_none_is_not_zero(out: Outgoing) -> None:
    assert (note(out, None), out.state("a")["gap"], out.state("a")["reading"]) == (Found.UNCOUNTED, 0, None)
    assert out.close(out.before("a"), None) is Closing.OPEN


def test_while_a_write_is_open_or_not_verified_a_reading_says_nothing(conn: Connection, out: Outgoing) -> None:
    out.count(A=7)
    out.send(raises=True)
    assert (note(out, 3), out.state("a")["gap"]) == (Found.BUSY, 0)
    conn.execute(update(shelves).where(shelves.c.id == out.shelf("b")).values(verify=True))
    assert (note(out, 3, "b"), out.state("b")["gap"]) == (Found.BUSY, 0)


@pytest.mark.parametrize(
    ("shows", "before", "now", "gap"),
    [(5, 5, 5, 0), (4, 5, 5, -1), (6, 5, 5, 1), (4, 5, 3, 0), (5, 5, 3, 0), (3, 5, 3, 0), (2, 5, 3, -1), (6, 5, 3, 1), (4, None, 5, -1)],
)
def test_a_reading_is_explained_by_any_book_there_was_while_it_was_taken(shows: int, before: int | None, now: int, gap: int) -> None:
    assert brackets.unexplained(shows, before, now) == gap


# -- what does not close -------------------------------------------------------------------------------------------------------------------


def test_two_different_readings_close_nothing(out: Outgoing) -> None:
    note(out, 3)
    assert out.close(out.before("a"), 3, 4, on_edit=OVERWRITE) is Closing.OPEN
    assert out.numbers("a") == (5, 5, False)


def test_an_order_in_between_closes_nothing(out: Outgoing) -> None:
    before = out.before("a")
    out.sell("100", "a", 1)
    assert out.close(before, 4, on_edit=ADOPT) is Closing.OPEN
    assert level(out.conn, "A").on_hand == 5


def test_an_order_and_its_undoing_in_between_close_nothing(conn: Connection, out: Outgoing) -> None:
    """The book is what it was, and yet something happened."""
    before = out.before("a")
    out.sell("100", "a", 1)
    conn.execute(update(shelves).where(shelves.c.id == out.shelf("a")).values(book=before.book))
    assert out.close(before, 4, on_edit=ADOPT) is Closing.OPEN


def test_an_order_that_was_called_off_before_it_was_first_seen_closes_nothing(out: Outgoing) -> None:
    """Its sale was in the first reading; what makes the second one equal is another, which the shop does not list yet."""
    note(out, 4)
    before = out.before("a")
    at = out.later(seconds=1)
    line = OrderLine("1", "a", 1, cancelled=1, effects=(Effect(1, at - SECOND), Effect(-1, at)))
    snapshot = OrderSnapshot("100", OrderState.CANCELLED, at, at - SECOND, (line,))
    orders.apply(out.conn, [Sighting(out.channel, snapshot, 1)], out.now)
    assert out.close(before, 4, on_edit=OVERWRITE) is Closing.OPEN
    assert out.numbers("a") == (5, 5, False)
    assert out.close(out.before("a"), 4, on_edit=OVERWRITE) is Closing.OVERWRITE, "nothing has happened since"


def test_without_the_lease_nothing_closes(out: Outgoing) -> None:
    before = out.before("a")
    out.lose_lease()
    assert out.close(before, 4, on_edit=OVERWRITE) is Closing.OPEN


def test_a_write_that_may_still_take_effect_keeps_it_open(out: Outgoing) -> None:
    out.count(A=7)
    out.send(raises=True)
    assert (wanted(out), out.close(out.before("a"), 7)) == ([], Closing.OPEN)
    first_at = out.later(seconds=DRAIN.total_seconds() - 1)
    assert (wanted(out), out.close(out.before("a"), 7, first_at=first_at)) == ([], Closing.OPEN)
    out.later(seconds=1)
    assert out.close(out.before("a"), 7, first_at=first_at) is Closing.OPEN, "the first reading was too early"
    assert (wanted(out), out.close(out.before("a"), 7)) == (["a"], Closing.RESOLVED)


# -- unknown outcomes ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sold", "shows", "book_lines", "state"),
    [
        (0, 7, [("write", 2)], "ok"),
        (0, 5, [], "bracketed"),
        (1, 6, [("took", -1), ("write", 2)], "ok"),  # judged by the difference: the sale was ingested meanwhile
        (1, 4, [("took", -1)], "bracketed"),
        (0, 8, [("write", 2), ("rebase", 1)], "bracketed"),  # more than both: applied, and the rest is our own doing
        (0, 3, [("rebase", -2)], "bracketed"),
    ],
)
@pytest.mark.parametrize("carrier", [Carrier.ADJUST, Carrier.COMPARE_AND_SET])
def test_an_unknown_outcome_is_judged_by_differences(
    out: Outgoing, carrier: Carrier, sold: int, shows: int, book_lines: list[tuple[str, int]], state: str
) -> None:
    out.carrier = carrier
    out.count(A=7)
    call = out.send(raises=True)
    out.settle(call, [Outcome.UNKNOWN])
    if sold:
        out.sell("100", "a", sold)
    out.later(minutes=5)
    assert out.close(out.before("a"), shows, on_edit=ADOPT) is Closing.RESOLVED
    assert entries(out) == [("opening", 5), *book_lines]
    assert (out.state("a")["book"], out.attempts(), out.calls()) == (shows, [state], ["settled"])
    assert (level(out.conn, "A").on_hand, out.state("a")["adopted"]) == (7, 0), "what is our own doing is never adopted"
    assert audit(out.conn) == []


def test_one_resolved_write_leaves_the_others_of_its_call_open(out: Outgoing) -> None:
    out.count(A=7, B=8)
    call = out.send(raises=True)
    out.settle(call, {})
    out.later(minutes=5)
    assert out.close(out.before("a"), 7) is Closing.RESOLVED
    assert (out.attempts(), out.calls()) == (["ok", "unknown"], ["unknown"])
    assert out.close(out.before("b"), 5) is Closing.RESOLVED
    assert (out.attempts(), out.calls()) == (["ok", "bracketed"], ["settled"])


def test_a_verification_takes_the_reading_as_it_is(conn: Connection, out: Outgoing) -> None:
    conn.execute(update(shelves).where(shelves.c.id == out.shelf("a")).values(verify=True))
    assert wanted(out) == ["a"]
    assert out.close(out.before("a"), 6, on_edit=ADOPT) is Closing.RESOLVED
    assert (out.numbers("a"), out.state("a")["verify"], level(conn, "A").on_hand) == ((6, 5, True), False, 5)


# -- drift ---------------------------------------------------------------------------------------------------------------------------------


def test_overwriting_lets_the_book_follow_and_the_next_write_repair(out: Outgoing) -> None:
    note(out, 3)
    assert out.close(out.before("a"), 3, on_edit=OVERWRITE) is Closing.OVERWRITE
    assert (out.numbers("a"), level(out.conn, "A").on_hand, findings(out.conn)) == ((3, 5, True), 5, [])


def test_adopting_lets_the_ledger_follow(out: Outgoing) -> None:
    note(out, 3)
    assert out.close(out.before("a"), 3, on_edit=ADOPT) is Closing.ADOPTED
    assert (out.numbers("a"), level(out.conn, "A").on_hand, out.state("a")["adopted"]) == ((3, 3, False), 3, -2)
    assert_adds_up(out.conn)


def test_asking_leaves_everything_and_is_asked_once(out: Outgoing) -> None:
    note(out, 3)
    assert out.close(out.before("a"), 3) is Closing.ASKED
    assert (out.numbers("a"), out.state("a")["gap"], findings(out.conn)) == ((5, 5, False), -2, [("drift", "a@")])
    assert wanted(out) == []


def test_the_question_is_over_when_the_number_fits_again(out: Outgoing) -> None:
    note(out, 3)
    out.close(out.before("a"), 3)
    note(out, 5)
    assert (out.state("a")["asked_at"], findings(out.conn)) == (None, [])


def test_the_question_is_over_when_a_late_order_explains_it(out: Outgoing) -> None:
    note(out, 3)
    out.close(out.before("a"), 3)
    out.sell("100", "a", 1)
    assert (out.state("a")["gap"], findings(out.conn)) == (-1, [("drift", "a@")])
    out.sell("101", "a", 1)
    assert (out.numbers("a"), out.state("a")["gap"], out.state("a")["asked_at"], findings(out.conn)) == ((3, 3, False), 0, None, [])


def test_an_adoption_is_given_back_to_the_order_that_it_was(out: Outgoing) -> None:
    sold_at = out.now
    out.later(minutes=10)
    note(out, 3)
    out.close(out.before("a"), 3, on_edit=ADOPT)
    out.sell("100", "a", 1, at=sold_at)
    found = level(out.conn, "A")
    assert (found.on_hand, found.hard, out.state("a")["adopted"], out.numbers("a")) == (4, 1, -1, (3, 3, False))
    assert audit(out.conn) == []


def test_an_order_after_an_adoption_is_an_order_of_its_own(out: Outgoing) -> None:
    note(out, 3)
    out.close(out.before("a"), 3, on_edit=ADOPT)
    out.sell("100", "a", 1, at=out.now + SECOND)
    found = level(out.conn, "A")
    assert (found.on_hand, found.hard, out.state("a")["adopted"], out.numbers("a")) == (3, 1, -2, (2, 2, False))


# -- the first book ------------------------------------------------------------------------------------------------------------------------


def test_a_book_opens_with_its_first_closed_bracket_and_an_order_in_between_keeps_it_shut(conn: Connection, out: Outgoing) -> None:
    put(conn, "D", 5)
    listings.upsert(conn, out.channel, [Listing("d", "D")], out.now)
    matching.match(conn, out.channel, out.now)
    before = out.before("d")
    assert wanted(out) == ["d"]
    out.sell("100", "d", 1)
    assert out.close(before, 4) is Closing.OPEN
    before = out.before("d")
    assert out.close(before, 4, shop_at=out.now + SECOND) is Closing.OPENED
    assert (out.numbers("d"), entries(out, "d")) == ((4, 4, False), [("opening", 4)])
    assert out.close(before, 9) is Closing.OPEN, "it was opened meanwhile"
