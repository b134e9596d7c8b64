"""The statements of docs/scaling.md that part the log of movements on PostgreSQL: the ledger, its proofs, its seals and its upgrades notice nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import DBAPIError

from channelsync.ledger import seals, stock, stock_pages
from channelsync.ledger.audit import audit
from channelsync.ledger.database import reading
from channelsync.ledger.schema import movements
from channelsync.ledger.seals import Seal
from channelsync.ledger.stock import Change
from channelsync.ledger.upgrade import Schema, upgrade
from channelsync.ledger.verifier import verify
from support.stock import NOW, open_locations, put

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"
BOUNDARY = "100000000"


@pytest.fixture
def dialect() -> str:
    return "postgresql"


@pytest.fixture
def parted(engine: Engine) -> Engine:
    """With ten movements in the first part, and every later one in the second."""
    with engine.begin() as conn:
        open_locations(conn, "main")
        put(conn, "A", 1)
        for _ in range(9):
            stock.receive(conn, [Change("A", "main", 1)], NOW)
    (statements,) = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert BOUNDARY in statements
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.exec_driver_sql(statements.replace(BOUNDARY, "10"))
    assert upgrade(engine).schema is Schema.CURRENT  # which puts the triggers on the new table
    return engine


def test_the_ledger_goes_on_over_the_boundary_and_proves_itself(parted: Engine) -> None:
    with parted.begin() as conn:
        for _ in range(5):
            stock.adjust(conn, [Change("A", "main", -1, reason="lost")], NOW)
        assert stock_pages.first_since(conn, NOW + timedelta(seconds=1)) == 15
    with parted.begin() as conn:
        (sealed,) = seals.seal(conn, [Seal(1_000)], NOW)
        assert [(each.log, each.upto) for each in sealed] == [("movements", 15)]
    with reading(parted).connect() as conn:
        assert [_rows(conn, part) for part in ("movements_1", "movements_2")] == [10, 5]
        assert conn.scalar(select(func.sum(movements.c.on_hand))) == 5
        assert audit(conn) == []
        assert verify(conn, NOW + timedelta(minutes=1)).mismatches == ()


@pytest.mark.parametrize("table", ["movements", "movements_1", "movements_2"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET on_hand = 0", "TRUNCATE {}"])
def test_no_part_of_it_can_be_rewritten(parted: Engine, table: str, statement: str) -> None:
    with parted.connect() as conn, pytest.raises(DBAPIError, match="append-only"):
        conn.execute(text(statement.format(table)))


def test_a_part_that_is_taken_away_is_noticed(parted: Engine) -> None:
    """So that nobody takes it for pruning: levels are the sum of all movements, and what is sealed must be there."""
    with parted.begin() as conn:
        seals.seal(conn, [Seal(1_000)], NOW)
        conn.execute(text("ALTER TABLE movements DETACH PARTITION movements_1"))
    with reading(parted).connect() as conn:
        assert {each.check for each in audit(conn)} == {"levels"}
        assert {each.check for each in verify(conn, NOW + timedelta(minutes=1)).mismatches} >= {"levels", "chain"}


def _rows(conn: Connection, table: str) -> int:
    return int(conn.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar_one())  # noqa: S608  one of ours
