"""All documents at once on the same shelves, in whatever order: each level is what a notebook says that is kept beside the ledger, nothing is claimed
twice, and whoever counts everything in the end has the ledger agree with what lies there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from channelsync.ledger import fulfilment, reservations
from channelsync.ledger.audit import audit
from channelsync.ledger.counts import applying, entering, opening
from channelsync.ledger.counts.opening import Open
from channelsync.ledger.documents.lines import Line
from channelsync.ledger.holds import Which
from channelsync.ledger.purchasing import drafting, ordering
from channelsync.ledger.purchasing import receiving as receipts
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.returns import expecting, inspecting
from channelsync.ledger.returns import receiving as returned
from channelsync.ledger.returns.inspecting import Decision, Outcome
from channelsync.ledger.transfers import drafting as transfers
from channelsync.ledger.transfers import receiving as landing
from channelsync.ledger.transfers import shipping
from channelsync.ledger.verifier import verify
from support.stock import NOW, assert_adds_up, level, open_locations, put, want

SKUS, PLACES = ("A", "B"), ("main", "annex")
Key = tuple[str, str]


@dataclass(frozen=True)
class Step:
    """What is done, and to what; each deed reads as much of it as it needs. which: among the open documents of its kind, by place."""

    deed: str
    sku: str
    place: str
    units: int
    which: int


@dataclass
class Notebook:
    """What the ledger should say, and `there`: what truly lies on the shelf, of which it only hears by counts."""

    on_hand: defaultdict[Key, int] = field(default_factory=lambda: defaultdict(int))
    there: defaultdict[Key, int] = field(default_factory=lambda: defaultdict(int))
    incoming: defaultdict[Key, int] = field(default_factory=lambda: defaultdict(int))
    quarantined: defaultdict[Key, int] = field(default_factory=lambda: defaultdict(int))
    damaged: defaultdict[Key, int] = field(default_factory=lambda: defaultdict(int))
    held: defaultdict[Key, int] = field(default_factory=lambda: defaultdict(int))
    moves: list[tuple[datetime, Key, int]] = field(default_factory=list)
    counted: dict[Key, datetime] = field(default_factory=dict)  # when the last of the counts was made that are applied

    def moved(self, at: datetime, key: Key, units: int) -> None:
        """Units came or went, and both sides know it. More than the ledger has may go: somebody had not counted them."""
        self.on_hand[key] = max(0, self.on_hand[key] + units)
        self.there[key] += units
        self.moves.append((at, key, units))

    def since(self, instant: datetime, key: Key) -> int:
        return sum(units for at, where, units in self.moves if where == key and at > instant)


class BackRoom:
    """Runs steps against the ledger and says in the notebook what they mean. A refusal is foreseen, or it is a failure."""

    def __init__(self, conn: Connection) -> None:
        self._conn, self.now, self.book = conn, NOW, Notebook()
        self._coming: list[tuple[int, Key, int]] = []  # purchase order or transfer, where to, still to come
        self._under_way: list[tuple[int, Key, int]] = []
        self._carts: list[tuple[str, Key, int]] = []
        self._sheets: list[tuple[int, Key, int, datetime]] = []
        self._waiting: list[tuple[int, Key, int]] = []
        open_locations(conn, *PLACES)
        for sku in SKUS:
            put(conn, sku, 3)
            self.book.on_hand[sku, "main"] = self.book.there[sku, "main"] = 3

    def run(self, step: Step) -> None:
        self.now += timedelta(minutes=1)
        deed: Callable[[Step], None] = getattr(self, step.deed)
        deed(step)
        self._as_in_the_notebook()

    # -- deeds -------------------------------------------------------------------------------------------------------------------------------

    def buy(self, step: Step) -> None:
        key = step.sku, step.place
        number = self._do(drafting.draft, drafting.Draft(step.place, (drafting.Wanted(step.sku, step.units),))).number
        self._do(ordering.order, ordering.Order(number))
        self.book.incoming[key] += step.units
        self._coming.append((number, key, step.units))

    def arrive(self, step: Step) -> None:
        if self._coming:
            number, key, due = self._coming.pop(step.which % len(self._coming))
            self._do(receipts.receive, receipts.Receive(number, (receipts.Arrived(key[0], step.units),), over=True))
            self._came(self._coming, number, key, due, step.units)

    def send(self, step: Step) -> None:
        key, there = (step.sku, step.place), (step.sku, PLACES[1 - PLACES.index(step.place)])
        if self.book.there[key] < step.units:
            return  # nobody can send what is not there
        number = self._do(transfers.draft, transfers.Draft(*(key[1], there[1]), (Line(step.sku, step.units),))).number
        if self._do(shipping.ship, shipping.Ship(number), refused=self.book.on_hand[key] - self.book.held[key] < step.units):
            self.book.moved(self.now, key, -step.units)
            self.book.incoming[there] += step.units
            self._under_way.append((number, there, step.units))

    def land(self, step: Step) -> None:
        if self._under_way:
            number, key, due = self._under_way.pop(step.which % len(self._under_way))
            self._do(landing.receive, landing.Receive(number, (Line(key[0], step.units),), over=True))
            self._came(self._under_way, number, key, due, step.units)

    def lose(self, step: Step) -> None:
        if self._under_way:
            number, key, due = self._under_way.pop(step.which % len(self._under_way))
            self._do(landing.close, landing.Close(number))
            self.book.incoming[key] -= due

    def sell(self, step: Step) -> None:
        key, cart = (step.sku, step.place), f"cart-{self.now}"
        short = self.book.on_hand[key] - self.book.held[key] < step.units
        if self._do(reservations.reserve, want(step.sku, step.units, cart, step.place), refused=short):
            self.book.held[key] += step.units
            self._carts.append((cart, key, step.units))

    def pack(self, step: Step) -> None:
        if self._carts:
            cart, key, units = self._carts.pop(step.which % len(self._carts))
            self._do(fulfilment.fulfil, fulfilment.Fulfil(Which(reference=cart)))
            self.book.held[key] -= units
            self.book.moved(self.now, key, -units)

    def vanish(self, step: Step) -> None:
        """Nobody says so."""
        self.book.there[step.sku, step.place] -= min(step.units, max(0, self.book.there[step.sku, step.place]))

    def turn_up(self, step: Step) -> None:
        self.book.there[step.sku, step.place] += step.units

    def count(self, step: Step) -> None:
        key = step.sku, step.place
        number = self._do(opening.open_sheet, Open(step.place, (step.sku,))).number
        units = max(0, self.book.there[key])
        self._do(entering.enter_counts, entering.Enter(number, (entering.Counted(step.sku, units, self.now),)))
        self._sheets.append((number, key, units, self.now))

    def settle(self, step: Step) -> None:
        """A sheet is applied. One that was counted before another that was applied since is worth nothing."""
        if not self._sheets:
            return
        number, key, units, at = self._sheets.pop(step.which % len(self._sheets))
        known = units + self.book.since(at, key)
        if self._do(applying.apply_sheet, applying.Apply(number), refused=known < 0 or self.book.counted.get(key, NOW) > at):
            self.book.on_hand[key], self.book.counted[key] = known, at

    def give_back(self, step: Step) -> None:
        """A customer does."""
        key = step.sku, step.place
        number = self._do(expecting.expect, expecting.Expect(step.place, (Line(step.sku, step.units),))).number
        self._do(returned.receive, returned.Receive(number))
        self.book.quarantined[key] += step.units
        self._waiting.append((number, key, step.units))

    def inspect(self, step: Step) -> None:
        """One piece: on sale again, broken, or back to whom it was bought from."""
        if not self._waiting:
            return
        number, key, waits = self._waiting.pop(step.which % len(self._waiting))
        outcome = list(Outcome)[step.units % len(Outcome)]
        self._do(inspecting.inspect, inspecting.Inspect(number, (Decision(key[0], 1, outcome),), reason="as it is"))
        self.book.quarantined[key] -= 1
        if outcome is Outcome.RESTOCK:
            self.book.moved(self.now, key, 1)
        self.book.damaged[key] += outcome is Outcome.WRITE_OFF
        if waits > 1:
            self._waiting.append((number, key, waits - 1))

    def count_everything(self) -> None:
        """What is on no open sheet, and lies there; then the ledger knows what is there."""
        for place in PLACES:
            self.now += timedelta(minutes=1)
            number = self._do(opening.open_sheet, Open(place, SKUS)).number
            lines = tuple(entering.Counted(sku, max(0, self.book.there[sku, place]), self.now) for sku in SKUS)
            self._do(entering.enter_counts, entering.Enter(number, lines))
            self._do(applying.apply_sheet, applying.Apply(number))
            for sku in SKUS:
                self.book.on_hand[sku, place] = max(0, self.book.there[sku, place])
        self._as_in_the_notebook()

    # -- helpers -----------------------------------------------------------------------------------------------------------------------------

    def _came(self, open_: list[tuple[int, Key, int]], number: int, key: Key, due: int, units: int) -> None:
        self.book.moved(self.now, key, units)
        self.book.incoming[key] -= min(due, units)
        if due > units:
            open_.append((number, key, due - units))

    def _do(self, verb: Any, item: Any, *, refused: bool = False) -> Any:
        """The answer, or None for a refusal that was foreseen."""
        [answer] = verb(self._conn, [item], self.now)
        assert isinstance(answer, Refusal) == refused, f"{verb.__name__} {item}: {answer}"
        return None if refused else answer

    def _as_in_the_notebook(self) -> None:
        for key in ((sku, place) for sku in SKUS for place in PLACES):
            now, book = level(self._conn, *key), self.book
            told = now.on_hand, now.soft, now.incoming, now.quarantined, now.damaged
            wanted = book.on_hand[key], book.held[key], book.incoming[key], book.quarantined[key], book.damaged[key]
            assert told == wanted, f"{key}: on hand, held, incoming, quarantined, damaged"


DEEDS = (
    "buy", "arrive", "send", "land", "lose", "sell", "pack", "vanish", "turn_up", "count", "count", "settle", "settle", "give_back", "inspect",
)  # fmt: skip
STEPS = st.lists(
    st.builds(Step, st.sampled_from(DEEDS), st.sampled_from(SKUS), st.sampled_from(PLACES), st.integers(1, 3), st.integers(0, 5)),
    min_size=8,
    max_size=30,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_documents_of_all_kinds_share_the_shelves(conn: Connection, steps: list[Step]) -> None:
    with conn.begin_nested() as savepoint:
        room = BackRoom(conn)
        for step in steps:
            room.run(step)
        room.count_everything()
        assert_adds_up(conn)
        assert audit(conn) == []
        assert verify(conn, room.now).mismatches == ()
        savepoint.rollback()
