"""Seals: what they cover, who may come before them, and that a history which was changed afterwards shows, row by row."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select, text

from channelsync.engine import housekeeping
from channelsync.engine.housekeeping import Housekeeping
from channelsync.engine.store import Store
from channelsync.ledger import stock
from channelsync.ledger.door import InlineLedger
from channelsync.ledger.schema import movements, seals
from channelsync.ledger.seals import LOGS, NOTHING, Seal, Sealed, seal
from channelsync.ledger.stock import Change
from channelsync.ledger.triggers import APPEND_ONLY, EVENTS
from channelsync.ledger.verifier import Mismatch, verify
from channelsync.testing.virtual_clock import VirtualClock
from support.stock import NOW, open_locations, put
from support.story import live_a_day


@pytest.fixture
def ledger(conn: Connection) -> Connection:
    live_a_day(conn)
    return conn


@pytest.fixture
def unguarded(ledger: Connection) -> Iterator[Connection]:
    """Sealed, seven rows a seal, and then open to whoever wants to change history."""
    while sealed(ledger, 7):
        pass
    for table in APPEND_ONLY:
        for event in EVENTS[ledger.dialect.name]:
            suffix = f" ON {table}" if ledger.dialect.name == "postgresql" else ""
            ledger.exec_driver_sql(f"DROP TRIGGER {table}_no_{event}{suffix}")
    yield ledger


def sealed(conn: Connection, limit: int = 100) -> tuple[Sealed, ...]:
    return seal(conn, [Seal(limit)], NOW)[0]


def broken(conn: Connection) -> list[Mismatch]:
    return [each for each in verify(conn, NOW).mismatches if each.check == "chain"]


def count(conn: Connection, log: str) -> int:
    return int(conn.scalar(text(f"SELECT COUNT(*) FROM {log}")) or 0)


def test_an_empty_log_is_not_sealed(conn: Connection) -> None:
    assert sealed(conn) == ()


def test_seals_follow_one_another_until_everything_is_sealed(ledger: Connection) -> None:
    made = [each for _ in range(20) for each in sealed(ledger, 7)]
    for log in LOGS:
        mine = [each for each in made if each.log == log]
        assert sum(each.entries for each in mine) == count(ledger, log)
        assert [each.entries for each in mine[:-1]] == [7] * (len(mine) - 1)
        rows = ledger.execute(select(seals).where(seals.c.log == log).order_by(seals.c.id)).all()
        assert [row.after_id for row in rows] == [0, *(row.upto_id for row in rows[:-1])]
        assert [row.previous for row in rows] == [NOTHING, *(row.hash for row in rows[:-1])]
        assert [row.hash for row in rows] == [each.hash for each in mine]
    assert sealed(ledger) == ()
    seen = verify(ledger, NOW)
    assert seen.mismatches == ()
    assert [(each.waiting, each.head) for each in seen.seals] == [
        (0, [m for m in made if m.log == each.log][-1].hash) for each in seen.seals
    ]
    put(ledger, "NEW", 3)
    assert verify(ledger, NOW).seals[0].waiting == 1


def test_a_seal_can_be_computed_from_the_page_that_describes_it(conn: Connection) -> None:
    """A third time, by hand: the form is a promise to whoever checks it elsewhere."""
    open_locations(conn, "main")
    stock.seed(conn, [Change("Grün", "main", 3, reason='say "no"', actor="cli:ann")], NOW)
    [made] = sealed(conn)
    row = conn.execute(select(movements)).one()
    at = int(NOW.timestamp()) * 1_000_000
    line = f'[{row.id},{row.sku_id},{row.location_id},"seed",3,0,0,0,0,0,0,0,"","say \\"no\\"","cli:ann",null,{at},{at}]\n'
    head = f'["channelsync",1,"movements",0,{row.id},1,{at},"{NOTHING}"]\n'
    assert made.hash == hashlib.sha256(head.encode() + hashlib.sha256(line.encode()).digest()).hexdigest()


SPOILS = {
    "movements": {"on_hand": 1, "soft": 1, "reason": "'x'", "reference": "'x'", "actor": "'x'", "occurred_at": 5, "channel_id": 77},
    "book_entries": {"delta": 77, "note": "'x'", "kind": "'rebase'", "order_id": 77, "attempt_id": "'x'"},
}


@pytest.mark.parametrize("log", LOGS)
def test_every_column_of_every_sealed_row_is_held_and_the_row_is_named(unguarded: Connection, log: str) -> None:
    assert broken(unguarded) == []
    for id_ in unguarded.scalars(text(f"SELECT id FROM {log} ORDER BY id")).all():
        for column, value in SPOILS[log].items():
            with unguarded.begin_nested() as savepoint:
                changed = f"UPDATE {log} SET {column} = {value} WHERE id = {id_} AND ({column} IS NULL OR {column} <> {value})"
                if unguarded.execute(text(changed)).rowcount == 0:
                    continue
                [only] = broken(unguarded)
                assert f"{log}, seal " in only.where
                assert only.where.endswith(f"first at row {id_}"), column
                savepoint.rollback()


def test_a_sealed_row_that_is_gone_or_new_is_named(unguarded: Connection) -> None:
    ids = unguarded.scalars(text("SELECT id FROM movements ORDER BY id")).all()
    unguarded.execute(text(f"DELETE FROM movements WHERE id = {ids[9]}"))
    [only] = broken(unguarded)
    assert only.where.endswith(f"first at row {ids[10]}")
    assert (only.expected[:7], only.found[:7]) == ("7 rows,", "6 rows,")
    unguarded.execute(text(f"DELETE FROM movements WHERE id >= {ids[-1]}"))
    assert [each.where.rpartition(", ")[2] for each in broken(unguarded)] == [f"first at row {ids[10]}", f"after row {ids[-2]}"]


def test_a_row_that_was_slipped_in_is_named(unguarded: Connection) -> None:
    row = {"sku_id": 1, "location_id": 1, "type": "count", "occurred_at": NOW, "recorded_at": NOW}
    unguarded.execute(text("UPDATE movements SET id = -5 WHERE id = (SELECT MAX(id) FROM movements)"))
    unguarded.execute(insert(movements).values(**row, id=-6))
    assert [each.where for each in broken(unguarded)][:2] == ["movements, row -6", "movements, row -5"]


def test_a_seal_that_was_changed_or_is_gone_is_named(unguarded: Connection) -> None:
    first, second = unguarded.scalars(select(seals.c.id).where(seals.c.log == "movements").order_by(seals.c.id).limit(2)).all()
    for change in (
        f"UPDATE seals SET hash = '{'1' * 64}' WHERE id = {first}",
        f"UPDATE seals SET entries = 8 WHERE id = {first}",
        f"UPDATE seals SET sealed_at = sealed_at + 1 WHERE id = {first}",
        f"UPDATE seals SET previous = '{'1' * 64}' WHERE id = {second}",
        f"UPDATE seals SET marks = {_blob(unguarded)} WHERE id = {second}",
        f"UPDATE seals SET form = 2 WHERE id = {second}",
        f"DELETE FROM seals WHERE id = {first}",
    ):
        with unguarded.begin_nested() as savepoint:
            unguarded.exec_driver_sql(change)
            assert any(f"seal {each}" in found.where for each in (first, second) for found in broken(unguarded)), change
            savepoint.rollback()


def _blob(conn: Connection) -> str:
    return "X'00'" if conn.dialect.name == "sqlite" else "'\\x00'::bytea"


def test_a_chain_has_no_branches(ledger: Connection) -> None:
    sealed(ledger)
    row: dict[str, Any] = dict(ledger.execute(select(seals).limit(1)).mappings().one())
    with pytest.raises(Exception, match=r"(?i)unique"), ledger.begin_nested():
        ledger.execute(insert(seals).values({**row, "id": 999}))


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_nothing_is_sealed_past_a_row_that_is_not_committed(engine: Engine) -> None:
    """The first writer takes its id and hesitates; the second one, with a larger id, is committed long before."""
    row = {"sku_id": 1, "location_id": 1, "type": "count", "occurred_at": NOW, "recorded_at": NOW}
    with engine.connect() as slow, slow.begin():
        first = slow.execute(insert(movements).values(row).returning(movements.c.id)).scalar_one()
        with engine.begin() as quick:
            second = quick.execute(insert(movements).values(row).returning(movements.c.id)).scalar_one()
        assert first < second
        with engine.begin() as conn:
            assert sealed(conn) == ()
    with engine.begin() as conn:
        [made] = sealed(conn)
        assert (made.upto, made.entries) == (second, 2)


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
def test_a_writer_does_not_wait_for_a_seal_in_the_making(engine: Engine) -> None:
    row = {"sku_id": 1, "location_id": 1, "type": "count", "occurred_at": NOW, "recorded_at": NOW}
    with engine.begin() as conn:
        conn.execute(insert(movements).values(row))
    with engine.connect() as sealing, sealing.begin():
        assert len(sealed(sealing)) == 1
        with engine.begin() as writer:
            writer.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
            writer.execute(insert(movements).values(row))


def test_housekeeping_seals_after_a_minute_and_then_every_hour(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "SEAL_ROWS", 7)
    with engine.begin() as conn:
        live_a_day(conn)
        rows = count(conn, "movements")

    def how_many() -> int:
        with engine.begin() as conn:
            return int(conn.scalar(text("SELECT COALESCE(SUM(entries), 0) FROM seals WHERE log = 'movements'")) or 0)

    async def hour(clock: VirtualClock, keeper: Housekeeping) -> None:
        await keeper.run_once()
        assert how_many() == 0
        await clock.sleep(61)
        await keeper.run_once()
        assert how_many() == 7
        for _ in range(rows // 7 + 1):
            await clock.sleep(1.1)
            await keeper.run_once()
        assert how_many() == rows
        with engine.begin() as conn:
            put(conn, "LATE", 1)
        await clock.sleep(3_000)
        await keeper.run_once()
        assert how_many() == rows
        await clock.sleep(700)
        await keeper.run_once()
        assert how_many() == rows + 1

    clock = VirtualClock()
    store = Store(InlineLedger(engine, clock), clock, random.Random(1), "me")
    clock.run(hour(clock, Housekeeping(store)))
