"""Another program that goes on writing a shelf: fought a few times, then named and put to a person, while lowers go on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from channelsync.contract import Outcome
from channelsync.ledger import brackets, doctoring, drifts, edits, findings
from channelsync.ledger.alert_rules import Kind, Severity, severity_of
from channelsync.ledger.audit import audit
from channelsync.ledger.brackets import Closing, EditPolicy, Seen
from channelsync.ledger.drifts import Resolve
from channelsync.ledger.schema import alerts, shelves
from support.alerts import RULES, look, told
from support.pushing import ADOPT, ASK, OVERWRITE, Outgoing, open_outgoing

MANY = edits.OVERWRITES_MAX


@pytest.fixture
def out(conn: Connection) -> Outgoing:
    return open_outgoing(conn)


def note(out: Outgoing, shows: int, ref: str = "a") -> None:
    brackets.note_readings(out.conn, [Seen(out.before(ref), shows)], out.now)


def edit(out: Outgoing, shows: int, ref: str = "a", **more: Any) -> Closing:
    """The shop is found to show that number, and nothing explains it."""
    note(out, shows, ref)
    return out.close(out.before(ref), shows, **{"on_edit": OVERWRITE, **more})


def write(out: Outgoing) -> list[tuple[str, int]]:
    """Whatever is due goes out, and the shop takes it: listing and number."""
    sent = []
    for raises in (False, True):
        call = out.arm(raises=raises)
        if call is not None:
            out.release(call.key)
            out.settle(call, [Outcome.OK for _ in call.writes])
            sent += [(each.shelf.listing, each.value) for each in call.writes]
    return sent


def fight(out: Outgoing, times: int = MANY, shows: int = 9, every: timedelta = timedelta(hours=1)) -> None:
    for _ in range(times):
        assert edit(out, shows) is Closing.OVERWRITE
        assert write(out) == [("a", 5)]
        out.now += every


def named(out: Outgoing) -> list[tuple[str, str]]:
    return [(each.kind, each.reference) for each in findings.listed(out.conn)]


def test_who_goes_on_writing_is_fought_a_few_times_and_then_named(out: Outgoing) -> None:
    began = out.now
    fight(out)
    assert named(out) == []
    assert edit(out, 8) is Closing.ASKED
    assert write(out) == [], "nothing is written over it"
    [found] = findings.listed(out.conn)
    assert (found.kind, found.reference, found.channel_id) == ("foreign_writer", "a@", out.channel)
    assert found.detail["numbers"] == [9] * MANY + [8]
    assert (found.detail["count"], found.detail["since"]) == (MANY + 1, began.isoformat(timespec="minutes"))
    assert audit(out.conn) == []


def test_the_other_shelves_are_overwritten_as_before(out: Outgoing) -> None:
    fight(out)
    edit(out, 9)
    assert edit(out, 9, "b") is Closing.OVERWRITE
    assert write(out) == [("b", 5)]


def test_sold_units_are_taken_off_what_the_other_program_has_written(out: Outgoing) -> None:
    """Lowers never wait: the difference goes out, on top of the number that nobody has decided about."""
    fight(out)
    edit(out, 9)
    out.count(A=3)
    assert write(out) == [("a", 7)]
    out.sell("100", "a", 1)
    assert write(out) == [], "the shop has taken that one itself"
    out.count(A=6)
    assert write(out) == [], "no raise while the shop shows more than we can explain"
    assert audit(out.conn) == []


def test_another_number_of_it_is_the_same_question_however_late(out: Outgoing) -> None:
    fight(out)
    edit(out, 9)
    out.later(days=3)
    assert edit(out, 7) is Closing.ASKED
    [found] = findings.listed(out.conn)
    assert (found.detail["count"], found.detail["shows"], found.detail["numbers"][-2:]) == (MANY + 2, 7, [9, 7])
    for shows in range(10, 30):
        edit(out, shows)
    [found] = findings.listed(out.conn)
    assert found.detail["numbers"] == list(range(30 - edits.NUMBERS, 30)), "the last of them"


def test_an_answer_ends_it_and_the_next_edit_asks_at_once(out: Outgoing) -> None:
    fight(out)
    edit(out, 9)
    assert drifts.resolve(out.conn, [Resolve(out.shelf("a"), EditPolicy.OVERWRITE, 9)], out.now) == ["overwrite"]
    assert named(out) == []
    assert write(out) == [("a", 5)]
    assert edit(out, 9) is Closing.ASKED


def test_an_answer_holds_when_the_program_is_gone(out: Outgoing) -> None:
    fight(out)
    edit(out, 9)
    drifts.resolve(out.conn, [Resolve(out.shelf("a"), EditPolicy.OVERWRITE, 9)], out.now)
    write(out)
    out.later(days=1, seconds=1)
    assert edit(out, 9) is Closing.OVERWRITE


def test_the_question_is_over_when_the_number_fits_again(out: Outgoing) -> None:
    fight(out)
    edit(out, 9)
    note(out, 8)
    note(out, 5)
    assert named(out) == []


def test_edits_that_are_far_apart_are_no_fight(out: Outgoing) -> None:
    fight(out, times=3 * MANY, every=edits.WINDOW / MANY)


def test_a_shop_that_nothing_is_written_to_is_not_fought(out: Outgoing) -> None:
    """Frozen, paused, or looked on at only: the book follows what the other program writes."""
    out.conn.execute(update(shelves).where(shelves.c.id == out.shelf("a")).values(frozen=True))
    for number in range(3 * MANY):
        assert edit(out, 6 + number) is Closing.OVERWRITE
    assert named(out) == []


def test_where_the_shop_is_believed_it_may_say_so_as_often_as_it_likes(out: Outgoing) -> None:
    for number in range(3 * MANY):
        assert edit(out, 6 + number, on_edit=ADOPT) is Closing.ADOPTED
    assert named(out) == []


def test_what_is_asked_anyway_is_an_ordinary_question(out: Outgoing) -> None:
    assert edit(out, 9, on_edit=ASK) is Closing.ASKED
    assert named(out) == [("drift", "a@")]


def verify(out: Outgoing, shows: int) -> Closing:
    """A write that others can slip into, and what it is found to have become."""
    call = out.arm(raises=False)
    assert call is not None
    out.release(call.key)
    out.settle(call, [Outcome.OK], atomic=False)
    return out.close(out.before("a"), shows, on_edit=OVERWRITE)


def test_who_answers_each_write_at_once_is_found_by_its_verification(out: Outgoing) -> None:
    assert edit(out, 9) is Closing.OVERWRITE
    for _ in range(MANY - 1):
        assert verify(out, 9) is Closing.RESOLVED
        out.later(minutes=20)
    assert verify(out, 9) is Closing.ASKED
    assert named(out) == [("foreign_writer", "a@")]
    assert (out.state("a")["verify"], out.state("a")["gap"], write(out)) == (False, 4, [])
    assert audit(out.conn) == []


def test_sales_that_writes_may_have_swallowed_are_nobodys_edits(out: Outgoing) -> None:
    assert edit(out, 9) is Closing.OVERWRITE
    for number in range(3 * MANY):
        out.sell(f"order-{number}", "a", 1)
        out.count(A=5 + number)
        assert verify(out, 9) is Closing.RESOLVED
        out.later(minutes=20)
    assert named(out) == []


@pytest.mark.parametrize("shows", [7, 3])
def test_a_question_outlives_the_verification_of_a_lower(out: Outgoing, shows: int) -> None:
    assert edit(out, shows, on_edit=ASK) is Closing.ASKED
    out.count(A=4)
    assert verify(out, shows - 1) is Closing.RESOLVED
    state = out.state("a")
    assert (state["book"], state["gap"], state["verify"], state["asked_at"] is not None) == (4, shows - 5, False, True)
    assert named(out) == [("drift", "a@")]


def test_a_question_that_a_verification_answers_is_asked_no_more(out: Outgoing) -> None:
    edit(out, 7, on_edit=ASK)
    out.count(A=4)
    assert verify(out, 4) is Closing.RESOLVED
    assert (out.numbers("a"), named(out)) == ((4, 4, False), [])


def test_a_question_outlives_a_lower_that_was_not_answered(out: Outgoing) -> None:
    edit(out, 7, on_edit=ASK)
    out.count(A=4)
    call = out.arm(raises=False)
    assert call is not None
    out.release(call.key)
    out.settle(call, {})
    out.later(minutes=5)
    assert out.close(out.before("a"), 6, on_edit=ASK) is Closing.RESOLVED
    assert (out.numbers("a"), out.state("a")["gap"], named(out)) == ((4, 4, False), 2, [("drift", "a@")])
    assert audit(out.conn) == []


def test_doctor_names_it(out: Outgoing) -> None:
    fight(out)
    edit(out, 8)
    told = [each for channel, each in doctoring.examine(out.conn, out.now, {"shop": {}}) if each.code == "foreign-writer"]
    assert [(each.severity, each.where) for each in told] == [("error", "a@")]
    assert "drift resolve 1 --overwrite" in told[0].remedy
    assert "6 times since" in told[0].what


def test_it_is_an_alert_that_says_who_where_and_what_to_do(out: Outgoing) -> None:
    look(out.conn, RULES, out.now)
    fight(out)
    edit(out, 8)
    assert look(out.conn, RULES, out.now) == 1
    assert told(out.conn) == [("foreign-writer", "open")]
    title = (
        "shop: another program keeps writing the number of A (a): 6 times since 2026-01-15T12:00+00:00, last 9, 9, 9, 9, 8. Nothing is written over it "
        "now; what is sold elsewhere is still taken off. Find the other program and stop it, or `channelsync freeze` the SKU; then "
        "`channelsync drift resolve 1 --overwrite|--adopt`"
    )
    assert out.conn.scalars(select(alerts.c.title)).one() == title
    assert severity_of(Kind.FOREIGN) is Severity.CRITICAL, "it shows what is not there until somebody decides"
    drifts.resolve(out.conn, [Resolve(out.shelf("a"), EditPolicy.OVERWRITE, 8)], out.now)
    look(out.conn, RULES, out.now)
    assert told(out.conn) == [("foreign-writer", "over")]
