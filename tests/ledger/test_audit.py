"""The auditor is audited: a ledger that lived by its verbs has no differences, and no single row can be changed behind its back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Table, and_, delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from channelsync.ledger import order_ends, reservations
from channelsync.ledger.audit import CHECKS, MAX_PER_CHECK, audit
from channelsync.ledger.schema import BUCKETS, POSTED, metadata
from channelsync.ledger.triggers import APPEND_ONLY, EVENTS
from support.stock import NOW
from support.story import live_a_day, send_back

Row = Mapping[str, Any]

NUMBERS = {
    "stock_levels": BUCKETS,
    "movements": (*BUCKETS, "sku_id", "location_id"),
    "reservations": ("quantity", "open", "sku_id", "location_id"),
    "order_lines": (*POSTED, "quantity", "took", "withheld", "debited", "sku_id", "location_id", "hold_until"),
    "book_entries": ("delta", "shelf_id"),
    "shelves": ("book", "target"),
    "attempts": ("delta", "value", "compare"),
    "transfer_lines": ("quantity", "received", "missing", "in_transit", "sku_id"),
    "transfers": ("from_id", "to_id"),
    "count_lines": ("difference", "sku_id"),
    "count_sheets": ("location_id", "closed_at"),
    "return_lines": ("received", "told", "restocked", "written_off", "to_supplier", "sku_id"),
}
"""Columns whose value is a matter of proof, by table."""

FLIPS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "shelves": {"due": lambda due: not due, "frozen": lambda frozen: not frozen},
    "reservations": {"kind": lambda kind: "hard" if kind == "soft" else "soft", "reference": lambda text: f"{text}!"},
    "movements": {"reference": lambda text: f"{text}!"},
    "transfers": {"state": lambda _: "draft"},
    "attempts": {"state": lambda state: "stale" if state == "ok" else "ok", "id": lambda text: f"{text}!"},
    "push_calls": {"state": lambda _: "settled"},
    "orders": {
        "ref": lambda text: f"{text}!",
        "state": lambda state: "open" if state == "cancelled" else "cancelled",
        "modified_at": lambda at: at + timedelta(seconds=1),
        "snapshot": lambda snapshot: snapshot | {"number": "forged"},
    },
    "order_lines": {"line_ref": lambda text: f"{text}!"},
    "order_routes": {"location_id": lambda place: place % 2 + 1},
    "book_entries": {"kind": lambda kind: "rebase" if kind in {"opening", "write"} else kind},
    "count_sheets": {"state": lambda _: "cancelled"},
    "set_aside": {"ref": lambda text: f"{text}!", "resolved_at": lambda _: NOW},
    "returns": {"state": lambda state: "received" if state == "expected" else "expected", "location_id": lambda place: place % 2 + 1},
}

DUPLICATED = ("movements", "reservations", "book_entries", "order_lines", "attempts", "return_lines")
DELETED = (*DUPLICATED, "stock_levels", "set_aside", "count_lines")


@pytest.fixture
def ledger(conn: Connection) -> Connection:
    live_a_day(conn)
    send_back(conn)
    return conn


def test_a_ledger_that_lived_by_its_verbs_has_no_differences(ledger: Connection) -> None:
    assert audit(ledger) == []
    reservations.expire(ledger, NOW + timedelta(hours=1))
    order_ends.expire_holds(ledger, 10, NOW + timedelta(hours=1))
    assert audit(ledger) == []


def test_a_reservation_and_the_order_it_became_are_one_claim(ledger: Connection) -> None:
    """The story's cart held 2 of A and 2 of B; its order wanted 1 of B."""
    query = select(metadata.tables["reservations"].c["open"]).where(metadata.tables["reservations"].c.reference == "cart")
    assert sorted(ledger.scalars(query)) == [1, 2]


def test_an_empty_ledger_has_no_differences(conn: Connection) -> None:
    assert audit(conn) == []


def test_every_missing_trigger_is_named(ledger: Connection) -> None:
    _drop_triggers(ledger)
    found = [difference.where for difference in audit(ledger)]
    assert len(found) == len(APPEND_ONLY) * len(EVENTS[ledger.dialect.name])
    assert all(where.startswith("trigger ") for where in found)


def test_no_row_can_be_changed_behind_its_back(ledger: Connection) -> None:
    """Every significant value of every row moved by one, flipped, every row deleted or duplicated: each alone must be found."""
    _drop_triggers(ledger)
    ledger.exec_driver_sql("DROP INDEX uq_attempts_open")
    tried, unseen, finders = 0, [], set()
    for what, forge in _forgeries(ledger):
        with ledger.begin_nested() as savepoint:
            try:
                with ledger.begin_nested():
                    ledger.execute(forge)
            except DBAPIError:
                savepoint.rollback()
                continue  # the database itself refuses it
            found = [difference for difference in audit(ledger) if difference.check != "triggers"]
            tried += 1
            finders |= {difference.check for difference in found}
            if not found:
                unseen.append(what)
            savepoint.rollback()
    assert unseen == [], "\n".join(unseen)
    assert tried > 300
    assert finders == set(CHECKS) - {"triggers"}


def test_the_answer_is_bounded(ledger: Connection) -> None:
    _drop_triggers(ledger)
    movements = metadata.tables["movements"]
    row = {"location_id": 1, "type": "receive", "on_hand": 1, "occurred_at": NOW, "recorded_at": NOW}
    ledger.execute(insert(movements), [row | {"sku_id": number} for number in range(100, 101 + MAX_PER_CHECK)])
    assert sum(difference.check == "levels" for difference in audit(ledger)) == MAX_PER_CHECK


def _drop_triggers(conn: Connection) -> None:
    for table in APPEND_ONLY:
        for event in EVENTS[conn.dialect.name]:
            suffix = f" ON {table}" if conn.dialect.name == "postgresql" else ""
            conn.exec_driver_sql(f"DROP TRIGGER {table}_no_{event}{suffix}")


def _forgeries(conn: Connection) -> Iterator[tuple[str, Any]]:
    stocked, other = conn.scalars(select(metadata.tables["skus"].c.id).order_by(metadata.tables["skus"].c.id).limit(2))
    recipe = {"bundle_id": stocked, "sku_id": other, "quantity": 1}
    yield f"SKU {stocked}, which has stock, made of SKU {other}", insert(metadata.tables["bundle_parts"]).values(recipe)
    for name, table in metadata.tables.items():
        for row in conn.execute(select(table)).mappings().all():
            old = dict(row)
            for column, value in _changes(name, old):
                yield f"{name} {old}: {column} = {value!r}", update(table).where(_is(table, old)).values({column: value})
            if name in DELETED and _matters(name, old):
                yield f"{name} {old} deleted", delete(table).where(_is(table, old))
            if name in DUPLICATED and _matters(name, old):
                yield f"{name} {old} twice", insert(table).values(_twin(name, old))


def _changes(name: str, row: Row) -> Iterator[tuple[str, Any]]:
    for column in NUMBERS.get(name, ()):
        step = timedelta(seconds=1) if column in {"hold_until", "closed_at"} else 1
        if row[column] is not None and _matters(name, row):
            yield column, row[column] + step
            if column == "delta" and row[column]:
                yield column, -row[column]
    for column, flip in FLIPS.get(name, {}).items():
        if _flip_matters(name, column, row):
            yield column, flip(row[column])


def _flip_matters(name: str, column: str, row: Row) -> bool:
    """Left out: what a value says about units that are gone, or that there never were."""
    if (name, column) == ("reservations", "kind"):
        return bool(row["state"] == "open")
    if name == "movements":
        return bool(row["soft"] or row["hard"] or row["reference"].startswith("TR-"))
    if (name, column) == ("attempts", "id"):
        return bool(row["state"] == "ok")
    if (name, column) == ("book_entries", "kind"):
        return row["kind"] in {"opening", "write"}
    if name == "push_calls":
        return bool(row["state"] != "settled")
    return _matters(name, row)


def _matters(name: str, row: Row) -> bool:
    """A row of nothing but zeros proves nothing."""
    if name == "book_entries":
        return bool(row["delta"])
    if name == "order_lines":
        return any(row[column] for column in (*POSTED, "took"))
    if name == "set_aside":
        return bool(row["kind"] == "line")
    if name == "count_lines":
        return row["difference"] is not None
    if name == "count_sheets":
        return bool(row["state"] == "applied")
    if name == "return_lines":
        return bool(row["received"])
    if name == "returns":
        return bool(row["received_at"])
    return name not in {"movements", "stock_levels"} or any(row[bucket] for bucket in BUCKETS)


def _twin(name: str, row: Row) -> dict[str, Any]:
    twin = {column: value for column, value in row.items() if column != "id"}
    if name == "attempts":
        return twin | {"id": f"{row['id']}-twin"}
    if name == "order_lines":
        return twin | {"location_id": row["location_id"] % 2 + 1}
    return twin


def _is(table: Table, row: Row) -> Any:
    keys: list[Column[Any]] = list(table.primary_key.columns)
    return and_(*(key == row[key.name] for key in keys))
