"""Two nodes on one database take the same rows in the same order: levels, then shelves. PostgreSQL ends a deadlock, and one of them starts again."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, Engine

from channelsync.contract import OrderState
from channelsync.ledger import orders, reservations, stock
from channelsync.ledger.audit import audit
from channelsync.ledger.orders import Sighting
from channelsync.ledger.reserving import Line, Reserve
from channelsync.ledger.stock import Change
from support.routing import Store, open_store, sold
from support.selling import line, open_shop, order
from support.stock import NOW

ROUNDS = 60


def again_and_again(engine: Engine, failures: list[str], rounds: int, work: Callable[[Connection, int], None]) -> None:
    for number in range(rounds):
        try:
            with engine.begin() as conn:
                work(conn, number)
        except Exception as error:
            failures.append(f"round {number}: {error}")


def both_at_once(engine: Engine, *works: tuple[int, Callable[[Connection, int], None]]) -> None:
    """Each as a node of its own, so many rounds of it. None fails."""
    failures = list[str]()
    nodes = [threading.Thread(target=again_and_again, args=(engine, failures, *work)) for work in works]
    for node in nodes:
        node.start()
    for node in nodes:
        node.join(timeout=120)
    assert failures == []


@pytest.mark.parametrize("dialect", ["postgresql"])
@pytest.mark.parametrize("routed", [False, True], ids=["", "routed"])
def test_an_order_and_a_change_of_stock_never_wait_for_each_other_in_a_ring(engine: Engine, *, routed: bool) -> None:
    """An order that grows, by units and by a line, and is cancelled, over and over."""
    with engine.begin() as conn:
        store = open_store(conn, A=(500, 500, 500), B=(500, 500, 500))
        if not routed:
            store.route()

    def sell(conn: Connection, number: int) -> None:
        mine, ref = Store(conn, store.channel, store.ids, reads=number, minutes=number), f"{number // 3}"
        match number % 3:
            case 0:
                mine.see(sold("a", 1, ref="1"), ref=ref)
            case 1:
                mine.see(sold("a", 2, ref="1"), sold("b", 1, ref="2"), ref=ref)
            case _:
                gone = [sold(listing, units, ref=line, took=0, cancelled=units) for line, listing, units in (("1", "a", 2), ("2", "b", 1))]
                mine.see(*gone, ref=ref, state=OrderState.CANCELLED)

    def adjust(conn: Connection, _number: int) -> None:
        stock.adjust(conn, [Change(sku, code, 1, reason="found") for sku in "AB" for code in ("main", "berlin", "hamburg")], NOW)

    both_at_once(engine, (ROUNDS, sell), (2 * ROUNDS, adjust))
    with engine.begin() as conn:
        store.conn = conn
        store.proven()


@pytest.mark.parametrize("dialect", ["postgresql"])
def test_a_page_of_orders_with_carts_takes_its_levels_in_one_order(engine: Engine) -> None:
    """The first order's cart holds what comes last by its key, the second's what comes first."""
    with engine.begin() as conn:
        channel = open_shop(conn, on_hand=10_000).channel

    def sell(conn: Connection, number: int) -> None:
        carts = [(f"{number}-{sku}", sku, listing) for sku, listing in (("B", "b"), ("A", "a"))]
        told = [order(line(listing), ref=cart, reservation_ref=cart) for cart, _, listing in carts]
        if number % 2:
            orders.apply(conn, [Sighting(channel, each, 1) for each in told], NOW)
        else:
            reservations.reserve(conn, [Reserve(f"{number + 1}-{sku}", (Line(sku, "main", 1),)) for _, sku, _ in carts], NOW)

    def adjust(conn: Connection, _number: int) -> None:
        stock.adjust(conn, [Change(sku, "main", 1, reason="found") for sku in "AB"], NOW)

    both_at_once(engine, (2 * ROUNDS, sell), (4 * ROUNDS, adjust))
    with engine.begin() as conn:
        assert audit(conn) == []
