"""Routed orders where another system counts: it may have shipped what a person moves away, and tells it later."""

from __future__ import annotations

from copy import deepcopy

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Connection, select

from channelsync.ledger import locations
from channelsync.ledger.audit import audit
from channelsync.ledger.locations import LocationSpec
from channelsync.ledger.routing import board, rerouting
from channelsync.ledger.routing.board import PlaceSpec
from channelsync.ledger.routing.rerouting import Reroute, Routed
from channelsync.ledger.schema import locations as location_table
from channelsync.ledger.schema import order_lines
from support.authority import SKU, Owned, open_owned
from support.stock import NOW, assert_adds_up, level, put


@pytest.fixture
def owned(conn: Connection) -> Owned:
    """A house owns main, with 30 units, and the ledger counts annex, with 10; an order of 4 is held at main and told to the house."""
    owned = open_owned(conn)
    (annex,) = locations.ensure(conn, [LocationSpec("annex", priority=1)], NOW)
    put(conn, SKU, 10, "annex")
    board.configure(conn, [PlaceSpec(owned.location), PlaceSpec(annex)], NOW)
    owned.order("100", 4)
    assert owned.export() == 1
    return owned


def move(owned: Owned, to: str) -> None:
    (answer,) = rerouting.reroute(owned.conn, [Reroute("100", to=to)], NOW)
    assert isinstance(answer, Routed), answer


def tally(owned: Owned) -> dict[str, tuple[int, int]]:
    """Hard and shipped of the order, by location."""
    query = select(location_table.c.code, order_lines.c.hard, order_lines.c.shipped)
    rows = owned.conn.execute(query.join(order_lines, order_lines.c.location_id == location_table.c.id))
    return {row[0]: (row[1], row[2]) for row in rows}


def settle(owned: Owned) -> None:
    owned.export()
    owned.hear()
    owned.read()
    assert audit(owned.conn) == []
    assert_adds_up(owned.conn)


def test_what_a_document_there_has_shipped_is_not_held_where_the_line_was_moved_to(owned: Owned) -> None:
    """Its number told it first, then a person moved the line, then its document came."""
    owned.warehouse.demand("shop/100", 4)
    owned.read()
    move(owned, "annex")
    assert tally(owned) == {"main": (0, 0), "annex": (4, 0)}, "nobody knows it yet"
    owned.hear()
    assert tally(owned) == {"main": (0, 4), "annex": (0, 0)}
    settle(owned)
    assert (owned.level.on_hand, owned.level.available, level(owned.conn, SKU, "annex").available) == (26, 26, 10)
    owned.order("100", 4, shipped=4)
    settle(owned)
    assert tally(owned) == {"main": (0, 4), "annex": (0, 0)}
    assert (owned.level.available, level(owned.conn, SKU, "annex").on_hand) == (26, 10)


def test_of_a_part_that_is_documented_the_rest_is_held(owned: Owned) -> None:
    owned.warehouse.demand("shop/100", 1)
    owned.read()
    move(owned, "annex")
    owned.hear()
    assert tally(owned) == {"main": (0, 1), "annex": (3, 0)}
    settle(owned)
    owned.order("100", 4, shipped=1)
    assert tally(owned) == {"main": (0, 1), "annex": (3, 0)}
    owned.order("100", 4, shipped=2)
    assert tally(owned) == {"main": (0, 1), "annex": (2, 1)}
    owned.order("100", 4, shipped=4)
    settle(owned)
    assert tally(owned) == {"main": (0, 1), "annex": (0, 3)}
    assert (owned.level.available, level(owned.conn, SKU, "annex").on_hand) == (29, 7)


def test_what_is_held_again_when_the_document_is_gone(owned: Owned) -> None:
    owned.warehouse.demand("shop/100", 4)
    move(owned, "annex")
    owned.hear()
    assert tally(owned) == {"main": (0, 4), "annex": (0, 0)}
    owned.warehouse.units += 4
    owned.warehouse.claims["shop/100"] = [0, 0]
    owned.hear()
    assert tally(owned) == {"main": (0, 0), "annex": (4, 0)}
    settle(owned)
    assert (owned.level.available, level(owned.conn, SKU, "annex").available) == (30, 6)


STEPS = st.one_of(
    st.tuples(st.sampled_from(["demand", "told"]), st.integers(0, 4)),
    st.tuples(st.just("move"), st.sampled_from(["main", "annex"])),
    st.tuples(st.sampled_from(["hear", "read", "export", "delete"]), st.none()),
)


def do(owned: Owned, step: str, given: int | str | None) -> None:
    key = "shop/100"
    shipped = owned.warehouse.claims[key][1]
    match step:
        case "demand" if isinstance(given, int):
            owned.warehouse.demand(key, min(given, 4 - shipped))
        case "told" if isinstance(given, int):
            owned.order("100", 4, shipped=given)
        case "move":
            rerouting.reroute(owned.conn, [Reroute("100", to=str(given))], NOW)
        case "delete":
            owned.warehouse.units += shipped
            owned.warehouse.claims[key][1] = 0
        case "hear" | "read" | "export":
            getattr(owned, step)()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=10))
def test_each_unit_is_held_or_has_left_once_whoever_says_so_first(owned: Owned, steps: list[tuple[str, int | str | None]]) -> None:
    with owned.conn.begin_nested() as savepoint:
        warehouse, seen = deepcopy(owned.warehouse), owned.seen
        for step in steps:
            do(owned, *step)
            assert sum(hard + shipped for hard, shipped in tally(owned).values()) == 4
            assert audit(owned.conn) == []
        settle(owned)
        owned.order("100", 4, shipped=4)
        assert sum(hard for hard, _ in tally(owned).values()) == 0
        settle(owned)
        savepoint.rollback()
        owned.warehouse, owned.seen = warehouse, seen
