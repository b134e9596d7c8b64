"""Whatever comes and goes between counting and applying, told in whatever order and however late: who counted right ends with what is really there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from channelsync.ledger import reservations, since, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.counts import judging, pages
from channelsync.ledger.counts.applying import Apply, Cancel, apply_sheet, cancel_sheet
from channelsync.ledger.counts.entering import Counted, Enter, enter_counts
from channelsync.ledger.counts.opening import Open, open_sheet
from channelsync.ledger.counts.sheets import reference
from channelsync.ledger.fulfilment import Fulfil, fulfil
from channelsync.ledger.holds import Which
from channelsync.ledger.policies import SetPolicy, set_policy
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.reservations import Line, Reserve
from channelsync.ledger.schema import count_lines, count_sheets, findings, idempotency_keys, movements, skus, stock_levels
from channelsync.ledger.skus import Backorder
from channelsync.ledger.stock import Change, WriteOff
from support.stock import NOW, assert_adds_up, level, open_locations, put

MINUTE = timedelta(minutes=1)
SKUS = st.sampled_from(["A", "B"])
PLACES = st.sampled_from(["main", "annex"])
UNITS = st.integers(0, 9)
WHEN = st.integers(0, 20)
"""Minutes after NOW."""
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Event:
    """Something that really happens to units of a shelf, and when the ledger is told of it: as it happens, or later."""

    kind: str
    sku: str
    units: int
    at: int
    late: int

    @property
    def told(self) -> int:
        return self.at + self.late


EVENT = st.builds(
    Event, st.sampled_from(["receive", "ship", "break", "restock", "adjust", "reserve"]), SKUS, st.integers(1, 6), WHEN, st.integers(0, 15)
)


@pytest.mark.timeout(300)
def test_who_counted_right_ends_with_what_is_there(conn: Connection) -> None:
    search(conn, max_examples=40)


FLAWS: dict[str, tuple[Any, str, Any]] = {
    "forgets what has moved since": (judging, "since_each", lambda _conn, _instants: {}),
    "looks at what was told since, not at what has happened": (since, "TOLD_EARLY", -timedelta(minutes=10)),
    "takes a shortage for units that came": (since, "NOBODY_CAME", since.SETTING),
    "takes the earliest time for all lines": (
        judging,
        "since_each",
        lambda conn, instants: since.since(conn, instants, min(instants.values())),
    ),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("dialect", ["sqlite"])
@pytest.mark.parametrize("flaw", FLAWS)
def test_a_planted_mistake_is_found(conn: Connection, flaw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*FLAWS[flaw])
    with pytest.raises(AssertionError):
        search(conn, max_examples=400, phases=[Phase.generate])


def search(conn: Connection, **more: Any) -> None:
    @settings(deadline=None, database=None, **more)
    @given(
        truth=st.tuples(st.integers(5, 20), st.integers(5, 20)),
        wrong=st.tuples(st.integers(-4, 4), st.integers(-4, 4)),
        events=st.lists(EVENT, max_size=12),
        counted=st.tuples(WHEN, WHEN),
        entered=st.integers(0, 10),
    )
    def lived(truth: tuple[int, int], wrong: tuple[int, int], events: list[Event], counted: tuple[int, int], entered: int) -> None:
        world = conn.begin_nested()
        try:
            _story(conn, truth, wrong, events, counted, entered)
        finally:
            world.rollback()

    lived()


def _story(
    conn: Connection, truth: tuple[int, int], wrong: tuple[int, int], events: list[Event], counted: tuple[int, int], entered: int
) -> None:
    """The ledger begins with wrong numbers, as ledgers do. It is applied when everything that happened has been told, and the numbers are true."""
    open_locations(conn, "main", "annex")
    real = dict(zip("AB", truth, strict=True))
    for (sku, units), error in zip(real.items(), wrong, strict=True):
        put(conn, sku, max(0, units + error))
    (sheet,) = open_sheet(conn, [Open("main", ("A", "B"))], NOW)
    number = sheet.number  # type: ignore[union-attr]
    history = _lived(real, events)
    seen = {sku: _truth(real, history, sku, minute) for sku, minute in zip("AB", counted, strict=True)}
    lines = tuple(Counted(sku, seen[sku], _at(minute)) for sku, minute in zip("AB", counted, strict=True))
    _tell(conn, [event for event in history if event.told <= max(counted) + entered])
    _well(enter_counts(conn, [Enter(number, lines)], _at(max(counted) + entered)))
    _tell(conn, [event for event in history if event.told > max(counted) + entered])
    planned = {row.sku: row.becomes for row in pages.plan(conn, number).lines}
    (done,) = apply_sheet(conn, [Apply(number)], _at(60))
    assert not isinstance(done, Refusal), (done, history)
    for sku in "AB":
        assert level(conn, sku).on_hand == _truth(real, history, sku, 60) == planned[sku], (sku, history)
    assert audit(conn) == []
    assert_adds_up(conn)


def _at(minute: int) -> datetime:
    """Between two events: counting and shipping in the same instant has no order."""
    return NOW + minute * MINUTE + timedelta(seconds=30)


def _lived(real: dict[str, int], events: list[Event]) -> list[Event]:
    """What really could happen: nothing leaves a shelf that is not on it."""
    there, lived = dict(real), []
    for event in sorted(events, key=lambda event: event.at):
        if event.kind in {"ship", "break", "adjust"} and event.units > there[event.sku]:
            continue
        there[event.sku] += _effect(event)
        lived.append(event)
    return lived


def _effect(event: Event) -> int:
    return {"receive": event.units, "restock": event.units, "reserve": 0}.get(event.kind, -event.units)


def _truth(real: dict[str, int], history: list[Event], sku: str, minute: int) -> int:
    return real[sku] + sum(_effect(event) for event in history if event.sku == sku and event.at <= minute)


def _tell(conn: Connection, events: list[Event]) -> None:
    for event in sorted(events, key=lambda event: event.told):
        _tell_one(conn, event)


def _tell_one(conn: Connection, event: Event) -> None:
    now, at = _at(event.told) - timedelta(seconds=10), NOW + event.at * MINUTE
    name = f"{event.kind}-{event.sku}-{event.at}-{event.late}-{event.units}"
    change = Change(event.sku, "main", event.units, reason="x", occurred_at=at)
    if event.kind in {"break", "adjust"} and level(conn, event.sku).on_hand < event.units:
        _ship(conn, event, name, at, now)  # its number is too low: only a shipment may take what it does not know of
    elif event.kind == "receive":
        _well(stock.receive(conn, [change], now))
    elif event.kind == "restock":
        _well(stock.take_back(conn, [change], now))
        _well(stock.restock(conn, [change], now))
    elif event.kind == "break":
        _well(stock.write_off(conn, [WriteOff(event.sku, "main", event.units, "", "x", "", at, bucket="on_hand")], now))
    elif event.kind == "adjust":
        _well(stock.adjust(conn, [Change(event.sku, "main", -event.units, reason="x", occurred_at=at)], now))
    elif event.kind == "ship":
        _ship(conn, event, name, at, now)
    else:
        reservations.reserve(conn, [Reserve(name, (Line(event.sku, "main", event.units),))], now)


def _ship(conn: Connection, event: Event, name: str, at: datetime, now: datetime) -> None:
    """Whatever is promised: a unit that is in the parcel is gone, and what the ledger had not known of is a shortage."""
    missing = event.units - level(conn, event.sku).available
    if missing > 0:
        only_backorders(conn, event.sku)
    _well(reservations.reserve(conn, [Reserve(name, (Line(event.sku, "main", event.units),), "hard")], now))
    _well(fulfil(conn, [Fulfil(Which(reference=name), occurred_at=at)], now))


def only_backorders(conn: Connection, sku: str) -> None:
    _well(set_policy(conn, [SetPolicy(sku, Backorder.ALLOW)], NOW))


def _well(answers: Any) -> None:
    (answer,) = answers
    assert not isinstance(answer, Refusal), answer


STEP = st.one_of(
    st.builds(Open, PLACES, st.lists(SKUS, unique=True, max_size=2).map(tuple), empty=st.just(False)),
    st.builds(
        Enter,
        st.integers(1, 3),
        st.lists(
            st.builds(Counted, SKUS, st.none() | UNITS, st.none() | WHEN.map(_at)), min_size=1, max_size=2, unique_by=lambda line: line.sku
        ).map(tuple),
    ),
    st.builds(Apply, st.integers(1, 3), st.booleans(), st.booleans()),
    st.builds(Apply, st.integers(1, 3), st.booleans(), st.booleans()),
    st.builds(Cancel, st.integers(1, 3)),
    st.builds(Change, SKUS, PLACES, UNITS, occurred_at=st.none() | WHEN.map(_at)),
)
TOUCHED = (count_sheets, count_lines, movements, stock_levels, skus, findings, idempotency_keys)
VERBS = {Open: open_sheet, Enter: enter_counts, Apply: apply_sheet, Cancel: cancel_sheet, Change: stock.count}


@pytest.mark.timeout(300)
@SLOW
@given(st.lists(STEP, max_size=20))
def test_sheets_and_the_log_agree_and_a_refusal_changes_nothing(conn: Connection, steps: list[Any]) -> None:
    with conn.begin_nested() as world:
        open_locations(conn, "main", "annex")
        put(conn, "A", 5)
        put(conn, "B", 5, "annex")
        first = _sheets_begin(conn)
        for minute, step in enumerate(steps):
            asked = replace(step, number=step.number + first) if hasattr(step, "number") else step
            before = _everything(conn)
            verb: Any = VERBS[type(step)]
            (answer,) = verb(conn, [asked], _at(21 + minute))
            if isinstance(answer, Refusal):
                assert _everything(conn) == before, (asked, answer)
        _agree(conn)
        assert audit(conn) == []
        assert_adds_up(conn)
        world.rollback()


def _sheets_begin(conn: Connection) -> int:
    """Numbers are not given again when a world is rolled back on PostgreSQL: how many were given before."""
    (sheet,) = open_sheet(conn, [Open("main", ("A",))], NOW)
    return int(sheet.number) - 1  # type: ignore[union-attr]


def _everything(conn: Connection) -> dict[str, list[Any]]:
    """Whatever a count can touch; but levels of nothing: looking at a level makes its row."""
    rows = {table.name: sorted(tuple(map(str, row)) for row in conn.execute(select(table))) for table in TOUCHED}
    return rows | {"stock_levels": [row for row in rows["stock_levels"] if set(row[2:]) != {"0"}]}


def _agree(conn: Connection) -> None:
    logged: dict[tuple[str, int], int] = defaultdict(int)
    for name, sku_id, units in conn.execute(
        select(movements.c.reference, movements.c.sku_id, movements.c.on_hand).where(movements.c.reference != "")
    ):
        logged[name, sku_id] += units
    lines = conn.execute(select(count_lines).where(count_lines.c.difference.is_not(None)))
    assert {(reference(row.sheet_id), row.sku_id): row.difference for row in lines} == dict(logged)
