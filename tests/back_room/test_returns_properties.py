"""Whatever is announced, received, inspected and told by a shop, in whatever order: each unit that came back counts once, and none is lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, update

from channelsync.ledger import stock
from channelsync.ledger.audit import audit
from channelsync.ledger.documents.lines import Line
from channelsync.ledger.order_policy import OrderPolicy, Restock, as_row
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.returns.expecting import Cancel, Expect, cancel, expect
from channelsync.ledger.returns.inspecting import Decision, Inspect, Outcome, inspect
from channelsync.ledger.returns.receiving import Receive, receive
from channelsync.ledger.schema import channels, metadata, movements, return_lines, returns, stock_levels
from channelsync.ledger.stock import Change
from support.selling import MINUTE, Shop, line, open_shop, order
from support.stock import NOW, assert_adds_up, level

SOLD = {"100": 6, "200": 12}
"""Units of A by order: the first as single ones, the second as two six-packs. All are shipped from main."""
UNITS = st.integers(1, 4)
WHICH = st.integers(0, 3)
"""Among the returns that were made, the newest first."""


@dataclass(frozen=True)
class Tell:
    """The shop says that so many of an order's pieces are restocked now, however many it said before."""

    order: str
    pieces: int


@dataclass(frozen=True)
class Treat:
    """Another policy for what shops tell."""

    restock: Restock


LINES = st.lists(st.builds(Line, st.just("A"), UNITS), max_size=1).map(tuple)
OUTCOMES = st.sampled_from(Outcome)
DECISIONS = st.lists(st.builds(Decision, st.just("A"), UNITS, OUTCOMES), max_size=2).map(tuple)
TELL = st.one_of(st.builds(Tell, st.just("100"), st.integers(0, 6)), st.builds(Tell, st.just("200"), st.integers(0, 2)))
STEP = st.one_of(
    TELL,
    TELL,
    st.builds(
        lambda place, units, of: Expect(place, (Line("A", units),), "shop" if of else None, of, over=True),
        st.sampled_from(["main", "annex"]),
        UNITS,
        st.sampled_from(["100", "100", "200", None]),
    ),
    st.builds(Receive, WHICH, LINES, st.booleans()),
    st.builds(Receive, WHICH, LINES, st.just(True)),
    st.builds(Inspect, WHICH, DECISIONS, st.none() | OUTCOMES, st.booleans(), reason=st.sampled_from(["", "looked at"])),
    st.builds(Cancel, WHICH),
)
BY_HAND = st.builds(lambda units, place: Change("A", place, units), UNITS, st.sampled_from(["main", "annex"]))
WRITTEN = (
    "returns",
    "return_lines",
    "movements",
    "order_lines",
    "orders",
    "shelves",
    "book_entries",
    "findings",
    "skus",
    "idempotency_keys",
)
VERBS: dict[type, Any] = {Expect: expect, Receive: receive, Inspect: inspect, Cancel: cancel}


@dataclass
class World:
    """The shop, what it has told by now, and the numbers of the returns."""

    conn: Connection
    shop: Shop
    numbers: list[int] = field(default_factory=lambda: [0])
    told: Counter[str] = field(default_factory=Counter)
    at: datetime = NOW

    def tell(self, step: Tell) -> None:
        self.at += MINUTE
        pack = 6 if step.order == "200" else 1
        pieces = SOLD[step.order] // pack
        sold = line("six" if pack == 6 else "a", pieces, took=pieces - step.pieces, shipped=pieces, restocked=step.pieces)
        self.shop.see(order(sold, ref=step.order, at=self.at))
        self.told[step.order] = step.pieces * pack

    def do(self, item: Any) -> None:
        """A refusal changes nothing."""
        if hasattr(item, "number"):
            item = replace(item, number=self.numbers[-1 - item.number % len(self.numbers)])
        before = _everything(self.conn)
        (answer,) = VERBS[type(item)](self.conn, [item], NOW)
        if isinstance(answer, Refusal):
            assert _everything(self.conn) == before, "a refusal has changed something"
        elif isinstance(item, Expect):
            self.numbers.append(answer.number)

    def treat(self, restock: Restock) -> None:
        self.conn.execute(update(channels).values(**as_row(OrderPolicy(restock=restock))))

    def documents(self) -> tuple[Counter[str | None], Counter[str]]:
        """Units received by order, and by what became of them."""
        came, became = Counter[str | None](), Counter[str]()
        refs = {row.id: row.ref for row in self.conn.execute(select(metadata.tables["orders"]))}
        for row in self.conn.execute(select(return_lines, returns.c.order_id).join(returns)).mappings():
            came[refs.get(row["order_id"])] += row["received"]
            became += Counter({name: row[name] for name in ("restocked", "written_off", "to_supplier", "received")})
        return came, became

    def held(self) -> tuple[int, int, int]:
        """On hand, quarantined and damaged, at both places."""
        both = level(self.conn, "A"), level(self.conn, "A", "annex")
        return sum(each.on_hand for each in both), sum(each.quarantined for each in both), sum(each.damaged for each in both)


def _everything(conn: Connection) -> dict[str, Any]:
    """But levels of nothing: looking at a level makes its row."""
    rows = {name: [tuple(row) for row in conn.execute(select(metadata.tables[name]))] for name in WRITTEN}
    levels = [tuple(row) for row in conn.execute(select(stock_levels).order_by(stock_levels.c.sku_id, stock_levels.c.location_id))]
    return rows | {"stock_levels": [row for row in levels if any(row[2:])]}


def _world(conn: Connection) -> World:
    world = World(conn, open_shop(conn))
    for ref in SOLD:
        world.tell(Tell(ref, 0))
    return world


PATIENT = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@PATIENT
@given(st.sampled_from(Restock), st.lists(STEP, min_size=4, max_size=16))
def test_each_unit_counts_once_and_is_where_it_was_decided(conn: Connection, restock: Restock, steps: list[Any]) -> None:
    with conn.begin_nested() as savepoint:
        world = _world(conn)
        world.treat(restock)
        began = sum(world.held())
        for step in steps:
            world.tell(step) if isinstance(step, Tell) else world.do(step)
            came, became = world.documents()
            waiting = became["received"] - became["restocked"] - became["written_off"] - became["to_supplier"]
            others = {ref: max(0, world.told[ref] - came[ref]) for ref in SOLD}  # that a shop alone knows of
            on_hand, quarantined, damaged = world.held()
            back = sum(others.values()) if restock is not Restock.NEVER else 0
            assert on_hand + quarantined + damaged == began + became["received"] - became["to_supplier"] + back
            assert on_hand == began + became["restocked"] + (back if restock is Restock.CHANNEL else 0)
            assert quarantined == waiting + (back if restock is Restock.QUARANTINE else 0)
            assert damaged == became["written_off"]
            assert _books(world) == {"a": 1_000 - 6 + world.told["100"], "six": 1_000 - 2 + world.told["200"] // 6}
        assert_adds_up(conn)
        assert audit(conn) == []
        savepoint.rollback()


def _books(world: World) -> dict[str, int | None]:
    """What the shop's shelves show: its own number moves with what it tells, and with nothing else."""
    return {ref: world.shop.book(ref) for ref in ("a", "six")}


@PATIENT
@given(st.lists(STEP | st.builds(Treat, st.sampled_from(Restock)) | BY_HAND, min_size=4, max_size=16))
def test_policies_and_hands_in_between_count_nothing_twice(conn: Connection, steps: list[Any]) -> None:
    """What a shop told while it was to stay out stays out; nobody knows which of two units is the one that has arrived. So there are bounds."""
    with conn.begin_nested() as savepoint:
        world = _world(conn)
        began = sum(world.held())
        for step in steps:
            if isinstance(step, Tell):
                world.tell(step)
            elif isinstance(step, Treat):
                world.treat(step.restock)
            elif isinstance(step, Change):
                stock.restock(conn, [step], NOW)  # out of quarantine, as far as it is no return's
            else:
                world.do(step)
            came, became = world.documents()
            least = began + became["received"] - became["to_supplier"]
            assert least <= sum(world.held()) <= least + sum(max(0, world.told[ref] - came[ref]) for ref in SOLD)
        assert audit(conn) == []
        assert_adds_up(conn)
        savepoint.rollback()


@PATIENT
@given(st.sampled_from(Restock), st.lists(st.tuples(st.sampled_from(["100", "200"]), UNITS), min_size=1, max_size=3), st.data())
def test_the_same_facts_in_another_order_are_the_same_stock(conn: Connection, restock: Restock, parcels: list[Any], data: Any) -> None:
    """Parcels that are received and inspected, and what the shop tells last of each order."""
    told = [Tell("100", data.draw(st.integers(0, 6))), Tell("200", data.draw(st.integers(0, 2)))]
    facts = [*told, *((number, of, units) for number, (of, units) in enumerate(parcels))]
    way = data.draw(st.permutations(facts))
    assert _after(conn, restock, facts) == _after(conn, restock, way)


def _after(conn: Connection, restock: Restock, facts: list[Any]) -> Any:
    with conn.begin_nested() as savepoint:
        world = _world(conn)
        world.treat(restock)
        for fact in facts:
            if isinstance(fact, Tell):
                world.tell(fact)
                continue
            number, of, units = fact
            world.do(Expect("main", (Line("A", units),), "shop", of, over=True))
            world.do(Receive(0))
            world.do(Inspect(0, (Decision("A", 1, list(Outcome)[number % 3]),), reason="looked at"))
        log = Counter(
            (row.type, row.reference) for row in conn.execute(select(movements)) if row.reference in SOLD and row.type == "return"
        )
        found = world.held(), sorted(_told_by_order(conn)), log
        savepoint.rollback()
        return found


def _told_by_order(conn: Connection) -> list[tuple[str, int]]:
    refs = {row.id: str(row.ref) for row in conn.execute(select(metadata.tables["orders"]))}
    sums = Counter[str]()
    for row in conn.execute(select(return_lines.c.told, returns.c.order_id).join(returns)):
        sums[refs[row.order_id]] += row.told
    return list(sums.items())
