"""A statement that is spelt once says the same as SQLAlchemy's own, for every kind of value it takes and gives, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Float, bindparam, delete, exists, func, insert, select, update

from channelsync.ledger.dialects import by_keys, keys_of
from channelsync.ledger.schema import idempotency_keys, locations, routing_places, skus, stock_levels
from channelsync.ledger.spelt import Spelt, one_of
from channelsync.ledger.types import Utc

AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
KEYS = idempotency_keys.c


@pytest.fixture
def filled(conn: Connection) -> Connection:
    ids = range(1, 6)
    conn.execute(insert(locations), [{"id": n, "code": f"at-{n}", "name": f"At {n}", "kind": "warehouse"} for n in ids])
    conn.execute(insert(skus), [{"id": n, "sku": f"SKU-{n}", "counted": n % 2 == 0, "created_at": AT} for n in ids])
    conn.execute(insert(stock_levels), [{"sku_id": n, "location_id": place, "on_hand": n * place} for n in ids for place in ids])
    conn.execute(
        insert(routing_places), [{"location_id": n, "latitude": p, "longitude": p, "areas": {"a": []}} for n, p in ((1, 1.5), (2, None))]
    )
    told = {"verb": "reserve", "digest": "d", "result": {"n": [1, "two"]}, "created_at": AT}
    conn.execute(insert(idempotency_keys), [{"key": f"key-{n}", "kept": n == 1, **told} for n in ids])
    return conn


QUERIES: list[tuple[Any, dict[str, Any]]] = [
    (
        select(skus.c.id, skus.c.sku, skus.c.counted, skus.c.created_at).where(one_of(skus.c.sku, "named")),
        {"named": ["SKU-4", "SKU-1", "SKU-9"]},
    ),
    (select(skus.c.id).where(one_of(skus.c.id, "ids")), {"ids": []}),
    (select(skus.c.id).where(~one_of(skus.c.id, "ids"), skus.c.counted), {"ids": [2]}),
    (select(KEYS.key, KEYS.result, KEYS.kept, KEYS.created_at).where(KEYS.created_at <= bindparam("now", type_=Utc)), {"now": AT}),
    (select(KEYS.key).where(KEYS.key.in_(["key-1", "key-3"]), KEYS.verb == "reserve", KEYS.created_at == AT), {}),
    (
        select(func.count().label("levels"), func.sum(stock_levels.c.on_hand).label("units")).where(
            stock_levels.c.sku_id == bindparam("sku")
        ),
        {"sku": 3},
    ),
    (select(skus.c.id, exists().where(KEYS.key == "key-1").label("there")).limit(bindparam("many")), {"many": 2}),
    (select(skus.c.id).where(skus.c.sku.like("SKU-%")), {}),
    (select(stock_levels.c.sku_id, (stock_levels.c.on_hand * bindparam("times", type_=Float())).label("units")), {"times": 2.5}),
    (select(routing_places).order_by(routing_places.c.location_id), {}),
]


@pytest.mark.parametrize("place", range(len(QUERIES)))
def test_a_query_says_and_gives_what_it_does_unspelt(filled: Connection, place: int) -> None:
    query, values = QUERIES[place]
    spelt = Spelt(query)
    expected = [tuple(row) for row in filled.execute(query, values)]
    assert sorted(map(tuple, spelt.rows(filled, **values))) == sorted(expected)
    assert [tuple(each.values()) for each in spelt.mappings(filled, **values)] == [tuple(row) for row in spelt.rows(filled, **values)]
    names = list(filled.execute(query, values).keys())
    assert all(list(each) == names for each in spelt.mappings(filled, **values))


def test_what_is_longer_than_the_column_finds_nothing(filled: Connection) -> None:
    longest = "x" * 255
    filled.execute(insert(skus), {"id": 9, "sku": longest, "created_at": AT})
    query = Spelt(select(skus.c.sku).where(one_of(skus.c.sku, "named")))
    assert query.scalars(filled, named=[longest]) == [longest]
    assert query.scalars(filled, named=[longest + "y"]) == []


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_text_that_no_database_can_store_finds_nothing(filled: Connection) -> None:
    """PostgreSQL itself refuses it, and who asks there asks for what is `bounds.findable`."""
    query = Spelt(select(skus.c.id).where(one_of(skus.c.sku, "named")))
    assert query.scalars(filled, named=["SKU-1\0", "SKU-2", "SKU-3\0x"]) == [2]


def test_rows_of_several_keys_are_those_and_no_others(filled: Connection) -> None:
    columns = stock_levels.c.sku_id, stock_levels.c.location_id
    query = Spelt({name: select(*columns, stock_levels.c.on_hand).where(here) for name, here in by_keys(columns).items()})
    keys = [(1, 2), (2, 1), (5, 5), (9, 9)]
    assert sorted(tuple(row) for row in query.rows(filled, **keys_of(keys))) == [(1, 2, 2), (2, 1, 2), (5, 5, 25)]


def test_writes_bind_what_their_columns_take_and_say_how_many_they_met(filled: Connection) -> None:
    later = AT.replace(year=2027)
    change = Spelt(
        update(idempotency_keys)
        .where(one_of(KEYS.key, "those"))
        .values(result={"done": True}, created_at=bindparam("at", type_=Utc), kept=bindparam("kept", type_=KEYS.kept.type))
    )
    assert change.run(filled, those=["key-2", "key-3", "none"], at=later, kept=True).rowcount == 2
    stored = filled.execute(select(KEYS.key, KEYS.result, KEYS.created_at, KEYS.kept).where(KEYS.created_at > AT).order_by(KEYS.key)).all()
    assert [tuple(row) for row in stored] == [(key, {"done": True}, later, True) for key in ("key-2", "key-3")]
    gone = Spelt(delete(idempotency_keys).where(KEYS.key == bindparam("key")).returning(KEYS.created_at, KEYS.result))
    assert gone.first(filled, key="key-2") == (later, {"done": True})
    assert gone.first(filled, key="key-2") is None
    assert gone.scalar(filled, key="key-3") == later


def test_a_parameter_that_is_not_given_is_an_error(filled: Connection) -> None:
    query: Any = Spelt(select(skus.c.id).where(skus.c.id == bindparam("mine")))
    with pytest.raises(KeyError, match="mine"):
        query.rows(filled)
