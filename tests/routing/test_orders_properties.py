"""Whatever becomes of routed orders and of the stock beneath them: every hold has its owner and its place, and what has left stays where it left from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Connection, select

from channelsync.contract import OrderSnapshot, OrderState, ShipTo
from channelsync.ledger import stock
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.schema import order_destinations, order_lines
from support.order_lives import STEPS, Life
from support.routing import BERLIN, POINTS, Store, open_store
from support.stock import NOW, assert_adds_up

CODES = tuple(POINTS)
TO = st.sampled_from([BERLIN, ShipTo("DE", "HH", "20095", 53.55, 9.99), ShipTo("FR"), None])


@st.composite
def days(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """What shops tell and people do, in turn; snapshots may come again, late or never."""
    lives = [Life(draw, sold=("a", "b")), Life(draw, draw(st.sampled_from([OrderState.OPEN, OrderState.PENDING])), sold=("a", "b"))]
    versions: list[OrderSnapshot] = []
    deeds: list[tuple[str, Any]] = []
    for _ in range(draw(st.integers(3, 14))):
        what = draw(st.sampled_from(("tell", "tell", "tell", "again", "count", "hand", "anew", "relieve", "switch")))
        match what:
            case "tell":
                number = draw(st.integers(0, 1))
                lives[number].take("add" if not lives[number].lines else draw(st.sampled_from(STEPS)))
                told = lives[number].version()
                lines = tuple(replace(line, location=None) for line in told.lines)
                versions.append(replace(told, ref=f"10{number}", lines=lines, ship_to=draw(TO)))
                deeds.append(("see", versions[-1]))
            case "again" if versions:
                deeds.append(("see", draw(st.sampled_from(versions))))
            case "count":
                deeds.append(("count", (draw(st.sampled_from("AB")), draw(st.sampled_from(CODES)), draw(st.integers(0, 6)))))
            case "hand":
                deeds.append(("route", (f"10{draw(st.integers(0, 1))}", draw(st.sampled_from(CODES)), draw(st.booleans()))))
            case "anew":
                deeds.append(("route", (f"10{draw(st.integers(0, 1))}", None, False)))
            case "relieve":
                deeds.append(("relieve", None))
            case "switch":
                deeds.append(("switch", draw(st.sampled_from([(), CODES, CODES[1:]]))))
    return deeds


def do(store: Store, deed: str, given: Any) -> None:
    match deed:
        case "see":
            store.apply(given)
        case "count":
            sku, location, units = given
            (answer,) = stock.count(store.conn, [stock.Change(sku, location, units)], NOW)
            assert not isinstance(answer, Refusal)
        case "route":
            order, to, anyway = given
            store.try_to_reroute(order, to=to, anyway=anyway)
        case "relieve":
            store.relieve(limit=1)
        case "switch":
            store.route(*given)


def left_from(conn: Connection) -> dict[tuple[int, str, int, int], int]:
    query = select(order_lines).where(order_lines.c.shipped > 0)
    return {(row.order_id, row.line_ref, row.sku_id, row.location_id): row.shipped for row in conn.execute(query)}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days())
def test_nothing_is_lost_whatever_happens(conn: Connection, deeds: list[tuple[str, Any]]) -> None:
    with conn.begin_nested() as savepoint:
        store = open_store(conn, A=(6, 6, 6), B=(6, 0, 6))
        for deed, told in deeds:
            before = left_from(conn)
            do(store, deed, told)
            if deed != "see":
                assert left_from(conn) == before, "what has left stays where it left from"
            assert_adds_up(conn)
        store.proven()
        kept = set(conn.scalars(select(order_destinations.c.order_id)))
        held = set(conn.scalars(select(order_lines.c.order_id).where(order_lines.c.soft + order_lines.c.hard > 0)))
        assert kept <= held, "where an order goes is known only while it holds units"
        savepoint.rollback()
