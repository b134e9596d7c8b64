"""A page of orders is what its orders are one by one: the same ledger, the same numbers to show, and as many rises counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, update

from channelsync.contract import Effect, OrderSnapshot, OrderState
from channelsync.ledger import bundling, orders, reservations
from channelsync.ledger.audit import audit
from channelsync.ledger.bundling import Define, Part
from channelsync.ledger.order_policy import OrderPolicy, Restock, Unpaid, as_row
from channelsync.ledger.orders import Sighting, Verdict
from channelsync.ledger.reserving import Line, Reserve
from channelsync.ledger.schema import channels, listings, shelves, skus
from channelsync.ledger.schema import findings as table
from support.order_lives import lives
from support.selling import MINUTE, Shop, line, open_shop, order, picture
from support.stock import NOW

POLICIES = st.builds(OrderPolicy, st.sampled_from(Restock), st.sampled_from(Unpaid))


CLAIM = "cart"
"""What a storefront has reserved for an order, or for two that say so."""


@dataclass(frozen=True)
class Start:
    """As the orders find it. gap: suspended at each shelf; adopted: of each, by hand edits before; seen: minutes from NOW to the reading that replaced
    the books. unread: the shelf of "b" has no book yet. cart: units of A that the storefront holds.
    """

    on_hand: int = 20
    gap: int = 0
    adopted: int = 0
    seen: int = -24 * 60
    unread: bool = False
    cart: int = 0

    def make(self, conn: Connection) -> Shop:
        shop = open_shop(conn, on_hand=self.on_hand, shows=20, unread="b" if self.unread else "")
        bundling.define(conn, [Define("KIT", (Part("A", 2), Part("B", 1)))], NOW)
        shop.link("loose", "KIT")
        if self.cart:
            reservations.reserve(conn, [Reserve(CLAIM, (Line("A", "main", self.cart),))], NOW)
        since = NOW - MINUTE if self.gap else None
        opened = update(shelves).where(shelves.c.book.is_not(None))
        conn.execute(opened.values(gap=self.gap, gap_since=since, rebased_at=NOW + self.seen * MINUTE))
        not_a_bundle = shelves.c.listing_id.in_(select(listings.c.id).where(listings.c.ref != "loose"))
        conn.execute(opened.where(not_a_bundle).values(adopted=self.adopted))
        return shop


STARTS = st.builds(
    Start,
    st.sampled_from([3, 20]),
    st.integers(-6, 6),
    st.integers(-4, 4),
    st.sampled_from([-24 * 60, 1, 4]),
    st.booleans(),
    st.integers(0, 3),
)


@st.composite
def courses(draw: st.DrawFn) -> list[OrderSnapshot]:
    """What three orders go through, told in one go: each order's own versions in their order."""
    left = []
    for ref in ("100", "101", "102"):
        claim = draw(st.sampled_from([None, CLAIM]))
        left.append([replace(version, ref=ref, reservation_ref=claim) for version in draw(lives(("a", "b", "six", "loose")))])
    told = []
    while any(left):
        told.append(draw(st.sampled_from([versions for versions in left if versions])).pop(0))
    return told


def applied(
    conn: Connection, snapshots: list[OrderSnapshot], policy: OrderPolicy, page: int, start: Start | None = None
) -> tuple[dict[str, Any], list[int], list[Verdict]]:
    """What is left behind, the rises of each shelf and the verdicts; the ledger is as before."""
    with conn.begin_nested() as savepoint:
        shop = (start or Start()).make(conn)
        conn.execute(update(channels).values(**as_row(policy)))
        before = _rises(conn)
        seen = [Sighting(shop.channel, snapshot, number) for number, snapshot in enumerate(snapshots, 1)]
        verdicts = [result.verdict for at in range(0, len(seen), page) for result in orders.apply(conn, seen[at : at + page], NOW)]
        assert audit(conn) == []
        rises = [after - count for after, count in zip(_rises(conn), before, strict=True)]
        found = _left_behind(conn, shop), rises, verdicts
        savepoint.rollback()
    return found


def _left_behind(conn: Connection, shop: Shop) -> dict[str, Any]:
    gaps = select(shelves.c.gap, shelves.c.gap_since, shelves.c.adopted, shelves.c.due, shelves.c.own_seq > 0).order_by(shelves.c.id)
    found = select(table.c.kind, table.c.reference, skus.c.sku, table.c.detail, table.c.resolved_at)
    rows = conn.execute(found.join(skus, skus.c.id == table.c.sku_id).order_by(table.c.id)).all()
    return {
        **picture(conn),
        "moves": shop.moves(),
        "gaps": [tuple(row) for row in conn.execute(gaps)],
        "findings": [(*row[:3], {name: value for name, value in row[3].items() if name != "location_id"}, row[4]) for row in rows],
    }


def _rises(conn: Connection) -> list[int]:
    return list(conn.scalars(select(shelves.c.rises).order_by(shelves.c.id)))


SOLD_AND_GIVEN_BACK = [
    order(line("a", 3), ref="100"),
    order(line("a", 4), ref="101"),
    order(line("a", 4, cancelled=4), ref="101", state=OrderState.CANCELLED, at=NOW + MINUTE),
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(courses(), POLICIES, st.integers(2, 6), STARTS)
@example(SOLD_AND_GIVEN_BACK, OrderPolicy(), 6, Start())
@example(SOLD_AND_GIVEN_BACK, OrderPolicy(), 6, Start(gap=-5))
def test_a_page_is_its_orders_one_by_one(
    conn: Connection, snapshots: list[OrderSnapshot], policy: OrderPolicy, page: int, start: Start
) -> None:
    assert applied(conn, snapshots, policy, page, start) == applied(conn, snapshots, policy, 1, start)


def test_what_two_orders_explain_of_a_gap_is_not_their_sum(conn: Connection) -> None:
    """The shop shows five less than we believe: three of them were the first order's, and what another gave back explains nothing of them."""
    given_back = order(line("a", 2, took=0), ref="101")
    told = [order(line("a", 3), ref="100"), replace(given_back, lines=(replace(given_back.lines[0], effects=(Effect(-2, NOW),)),))]
    left, _, _ = applied(conn, told, OrderPolicy(), 2, Start(gap=-5))
    assert left["gaps"] == applied(conn, told, OrderPolicy(), 1, Start(gap=-5))[0]["gaps"]
    assert -2 in [gap for gap, *_ in left["gaps"]]


def test_what_falls_and_rises_within_a_page_is_counted(conn: Connection) -> None:
    _, rises, _ = applied(conn, SOLD_AND_GIVEN_BACK, OrderPolicy(), 6)
    assert any(rises)


def test_an_order_that_moves_a_number_both_ways_is_its_sum_to_the_next(conn: Connection) -> None:
    """One order drops a line of two and takes one of five instead; another's unit comes back. The shop shows five less than we believe."""
    shipped, later = line("a", shipped=1), NOW + MINUTE
    back = replace(shipped, restocked=1, effects=(*shipped.effects, Effect(-1, later)))
    told = [order(line("a", 2), ref="100"), order(shipped, ref="101")]
    told += [order(line("a", 5, ref="2", at=later), ref="100", at=later), order(back, ref="101", at=later)]
    policy, start = OrderPolicy(restock=Restock.QUARANTINE), Start(gap=-8)
    assert applied(conn, told, policy, 2, start) == applied(conn, told, policy, 1, start)
