"""A buyer for the tests of purchase orders: verbs for one request, that must go well or are refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from channelsync.ledger import costs, stock_pages
from channelsync.ledger.costs import SetCost
from channelsync.ledger.purchasing import drafting, ordering, receiving, suppliers
from channelsync.ledger.purchasing.drafting import Draft, Edit, Wanted
from channelsync.ledger.purchasing.orders import Told
from channelsync.ledger.purchasing.receiving import Arrived, Received
from channelsync.ledger.refusals import Refusal
from channelsync.ledger.schema import purchase_lines, purchase_orders
from support.stock import NOW


def only(answers: Any) -> Any:
    """The answer to a batch of one, which went well."""
    (answer,) = answers
    assert not isinstance(answer, Refusal), answer
    return answer


def refused(answers: Any) -> Refusal:
    (answer,) = answers
    assert isinstance(answer, Refusal), answer
    return answer


def draft(conn: Connection, lines: dict[str, int | tuple[int, str]], location: str = "main", **more: Any) -> Told:
    answer: Told = only(drafting.draft(conn, [Draft(location, wanted(lines), **more)], NOW))
    return answer


def wanted(lines: dict[str, int | tuple[int, str]]) -> tuple[Wanted, ...]:
    """SKU -> units, or units and what one costs."""
    return tuple(Wanted(sku, *(said if isinstance(said, tuple) else (said,))) for sku, said in lines.items())


def ordered(conn: Connection, lines: dict[str, int | tuple[int, str]], location: str = "main", **more: Any) -> int:
    """The number of a purchase order that is on its way."""
    number = draft(conn, lines, location, **more).number
    only(ordering.order(conn, [ordering.Order(number)], NOW))
    return number


def arrive(conn: Connection, number: int, lines: dict[str, int | tuple[int, str]] | None = None, **more: Any) -> Received:
    return only(try_to_receive(conn, number, lines, **more))  # type: ignore[no-any-return]


def try_to_receive(
    conn: Connection, number: int, lines: dict[str, int | tuple[int, str]] | None = None, at: datetime = NOW, **more: Any
) -> Any:
    arrived = tuple(Arrived(line.sku, line.quantity, line.cost) for line in wanted(lines or {}))
    return receiving.receive(conn, [receiving.Receive(number, arrived, **more)], at)


def edit(conn: Connection, number: int, **more: Any) -> Told:
    answer: Told = only(drafting.edit(conn, [Edit(number, **more)], NOW))
    return answer


def say_cost(conn: Connection, sku: str, cost: str | None) -> None:
    only(costs.set_cost(conn, [SetCost(sku, cost)], NOW))


def cost_of(conn: Connection, sku: str) -> str | None:
    return stock_pages.one(conn, sku).unit_cost


def supplier(conn: Connection, code: str, **more: Any) -> None:
    only(suppliers.set_supplier(conn, [suppliers.SetSupplier(code, **more)], NOW))


def supply(conn: Connection, sku: str, supplier: str | None, **more: Any) -> None:
    only(suppliers.set_supply(conn, [suppliers.SetSupply(sku, supplier, **more)], NOW))


def state_of(conn: Connection, number: int) -> str:
    return str(conn.scalar(select(purchase_orders.c.state).where(purchase_orders.c.id == number)))


def to_come(conn: Connection, sku_id: int | None = None) -> int:
    """By the orders' own lines."""
    query = select(func.coalesce(func.sum(purchase_lines.c.incoming), 0))
    return int(conn.scalar(query if sku_id is None else query.where(purchase_lines.c.sku_id == sku_id)) or 0)
