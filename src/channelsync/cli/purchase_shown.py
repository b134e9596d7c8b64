"""Purchase orders for people: in a list, one with its lines, and after a verb."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.markup import escape

from channelsync.cli.money import known_value, worth
from channelsync.cli.show import ago, say, table
from channelsync.ledger.purchasing.pages import OrderDetail, OrderRow


def show_list(found: Sequence[OrderRow], currency: str) -> None:
    lacking = any(r.uncosted for r in found)
    rows = [
        (
            f"PO-{r.number}",
            r.state,
            r.supplier,
            r.location,
            r.ordered,
            r.received,
            r.incoming,
            r.expected_on,
            known_value(r.value, r.ordered, r.uncosted),
            *((r.uncosted,) if lacking else ()),
            ago(r.created_at),
        )
        for r in found
    ]
    value = f"value {currency}#"
    beside = ("no cost#?",) if lacking else ()
    columns = ("order", "state", "supplier", "location", "ordered#", "received#", "to come#", "expected", f"{value}?", *beside, "made?")
    table("Purchase orders", columns, rows, empty="none")


def show_one(found: OrderDetail, currency: str) -> None:
    order = found.order
    say(escape(_head(order.number, order.state, order.supplier, order.location, order.expected_on)))
    for text in (order.reference and f"reference {order.reference}", order.note):
        if text:
            say(escape(text))
    columns = ("SKU", "title?", "their code", "ordered#", "received#", "to come#", f"cost {currency}#")
    table("Lines", columns, [(r.sku, r.title, r.code, r.ordered, r.received, r.incoming, r.cost) for r in found.lines])
    say(f"value {worth(order.value, order.ordered, order.uncosted, currency)}")


def show_told(orders: list[dict[str, Any]]) -> None:
    for each in orders:
        lines = ", ".join(f"{line['ordered']} x {line['sku']}" for line in each["lines"][:10])
        more = f" and {len(each['lines']) - 10} more" if len(each["lines"]) > 10 else ""
        say(escape(f"{_head(each['number'], each['state'], each['supplier'], each['location'], each['expected_on'])}: {lines}{more}"))
    if not orders:
        say("nothing need be ordered")


def _head(number: int, state: str, supplier: str | None, location: str, expected_on: object) -> str:
    whom = f" from {supplier}" if supplier else ""
    return f"PO-{number}{whom} to {location}, {state.replace('_', ' ')}" + (f", expected {expected_on}" if expected_on else "")
