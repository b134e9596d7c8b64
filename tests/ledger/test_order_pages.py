"""A page of orders is what its orders are one by one: the same ledger, the same numbers to show, and as many rises counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, update

from channelsync.contract import OrderSnapshot, OrderState
from channelsync.ledger import bundling, orders
from channelsync.ledger.audit import audit
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.order_policy import OrderPolicy, Restock, Unpaid, as_row
from channelsync.ledger.orders import Sighting, Verdict
from channelsync.ledger.schema import channels, shelves
from support.order_lives import lives
from support.selling import MINUTE, line, open_shop, order, picture
from support.stock import NOW

POLICIES = st.builds(OrderPolicy, st.sampled_from(Restock), st.sampled_from(Unpaid))


@st.composite
def courses(draw: st.DrawFn) -> list[OrderSnapshot]:
    """What three orders go through, told in one go: each order's own versions in their order."""
    left = [[replace(version, ref=ref) for version in draw(lives(("a", "b", "six", "loose")))] for ref in ("100", "101", "102")]
    told = []
    while any(left):
        told.append(draw(st.sampled_from([versions for versions in left if versions])).pop(0))
    return told


def applied(
    conn: Connection, snapshots: list[OrderSnapshot], policy: OrderPolicy, page: int
) -> tuple[dict[str, Any], list[int], list[Verdict]]:
    """The picture, the rises of each shelf and the verdicts; the ledger is as before."""
    with conn.begin_nested() as savepoint:
        shop = open_shop(conn, on_hand=20, shows=20)
        bundling.define(conn, [Define("KIT", (Part("A", 2), Part("B", 1)))], NOW)
        shop.link("loose", "KIT")
        conn.execute(update(channels).values(**as_row(policy)))
        before = _rises(conn)
        seen = [Sighting(shop.channel, snapshot, number) for number, snapshot in enumerate(snapshots, 1)]
        verdicts = [result.verdict for start in range(0, len(seen), page) for result in orders.apply(conn, seen[start : start + page], NOW)]
        assert audit(conn) == []
        rises = [after - count for after, count in zip(_rises(conn), before, strict=True)]
        found = picture(conn), rises, verdicts
        savepoint.rollback()
    return found


def _rises(conn: Connection) -> list[int]:
    return list(conn.scalars(select(shelves.c.rises).order_by(shelves.c.id)))


SOLD_AND_GIVEN_BACK = [
    order(line("a", 3), ref="100"),
    order(line("a", 4), ref="101"),
    order(line("a", 4, cancelled=4), ref="101", state=OrderState.CANCELLED, at=NOW + MINUTE),
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(courses(), POLICIES, st.integers(2, 6))
@example(SOLD_AND_GIVEN_BACK, OrderPolicy(), 6)
def test_a_page_is_its_orders_one_by_one(conn: Connection, snapshots: list[OrderSnapshot], policy: OrderPolicy, page: int) -> None:
    assert applied(conn, snapshots, policy, page) == applied(conn, snapshots, policy, 1)


def test_what_falls_and_rises_within_a_page_is_counted(conn: Connection) -> None:
    _, rises, _ = applied(conn, SOLD_AND_GIVEN_BACK, OrderPolicy(), 6)
    assert any(rises)
