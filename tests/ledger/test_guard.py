"""The guard against mass changes: what stops a channel, what never does, and what a person's yes lets through; on both databases."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, select, update

from channelsync.contract import Listing, Outcome
from channelsync.ledger import book, brackets, channels, findings, guard, guard_answer, listings, matching, openings
from channelsync.ledger.book import BookEntry
from channelsync.ledger.brackets import Closing, Seen
from channelsync.ledger.channels import PauseKind
from channelsync.ledger.guard import Guarded, Limits
from channelsync.ledger.guard_answer import Resume
from channelsync.ledger.openings import Opening
from channelsync.ledger.refusals import NotAllowed
from channelsync.ledger.schema import channels as channel_table
from channelsync.ledger.schema import guard_marks, guard_passes, shelves
from channelsync.ledger.schema import listings as listing_table
from support.pushing import OVERWRITE, Outgoing
from support.stock import NOW, open_channel, open_locations, put

LIMITS = Limits(least=4)
GOODS = 10


@dataclass
class Guardedshop(Outgoing):
    """Ten listings s0 to s9 of SKUs S0 to S9, five of each there, every book is 5."""

    limits: Limits = field(default=LIMITS)

    def stock_of(self, numbers: range, units: int) -> None:
        self.count(**{f"S{number}": units for number in numbers})

    def push(self, *, raises: bool = False, answer: Outcome = Outcome.OK) -> int:
        """Everything that may go goes; how many shelves went."""
        call = self.arm(raises=raises)
        if call is None:
            return 0
        released = self.release(call.key)
        assert released is not None
        self.settle(released, [answer] * len(released.writes))
        return len(released.writes)

    def read(self, numbers: range, shows: int | None) -> list[Closing]:
        """A sweep and a closed bracket over these shelves."""
        befores = [self.before(f"s{number}") for number in numbers]
        brackets.note_readings(self.conn, [Seen(before, shows) for before in befores], self.now)
        self.later(seconds=90)
        return [self.close(before, shows, on_edit=OVERWRITE) for before in befores]

    @property
    def paused(self) -> tuple[PauseKind | None, str]:
        state = channels.state_of(self.conn, self.channel)
        return state.paused_kind, state.paused_reason or ""

    def resume(self, *, accept: bool = False) -> object:
        return guard_answer.resume(self.conn, [Resume(self.channel, accept)], self.now)[0]

    def rows(self, table: object) -> int:
        return int(self.conn.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


@pytest.fixture
def shop(conn: Connection) -> Guardedshop:
    open_locations(conn, "main")
    for number in range(GOODS):
        put(conn, f"S{number}", 5)
    channel = open_channel(conn)
    conn.execute(update(channel_table).where(channel_table.c.id == channel).values(opened_at=NOW - timedelta(days=1)))
    listings.upsert(conn, channel, [Listing(f"s{number}", f"S{number}") for number in range(GOODS)], NOW)
    matching.match(conn, channel, NOW)
    query = select(shelves.c.id).join(listing_table, listing_table.c.id == shelves.c.listing_id).order_by(listing_table.c.ref)
    for shelf in conn.scalars(query).all():
        book.replace(conn, shelf, None, 5, [BookEntry(shelf, "opening", 5)], NOW)
    conn.execute(update(shelves).values(reading=5, read_at=NOW))
    guard.configure(conn, [Guarded(channel, LIMITS)], NOW)
    [lease] = channels.take_lease(conn, [channels.LeaseRequest(channel, "node-1", 3600.0)], NOW)
    assert lease is not None
    return Guardedshop(conn, channel, lease)


def test_a_plan_that_empties_the_shop_stops_it(shop: Guardedshop) -> None:
    shop.stock_of(range(4), 0)
    assert shop.arm(raises=False) is None
    kind, reason = shop.paused
    assert kind is PauseKind.GUARD
    assert "4 of 10 numbers would become 0 (S0, S1, S2, S3)" in reason
    assert "--accept" in reason
    [finding] = findings.listed(shop.conn, kind="guard")
    assert finding.detail == {"zero": {"shelves": 4, "of": 10, "first": ["S0", "S1", "S2", "S3"]}}


def test_what_is_within_the_limits_goes(shop: Guardedshop) -> None:
    shop.stock_of(range(3), 0)
    assert shop.push() == 3
    assert shop.paused[0] is None


def test_a_handful_never_stops_a_shop_however_large_its_share(shop: Guardedshop) -> None:
    guard.configure(shop.conn, [Guarded(shop.channel, Limits())], NOW)
    shop.stock_of(range(GOODS), 0)
    assert shop.push() == GOODS


def test_nothing_is_guarded_without_limits_and_zero_switches_a_check_off(shop: Guardedshop) -> None:
    guard.configure(shop.conn, [Guarded(shop.channel, replace(LIMITS, zero_share=0.0))], NOW)
    shop.stock_of(range(GOODS), 0)
    assert shop.push() == GOODS
    guard.configure(shop.conn, [Guarded(shop.channel, replace(LIMITS, multiply=0.0))], NOW)
    assert guard.limits_of(shop.conn, shop.channel + 1) is None


def test_multiplied_numbers_stop_a_shop(shop: Guardedshop) -> None:
    shop.stock_of(range(4), 50)
    assert shop.arm(raises=True) is None
    assert "4 of 10 numbers would be multiplied" in shop.paused[1]


def test_restocking_what_was_sold_out_multiplies_nothing(shop: Guardedshop) -> None:
    guard.configure(shop.conn, [Guarded(shop.channel, Limits())], NOW)
    shop.stock_of(range(GOODS), 0)
    assert shop.push() == GOODS
    guard.configure(shop.conn, [Guarded(shop.channel, LIMITS)], NOW)
    shop.stock_of(range(GOODS), 500)
    assert shop.push(raises=True) == GOODS


def test_bit_by_bit_is_one_change(shop: Guardedshop) -> None:
    for number in range(3):
        shop.stock_of(range(number, number + 1), 0)
        assert shop.push() == 1
        shop.later(minutes=5)
    shop.stock_of(range(3, 4), 0)
    assert shop.push() == 0
    assert "4 of 10" in shop.paused[1]


def test_what_was_long_ago_or_is_back_does_not_count(shop: Guardedshop) -> None:
    shop.stock_of(range(3), 0)
    assert shop.push() == 3
    shop.stock_of(range(2), 5)
    assert shop.push(raises=True) == 2
    shop.stock_of(range(3, 5), 0)
    assert shop.push() == 2, "two are back, so three are empty"
    shop.later(minutes=61)
    shop.stock_of(range(5, 8), 0)
    assert shop.push() == 3


def test_accepting_lets_exactly_this_plan_through(shop: Guardedshop) -> None:
    shop.stock_of(range(5), 0)
    assert shop.push() == 0
    refused = shop.resume()
    assert isinstance(refused, NotAllowed)
    assert "5 of 10 numbers would become 0" in str(refused)
    assert shop.paused[0] is PauseKind.GUARD
    assert shop.resume(accept=True) is True
    assert findings.listed(shop.conn, kind="guard") == []
    assert shop.push() == 5
    assert shop.rows(guard_passes) == 0, "it was answered once"
    shop.stock_of(range(5, 9), 0)
    assert shop.push() == 0, "a different plan is another question"
    assert shop.paused[0] is PauseKind.GUARD


def test_what_was_accepted_and_did_not_get_there_may_try_again(shop: Guardedshop) -> None:
    shop.stock_of(range(5), 0)
    shop.push()
    shop.resume(accept=True)
    shop.push(answer=Outcome.NOT_SENT)
    shop.later(minutes=1)
    assert shop.push() == 5


def test_a_plan_put_right_needs_no_accept(shop: Guardedshop) -> None:
    shop.stock_of(range(5), 0)
    shop.push()
    shop.stock_of(range(5), 4)
    assert shop.resume() is True
    assert shop.push() == 5


def test_the_first_plan_is_exempt_because_a_person_has_seen_it(shop: Guardedshop) -> None:
    shop.conn.execute(update(channel_table).values(opened_at=None))
    shop.stock_of(range(GOODS), 0)
    openings.open_channels(shop.conn, [Opening((shop.channel,), None)], shop.now)
    assert shop.push() == GOODS
    assert shop.paused[0] is None


def test_a_preview_lets_nothing_through(shop: Guardedshop) -> None:
    shop.conn.execute(update(channel_table).values(opened_at=None))
    shop.stock_of(range(GOODS), 0)
    openings.preview(shop.conn, [Opening((shop.channel,), None)], shop.now)
    assert shop.rows(guard_passes) == 0


# -- a shop that reads empty -------------------------------------------------------------------------------------------------------------------


def test_a_shop_that_reads_empty_stops_before_its_policy_acts(shop: Guardedshop) -> None:
    closings = shop.read(range(GOODS), 0)
    assert closings == [Closing.ASKED] * GOODS
    kind, reason = shop.paused
    assert kind is PauseKind.GUARD
    assert "10 of 10 numbers were in stock and now read empty" in reason
    assert shop.numbers("s0")[0] == 5, "no book follows"


def test_a_few_hand_edits_are_the_policys_business(shop: Guardedshop) -> None:
    assert shop.read(range(3), 0) == [Closing.OVERWRITE] * 3
    assert shop.paused[0] is None


def test_listings_that_are_gone_at_once_stop_a_shop(shop: Guardedshop) -> None:
    shop.read(range(4), None)
    assert shop.paused[0] is PauseKind.GUARD


def test_a_shop_that_reads_as_before_goes_on_without_accept(shop: Guardedshop) -> None:
    shop.read(range(GOODS), 0)
    assert isinstance(shop.resume(), NotAllowed)
    shop.read(range(GOODS), 5)
    assert shop.rows(guard_marks) == 0
    assert shop.resume() is True
    assert shop.numbers("s0") == (5, 5, False)


def test_accepting_empty_shelves_lets_the_policy_act_on_them_and_on_no_others(shop: Guardedshop) -> None:
    shop.read(range(5), 0)
    assert shop.resume(accept=True) is True
    shop.later(minutes=1)
    assert shop.read(range(5), 0) == [Closing.OVERWRITE] * 5
    shop.later(hours=1)
    assert Closing.OVERWRITE not in shop.read(range(5, GOODS), 0)


def test_what_says_nothing_any_more_is_forgotten(shop: Guardedshop) -> None:
    shop.stock_of(range(3), 0)
    shop.push()
    shop.stock_of(range(3, 9), 0)
    shop.push()
    shop.resume(accept=True)
    shop.stock_of(range(3, 9), 5)
    assert (shop.rows(guard_marks), shop.rows(guard_passes)) == (3, 6)
    guard.forget(shop.conn, [shop.channel], shop.later(days=8))
    assert (shop.rows(guard_marks), shop.rows(guard_passes)) == (0, 0)
